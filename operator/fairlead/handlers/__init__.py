"""Kopf lives here and in __main__, and nowhere else."""
