"""3 decide, for the number of pods: which autoscaler holds what steady, and when there are more pods at least."""
