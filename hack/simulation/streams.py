"""A scenario → the requests of every window, per pod, and how many were bad.

The arrivals come from a generator of their own, and are drawn for all runs, also for those that have ended. So every
rule gets the same ones, however long it takes and however much of them it sends to the canary.
"""

import math
import zlib
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from fairlead.evidence.evalues import Floats
from fairlead.evidence.judge import Counted
from simulation.scenarios import DAY, SWING, Scenario

TICK = timedelta(seconds=5)
STABLE_PODS, CANARY_PODS = 4, 1
HISTORY = timedelta(minutes=10)

Integers = npt.NDArray[np.int64]


class Stream:
    """What happens in some runs of a scenario. Two streams of one seed differ only in what the weight changes."""

    def __init__(self, scenario: Scenario, runs: int, seed: int) -> None:
        named = zlib.crc32(scenario.key.encode())
        self._arrivals = np.random.default_rng([named, seed, 0])
        self._outcomes = np.random.default_rng([named, seed, 1])
        self._scenario = scenario
        self._phase = self._arrivals.random(runs) if scenario.diurnal else np.zeros(runs)
        self._owed = [np.zeros((runs, pods), np.int64) for pods in (CANARY_PODS, STABLE_PODS)]

    def history(self) -> tuple[Floats, Floats]:
        """Requests before the trial, and how many were bad: (runs, C). The stable revision is alone then."""
        mean = self._scenario.rate * HISTORY.total_seconds() * self._load(-HISTORY / 2)
        shares = self._scenario.stable(timedelta(0))
        requests = self._outcomes.poisson(mean)
        bad = _bad(self._outcomes, requests, shares, np.ones(1))[:, :, 0]
        return np.broadcast_to(requests[:, None].astype(float), bad.shape), bad.astype(float)

    def rate(self) -> Floats:
        """Requests per second just before the trial."""
        return self._scenario.rate * self._load(timedelta(0))

    def window(self, tick: int, runs: Integers, weight: Floats) -> tuple[Counted, Counted]:
        """What the canary and the stable revision get, and do, in one tick: for those runs that have not ended."""
        at = tick * TICK
        arrived = self._arrivals.poisson(self._scenario.rate * TICK.total_seconds() * self._load(at))[runs]
        of_canary = self._outcomes.binomial(arrived, weight)
        canary = self._arm(0, runs, of_canary, self._scenario.canary(at), np.ones(CANARY_PODS))
        uneven = np.array([2.0 if self._scenario.uneven else 1.0, *np.ones(STABLE_PODS - 1)])
        return canary, self._arm(1, runs, arrived - of_canary, self._scenario.stable(at), uneven / uneven.mean())

    def _load(self, at: timedelta) -> Floats:
        if not self._scenario.diurnal:
            return np.ones(self._phase.shape)
        return np.asarray(1 + SWING * np.sin(2 * math.pi * (at / DAY + self._phase)))

    def _arm(self, arm: int, runs: Integers, requests: Integers, shares: Floats, pods: Floats) -> Counted:
        each = self._outcomes.multinomial(requests, np.full(len(pods), 1 / len(pods)))
        bad = _bad(self._outcomes, each, shares, pods)
        if self._scenario.burst > 1:
            bad[:, 0] = self._bursts(arm, runs, each, shares[0] * pods)
        counts = np.broadcast_to(each[:, :, None].astype(float), (*each.shape, len(shares)))
        counted = Counted(requests=counts, bad=bad.swapaxes(1, 2).astype(float))
        if not self._scenario.at_gateway:
            return counted
        requests_of_all, bad_of_all = counted.total()
        return Counted(requests=requests_of_all[:, None, :], bad=bad_of_all[:, None, :])

    def _bursts(self, arm: int, runs: Integers, requests: Integers, share: Floats) -> Integers:
        """Errors come in a row on one pod: a burst that its requests of this window do not fill goes on in the next."""
        begun = self._outcomes.binomial(requests, np.minimum(share / self._scenario.burst, 1))
        owed = self._owed[arm][runs] + self._scenario.burst * begun
        bad = np.minimum(owed, requests)
        self._owed[arm][runs] = owed - bad
        return np.asarray(bad)


def _bad(rng: np.random.Generator, requests: Integers, shares: Floats, pods: Floats) -> Integers:
    """How many were errors, and slower than each edge: (runs, C, pods), for requests of (runs, pods) or (runs,)."""
    each = requests.reshape(len(requests), -1)
    errors = rng.binomial(each, np.minimum(shares[0] * pods, 1))
    buckets = rng.multinomial(each, -np.diff([1, *shares[1:], 0]))
    slower = np.cumsum(buckets[..., :0:-1], axis=-1)[..., ::-1]
    return np.concatenate([errors[:, None, :], slower.swapaxes(1, 2)], axis=1)
