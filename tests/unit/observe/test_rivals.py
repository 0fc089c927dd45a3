"""observe/rivals.py: whose number of pods somebody else sets, from lists that are read beside the looks."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import pytest

from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER as HPA
from fairlead.api.kinds import SCALED_OBJECT, Kind
from fairlead.cluster.errors import Rejected, ServerFault
from fairlead.cluster.store import Key
from fairlead.observe.rivals import Place, Rivals
from fairlead.situation import Rival

KEY, OTHER = ("risk", "fraud"), ("risk", "churn")


STARTS = ServerFault("it starts")
FORBIDDEN = Rejected("horizontalpodautoscalers.autoscaling is forbidden", status=403)


def made_by(kind: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": kind, "name": "theirs"}]}


def an_autoscaler(name: str, *target: str, kind: str = "HorizontalPodAutoscaler", **metadata: Any) -> dict[str, Any]:
    """Of a kind and a name; one that names no kind means a Deployment."""
    reference = dict(zip(("name", "kind"), target, strict=False))
    return {
        "kind": kind,
        "metadata": {"namespace": "risk", "name": name, **metadata},
        "spec": {"scaleTargetRef": reference},
    }


Answer = Iterable[dict[str, Any]] | Exception
EVERYWHERE = ((HPA, None), (SCALED_OBJECT, None))


class Lists:
    """What is listed of each kind: one answer after the other for a place, the last again and again."""

    def __init__(self, *answers: Answer, places: Sequence[Place] = EVERYWHERE, **of_namespaces: list[Answer]) -> None:
        self._answers: dict[str | None, list[Answer]] = {None: list(answers), **of_namespaces}
        self.news: asyncio.Queue[Key] = asyncio.Queue()
        self.read: asyncio.Queue[None] = asyncio.Queue()
        self.rivals = Rivals(self._read, lambda: places, self.news.put_nowait, pause=0.01, again=0.0)

    async def _read(self, kind: Kind, namespace: str | None) -> AsyncIterator[dict[str, Any]]:
        answers = self._answers[namespace]
        answer = answers[0]
        if kind == SCALED_OBJECT:  # the last of a reading
            self.read.put_nowait(None)
            answers[:] = answers[1:] or answers
        if isinstance(answer, Exception):
            raise answer
        for each in answer:
            if each["kind"] == kind.kind:
                yield {name: value for name, value in each.items() if name != "kind"}

    async def told(self) -> Key:
        """The next news."""
        async with asyncio.timeout(10):
            return await self.news.get()

    async def read_again(self, times: int) -> None:
        """Waits until the lists were read so often from now on."""
        async with asyncio.timeout(10):
            for _ in range(self.read.qsize() + times):
                await self.read.get()


async def test_whoever_scales_a_deployment_or_the_model_itself_is_told():
    lists = Lists(
        [
            an_autoscaler("theirs", "fraud-1", kind="ScaledObject"),
            an_autoscaler("keda-hpa-theirs", "fraud-1", "Deployment", **made_by("ScaledObject")),
            an_autoscaler("ours", "fraud-1", "Deployment", **made_by("ModelDeployment")),
            an_autoscaler("with-our-label", "fraud-1", "Deployment", labels={"fairlead.dev/model": "fraud"}),
            an_autoscaler("of-the-model", "fraud", "ModelDeployment"),
            an_autoscaler("of-another", "churn-1", "Deployment"),
            an_autoscaler("of-what-only-has-the-name", "fraud-1", "StatefulSet"),
            {"kind": "ScaledObject", "metadata": {"namespace": "risk", "name": "of-nothing"}},
        ]
    )
    await lists.rivals.begin()
    assert lists.rivals.of(KEY, frozenset({"fraud-1"})) == (
        Rival(kind="HorizontalPodAutoscaler", name="of-the-model", target_kind="ModelDeployment", target="fraud"),
        Rival(kind="HorizontalPodAutoscaler", name="with-our-label", target_kind="Deployment", target="fraud-1"),
        Rival(kind="ScaledObject", name="theirs", target_kind="Deployment", target="fraud-1"),
    )
    await lists.rivals.close()


async def test_news_is_told_once_and_to_those_whom_it_is_about():
    lists = Lists([], [an_autoscaler("theirs", "fraud-1", "Deployment")])
    await lists.rivals.begin()
    lists.rivals.of(OTHER, frozenset({"churn-1"}))
    lists.rivals.of(KEY, frozenset({"fraud-1"}))
    assert await lists.told() == KEY
    await lists.read_again(3)
    assert lists.news.empty()
    await lists.rivals.close()


async def test_one_that_goes_is_news_and_a_list_that_fails_is_none():
    theirs = [an_autoscaler("theirs", "fraud-1", "Deployment")]
    lists = Lists(theirs, STARTS, STARTS, [])
    await lists.rivals.begin()
    assert len(lists.rivals.of(KEY, frozenset({"fraud-1"}))) == 1, "known at the first look"
    assert await lists.told() == KEY
    assert lists.rivals.of(KEY, frozenset({"fraud-1"})) == ()
    await lists.rivals.close()


async def test_a_model_that_has_gone_is_not_told_of():
    lists = Lists([], [an_autoscaler("theirs", "fraud-1", "Deployment")])
    await lists.rivals.begin()
    lists.rivals.of(KEY, frozenset({"fraud-1"}))
    lists.rivals.end(KEY)
    await lists.read_again(3)
    assert lists.news.empty()
    await lists.rivals.close()


async def test_they_are_known_at_the_first_look_also_where_the_first_list_fails():
    lists = Lists(STARTS, STARTS, [an_autoscaler("theirs", "fraud-1", "Deployment")])
    await lists.rivals.begin()
    assert len(lists.rivals.of(KEY, frozenset({"fraud-1"}))) == 1
    await lists.rivals.close()


async def test_where_they_may_not_be_listed_all_else_goes_on():
    lists = Lists(FORBIDDEN)
    await lists.rivals.begin()
    assert lists.rivals.of(KEY, frozenset({"fraud-1"})) == ()
    await lists.rivals.close()


async def test_a_namespace_that_is_forbidden_keeps_nobody_from_being_known_in_others(caplog: pytest.LogCaptureFixture):
    """Nor what was known of it before."""
    both = [(kind, namespace) for namespace in ("risk", "shop") for kind in (HPA, SCALED_OBJECT)]
    theirs = an_autoscaler("theirs", "fraud-1", "Deployment")
    of_shop = an_autoscaler("of-shop", "chat-1", "Deployment", namespace="shop")
    shop = ("shop", "chat")
    lists = Lists(places=both, risk=[[theirs], FORBIDDEN], shop=[[], [of_shop], []])
    await lists.rivals.begin()
    assert len(lists.rivals.of(KEY, frozenset({"fraud-1"}))) == 1
    assert lists.rivals.of(shop, frozenset({"chat-1"})) == ()
    assert [await lists.told() for _ in range(2)] == [shop, shop], "of another one that comes and goes"
    await lists.read_again(3)
    assert len(lists.rivals.of(KEY, frozenset({"fraud-1"}))) == 1
    await lists.rivals.close()
    warned = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert [each.split(" could")[0] for each in warned] == [
        "horizontalpodautoscalers in risk",
        "scaledobjects in risk",
    ], "told once"
