"""observe/querying.py: which queries are asked at all, and when. What Prometheus answers is in test_samples.py."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from fairlead.api.slo import Objective
from fairlead.observe.processes import Process
from fairlead.observe.prometheus import Prometheus
from fairlead.observe.querying import FORBIDDEN, Querying
from fairlead.observe.share import AT_MOST, Share
from fairlead.observe.source import Asked
from fairlead.settings import PrometheusSettings
from unit.observe.test_prometheus import Place, place, says

__all__ = ["place"]

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
GUARDRAIL = Objective.model_validate(
    {"name": "guardrail", "target": "99", "queries": {"bad": "blocked_total", "total": "answers_total"}}
)
STARTED = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
PODS = {"fraud-1-a": Process(pod={}, revision="fraud-1", id="one", since=STARTED, has_served=True)}
NOTHING = '{"status":"success","data":{"resultType":"vector","result":[]}}'


@pytest.fixture
async def prometheus(place: Place) -> AsyncIterator[Prometheus]:
    place.answer = says(NOTHING)
    prometheus = Prometheus(PrometheusSettings(url=place.url))
    yield prometheus
    await prometheus.close()


def querying(prometheus: Prometheus, share: Share | None = None) -> Querying:
    asked = Asked(source="Prometheus", objectives=(GUARDRAIL,))
    return Querying(prometheus, "risk", (), asked, 5.0, share)


async def test_the_queries_of_an_objective_are_asked(place: Place, prometheus: Prometheus):
    assert await querying(prometheus).read(PODS, NOW) == {}
    assert [form["query"] for form in place.forms] == ["answers_total", "blocked_total"]


async def test_what_the_administrator_has_forbidden_is_not_asked_and_told(place: Place):
    prometheus = Prometheus(PrometheusSettings(url=place.url, queries=False))
    assert await querying(prometheus).read(PODS, NOW) == {"fraud-1-a": FORBIDDEN}
    assert place.asked == []
    await prometheus.close()


async def test_a_model_whose_queries_are_slow_lets_others_go_first(place: Place, prometheus: Prometheus):
    now = 0.0
    share = Share(lambda: now)
    with share.reading(), share.holding():
        now += 4
    slow = querying(prometheus, share)
    assert await slow.read(PODS, NOW) is None
    assert place.asked == []
    now += 12
    assert await slow.read(PODS, NOW) == {}


async def test_a_reading_that_takes_too_long_is_given_up_and_told(place: Place, prometheus: Prometheus):
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += AT_MOST  # by every query
        return now

    told = await querying(prometheus, Share(clock)).read(PODS, NOW)
    assert told is not None
    assert "take Prometheus more than 20 s together" in str(told["fraud-1-a"])
    assert len(place.asked) == 1
