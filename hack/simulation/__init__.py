"""Whole trials, thousands at once: how often Fairlead's judge errs, how fast it is, and what others would have done.

scenarios (what happens) → streams (requests of every window) → rules (who decides) → playing (one against the other)
→ table. The judge is the one that ships: it works on arrays with a leading dimension, which is the runs here.
"""
