"""The client against a real API server; faults are injected by a real HTTP server in between."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cluster.machinery.faulty import Fault, FaultyProxy
from fairlead.api.kinds import DEPLOYMENT, SERVICE, SERVICE_ACCOUNT, Kind
from fairlead.cluster.access import Access
from fairlead.cluster.client import Client
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import (
    ApiError,
    Conflict,
    NotFound,
    NotLeading,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
)
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.reader import CHUNK

CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")


def account(namespace: str, name: str = "fraud", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"namespace": namespace, "name": name} | metadata,
    }


def deployment(namespace: str) -> dict[str, Any]:
    labels = {"app": "fraud"}
    containers = [{"name": "server", "image": "example/server:1"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": "fraud"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_apply_creates_then_changes_and_gives_back_what_is_there(client: Client, namespace: str):
    created = await client.apply(account(namespace))
    assert created["metadata"]["uid"]
    changed = await client.apply(account(namespace, labels={"a": "b"}))
    assert changed["metadata"]["labels"] == {"a": "b"}
    assert changed == await client.get(SERVICE_ACCOUNT, namespace, "fraud")


async def test_a_needless_write_is_counted(client: Client, namespace: str, metrics: Metrics):
    first = await client.apply(account(namespace))
    version = first["metadata"]["resourceVersion"]
    client.count_if_needless(await client.apply(account(namespace)), version)
    assert sample(metrics, "fairlead_noop_writes_total") == 1
    client.count_if_needless(await client.apply(account(namespace, labels={"a": "b"})), version)
    assert sample(metrics, "fairlead_noop_writes_total") == 1
    assert sample(metrics, "fairlead_writes_total", kind="ServiceAccount", verb="apply", result="OK") == 3


async def test_who_does_not_lead_writes_nothing(connection: Connection, namespace: str, metrics: Metrics):
    client = Client(connection, may_write=lambda: False, metrics=metrics)
    with pytest.raises(NotLeading):
        await client.apply(account(namespace))
    with pytest.raises(NotFound):
        await client.get(SERVICE_ACCOUNT, namespace, "fraud")
    assert sample(metrics, "fairlead_writes_total", kind="ServiceAccount", verb="apply", result="NotLeading") == 1


async def test_an_invalid_object_is_rejected_with_its_causes(client: Client, namespace: str):
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": "fraud"},
        "spec": {"ports": [{"port": 70000}]},
    }
    with pytest.raises(Rejected) as rejected:
        await client.apply(service)
    assert "spec.ports[0].port" in [cause.field for cause in rejected.value.causes]


async def test_an_unknown_field_is_never_dropped_in_silence(client: Client, namespace: str):
    with pytest.raises(ApiError, match="nonsense"):
        await client.apply(deployment(namespace) | {"spec": deployment(namespace)["spec"] | {"nonsense": 1}})
    with pytest.raises(NotFound):
        await client.get(DEPLOYMENT, namespace, "fraud")


async def test_a_missing_namespace_is_told_from_a_missing_object(client: Client, namespace: str):
    with pytest.raises(NotFound) as missing:
        await client.apply(account("there-is-no-such-namespace"))
    assert missing.value.kind == "namespaces"
    with pytest.raises(NotFound) as missing:
        await client.get_metadata(SERVICE, namespace, "nobody")
    assert missing.value.kind == "services"


async def test_a_field_of_somebody_else_is_a_conflict_without_force(
    client: Client, connection: Connection, namespace: str
):
    await client.apply(account(namespace, labels={"a": "ours"}))
    body = account(namespace, labels={"a": "theirs"})
    path = SERVICE_ACCOUNT.path(namespace, "fraud")
    theirs = {"fieldManager": "other", "force": "true"}
    await connection.request("PATCH", path, body=body, content_type="application/apply-patch+yaml", params=theirs)
    with pytest.raises(Conflict):
        await client.apply(account(namespace, labels={"a": "ours"}), force=False)
    await client.apply(account(namespace, labels={"a": "ours"}))


async def test_metadata_comes_without_the_rest(client: Client, namespace: str):
    await client.apply(deployment(namespace))
    found = await client.get_metadata(DEPLOYMENT, namespace, "fraud")
    assert found["metadata"]["name"] == "fraud"
    assert "spec" not in found


async def created_sample(connection: Connection, namespace: str, kind: Kind) -> dict[str, Any]:
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "fraud"}, "spec": {}}
    return await connection.request("POST", kind.path(namespace), body=body)


async def test_a_status_is_replaced_as_a_whole(client: Client, connection: Connection, namespace: str, samples: Kind):
    uid = (await created_sample(connection, namespace, samples))["metadata"]["uid"]
    await client.patch_status(samples, namespace, "fraud", uid, {"phase": "Judging", "note": "so far so good"})
    after = await client.patch_status(samples, namespace, "fraud", uid, {"phase": "Stable"})
    assert after["status"] == {"phase": "Stable"}


async def test_a_status_is_not_written_to_a_namesake(
    client: Client, connection: Connection, namespace: str, samples: Kind
):
    await created_sample(connection, namespace, samples)
    with pytest.raises(Conflict):
        await client.patch_status(samples, namespace, "fraud", "another-uid", {"phase": "Stable"})
    assert "status" not in await client.get(samples, namespace, "fraud")


async def test_a_status_against_the_schema_is_rejected(
    client: Client, connection: Connection, namespace: str, samples: Kind
):
    uid = (await created_sample(connection, namespace, samples))["metadata"]["uid"]
    with pytest.raises(Rejected) as rejected:
        await client.patch_status(samples, namespace, "fraud", uid, {"phase": 7})
    assert [cause.field for cause in rejected.value.causes] == ["status.phase"]


async def test_scaling_does_not_make_the_field_ours(client: Client, namespace: str):
    await client.apply(deployment(namespace))
    scaled = await client.scale(DEPLOYMENT, namespace, "fraud", 3)
    assert scaled["spec"]["replicas"] == 3
    applied = await client.apply(deployment(namespace))
    assert applied["spec"]["replicas"] == 3


async def test_only_the_object_that_was_meant_is_deleted(client: Client, namespace: str):
    made = (await client.apply(account(namespace)))["metadata"]
    with pytest.raises(Conflict):
        await client.delete(SERVICE_ACCOUNT, namespace, "fraud", "another-uid")
    assert await client.delete(SERVICE_ACCOUNT, namespace, "fraud", made["uid"])
    assert await client.delete(SERVICE_ACCOUNT, namespace, "fraud", made["uid"])  # it is gone, as we wished
    with pytest.raises(NotFound):
        await client.get(SERVICE_ACCOUNT, namespace, "fraud")


@pytest.mark.parametrize("kind", [SERVICE_ACCOUNT, CONFIG_MAP], ids=lambda kind: kind.kind)
async def test_a_finalizer_keeps_a_deleted_object(client: Client, connection: Connection, namespace: str, kind: Kind):
    metadata = {"name": "fraud", "finalizers": ["example.com/wait"]}
    uid = (await connection.request("POST", kind.path(namespace), body={"metadata": metadata}))["metadata"]["uid"]
    assert not await client.delete(kind, namespace, "fraud", uid)
    await connection.request(
        "PATCH",
        kind.path(namespace, "fraud"),
        body={"metadata": {"finalizers": None}},
        content_type="application/merge-patch+json",
    )


async def test_an_event_is_created(client: Client, namespace: str):
    event = {
        "metadata": {"generateName": "fraud-"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "type": "Normal",
        "reason": "Promoted",
        "action": "Promote",
        "reportingController": "fairlead.dev/operator",
        "reportingInstance": "test",
        "regarding": {"kind": "ModelDeployment", "name": "fraud", "namespace": namespace},
    }
    assert (await client.create_event(namespace, event))["reason"] == "Promoted"


async def with_config_maps(connection: Connection, namespace: str, count: int) -> None:
    async def create(n: int) -> None:
        body = {"metadata": {"name": f"c-{n}", "labels": {"odd": str(n % 2)}}}
        await connection.request("POST", CONFIG_MAP.path(namespace), body=body)

    for start in range(0, count, 50):
        await asyncio.gather(*(create(n) for n in range(start, min(start + 50, count))))


async def test_a_list_is_complete_whatever_its_length(
    connection: Connection, proxy: FaultyProxy, through_proxy: Connection, namespace: str, metrics: Metrics
):
    await with_config_maps(connection, namespace, CHUNK + 10)
    client = Client(through_proxy, may_write=lambda: True, metrics=metrics)
    whole = await client.list_metadata(CONFIG_MAP, namespace=namespace, label_selector="odd")
    assert len(whole.uids) == CHUNK + 10
    assert whole.version > 0
    odd = await client.list_metadata(CONFIG_MAP, namespace=namespace, label_selector="odd=1")
    assert odd.uids.items() < whole.uids.items()

    # The second page comes too late: the server has forgotten the moment of the first.
    proxy.faults.append(Fault(path="continue=", status=410))
    again = await client.list_metadata(CONFIG_MAP, namespace=namespace, label_selector="odd")
    assert not proxy.faults
    assert again.uids == whole.uids


@pytest.fixture
def faulty(through_proxy: Connection, metrics: Metrics) -> Client:
    return Client(through_proxy, may_write=lambda: True, metrics=metrics)


async def test_a_short_wait_is_waited_out(faulty: Client, proxy: FaultyProxy, namespace: str):
    proxy.faults.append(Fault(status=429, headers={"Retry-After": "1"}))
    await faulty.apply(account(namespace))
    assert len(proxy.seen) == 2


async def test_a_long_wait_is_left_to_the_queue(faulty: Client, proxy: FaultyProxy, namespace: str):
    proxy.faults.append(Fault(status=429, headers={"Retry-After": "30"}))
    with pytest.raises(Throttled) as throttled:
        await faulty.apply(account(namespace))
    assert throttled.value.retry_after == timedelta(seconds=30)
    assert len(proxy.seen) == 1


async def test_a_server_that_never_stops_throttling_is_not_waited_for(
    faulty: Client, proxy: FaultyProxy, namespace: str
):
    proxy.faults.extend(Fault(status=429, headers={"Retry-After": "0.01"}) for _ in range(5))
    with pytest.raises(Throttled):
        await faulty.apply(account(namespace))
    assert len(proxy.seen) == 3


@pytest.mark.parametrize("fault", [Fault(status=503), Fault()], ids=["503", "cut"])
async def test_a_fault_of_the_server_is_told_as_such(
    faulty: Client, proxy: FaultyProxy, namespace: str, metrics: Metrics, fault: Fault
):
    proxy.faults.append(fault)
    with pytest.raises(ServerFault):
        await faulty.apply(account(namespace))
    labels = {"kind": "ServiceAccount", "verb": "apply", "result": "ServerFault"}
    assert sample(metrics, "fairlead_writes_total", **labels) == 1


async def test_no_call_hangs_for_ever(through_proxy: Connection, proxy: FaultyProxy):
    proxy.faults.append(Fault(hang=timedelta(seconds=0.5)))
    with pytest.raises(ServerFault, match=r"no answer within 0\.2 s"):
        await through_proxy.request("GET", "/version", timeout=timedelta(seconds=0.2))


async def test_a_server_that_is_not_there_is_a_fault():
    connection = Connection(Access(server="http://127.0.0.1:1"))
    with pytest.raises(ServerFault):
        await connection.request("GET", "/version")
    await connection.close()


async def test_a_page_of_a_proxy_is_a_fault(through_proxy: Connection):
    with pytest.raises(ServerFault, match="not a JSON object"):
        await through_proxy.request("GET", "/readyz")


async def test_a_rotated_token_is_read_again(proxy: FaultyProxy, tmp_path: Path):
    token = tmp_path / "token"
    token.write_text("old")
    proxy.token = "old"
    connection = Connection(Access(server=proxy.server, authorization=lambda: f"Bearer {token.read_text()}"))
    await connection.request("GET", "/version")
    token.write_text("new")
    proxy.token = "new"
    await asyncio.gather(*(connection.request("GET", "/version") for _ in range(5)))
    proxy.token = "another"
    with pytest.raises(Unauthorized):
        await connection.request("GET", "/version")
    await connection.close()


async def test_the_session_that_was_closed_by_kopf_is_replaced(connection: Connection):
    before = connection.session
    await before.close()
    await connection.request("GET", "/version")
    assert connection.session is not before
