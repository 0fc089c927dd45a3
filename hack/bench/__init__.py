"""How much Fairlead costs, measured on real processes of Kubernetes and of the operator."""
