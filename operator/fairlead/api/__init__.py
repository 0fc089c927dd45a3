"""What users write and read: the custom resources, their names and words. The bottom layer: imports nothing of ours."""
