"""What Prometheus says is left of the error budgets of models, as their rules record it.

Asked beside the looks for as long as new revisions wait for it: one query for all of them, however many they are. A
freeze holds many at once, and the evidence of trials that are on must not wait behind them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from math import floor, isfinite

from fairlead.api.names import SERIES_MODEL
from fairlead.cluster.store import Key
from fairlead.observe.beside import Beside
from fairlead.observe.prometheus import Prometheus, Row, Unanswered
from fairlead.observe.share import Share
from fairlead.situation import ErrorBudget
from fairlead.slo.promql import quoted
from fairlead.slo.recording import REMAINING, TARGET

PAUSE = 15.0
"""Seconds between two readings."""
LOOK_BACK = "10m"
"""How old a value may be: two evaluations of these rules. An instant query would find none in the moment in which the
last one is five minutes old and the next one is not written, and no budget would pass for a whole one."""
PATIENCE = 90.0
"""Seconds for which what was known, or nothing, stands while there is no answer: a Prometheus that starts again has no
value before it has evaluated its rules."""
SAME = 1e-6
"""Targets that differ by less are written in the same way."""

NO_PROMETHEUS = (
    "Fairlead knows no Prometheus to ask; its administrator sets prometheus.url of its chart (FAIRLEAD_PROMETHEUS_URL)"
)
NO_RULES = "Prometheus has no rules for it as it is now: are they loaded?"

Targets = Mapping[str, float]
"""Objectives, each with the share of requests that has to be good."""

_ALL: Key = ("", "all models")


class Budgets:
    """What is known of the models that are asked about. `tell` is called with a model's key when there is news."""

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
        self._running = Beside("error budgets of")
        self._asked: dict[Key, Targets] = {}
        self._latest: dict[Key, ErrorBudget] = {}
        self._known: dict[Key, float] = {}

    def left(self, key: Key, targets: Targets) -> ErrorBudget | None:
        """What is left of the budgets of these objectives; None until that is known, or known to be unknown."""
        if self._prometheus is None:
            return ErrorBudget(unknown=dict.fromkeys(targets, NO_PROMETHEUS))
        prometheus = self._prometheus
        if self._asked.get(key) != targets:
            self.end(key)
            self._asked[key] = targets
        if not self._running.goes_on(_ALL, ()):
            self._running.begin(_ALL, (), lambda: self._read_on(prometheus))
        return self._latest.get(key)

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        for each in (self._asked, self._latest, self._known):
            each.pop(key, None)
        if not self._asked:
            self._running.end(_ALL)

    async def close(self) -> None:
        """Ends all readings."""
        await self._running.close()

    async def _read_on(self, prometheus: Prometheus) -> None:
        time = asyncio.get_running_loop().time
        while True:
            asked = dict(self._asked)
            rows: Mapping[Key, list[Row]] | str
            try:
                rows = _by_model(await prometheus.rows(_query(asked), "matrix", Share(time)))
            except Unanswered as why:
                rows = str(why)
            for key, targets in asked.items():
                if self._asked.get(key) == targets:
                    self._take(key, _left(targets, rows if isinstance(rows, str) else rows.get(key, [])), time())
            await asyncio.sleep(self._pause)

    def _take(self, key: Key, found: ErrorBudget, now: float) -> None:
        """What is unknown only for a moment is not told; nor is what nobody would read as another number."""
        since = self._known.setdefault(key, now)
        before = self._latest.get(key)
        if not found.unknown:
            self._known[key] = now
        elif now - since <= self._patience:
            return
        elif before is not None:
            # What was spent when somebody last knew is spent until somebody knows better.
            found = ErrorBudget(left={**before.left, **found.left}, unknown=found.unknown)
        self._latest[key] = found
        if before is None or _rounded(before) != _rounded(found):
            self._tell(key)


def _query(asked: Iterable[Key]) -> str:
    namespaces, models = ({each[n].replace(".", "[.]") for each in asked} for n in (0, 1))
    return (
        f'{{__name__=~"{REMAINING}|{TARGET}",namespace=~{quoted("|".join(sorted(namespaces)))},'
        f"{SERIES_MODEL}=~{quoted('|'.join(sorted(models)))}}}[{LOOK_BACK}]"
    )


def _by_model(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in rows:
        found.setdefault((row.labels.get("namespace", ""), row.labels.get(SERIES_MODEL, "")), []).append(row)
    return found


def _left(targets: Targets, rows: list[Row] | str) -> ErrorBudget:
    """Of two that evaluate the same rules (a pair of Prometheus) the worse one counts.

    That there are rules is known by the target, which they record after the budget. An objective that has them and no
    budget has not had a request in all its period: nothing is spent.
    """
    if isinstance(rows, str):
        return ErrorBudget(unknown=dict.fromkeys(targets, rows))
    left: dict[str, float] = {}
    unknown: dict[str, str] = {}
    for objective, target in targets.items():
        of_it = [row for row in rows if row.labels.get("objective") == objective and isfinite(row.value)]
        budgets = [row.value for row in of_it if row.labels.get("__name__") == REMAINING]
        recorded = [row.value for row in of_it if row.labels.get("__name__") == TARGET]
        if not recorded or any(abs(each - target) > SAME for each in recorded):
            unknown[objective] = NO_RULES
        else:
            left[objective] = min(budgets, default=1.0)
    return ErrorBudget(left=left, unknown=unknown)


def _rounded(budget: ErrorBudget) -> tuple[dict[str, int], dict[str, str]]:
    return {name: floor(100 * left) for name, left in budget.left.items()}, dict(budget.unknown)
