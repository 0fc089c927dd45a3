"""Fairlead: a Kubernetes operator for models in production."""
