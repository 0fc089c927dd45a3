"""5 tell: conditions, status and events, from what was seen and decided."""
