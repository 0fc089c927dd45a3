"""When the bets against a canary begin: a regression may begin at any time, so the coin is spread over all windows.

Half of it begins at once, four tenths spread evenly over the horizon, and a tenth over all time after it: a canary that
waits for a person, for days perhaps, must not be without anybody who bets against it. There it falls as 1/(k log² k),
nearly the slowest way to fall whose sum is finite. With the integral of 1/(x log² x), which is -1/log x, that sum from
`horizon` on is at most 0.1.
"""

import numpy as np

from fairlead.evidence.evalues import Floats

AT_ONCE, WITHIN, AFTER = 0.5, 0.4, 0.1


def starting_mass(windows: Floats, horizon: int) -> Floats:
    """Which part of the coin begins to bet after so many windows: together never more than all of it."""
    after = np.maximum(windows, horizon) + 1.0
    tail = AFTER * np.log(horizon) / (after * np.log(after) ** 2)
    return np.where(windows == 0, AT_ONCE, np.where(windows < horizon, WITHIN / (horizon - 1), tail))


def unspent(windows: Floats, horizon: int) -> Floats:
    """The part that has not begun to bet after so many windows, and is still what it was; never more than is left."""
    within = WITHIN * (1 - np.minimum(windows - 1, horizon - 1) / (horizon - 1))
    after = AFTER * np.minimum(np.log(horizon) / np.log(np.maximum(windows, horizon) + 1.0), 1.0)
    return np.where(windows == 0, 1.0, within + np.where(windows < horizon, AFTER, after))
