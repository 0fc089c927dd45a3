"""Counters → windows → e-processes → verdict and weight: how a canary is judged. Pure.

Everything works on arrays whose leading dimensions are free: a live trial has none, a simulation has one for its runs.
So what the simulations of hack/bench/evidence measure is the code that judges in production.
"""
