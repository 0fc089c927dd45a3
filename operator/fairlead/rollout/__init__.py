"""3 decide: the only folder where a phase changes."""
