"""Bursts: how much more the counts of the stable revision scatter than independent requests would.

Errors that come together count as if each was evidence of its own, and break every test of counts. Pearson's chi-square
over its degrees of freedom estimates by which factor the variance is too large; counts divided by it behave like
independent ones (McCullagh and Nelder 1989, "Generalized Linear Models", section 4.5, overdispersion).
"""

from __future__ import annotations

import numpy as np

from fairlead.evidence.evalues import Floats

PRIOR = 2.0
"""Degrees of freedom with which the counts are taken for independent at first. More would hide rare bursts too long."""

MOST = 2.5
"""Largest logarithm of an e-value against the canary that one window may give while nothing is known of bursts."""

KNOWN = 50.0
"""With so many degrees of freedom it may be twice that."""

LARGEST = 40.0
"""Most that two windows may say of how much counts scatter.

A moment that was bad for every pod, such as the one in which a new pod starts beside them, is a step from one share to
another and not bursts. Without a bound it would count as hundreds of them, and every trial after it would hardly end.
Bursts of ten errors give about 10.
"""


def shrinkage(scatter: Floats) -> Floats:
    """By what every logarithm of an e-value is multiplied: (..., C, 2, 2) → (..., C), at most 1."""
    factor = (scatter[..., 0] + PRIOR) / (scatter[..., 1] + PRIOR)
    return np.asarray(1 / np.maximum(factor.max(axis=-1), 1.0))


def most(scatter: Floats) -> Floats:
    """The largest logarithm of an e-value that one window may give: (..., C, 2, 2) → (..., C).

    Before some bad events have been seen nobody knows whether they come in bursts, and the first burst may be the
    canary's. One burst is one window: so no window alone leads to a rollback then. What is less than an e-value is one.
    """
    return np.asarray(MOST * (1 + scatter[..., 1].sum(axis=-1) / KNOWN))


def scatter_between_pods(requests: Floats, bad: Floats) -> Floats:
    """Chi-square of "all pods have one bad share", and its degrees of freedom: (..., pods, C) → (..., C, 2)."""
    all_requests, all_bad = requests.sum(axis=-2), bad.sum(axis=-2)
    pods = (requests > 0).sum(axis=-2)
    share = all_bad / np.maximum(all_requests, 1)
    tells = (share > 0) & (share < 1) & (pods > 1)
    expected = requests * share[..., None, :]
    spread = np.maximum(expected * (1 - share[..., None, :]), 1e-12)
    square = np.where(requests > 0, (bad - expected) ** 2 / spread, 0.0).sum(axis=-2)
    return np.stack([np.where(tells, square, 0.0), np.where(tells, pods - 1, 0.0)], axis=-1)


def scatter_between_windows(before: Floats, after: Floats) -> Floats:
    """The same for two windows, each (requests, bad): (..., C, 2) → (..., C, 2)."""
    both = np.stack([before, after], axis=-3)
    found = scatter_between_pods(both[..., 0], both[..., 1])
    return np.minimum(found, [LARGEST, 1.0])
