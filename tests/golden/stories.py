"""What users do, and the look at which it is told what Fairlead plans. Each story is a world just before that look."""

import json
from collections.abc import Callable
from datetime import timedelta

from canary_world import MEASURED
from fairlead.api.kinds import CONFIG_MAP, POD_MONITOR, PROMETHEUS_RULE
from fairlead.site import Fetching, Site
from fairlead.situation import Exposed
from swap_world import SwapWorld
from world import RUNTIME, World, a_model

VERSION_2 = {"uri": "pvc://models/fraud", "version": "2"}
FETCHES = Site(fetching=Fetching(image="registry.example/fetcher:1"))
SCALING = {"minReplicas": 2, "maxReplicas": 10, "target": {"cpuUtilization": 70}}


def a_new_model() -> World:
    """The smallest ModelDeployment, in an empty namespace."""
    return World(a_model())


def everything_is_set() -> World:
    """A model with all that a user can ask for beside the server itself."""
    return World(
        a_model(
            resources={"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"nvidia.com/gpu": 1}},
            autoscaling=SCALING,
            network={"isolation": "Namespace", "allowedNamespaces": ["monitoring"]},
            pod={
                "nodeSelector": {"gpu": "a100"},
                "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
                "labels": {"team": "risk"},
                "volumes": [{"name": "cache", "emptyDir": {"sizeLimit": "2048Mi"}}],
                "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                "securityContext": {"runAsUser": 1000},
            },
        )
    )


def a_server_of_ones_own() -> World:
    """runtime.container instead of a ModelRuntime, and the model inside its image."""
    container = {
        "image": "registry.example/fraud:7",
        "args": ["--name={model.name}", '--config={"threads": 2}'],
        "ports": {"http": 9000, "grpc": 9001, "metrics": 9002},
        "probes": {"startup": {"path": "/loaded"}, "readiness": {"path": "/ready"}, "liveness": {"path": "/alive"}},
        "drain": {"preStop": "5s", "gracePeriod": "2m"},
    }
    return World(
        a_model(model={"version": "7"}, runtime={"container": container, "env": [{"name": "A", "value": "b"}]})
    )


def a_model_in_an_image_volume() -> World:
    """oci:// is mounted as an image volume."""
    return World(a_model(model={"uri": "oci://registry.example/models/fraud:7", "version": "7"}))


def a_model_of_a_branch() -> World:
    """hf:// with a branch: a Job looks up which commit that is, and nothing runs before it has."""
    fetch = {"secretName": "hugging-face", "exclude": ["*.bin"], "space": "10Gi"}
    return World(a_model(model={"uri": "hf://org/fraud@main", "version": "7", "fetch": fetch}), site=FETCHES)


def a_model_of_a_branch_is_found() -> World:
    """The commit is known: pods fetch that, whatever becomes of the branch."""
    world = a_model_of_a_branch()
    world.reconcile()
    found = {"uri": f"hf://org/fraud@{40 * 'a'}", "files": 9, "bytes": 4981233}
    world.meanings["hf://org/fraud@main"] = (0, json.dumps(found))
    world.run_pods()
    return world


def a_quiet_day() -> World:
    """Nothing has happened: nothing is written, for nothing differs."""
    world = World(a_model())
    world.settle()
    return world


def a_new_version() -> World:
    """The model's version changes: the candidate starts beside the stable revision."""
    world = a_quiet_day()
    world.change(model=VERSION_2)
    return world


def a_new_version_is_available() -> World:
    """The candidate is available and has answered: traffic moves."""
    world = a_new_version()
    world.reconcile()
    world.run_pods()
    return world


def the_old_version_has_drained() -> World:
    """The drain time is over: the old revision goes, its record stays."""
    world = a_new_version_is_available()
    world.reconcile()
    world.now += timedelta(seconds=30)
    return world


def a_new_version_crashes() -> World:
    """The candidate never becomes ready: nothing of the stable revision is touched."""
    world = a_new_version()
    world.reconcile()
    world.broken = world.deployments() - {world.serving()}
    world.run_pods()
    return world


def a_new_version_of_an_autoscaled_model() -> World:
    """The candidate's autoscaler begins where the stable revision is now."""
    world = World(a_model(autoscaling=SCALING, resources={"requests": {"cpu": "1"}}))
    world.settle()
    for (kind, _), live in world.children.items():
        if kind.kind == "Deployment":
            live["spec"]["replicas"] = 6
    world.run_pods()
    world.change(model=VERSION_2)
    return world


def the_autoscaler_is_switched_off() -> World:
    """The autoscaler goes before the number that is to hold is set."""
    world = World(a_model(autoscaling=SCALING, resources={"requests": {"cpu": "1"}}))
    world.settle()
    del world.model["spec"]["autoscaling"]
    world.change(replicas=5)
    return world


def behind_a_gateway() -> World:
    """An HTTPRoute sends what comes to the Gateway for this model to its one revision."""
    gateway = {"name": "public", "namespace": "gateways", "hostnames": ["fraud.example.com"], "path": "/v2"}
    return World(a_model(traffic={"gateway": gateway}, network={"isolation": "Namespace"}))


OBJECTIVES = [
    {"name": "availability", "metric": "Errors", "target": "99.9"},
    {"name": "latency", "metric": "Latency", "target": "95", "threshold": "300ms"},
]
MONITORING = {"owner": "team-risk", "labels": {"release": "kube-prometheus-stack"}}


def with_objectives() -> World:
    """The Prometheus Operator comes after the model: Prometheus is told where to scrape and what to alert on."""
    world = World(a_model(slo={"objectives": OBJECTIVES}, monitoring=MONITORING), MEASURED, served=frozenset())
    world.settle()
    world.exposed = Exposed(
        revision=world.serving() or "",
        counted=frozenset({"Errors", "Latency"}),
        edges={"Latency": (0.1, 0.25, 0.5, 1.0)},
    )
    world.served = frozenset({POD_MONITOR, PROMETHEUS_RULE})
    return world


def without_the_prometheus_operator() -> World:
    """The same for a Prometheus that reads rules from a ConfigMap, and finds pods by annotations of Services."""
    monitoring = {**MONITORING, "rules": "ConfigMap"}
    return World(
        a_model(slo={"period": "7d", "objectives": OBJECTIVES[:1]}, monitoring=monitoring),
        MEASURED,
        served=frozenset({CONFIG_MAP}),
    )


def a_new_version_without_a_spare_place() -> World:
    """rollout.capacity: Swap: the stable revision gives up a pod, and the canary waits until that has ended."""
    world = SwapWorld()
    world.settle()
    world.change(model=VERSION_2)
    return world


def a_place_has_become_free() -> World:
    """rollout.capacity: Swap: the pod that was given up has ended, and the canary gets its place."""
    world = a_new_version_without_a_spare_place()
    world.reconcile()
    world.run_pods()
    world.run_pods()
    return world


def recreate() -> World:
    """Recreate: the old revision ends before the new one starts."""
    world = World(a_model(rollout={"strategy": "Recreate"}))
    world.settle()
    world.change(model=VERSION_2)
    return world


def the_runtime_is_missing() -> World:
    """A new version wants a ModelRuntime that is not there."""
    world = a_new_version()
    world.runtime = None
    return world


def the_runtime_has_changed() -> World:
    """The ModelRuntime changes under a model that serves: nothing happens."""
    world = a_quiet_day()
    world.runtime = {**RUNTIME, "spec": {**RUNTIME["spec"], "image": "registry.example/mlserver:2"}}
    return world


STORIES: tuple[Callable[[], World], ...] = (
    a_new_model,
    everything_is_set,
    a_server_of_ones_own,
    a_model_in_an_image_volume,
    a_model_of_a_branch,
    a_model_of_a_branch_is_found,
    a_quiet_day,
    a_new_version,
    a_new_version_is_available,
    the_old_version_has_drained,
    a_new_version_crashes,
    a_new_version_of_an_autoscaled_model,
    the_autoscaler_is_switched_off,
    behind_a_gateway,
    with_objectives,
    without_the_prometheus_operator,
    a_new_version_without_a_spare_place,
    a_place_has_become_free,
    recreate,
    the_runtime_is_missing,
    the_runtime_has_changed,
)
