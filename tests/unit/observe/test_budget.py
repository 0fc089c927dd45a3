"""observe/budget.py, against a real HTTP server that answers in the words of Prometheus."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from fairlead.cluster.store import Key
from fairlead.observe.budget import LOOK_BACK, NO_PROMETHEUS, NO_RULES, Budgets
from fairlead.observe.prometheus import Prometheus
from fairlead.settings import PrometheusSettings
from fairlead.situation import ErrorBudget
from fairlead.slo.rules import BUDGET_EVERY
from serving import serving

KEY, OTHER = ("risk", "fraud"), ("search", "rank")
BOTH = {"availability": 0.99, "latency": 0.95}
REMAINING, TARGET = "fairlead:error_budget_remaining:ratio", "fairlead:slo_target:ratio"

Series = tuple[str, Key, str, str]


def recorded(key: Key = KEY, *, availability: str = "0.25", latency: str = "1") -> list[Series]:
    """What the rules of a model record."""
    return [
        *((TARGET, key, name, str(target)) for name, target in BOTH.items()),
        (REMAINING, key, "availability", availability),
        (REMAINING, key, "latency", latency),
    ]


class Place:
    """Where a Prometheus is expected. `series` are what it knows; None: it answers with an error."""

    def __init__(self) -> None:
        self.series: list[Series] | None = []
        self.queries: asyncio.Queue[str] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.queries.put_nowait(str((await request.post())["query"]))
        if self.series is None:
            return web.json_response({"status": "error", "error": "starting up"}, status=503)
        rows = [
            {
                "metric": {"__name__": name, "namespace": key[0], "modeldeployment": key[1], "objective": objective},
                "values": [[1.0, "0.001"], [2.0, value]],
            }
            for name, key, objective, value in self.series
        ]
        return web.json_response({"status": "success", "data": {"resultType": "matrix", "result": rows}})

    async def asked_again(self, times: int) -> None:
        """Waits until it has been asked so often from now on."""
        while not self.queries.empty():
            self.queries.get_nowait()
        async with asyncio.timeout(10):
            for _ in range(times):
                await self.queries.get()


@pytest.fixture
async def place() -> AsyncIterator[tuple[Place, Prometheus]]:
    place = Place()
    async with serving(place.handle) as port:
        prometheus = Prometheus(PrometheusSettings(url=f"http://127.0.0.1:{port}"))
        yield place, prometheus
        await prometheus.close()


class Asked:
    """Whoever waits for news of budgets."""

    def __init__(self, prometheus: Prometheus, patience: float = 0.0) -> None:
        self.news: asyncio.Queue[Key] = asyncio.Queue()
        self.budgets = Budgets(prometheus, self.news.put_nowait, pause=0.01, patience=patience)

    async def next(self, key: Key = KEY) -> ErrorBudget | None:
        """What is known of a model after the next news."""
        self.budgets.left(key, BOTH)
        async with asyncio.timeout(10):
            while await self.news.get() != key:
                pass
        return self.budgets.left(key, BOTH)


async def test_a_value_outlives_the_moment_between_two_evaluations(place: tuple[Place, Prometheus]):
    """Prometheus forgets a sample after five minutes in an instant query, and would say that nothing was ever spent."""
    asked = Asked(place[1])
    asked.budgets.left(KEY, BOTH)
    query = await place[0].queries.get()
    assert query.endswith(f"[{LOOK_BACK}]")
    assert int(LOOK_BACK.removesuffix("m")) >= 2 * BUDGET_EVERY.total_seconds() / 60
    await asked.budgets.close()


async def test_one_query_asks_for_all_models_and_each_gets_its_own(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.series = [*recorded(), *recorded(OTHER, availability="-3")]
    asked.budgets.left(OTHER, BOTH)
    assert await asked.next() == ErrorBudget(left={"availability": 0.25, "latency": 1.0})
    assert asked.budgets.left(OTHER, BOTH) == ErrorBudget(left={"availability": -3.0, "latency": 1.0})
    query = await prometheus.queries.get()
    assert query == f'{{__name__=~"{REMAINING}|{TARGET}",namespace=~"risk|search",modeldeployment=~"fraud|rank"}}[10m]'
    await asked.budgets.close()


async def test_of_two_answers_the_worse_one_counts(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.series = [*recorded(), *recorded(availability="0.2")]
    assert await asked.next() == ErrorBudget(left={"availability": 0.2, "latency": 1.0})
    await asked.budgets.close()


async def test_rules_without_a_budget_have_seen_no_request_and_without_rules_nothing_is_known(
    place: tuple[Place, Prometheus],
):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.series = [(TARGET, KEY, "availability", "0.99"), (REMAINING, KEY, "latency", "1")]
    assert await asked.next() == ErrorBudget(left={"availability": 1.0}, unknown={"latency": NO_RULES})
    await asked.budgets.close()


async def test_rules_of_another_target_are_those_before_the_last_change(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.series = [(TARGET, KEY, "availability", "0.9"), *recorded()[1:]]
    found = await asked.next()
    assert found is not None
    assert found.unknown == {"availability": NO_RULES}
    await asked.budgets.close()


async def test_news_are_what_reads_as_another_number(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.series = recorded(availability="0.252")
    await asked.next()
    prometheus.series = recorded(availability="0.257")
    await prometheus.asked_again(3)
    assert asked.news.empty()
    prometheus.series = recorded(availability="0.26")
    await asked.next()
    await asked.budgets.close()


async def test_what_was_known_stands_while_prometheus_is_away_for_a_moment(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1], patience=3600)
    prometheus.series = recorded()
    known = await asked.next()
    prometheus.series = None
    await prometheus.asked_again(3)
    assert asked.budgets.left(KEY, BOTH) == known
    await asked.budgets.close()


async def test_at_first_nothing_is_told_before_it_has_been_away_for_a_while(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1], patience=3600)
    prometheus.series = None
    asked.budgets.left(KEY, BOTH)
    await prometheus.asked_again(3)
    assert asked.news.empty()
    assert asked.budgets.left(KEY, BOTH) is None
    await asked.budgets.close()


async def test_in_the_end_it_is_told_why_and_what_was_known_last(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.series = recorded()
    await asked.next()
    prometheus.series = None
    found = await asked.next()
    assert found is not None
    assert found.left == {"availability": 0.25, "latency": 1.0}
    assert found.unknown == dict.fromkeys(BOTH, "Prometheus answers: starting up")
    await asked.budgets.close()


async def test_nobody_is_asked_any_more_once_nobody_waits(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.series = recorded()
    await asked.next()
    asked.budgets.end(KEY)
    assert (await asked.next()) is not None, "whoever asks again begins anew"
    await asked.budgets.close()


async def test_without_a_prometheus_it_is_said_what_to_set():
    found = Budgets(None, lambda key: None).left(KEY, BOTH)
    assert found == ErrorBudget(unknown=dict.fromkeys(BOTH, NO_PROMETHEUS))
