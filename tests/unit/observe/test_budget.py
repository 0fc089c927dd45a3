"""observe/budget.py, against a real HTTP server that answers in the words of Prometheus."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from fairlead.observe.budget import NO_PROMETHEUS, Budgets
from fairlead.observe.prometheus import Prometheus
from fairlead.settings import PrometheusSettings
from fairlead.situation import ErrorBudget
from serving import serving

KEY = ("risk", "fraud")
BOTH = ("availability", "latency")


class Place:
    """Where a Prometheus is expected. `values` are those of objectives; None: it answers with an error."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str]] | None = []
        self.queries: asyncio.Queue[str] = asyncio.Queue()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.queries.put_nowait(str((await request.post())["query"]))
        if self.values is None:
            return web.json_response({"status": "error", "error": "starting up"}, status=503)
        rows = [{"metric": {"objective": name}, "value": [1.0, value]} for name, value in self.values]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": rows}})

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
    """Whoever waits for news of a budget."""

    def __init__(self, prometheus: Prometheus, patience: float = 0.0) -> None:
        self.news: asyncio.Queue[object] = asyncio.Queue()
        self.budgets = Budgets(prometheus, self.news.put_nowait, pause=0.01, patience=patience)

    async def next(self) -> ErrorBudget | None:
        """What is known after the next reading that was told."""
        self.budgets.left(KEY, BOTH)
        async with asyncio.timeout(10):
            assert await self.news.get() == KEY
        return self.budgets.left(KEY, BOTH)


async def test_what_the_rules_of_just_this_model_record_is_asked(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.values = [("availability", "0.25"), ("latency", "1"), ("gone", "-3")]
    assert await asked.next() == ErrorBudget(left={"availability": 0.25, "latency": 1.0})
    query = await prometheus.queries.get()
    assert query == 'fairlead:error_budget_remaining:ratio{namespace="risk",modeldeployment="fraud"}'
    await asked.budgets.close()


async def test_of_two_answers_the_worse_one_counts_and_no_number_is_none(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.values = [("availability", "0.25"), ("availability", "0.2"), ("latency", "NaN")]
    found = await asked.next()
    assert found is not None
    assert found.left == {"availability": 0.2}
    assert found.unknown.startswith("Prometheus has no fairlead:error_budget_remaining:ratio for objective latency")
    await asked.budgets.close()


async def test_what_was_known_stands_while_prometheus_is_away_for_a_moment(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1], patience=3600)
    prometheus.values = [("availability", "0.25"), ("latency", "1")]
    known = await asked.next()
    prometheus.values = None
    await prometheus.asked_again(3)
    assert asked.budgets.left(KEY, BOTH) == known
    await asked.budgets.close()


async def test_at_first_nothing_is_told_before_it_has_been_away_for_a_while(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1], patience=3600)
    prometheus.values = None
    asked.budgets.left(KEY, BOTH)
    await prometheus.asked_again(3)
    assert asked.news.empty()
    assert asked.budgets.left(KEY, BOTH) is None
    await asked.budgets.close()


async def test_why_it_is_not_known_is_told_in_the_end(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.values = None
    found = await asked.next()
    assert found == ErrorBudget(unknown="Prometheus answers: starting up")
    await asked.budgets.close()


async def test_nobody_is_asked_any_more_once_nobody_waits(place: tuple[Place, Prometheus]):
    prometheus, asked = place[0], Asked(place[1])
    prometheus.values = [("availability", "0.25"), ("latency", "1")]
    await asked.next()
    asked.budgets.end(KEY)
    assert (await asked.next()) is not None, "whoever asks again begins anew"
    await asked.budgets.close()


async def test_without_a_prometheus_it_is_said_what_to_set():
    assert Budgets(None, lambda key: None).left(KEY, BOTH) == ErrorBudget(unknown=NO_PROMETHEUS)
