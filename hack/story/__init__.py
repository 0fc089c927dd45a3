"""The story that hack/demo tells."""
