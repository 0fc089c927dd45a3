"""How a model is monitored by one look and one decision: what is built and what is told both follow from it."""
