"""Fetches models, and says what a floating reference means now. The operator runs it in Jobs and init containers."""
