"""Every sample and every shipped ModelRuntime is accepted, and read by Fairlead as the API server fills it in."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.api.fields import Part
from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME, kind_of
from fairlead.api.modelruntime import EVERY
from fairlead.api.parse import Invalid, parse_model_deployment, parse_model_runtime
from kube import Kube

SAMPLES = sorted((Path(__file__).parents[3] / "manifests" / "samples").glob("*.yaml"))
RUNTIMES = sorted(Path(str(files("fairlead") / "runtimes")).glob("*.yaml"))

every_file = pytest.mark.parametrize("file", [*SAMPLES, *RUNTIMES], ids=lambda file: file.name)


@every_file
def test_it_is_accepted_and_reads_the_same_before_and_after(kube: Kube, namespace: str, file: Path) -> None:
    manifest = loaded(file, namespace)

    stored = kube.create(kind_of(manifest), manifest, dryRun="All")

    assert parsed(stored).model_dump(exclude=SERVERS_OWN) == parsed(manifest).model_dump(exclude=SERVERS_OWN)


def test_a_sample_can_be_created(kube: Kube, namespace: str) -> None:
    for file in SAMPLES:
        kube.create(MODEL_DEPLOYMENT, loaded(file, namespace))

    names = {found["metadata"]["name"] for found in kube.list(MODEL_DEPLOYMENT, namespace)}
    assert names == {loaded(file, namespace)["metadata"]["name"] for file in SAMPLES}


def test_the_smallest_sample_is_small() -> None:
    assert min(len(file.read_text().splitlines()) for file in SAMPLES) <= 12


def test_defaults_are_filled_in_where_absence_would_not_mean_the_same(kube: Kube) -> None:
    container = {"image": "registry.example/server:1", "metrics": {"latency": {"series": "seconds"}}}
    manifest = model({"runtime": {"container": container}})

    stored = kube.create(MODEL_DEPLOYMENT, manifest, dryRun="All")

    assert stored["spec"] == {
        "monitoring": {"rules": "PrometheusRule", "scrape": True},
        "network": {"isolation": "None"},
        "slo": {"period": "30d"},
        "pod": {"automountServiceAccountToken": False},
        "rollout": {
            "approval": {"required": False},
            "badRequestBudget": 5,
            "capacity": "Surge",
            "confidence": "95",
            "drain": "30s",
            "evidence": {"source": "Pods"},
            "guard": "1m",
            "maxDuration": "1h",
            "maxWeight": 25,
            "minDuration": "3m",
            "onInconclusive": "Hold",
            "onMissingEvidence": "Hold",
            "paused": False,
            "progressDeadline": "10m",
            "sensitivity": "Standard",
            "strategy": "Canary",
        },
        "runtime": {
            "container": {
                "drain": {"gracePeriod": "1m", "preStop": "10s"},
                "image": "registry.example/server:1",
                "metrics": {"latency": {"series": "seconds", "unit": "Seconds"}, "path": "/metrics"},
                "modelPath": "/mnt/models",
                "ports": {"http": 8080},
                "scratch": ["/tmp"],
            }
        },
    }


def test_all_of_a_rollout_can_be_set(kube: Kube) -> None:
    steps = [{"weight": n, "duration": "2m"} for n in range(1, 21)]
    rollout = {
        "strategy": "Canary",
        "steps": steps,
        "approval": {"required": True},
        "onMissingEvidence": "Rollback",
        "onInconclusive": "Rollback",
    }
    manifest = model({"runtime": {"ref": {"name": "mlserver"}}, "rollout": rollout})

    stored = kube.create(MODEL_DEPLOYMENT, manifest, dryRun="All")

    assert stored["spec"]["rollout"]["steps"] == steps
    assert parsed(manifest).model_dump(exclude=SERVERS_OWN) == parsed(stored).model_dump(exclude=SERVERS_OWN)


def test_a_probe_has_the_defaults_of_kubernetes_or_better(kube: Kube) -> None:
    probes = {"startup": {"path": "/up"}, "readiness": {"path": "/ready"}}
    container = {"image": "registry.example/server:1", "probes": probes}
    manifest = model({"runtime": {"container": container}, "rollout": {"strategy": "BlueGreen"}})

    stored = kube.create(MODEL_DEPLOYMENT, manifest, dryRun="All")

    assert stored["spec"]["runtime"]["container"]["probes"] == {
        "startup": {"path": "/up", "deadline": "10m"},
        "readiness": {"path": "/ready", "period": "5s", "timeout": "3s", "failureThreshold": 3},
    }


def test_null_counts_as_absent(kube: Kube) -> None:
    manifest = model({"runtime": {"ref": {"name": "mlserver"}, "args": None}, "pod": None, "rollout": {"drain": None}})

    stored = kube.create(MODEL_DEPLOYMENT, manifest, dryRun="All")

    assert stored["spec"]["rollout"]["drain"] == "30s"
    assert "args" not in stored["spec"]["runtime"]
    assert parsed(manifest).model_dump(exclude=SERVERS_OWN) == parsed(stored).model_dump(exclude=SERVERS_OWN)


def test_an_empty_modelruntime_is_enough(kube: Kube) -> None:
    manifest = {"apiVersion": "fairlead.dev/v1alpha1", "kind": "ModelRuntime", "metadata": {"name": "a"}, "spec": {}}

    assert kube.create(MODEL_RUNTIME, manifest, dryRun="All")["spec"]["sources"] == list(EVERY)


def test_a_big_object_stays_within_the_budget_for_rules(kube: Kube) -> None:
    """As full as lists and maps may be, and with a megabyte of text."""
    names = [f"{'n' * 50}-{n}" for n in range(128)]
    full = {
        "image": "registry.example/" + "a/" * 200 + "b@sha256:" + "0" * 64,
        "args": ["{model.path}" * 300] * 128,
        "env": [{"name": name, "value": "{model.name}" * 250} for name in names],
        "scratch": [f"/scratch/{name}" for name in names[:16]],
    }
    pod = {
        "labels": {f"example.com/{name}": name for name in names[:32]},
        "nodeSelector": {f"example.com/{name}": name for name in names[:32]},
        "annotations": {f"example.com/{name}": "x" * 1000 for name in names[:64]},
        "tolerations": [{"key": name, "value": name} for name in names[:32]],
        "volumes": [{"name": name, "emptyDir": {"sizeLimit": "999.5Mi"}} for name in names[:16]],
        "volumeMounts": [{"name": names[n % 16], "mountPath": f"/mounts/{name}"} for n, name in enumerate(names[:32])],
    }
    amounts = {f"example.com/{name}": 1 for name in names[:32]}
    resources = {"requests": amounts, "limits": amounts}
    spec = {"runtime": {"container": full}, "pod": pod, "resources": resources, "rollout": {"strategy": "BlueGreen"}}

    assert kube.create(MODEL_DEPLOYMENT, model(spec), dryRun="All")


def test_objectives_of_every_kind_as_full_as_they_may_be(kube: Kube) -> None:
    labels = {f"label_{n}": "x" * 256 for n in range(8)}
    series = [{"series": "s" * 198 + f"_{n}", "labels": labels} for n in range(8)]
    pair = {"bad": series, "total": series}
    queries = {"bad": "sum by (pod) (" + "b" * 2000 + ")", "total": "sum by (pod) (" + "t" * 2000 + ")"}
    counted = [{"name": f"counted-{n}", "target": "99", "counters": pair} for n in range(4)]
    asked = [{"name": f"asked-{n}", "target": "99.9", "queries": queries} for n in range(4)]
    container = {
        "image": "registry.example/server:1",
        "metrics": {"errors": pair, "aborts": pair, "latency": {"series": "seconds", "labels": labels}},
    }
    spec = {
        "runtime": {"container": container},
        "slo": {"period": "90d", "objectives": [*counted, *asked]},
        "monitoring": {"owner": "o" * 63, "labels": {f"example.com/{n}": "x" * 63 for n in range(32)}},
        "rollout": {"strategy": "Canary", "evidence": {"source": "Prometheus"}},
    }

    stored = kube.create(MODEL_DEPLOYMENT, model(spec), dryRun="All")

    assert parsed(stored).model_dump(exclude=SERVERS_OWN) == parsed(model(spec)).model_dump(exclude=SERVERS_OWN)


def test_an_autoscaling_to_zero_and_a_pace_in_parts(kube: Kube) -> None:
    scaling = {
        "minReplicas": 0,
        "maxReplicas": 2,
        "target": {"cpuUtilization": 70, "query": {"promql": "a", "perPod": "1"}},
        "behavior": {"down": {"stabilization": "20m"}},
    }
    spec = {
        "runtime": {"ref": {"name": "vllm"}},
        "resources": {"requests": {"cpu": "1"}},
        "autoscaling": scaling,
        "rollout": {"strategy": "BlueGreen"},
    }
    kube.create(MODEL_DEPLOYMENT, model(spec), dryRun="All")


def test_an_autoscaling_as_full_as_it_may_be(kube: Kube) -> None:
    pace = {"stabilization": "10m", "percent": 20, "period": "1m"}
    floors = [
        {
            "name": f"{n}-" + "f" * 60,
            "cron": "0,10,20,30 0-23/2 1-31 JAN-DEC MON#1,TUE,5L",
            "timeZone": "America/Argentina/ComodRivadavia",
            "duration": "168h",
            "minReplicas": 10_000,
        }
        for n in range(10, 26)
    ]
    target = {
        "cpuUtilization": 1000,
        "memoryUtilization": 1000,
        "concurrency": 100_000,
        "queueDepth": 100_000,
        "kvCacheUtilization": 99,
        "requestsPerSecond": "999999999.999",
        "query": {"promql": "q" * 2048, "perPod": "0.001"},
    }
    scaling = {
        "minReplicas": 1,
        "maxReplicas": 10_000,
        "target": target,
        "behavior": {"up": pace, "down": pace},
        "floors": floors,
    }
    spec = {
        "runtime": {"ref": {"name": "vllm"}},
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
        "autoscaling": scaling,
        "rollout": {"strategy": "BlueGreen"},
    }

    stored = kube.create(MODEL_DEPLOYMENT, model(spec), dryRun="All")

    assert parsed(stored).model_dump(exclude=SERVERS_OWN) == parsed(model(spec)).model_dump(exclude=SERVERS_OWN)


SERVERS_OWN = {"uid", "generation"}


def model(spec: dict[str, Any]) -> dict[str, Any]:
    """A ModelDeployment."""
    metadata = {"name": "fraud", "namespace": "default"}
    return {"apiVersion": "fairlead.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": spec}


def loaded(file: Path, namespace: str) -> dict[str, Any]:
    """The object in a file, put into a namespace, or under a name that nobody else uses."""
    manifest: dict[str, Any] = yaml.safe_load(file.read_text())
    manifest["metadata"]["namespace" if kind_of(manifest).namespaced else "name"] = namespace
    return manifest


def parsed(manifest: dict[str, Any]) -> Part:
    """The object as Fairlead reads it."""
    parse = parse_model_runtime if manifest["kind"] == "ModelRuntime" else parse_model_deployment
    found = parse(manifest, "forbid")
    assert not isinstance(found, Invalid), found
    return found
