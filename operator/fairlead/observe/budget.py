"""What Prometheus says is left of the error budgets of a model, as the rules of the model record it.

Asked beside the looks, for as long as a new revision waits for it.
"""

import asyncio
from collections.abc import Callable
from math import isfinite

from fairlead.api.names import SERIES_MODEL
from fairlead.cluster.store import Key
from fairlead.observe.beside import Beside
from fairlead.observe.prometheus import Prometheus, Unanswered
from fairlead.observe.share import Share
from fairlead.situation import ErrorBudget
from fairlead.slo.promql import equals, selector
from fairlead.slo.recording import REMAINING

PAUSE = 15.0
"""Seconds between two readings: the rules are evaluated once a minute."""
PATIENCE = 90.0
"""Seconds for which what was known, or nothing, stands while there is no answer: a Prometheus that starts again has no
value before it has evaluated its rules."""

NO_PROMETHEUS = (
    "Fairlead knows no Prometheus to ask; its administrator sets prometheus.url of its chart (FAIRLEAD_PROMETHEUS_URL)"
)


class Budgets:
    """The readings that are on, and the latest of each. `tell` is called with the model's key after every reading."""

    def __init__(
        self,
        prometheus: Prometheus | None,
        tell: Callable[[Key], None],
        pause: float = PAUSE,
        patience: float = PATIENCE,
    ) -> None:
        self._prometheus = prometheus
        self._tell = tell
        self._pause = pause
        self._patience = patience
        self._running = Beside("error budget of")
        self._latest: dict[Key, ErrorBudget] = {}

    def left(self, key: Key, objectives: tuple[str, ...]) -> ErrorBudget | None:
        """What is left of the budgets of these objectives; None until that is known, or known to be unknown."""
        if self._prometheus is None:
            return ErrorBudget(unknown=NO_PROMETHEUS)
        prometheus = self._prometheus
        if not self._running.goes_on(key, objectives):
            self.end(key)
            self._running.begin(key, objectives, lambda: self._read_on(prometheus, key, objectives))
        return self._latest.get(key)

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self._latest.pop(key, None)
        self._running.end(key)

    async def close(self) -> None:
        """Ends all readings."""
        await self._running.close()

    async def _read_on(self, prometheus: Prometheus, key: Key, objectives: tuple[str, ...]) -> None:
        time = asyncio.get_running_loop().time
        share, known = Share(time), time()
        while True:
            with share.reading():
                found = await _read(prometheus, key, objectives, share)
            if not found.unknown:
                known = time()
            if not found.unknown or time() - known > self._patience:
                self._latest[key] = found
                self._tell(key)
            await asyncio.sleep(self._pause)


async def _read(prometheus: Prometheus, key: Key, objectives: tuple[str, ...], share: Share) -> ErrorBudget:
    namespace, name = key
    query = selector(REMAINING, *equals({"namespace": namespace, SERIES_MODEL: name}))
    try:
        rows = await prometheus.rows(query, "vector", share)
    except Unanswered as why:
        return ErrorBudget(unknown=str(why))
    left: dict[str, float] = {}
    for row in rows:
        objective = row.labels.get("objective", "")
        if objective in objectives and isfinite(row.value):
            # Of two that evaluate the same rules (a pair of Prometheus) the worse one counts.
            left[objective] = min(row.value, left.get(objective, row.value))
    missing = [each for each in objectives if each not in left]
    told = f"Prometheus has no {REMAINING} for objective {missing[0]}: are the rules loaded?" if missing else ""
    return ErrorBudget(left=left, unknown=told)
