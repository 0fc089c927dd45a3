"""Where the files of a model come from, and what a reference that floats meant when a revision was made."""
