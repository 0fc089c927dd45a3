"""observe/gateways.py: what a Prometheus answers about a Gateway → counters by revision and instance."""

import json
from collections.abc import AsyncIterator
from math import inf
from typing import Any

import pytest

from fairlead.api.gatewaymetrics import ISTIO, TRAEFIK, GatewayMetrics
from fairlead.api.traffic import Gateway
from fairlead.observe.gateways import UNKNOWN, AtGateway
from fairlead.observe.instances import Passed
from fairlead.observe.prometheus import Prometheus
from fairlead.observe.share import Share
from fairlead.settings import PrometheusSettings
from unit.observe.test_prometheus import Place, place, says

__all__ = ["place"]

STABLE, CANARY = "fraud-0a1b2c3d", "fraud-4e5f6a7b"
GATEWAY = Gateway(name="public", namespace="gateways")
COUNTED, TIMES = "traefik_service_requests_total", "traefik_service_request_duration_seconds_bucket"
NAME, OTHER = "gateway 10.0.0.9:8082", {"instance": "10.0.0.8:8082"}
SCRAPED = {"job": "traefik", "instance": "10.0.0.9:8082"}


@pytest.fixture
async def prometheus(place: Place) -> AsyncIterator[Prometheus]:
    prometheus = Prometheus(PrometheusSettings(url=place.url))
    yield prometheus
    await prometheus.close()


def asking(prometheus: Prometheus | None, metrics: GatewayMetrics | None = TRAEFIK, tick: float = 5.0) -> AtGateway:
    return AtGateway(prometheus, metrics, "risk", (STABLE, CANARY), GATEWAY, tick, Share(lambda: 0.0))


def counted(revision: str, code: str, value: float, at: float = 1.0, **labels: str) -> dict[str, Any]:
    """As Traefik 3.7 writes it, behind the labels of a PodMonitor."""
    number = 1 if revision == CANARY else 0
    service = f"httproute-risk-fraud-gw-gateways-public-ep-web-0-b846d69d57e670f76018-svc-risk-{revision}-{number}"
    metric = {
        "__name__": COUNTED,
        "code": code,
        "method": "POST",
        "protocol": "http",
        "service": f"{service}@kubernetesgateway",
    }
    return {"metric": {**metric, **SCRAPED, **labels}, "values": [[at, str(value)]]}


def taken(revision: str, le: str, value: float, at: float = 1.0, code: str = "200") -> dict[str, Any]:
    row = counted(revision, code, value, at, le=le)
    return {**row, "metric": {**row["metric"], "__name__": TIMES}}


def answer(*rows: dict[str, Any]) -> str:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": rows}})


async def second(place: Place, asked: AtGateway, *rows: dict[str, Any]) -> Passed | str | None:
    """The answer to the second question; what there was at the first is told to nobody."""
    place.answer = says(answer(counted(STABLE, "200", 1, at=0)))
    assert await asked.read() is None
    place.answer = says(answer(*rows))
    return await asked.read()


async def told(place: Place, asked: AtGateway, *rows: dict[str, Any]) -> Passed:
    found = await second(place, asked, *rows)
    assert not isinstance(found, str | None)
    return found


async def test_answers_are_counted_by_revision_without_mistakes_of_clients(place: Place, prometheus: Prometheus):
    found = await told(
        place,
        asking(prometheus),
        counted(STABLE, "200", 90),
        counted(STABLE, "404", 50),
        counted(STABLE, "503", 2),
        counted(CANARY, "200", 7),
        counted(CANARY, "499", 3),
        counted(CANARY, "502", 1),
        taken(CANARY, "0.1", 5),
        taken(CANARY, "+Inf", 7),
        taken(CANARY, "0.1", 1, code="502"),
        taken(CANARY, "+Inf", 1, code="502"),
        taken(CANARY, "0.1", 0, code="499"),
        taken(CANARY, "+Inf", 3, code="499"),
    )
    stable, canary = found[STABLE][NAME], found[CANARY][NAME]
    assert (stable.errors, canary.errors) == ((92, 2), (8, 1))
    assert canary.histograms == {"Latency": {0.1: 6, inf: 11}}, "who did not wait has waited"
    assert stable.process != canary.process


async def test_raw_samples_of_both_services_are_asked_for(place: Place, prometheus: Prometheus):
    await second(place, asking(prometheus), counted(STABLE, "200", 90))
    assert [form["query"] for form in place.forms] == 2 * [
        '{__name__=~"traefik_service_request_duration_seconds_bucket|traefik_service_requests_total",'
        'code=~"5..|[1235]..|[1235]..|499",'
        'service=~"(|httproute-.+-svc-)risk-fraud-0a1b2c3d-[0-9]{1,5}@kubernetesgateway|'
        '(|httproute-.+-svc-)risk-fraud-4e5f6a7b-[0-9]{1,5}@kubernetesgateway"}[90s]'
    ]


async def test_a_canary_without_a_request_has_none_and_is_not_missing(place: Place, prometheus: Prometheus):
    found = await told(place, asking(prometheus), counted(STABLE, "200", 90))
    assert found[CANARY][NAME].errors is None


async def test_a_label_that_prometheus_has_renamed_counts_by_its_own_name(place: Place, prometheus: Prometheus):
    """A ServiceMonitor puts the name of the Gateway's own Service into the label `service`."""
    row = counted(STABLE, "200", 90)
    row["metric"] |= {"service": "traefik-metrics", "exported_service": row["metric"]["service"]}
    asked = asking(prometheus)
    place.answer = says(answer())
    assert await asked.read() is None
    assert "exported_service=~" not in str(place.forms[0]["query"])
    assert "exported_service=~" in str(place.forms[1]["query"])
    asked = asking(prometheus)
    assert (await told(place, asked, row))[STABLE][NAME].errors == (90, 0)


async def test_each_instance_counts_for_itself_and_one_that_is_scraped_twice_once(place: Place, prometheus: Prometheus):
    found = await told(
        place,
        asking(prometheus),
        counted(STABLE, "200", 90),
        counted(STABLE, "200", 90, job="traefik-again", pod="traefik-1"),
        counted(STABLE, "200", 40, instance="10.0.0.8:8082"),
        counted(STABLE, "200", 30, instance="gateway", pod="a"),
        counted(STABLE, "200", 20, instance="gateway", pod="b"),
    )
    assert {name: each.errors for name, each in found[STABLE].items()} == {
        "gateway 10.0.0.9:8082": (90, 0),
        "gateway 10.0.0.8:8082": (40, 0),
        "gateway gateway a": (30, 0),
        "gateway gateway b": (20, 0),
    }


async def test_a_window_ends_when_every_instance_has_been_scraped_again(place: Place, prometheus: Prometheus):
    asked = asking(prometheus)
    await told(place, asked, counted(STABLE, "200", 90), counted(STABLE, "200", 40, **OTHER))
    place.answer = says(answer(counted(STABLE, "200", 95, at=2), counted(STABLE, "200", 40, **OTHER)))
    assert await asked.read() is None
    place.answer = says(answer(counted(STABLE, "200", 95, at=2), counted(STABLE, "200", 44, at=2.5, **OTHER)))
    assert await asked.read() is not None


async def test_nobody_is_blind_because_one_instance_is_gone(place: Place, prometheus: Prometheus):
    """Its last sample can be seen for 90 seconds. What it counts meanwhile comes with its next one."""
    asked, gone = asking(prometheus), counted(STABLE, "200", 40, at=15, **OTHER)
    await told(place, asked, counted(STABLE, "200", 90, at=15), gone)
    seen: list[int] = []
    for at in (30, 45, 60):
        place.answer = says(answer(counted(STABLE, "200", 90 + at, at=at), gone))
        found = await asked.read()
        if isinstance(found, dict):
            seen.append(at)
            assert found[STABLE]["gateway 10.0.0.8:8082"].errors == (40, 0), "it is there, and known"
    assert seen == [45, 60]
    place.answer = says(answer(counted(STABLE, "200", 190, at=75), counted(STABLE, "200", 64, at=75, **OTHER)))
    found = await asked.read()
    assert isinstance(found, dict)
    assert found[STABLE]["gateway 10.0.0.8:8082"].errors == (64, 0)


async def test_a_service_that_is_forgotten_for_a_while_blinds_nobody(place: Place, prometheus: Prometheus):
    """Traefik forgets one to which no request is sent: the share of a canary without a ready pod is nothing."""
    asked = asking(prometheus)
    await told(place, asked, counted(STABLE, "200", 90), counted(CANARY, "200", 40))
    processes: list[str] = []
    for at, of_canary in ((2, None), (3, 5), (4, None), (5, 2), (6, None), (7, 9)):
        rows = [] if of_canary is None else [counted(CANARY, "200", of_canary, at=at)]
        place.answer = says(answer(counted(STABLE, "200", 90 + at, at=at), *rows))
        found = await asked.read()
        assert isinstance(found, dict)
        processes.append(found[CANARY][NAME].process)
    assert len(set(processes)) == 3, "two began lower than the one before ended, and one did not"


async def test_a_counter_that_goes_down_is_another_one_from_then_on(place: Place, prometheus: Prometheus):
    """Also where what is bad goes down by a little: of a page of a pod's that may be a reading in two halves."""
    asked = asking(prometheus)
    before = (await told(place, asked, counted(STABLE, "200", 20), counted(STABLE, "500", 8)))[STABLE]
    place.answer = says(answer(counted(STABLE, "200", 25, at=2), counted(CANARY, "200", 1, at=2)))
    after = await asked.read()
    assert isinstance(after, dict)
    assert before[NAME].process != after[STABLE][NAME].process
    place.answer = says(answer(counted(STABLE, "200", 30, at=3), counted(CANARY, "200", 2, at=3)))
    later = await asked.read()
    assert isinstance(later, dict)
    assert (later[STABLE][NAME].process, later[CANARY][NAME].process) == (
        after[STABLE][NAME].process,
        after[CANARY][NAME].process,
    )


async def test_replicas_that_are_scraped_under_one_address_are_told(place: Place, prometheus: Prometheus):
    asked = asking(prometheus)
    await told(place, asked, counted(STABLE, "200", 9000))
    found: Passed | str | None = None
    for at, value in ((2, 100), (3, 9010), (4, 110)):
        place.answer = says(answer(counted(STABLE, "200", value, at=at)))
        found = await asked.read()
    assert "each of its replicas has to be a target of its own" in str(found)


async def test_gateways_of_several_clusters_are_not_mixed(place: Place, prometheus: Prometheus):
    rows = (
        counted(STABLE, "200", 90, cluster="eu"),
        counted(STABLE, "200", 40, cluster="us"),
        counted(STABLE, "200", 40, job="without"),
    )
    place.answer = says(answer(*rows))
    assert "Gateways of several clusters (eu, us) count" in str(await asking(prometheus).read())
    here = TRAEFIK.model_copy(update={"labels": {**TRAEFIK.labels, "cluster": "eu"}})
    place.answer = says(answer(rows[0]))
    assert await asking(prometheus, here).read() is None
    assert 'cluster=~"eu"' in str(place.forms[-1]["query"])


async def test_only_the_last_scrape_counts(place: Place, prometheus: Prometheus):
    """Traefik forgets a Service that it sends nothing to any more, and its series end."""
    found = await told(place, asking(prometheus), counted(STABLE, "200", 90, at=9), counted(CANARY, "500", 5, at=4))
    assert found[CANARY][NAME].errors is None


async def test_what_is_no_count_is_told(place: Place, prometheus: Prometheus):
    found = await second(place, asking(prometheus), counted(STABLE, "200", -1))
    assert str(found).startswith("in Prometheus, traefik_service_requests_total{")
    assert str(found).endswith("is negative or not finite, which is no count")


async def test_without_samples_the_user_is_told_after_a_while(place: Place, prometheus: Prometheus):
    place.answer = says(answer())
    patient, hasty = asking(prometheus), asking(prometheus, tick=0)
    assert await patient.read() is None
    assert "is it scraped, does prometheus.gateway fit it, and do requests come that way?" in str(await hasty.read())


async def test_a_prometheus_that_is_away_is_told_after_a_while(place: Place, prometheus: Prometheus):
    place.answer = says("no", status=502, content_type="text/html")
    patient, hasty = asking(prometheus), asking(prometheus, tick=0)
    assert await patient.read() is None
    assert "Prometheus answers 502" in str(await hasty.read())


async def test_nobody_is_asked_where_nothing_was_said_of_the_gateway(place: Place, prometheus: Prometheus):
    assert await asking(None).read() == UNKNOWN
    assert await asking(prometheus, metrics=None).read() == UNKNOWN
    assert place.asked == []


async def test_istio_is_asked_by_the_workload_of_its_gateway(place: Place, prometheus: Prometheus):
    labels = {"destination_service_name": CANARY, "destination_service_namespace": "risk"}
    row = {
        "metric": {
            "__name__": "istio_requests_total",
            "reporter": "source",
            "response_code": "503",
            "source_workload": "public-istio",
            "source_workload_namespace": "gateways",
            **labels,
            **SCRAPED,
        },
        "values": [[1.0, "4"]],
    }
    found = await told(place, asking(prometheus, ISTIO), row)
    assert found[CANARY][NAME].errors == (4, 4)
    assert 'source_workload=~"public-istio"' in str(place.forms[0]["query"])
