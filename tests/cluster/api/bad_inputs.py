"""What people get wrong, and what they are told. One table for both judges: the API server, and `fairlead render`."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Manifest = dict[str, Any]

RULE, SCHEMA, KUBERNETES = "rule", "schema", "kubernetes"
"""Who speaks: a rule, in the same words everywhere; the schema's types and bounds, in each judge's own words; or the
check that Kubernetes makes of every name, before anybody else is asked."""


@dataclass(frozen=True)
class BadInput:
    """`changes` made to a good object, the field that must be named, and words that must be said about it."""

    changes: dict[str, Any]
    about: str
    words: tuple[str, ...]
    said_by: str = RULE
    kind: str = "ModelDeployment"
    base: Mapping[str, Any] = field(default_factory=lambda: {"runtime": {"ref": {"name": "mlserver"}}})

    @property
    def name(self) -> str:
        """For the test's report."""
        return ",".join(f"{path}={value!r}" for path, value in self.changes.items())[:90]

    def manifest(self) -> Manifest:
        """The bad object."""
        manifest: Manifest = {
            "apiVersion": "fairlead.dev/v1alpha1",
            "kind": self.kind,
            "metadata": {"name": "fraud", **({"namespace": "default"} if self.kind == "ModelDeployment" else {})},
            "spec": copy.deepcopy(self.base),
        }
        for path, value in self.changes.items():
            _set(manifest if path.startswith("metadata.") else manifest["spec"], path, value)
        return manifest


def _set(target: Any, path: str, value: Any) -> None:
    *way, last = path.split(".")
    for step in way:
        target = target.setdefault(step, {})
    target[last] = value


QUERIES = {"bad": "sum by (pod) (blocked_total)", "total": "sum by (pod) (checks_total)"}
OBJECTIVE = {"name": "availability", "metric": "Errors", "target": "99.9"}
QUERY = {"promql": "sum(gateway_requests)", "perPod": "20"}
FLOOR = {"name": "office", "cron": "0 8 * * MON-FRI", "duration": "10h", "minReplicas": 2}
PACE = {"stabilization": "5m", "percent": 50, "period": "1m"}
PAIR = {"bad": [{"series": "blocked_total"}], "total": [{"series": "checks_total"}]}


def rule(path: str, value: Any, *words: str, about: str = "", **more: Any) -> BadInput:
    """A field whose value breaks a rule."""
    return BadInput({path: value} | more.pop("others", {}), about or f"spec.{path}", words, **more)


def schema(path: str, value: Any, *words: str, about: str = "", **more: Any) -> BadInput:
    """A field whose value has the wrong type, is out of bounds, or should not be there."""
    return BadInput({path: value} | more.pop("others", {}), about or f"spec.{path}", words, said_by=SCHEMA, **more)


def scaling(autoscaling: dict[str, Any], words: str, about: str) -> BadInput:
    """An autoscaling, of two pods at most, that breaks a rule."""
    return rule("autoscaling", {"maxReplicas": 2, **autoscaling}, words, about=about)


OWN: dict[str, Any] = {
    "base": {"runtime": {"container": {"image": "registry.example/server:1"}}, "rollout": {"strategy": "BlueGreen"}}
}
"""A container of one's own as the base."""
SERVER: dict[str, Any] = {"kind": "ModelRuntime", "base": {"image": "registry.example/server:1"}}
"""A ModelRuntime as the base."""

NAMES = (
    rule("metadata.name", "Fraud", "must consist of lower case", about="metadata.name", said_by=KUBERNETES),
    rule("metadata.name", "7-fraud", "with a letter at the beginning", about="metadata.name"),
    rule("metadata.name", "fraud.v7", "lower-case letters, digits and '-'", about="metadata.name"),
    rule("metadata.name", "f" * 55, "at most 54", about="metadata.name"),
)

MODEL = (
    rule("model.uri", "ftp://models.example/fraud", "must begin with oci://", "hf://", "s3://"),
    rule("model.uri", "/mnt/fraud", "must begin with oci://"),
    rule("model.uri", "", "must begin with oci://"),
    rule("model.uri", "hf://org/fraud/7", "must name a repository of Hugging Face"),
    rule("model.uri", "hf://org/fraud@", "must name a repository of Hugging Face"),
    rule("model.uri", "s3:///fraud", "must name a bucket"),
    rule("model.uri", "s3://models/fraud 7", "must name a bucket"),
    rule("model.uri", "az://models/fraud#7", "must name a container"),
    rule("model.uri", "gs://-models/fraud", "must name a bucket"),
    rule("model.uri", "gs://models/../secrets", "must not contain '..'"),
    rule("model.uri", "https://models.example/", "must be the address of one file"),
    rule("model.uri", "http://models.example:port/fraud", "must be the address of one file"),
    rule("model.uri", "https://me:secret@models.example/fraud", "no user and password"),
    rule("model.uri", "mlflow://fraud", "and a version or an alias"),
    rule("model.uri", "mlflow://fraud/champion", "and a version or an alias"),
    rule(
        "model.fetch",
        {"secretName": "s"},
        "with pvc:// they are mounted",
        others={"model.uri": "pvc://models/fraud"},
    ),
    rule("model.fetch", {"secretName": "s"}, "without model.uri they are in the server's image"),
    rule(
        "model.fetch",
        {"space": "1Gi", "cacheClaim": "models"},
        "remove one",
        others={"model.uri": "hf://org/fraud"},
        about="spec.model.fetch.space",
    ),
    rule(
        "model.fetch.checksum",
        "sha256:ABC",
        "64 lower-case hexadecimal digits",
        others={"model.uri": "https://models.example/fraud"},
    ),
    rule("model.fetch.include", ["/a"], "must be a pattern", others={"model.uri": "hf://org/fraud"}),
    rule("model.fetch.exclude", ["-x"], "must be a pattern", others={"model.uri": "hf://org/fraud"}),
    rule("model.uri", "pvc://", "must name a PersistentVolumeClaim"),
    rule("model.uri", "pvc://Models/fraud", "must name a PersistentVolumeClaim"),
    rule("model.uri", "pvc://models/fraud/my model", "must name a PersistentVolumeClaim"),
    rule("model.uri", "pvc://models/../secrets", "must not contain '..'"),
    rule("model.uri", "oci://registry.example/Models/Fraud:7", "must name an image after oci://"),
    rule("model.uri", "oci://https://registry.example/fraud:7", "must name an image after oci://"),
    rule("model.uri", "oci://registry.example/fraud@sha256:abc", "must name an image after oci://"),
    schema("model.uri", "oci://" + "a" * 1020, "Too long", "1024"),
    rule("model.name", "fraud model", "must be letters, digits"),
    rule("model.name", "", "must be letters, digits"),
    schema("model.version", 7, "must be of type string"),
    rule("model.version", "v 7", "with a letter or digit at both ends"),
    schema("model.version", "7" * 64, "Too long", "63"),
    schema("model.url", "pvc://models/fraud", "unknown field"),
)

RUNTIME = (
    schema("runtime", None, "Required value"),
    rule("runtime", {}, "exactly one of ref", "container"),
    rule("runtime.container", {"image": "a:1"}, "exactly one of ref", about="spec.runtime"),
    rule("runtime.image", "b:1", "with runtime.container, set container.image", **OWN),
    rule("runtime.ref.name", "ML Server", "lower-case letters"),
    rule("runtime.ref.name", "", "lower-case letters"),
    schema("runtime.ref", {}, "Required value", about="spec.runtime.ref.name"),
    rule("runtime.image", "https://registry.example/server", "must be an image", "without https://"),
    rule("runtime.image", "registry.example/Server:1", "must be an image", "capital letters"),
    rule("runtime.image", "server:1 ", "must be an image"),
    rule("runtime.args", ["--model={model.dir}"], "no placeholders but {model.path}", about="spec.runtime.args[0]"),
    schema("runtime.args", "--verbose", "must be of type array"),
    schema("runtime.args", [8080], "must be of type string", about="spec.runtime.args[0]"),
    schema("runtime.args", ["x" * 4097], "Too long", about="spec.runtime.args[0]"),
    schema("runtime.args", ["x"] * 129, "Too many"),
    rule("runtime.env", [{"name": "1ST"}], "must be a variable's name", about="spec.runtime.env[0].name"),
    rule("runtime.env", [{"name": "A=B"}], "must be a variable's name", about="spec.runtime.env[0].name"),
    rule(
        "runtime.env",
        [{"name": "A", "value": "{model.uri}"}],
        "no placeholders but {model.path}",
        about="spec.runtime.env[0].value",
    ),
    schema("runtime.env", [{"name": "A", "value": 1}], "must be of type string", about="spec.runtime.env[0].value"),
    schema("runtime.env", [{"name": "A"}, {"name": "A"}], "Duplicate value", about="spec.runtime.env"),
    rule(
        "runtime.env",
        [{"name": "A", "value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "value or valueFrom, not both",
        about="spec.runtime.env[0]",
    ),
    rule("runtime.env", [{"name": "A", "valueFrom": {}}], "exactly one of", about="spec.runtime.env[0].valueFrom"),
    rule(
        "runtime.env",
        [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.containers"}}}],
        "a field that pods offer",
        about="spec.runtime.env[0].valueFrom.fieldRef.fieldPath",
    ),
    rule(
        "runtime.env",
        [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "to ken"}}}],
        "must be a key",
        about="spec.runtime.env[0].valueFrom.secretKeyRef.key",
    ),
)

CONTAINER = (
    schema("runtime.container.image", None, "Required value", **OWN),
    rule("runtime.container.image", "", "must be an image", **OWN),
    rule("runtime.container.ports", {"grpc": 8080}, "is the same as ports.http", about="ports.grpc", **OWN),
    rule("runtime.container.ports", {"metrics": 8080}, "leave metrics out", about="ports.metrics", **OWN),
    schema("runtime.container.ports.http", 0, "greater than or equal to 1", **OWN),
    schema("runtime.container.ports.http", 70000, "less than or equal to 65535", **OWN),
    schema("runtime.container.ports.http", "8080", "must be of type integer", **OWN),
    rule("runtime.container.probes.readiness.path", "healthz", "begins with '/'", **OWN),
    rule("runtime.container.probes.readiness.path", "http://localhost/healthz", "no host", **OWN),
    rule("runtime.container.probes.serving", "/v2/{model.nam}/ready", "no placeholders but", **OWN),
    rule("runtime.container.probes.serving", "/../../x:8080/proxy/", "must not contain '..'", **OWN),
    rule("runtime.container.probes.serving", "/%2E%2E/x", "must not contain '..'", **OWN),
    rule("runtime.container.ports", {"grpc": 80}, "must not be 80", about="ports.grpc", **OWN),
    rule("model.name", "a/../b", "must not contain '..'"),
    schema("runtime.container.probes.readiness", {"period": "5s"}, "Required value", about="readiness.path", **OWN),
    rule(
        "runtime.container.probes.liveness", {"path": "/", "period": "0s"}, "between 1s and 5m", about="period", **OWN
    ),
    rule(
        "runtime.container.probes.liveness", {"path": "/", "timeout": "1h"}, "between 1s and 5m", about="timeout", **OWN
    ),
    rule(
        "runtime.container.probes.liveness", {"path": "/", "timeout": "500ms"}, "whole seconds", about="timeout", **OWN
    ),
    schema(
        "runtime.container.probes.liveness", {"path": "/", "failureThreshold": 0}, "greater", about="Threshold", **OWN
    ),
    rule("runtime.container.probes.startup", {"path": "/", "deadline": "2d"}, "such as 1h30m", about="deadline", **OWN),
    rule("runtime.container.drain.gracePeriod", "10s", "longer than drain.preStop", **OWN),
    rule("runtime.container.drain.gracePeriod", "3h", "between 1s and 2h", **OWN),
    rule("runtime.container.probes.startup", {"path": "/", "deadline": "1s"}, "between 5s", about="deadline", **OWN),
    rule("runtime.container.drain.preStop", "1h", "between 0s and 10m", **OWN),
    rule("runtime.container.modelPath", "models", "a full path", **OWN),
    rule("runtime.container.modelPath", "/", "a full path", **OWN),
    rule("runtime.container.modelPath", "/mnt/models/", "no slash at the end", **OWN),
    rule("runtime.container.modelPath", "/mnt/../etc", "no '..'", **OWN),
    rule("runtime.container.modelPath", "/tmp", "scratch must not hold modelPath", about="scratch", **OWN),
    rule("runtime.container.scratch", ["/mnt/models/cache"], "scratch must not hold modelPath", **OWN),
    schema("runtime.container.scratch", ["/a", "/a"], "Duplicate value", **OWN),
    rule("runtime.container.securityContext.runAsUser", 0, "runAsNonRoot to false", **OWN),
    schema("runtime.container.securityContext.privileged", True, "unknown field", **OWN),
    schema("runtime.container.lifecycle", {}, "unknown field", **OWN),
)

RESOURCES = (
    rule("resources.requests", {"cpu": "half"}, "must be a quantity", "500m", about="spec.resources.requests"),
    rule("resources.requests", {"memory": "4GB"}, "must be a quantity", about="spec.resources.requests"),
    rule("resources.requests", {"cpu": -1}, "must be a quantity", about="spec.resources.requests"),
    schema("resources.requests", {"cpu": 0.5}, "must be of type", about="spec.resources.requests"),
    rule("resources.limits", {"memory": "1000E"}, "less than 1E", about="spec.resources.limits"),
    rule("resources.limits", {"gpu": 1}, "gpu is no resource", "nvidia.com/gpu"),
    rule("resources.limits", {"nvidia.com/gpu": "0.5"}, "nvidia.com/gpu must be a whole number"),
    rule("resources", {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}, "requests.cpu must not be more than"),
    rule("resources.requests", {"nvidia.com/gpu": 1}, "requests.nvidia.com/gpu must equal resources.limits"),
    rule(
        "resources",
        {"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}},
        "requests.nvidia.com/gpu must equal resources.limits",
    ),
)

SCALING = (
    schema("replicas", -1, "greater than or equal to 0"),
    schema("replicas", "2", "must be of type integer"),
    schema("replicas", 20_000, "less than or equal to 10000"),
    rule(
        "autoscaling",
        {"maxReplicas": 2, "target": {}},
        "needs cpuUtilization, memoryUtilization",
        about="spec.autoscaling.target",
    ),
    rule(
        "autoscaling",
        {"minReplicas": 5, "maxReplicas": 2, "target": {"cpuUtilization": 70}},
        "must not be greater than autoscaling.maxReplicas",
        about="spec.autoscaling.minReplicas",
        others={"resources.requests": {"cpu": 1}},
    ),
    schema("autoscaling", {"target": {"cpuUtilization": 70}}, "Required value", about="spec.autoscaling.maxReplicas"),
    schema(
        "autoscaling", {"minReplicas": -1, "maxReplicas": 2, "target": {}}, "greater than or equal", about="minReplicas"
    ),
    scaling(
        {"target": {"queueDepth": 8}, "minReplicas": 0}, "minReplicas: 0 needs autoscaling.target.query", "minReplicas"
    ),
    scaling(
        {"target": {"queueDepth": 8, "query": {"promql": "a", "perPod": "1"}}, "minReplicas": 0},
        "KEDA wakes a model for that",
        "minReplicas",
    ),
    scaling({}, "set it, or set autoscaling.mode: External", "target"),
    scaling({"mode": "External", "target": {"queueDepth": 8}}, "another autoscaler decides: remove target", "mode"),
    scaling({"mode": "External", "behavior": {}}, "another autoscaler decides: remove target", "mode"),
    scaling({"mode": "External", "floors": [FLOOR]}, "another autoscaler decides: remove target", "mode"),
    scaling({"target": {"queueDepth": 8}, "floors": [FLOOR | {"minReplicas": 3}]}, "not go beyond", "floors"),
    scaling({"target": {"requestsPerSecond": "0.0"}}, "must be more than 0", "target.requestsPerSecond"),
    scaling(
        {"target": {"requestsPerSecond": "1e3"}}, "must be a number in quotation marks", "target.requestsPerSecond"
    ),
    scaling(
        {"target": {"query": QUERY | {"perPod": "-1"}}}, "must be a number in quotation marks", "target.query.perPod"
    ),
    scaling({"target": {"queueDepth": 8}, "floors": [FLOOR | {"cron": "@daily"}]}, "five fields of cron", "cron"),
    scaling({"target": {"queueDepth": 8}, "floors": [FLOOR | {"cron": "0 8 * *"}]}, "five fields of cron", "cron"),
    scaling(
        {"target": {"queueDepth": 8}, "floors": [FLOOR | {"timeZone": "UTC+1 h"}]}, "time zone database", "timeZone"
    ),
    scaling({"target": {"queueDepth": 8}, "floors": [FLOOR | {"duration": "30s"}]}, "between 1m and 168h", "duration"),
    scaling({"target": {"queueDepth": 8}, "floors": [FLOOR | {"name": "At Noon"}]}, "lower-case letters", "name"),
    scaling({"target": {"queueDepth": 8}, "behavior": {"up": PACE | {"period": "1h"}}}, "between 1s and 30m", "period"),
    scaling(
        {"target": {"queueDepth": 8}, "behavior": {"down": PACE | {"stabilization": "2h"}}},
        "between 0s",
        "stabilization",
    ),
    schema("autoscaling", {"maxReplicas": 2, "target": {"queueDepth": 0}}, "greater than", about="queueDepth"),
    schema("autoscaling", {"maxReplicas": 2, "target": {"concurrency": 0}}, "greater than", about="concurrency"),
    schema("autoscaling", {"maxReplicas": 2, "target": {"kvCacheUtilization": 100}}, "less than", about="kvCache"),
    schema("autoscaling", {"maxReplicas": 2, "target": {"requestsPerSecond": 20}}, "of type string", about="PerSecond"),
    schema("autoscaling", {"maxReplicas": 2, "target": {"query": {"promql": "a"}}}, "Required value", about="perPod"),
    schema(
        "autoscaling",
        {"maxReplicas": 2, "target": {"queueDepth": 8}, "floors": [FLOOR, FLOOR]},
        "Duplicate value",
        about="spec.autoscaling.floors",
    ),
    rule(
        "autoscaling",
        {"maxReplicas": 2, "target": {"cpuUtilization": 70}},
        "set resources.requests.cpu",
        about="spec.autoscaling.target",
    ),
    rule(
        "autoscaling",
        {"maxReplicas": 2, "target": {"memoryUtilization": 70}},
        "set resources.requests.memory",
        about="spec.autoscaling.target",
        others={"resources.requests": {"cpu": 1}},
    ),
    rule(
        "autoscaling",
        {"maxReplicas": 2, "target": {"cpuUtilization": 70}},
        "replicas or autoscaling, not both",
        about="spec",
        others={"resources.requests": {"cpu": 1}, "replicas": 3},
    ),
)

ROLLOUT = (
    rule("rollout.drain", "5 minutes", "such as 1h30m or 45s"),
    rule("rollout.drain", "", "such as 1h30m or 45s"),
    rule("rollout.drain", "90", "such as 1h30m or 45s"),
    schema("rollout.drain", 90, "must be of type string"),
    rule("rollout.drain", "2h", "between 0s and 1h"),
    rule("rollout.progressDeadline", "5s", "between 10s and 24h"),
    rule("rollout.strategy", "Canary", "set runtime.container.metrics, or rollout.evidence.source: Gateway", **OWN),
    schema("rollout.strategy", "Shadow", "Unsupported value", '"Canary", "BlueGreen", "Recreate"'),
    schema("rollout.maxWeight", 0, "greater than or equal to 1"),
    schema("rollout.maxWeight", 80, "less than or equal to 50"),
    schema("rollout.badRequestBudget", 0, "greater than or equal to 1"),
    rule("rollout.minDuration", "3s", "between 10s and 24h"),
    rule("rollout.maxDuration", "2m", "must be longer than rollout.minDuration"),
    rule("rollout.confidence", "100", "from 80 to 99.99"),
    rule("rollout.confidence", "0.95", "from 80 to 99.99"),
    schema("rollout.confidence", 95, "must be of type string"),
    schema("rollout.onInconclusive", "Wait", "Unsupported value", '"Hold", "Promote", "Rollback"'),
    schema("rollout.evidence", {"source": "Datadog"}, "Unsupported value", '"Pods"', about="rollout.evidence.source"),
    rule(
        "rollout.evidence",
        {"source": "Gateway"},
        "set traffic.gateway, or choose another source",
        about="spec.rollout.evidence.source",
    ),
    schema(
        "slo.objectives",
        [{"name": "o", "target": "99", "queries": {"bad": "", "total": "sum by (pod) (checks_total)"}}],
        "at least 1 chars long",
        about="spec.slo.objectives[0].queries.bad",
    ),
    schema("rollout.sensitivity", "Loose", "Unsupported value", '"Standard", "Tight"'),
    rule("rollout.guard", "2d", "such as 1h30m or 45s"),
    rule("rollout.guard", "25h", "between 0s and 24h"),
    rule("rollout.maxDuration", "200h", "between 30s and 168h"),
    schema("rollout.onMissingEvidence", "Promote", "Unsupported value", '"Hold", "Rollback"'),
    schema("rollout.approval", True, "must be of type object"),
    *(
        rule(path, value, "only with rollout.strategy: Canary", others={"rollout.strategy": strategy})
        for path, value in (
            ("rollout.approval", {"required": True}),
            ("rollout.steps", [{"weight": 5, "duration": "1m"}]),
            ("rollout.capacity", "Swap"),
        )
        for strategy in ("BlueGreen", "Recreate")
    ),
    schema("rollout.capacity", "Spare", "Unsupported value", '"Surge", "Swap"'),
    rule("rollout.capacity", "Swap", "set replicas to 2 or more, or choose"),
    rule("rollout.capacity", "Swap", "rollout.strategy: Recreate", others={"replicas": 1}),
    rule(
        "rollout.capacity",
        "Swap",
        "set replicas in place of autoscaling",
        others={
            "resources.requests": {"cpu": 1},
            "autoscaling": {"minReplicas": 2, "maxReplicas": 4, "target": {"cpuUtilization": 70}},
        },
    ),
    *(
        rule("rollout.steps", steps, words, about=about, others={"rollout.strategy": "Canary"})
        for steps, about, words in (
            (
                [{"weight": 20, "duration": "1m"}, {"weight": 5, "duration": "1m"}],
                "spec.rollout.steps",
                "must ascend",
            ),
            ([{"weight": 5, "duration": "1m"}, {"weight": 5, "duration": "1m"}], "spec.rollout.steps", "must ascend"),
            ([{"weight": 26, "duration": "1m"}], "spec.rollout.steps", "must not go beyond rollout.maxWeight"),
            (
                [{"weight": 5, "duration": "31m"}, {"weight": 9, "duration": "29m"}],
                "spec.rollout.steps",
                "must take less time than rollout.maxDuration",
            ),
            ([{"weight": 5, "duration": "5s"}], "spec.rollout.steps[0].duration", "between 10s and 24h"),
            ([{"weight": 5, "duration": "soon"}], "spec.rollout.steps[0].duration", "such as 1h30m or 45s"),
        )
    ),
    *(
        rule("slo.objectives", [{"name": "o", "metric": "Errors", "target": "99", **changes}], *words, about=about)
        for changes, about, words in (
            ({"target": "100"}, "spec.slo.objectives[0].target", ("percentage below 100",)),
            ({"target": "99.9%"}, "spec.slo.objectives[0].target", ("percentage below 100",)),
            ({"target": "20"}, "spec.slo.objectives[0].target", ("at least 50",)),
            ({"threshold": "300ms"}, "spec.slo.objectives[0].threshold", ("leave it out with Errors",)),
            ({"metric": "Latency"}, "spec.slo.objectives[0].threshold", ("threshold belongs to",)),
            (
                {"metric": "Latency", "threshold": "0.3"},
                "spec.slo.objectives[0].threshold",
                ("such as 300ms or 1.5s",),
            ),
            ({"name": "My objective"}, "spec.slo.objectives[0].name", ("lower-case letters",)),
            (
                {"metric": "Aborts", "threshold": "1s"},
                "spec.slo.objectives[0].threshold",
                ("leave it out with Errors, Aborts",),
            ),
            ({"counters": PAIR}, "spec.slo.objectives[0]", ("exactly one of metric", "counters", "queries")),
        )
    ),
    *(
        rule("slo.objectives", [{"name": "o", "target": "99", **changes}], *words, about=about)
        for changes, about, words in (
            ({}, "spec.slo.objectives[0]", ("exactly one of metric",)),
            ({"counters": PAIR, "queries": QUERIES}, "spec.slo.objectives[0]", ("exactly one of metric",)),
            ({"queries": QUERIES}, "spec.slo.objectives", ("set rollout.evidence.source: Prometheus",)),
            (
                {"queries": {**QUERIES, "bad": "sum by (pod) (rate(blocked_total[1m]))"}},
                "spec.slo.objectives[0].queries.bad",
                ("must be of raw counters", "rate()"),
            ),
            (
                {"queries": {**QUERIES, "total": "increase (checks_total[5m])"}},
                "spec.slo.objectives[0].queries.total",
                ("must be of raw counters",),
            ),
            ({"counters": PAIR, "threshold": "1s"}, "spec.slo.objectives[0].threshold", ("threshold belongs to",)),
            ({"counters": PAIR, "name": "errors"}, "spec.slo.objectives[0].name", ("choose another one",)),
            (
                {"counters": {**PAIR, "bad": [{"series": "blocked total"}]}},
                "spec.slo.objectives[0].counters.bad[0].series",
                ("the name of a series",),
            ),
        )
    ),
    schema(
        "slo.objectives",
        [{"name": "o", "target": "99", "counters": {"bad": [{"series": "blocked_total"}]}}],
        "Required value",
        about="spec.slo.objectives[0].counters.total",
    ),
    schema(
        "slo.objectives",
        [{"name": "o", "metric": "Accuracy", "target": "99"}],
        "Unsupported value",
        about="spec.slo.objectives[0].metric",
    ),
    *(
        rule("slo.period", period, "must be whole days from 1d to 90d", others={"slo.objectives": [OBJECTIVE]})
        for period in ("720h", "0d", "91d", "100d", "30", "1d12h", "01d", "four weeks")
    ),
    schema("slo.period", 30, "must be of type string"),
    rule("slo.period", "7d", "set slo.objectives and monitoring.rules"),
    rule(
        "slo.period",
        "7d",
        "set slo.objectives and monitoring.rules",
        others={"slo.objectives": [OBJECTIVE], "monitoring.rules": "None"},
    ),
    rule("rollout.errorBudget", {"minRemaining": 10}, "set slo.objectives and monitoring.rules"),
    rule(
        "rollout.errorBudget",
        {"minRemaining": 10},
        "set slo.objectives and monitoring.rules",
        others={"slo.objectives": [OBJECTIVE], "monitoring.rules": "None"},
    ),
    rule(
        "rollout.errorBudget",
        {"minRemaining": 10},
        "only with rollout.strategy: Canary",
        others={"slo.objectives": [OBJECTIVE], "rollout.strategy": "BlueGreen"},
    ),
    schema(
        "rollout.errorBudget", {"onUnknown": "Start"}, "Required value", about="spec.rollout.errorBudget.minRemaining"
    ),
    schema("rollout.errorBudget.minRemaining", 0, "greater than or equal to 1"),
    schema("rollout.errorBudget.minRemaining", 100, "less than or equal to 99"),
    schema(
        "rollout.errorBudget",
        {"minRemaining": 10, "onUnknown": "Hold"},
        "Unsupported value",
        about="spec.rollout.errorBudget.onUnknown",
    ),
    rule("monitoring.owner", "team-risk", "set slo.objectives and monitoring.rules"),
    rule("monitoring.owner", "the risk team", "letters, digits", others={"slo.objectives": [OBJECTIVE]}),
    rule("monitoring.labels", {"release": "a b"}, "letters, digits", about="spec.monitoring.labels[release]"),
    rule("monitoring.labels", {"app.kubernetes.io/name": "x"}, "belong to Fairlead"),
    rule(
        "monitoring.labels",
        {"release": "stack"},
        "only with monitoring.scrape or monitoring.rules",
        others={"monitoring.scrape": False, "monitoring.rules": "None"},
    ),
    schema("monitoring.rules", True, "Unsupported value", '"PrometheusRule", "ConfigMap", "None"'),
    schema("monitoring.scrape", "PodMonitor", "must be of type boolean"),
    schema("network.isolation", "namespace", "Unsupported value", '"Namespace"'),
    schema("traffic", {}, "Required", about="spec.traffic.gateway"),
    schema("traffic.gateway", {}, "Required", about="spec.traffic.gateway.name"),
    rule("traffic.gateway", {"name": "Public"}, "lower-case letters", about="spec.traffic.gateway.name"),
    rule(
        "traffic.gateway",
        {"name": "public", "hostnames": ["https://fraud.example"]},
        "no https://",
        about="spec.traffic.gateway.hostnames[0]",
    ),
    rule(
        "traffic.gateway",
        {"name": "public", "hostnames": ["fraud.example:8443"]},
        "no port",
        about="spec.traffic.gateway.hostnames[0]",
    ),
    rule(
        "traffic.gateway",
        {"name": "public", "path": "fraud"},
        "a path such as /fraud",
        about="spec.traffic.gateway.path",
    ),
    rule("traffic.gateway", {"name": "public", "path": "/a/../b"}, "single slashes", about="spec.traffic.gateway.path"),
    rule(
        "traffic.gateway",
        {"name": "public", "rewritePath": "/a?b=c"},
        "a path such as /fraud",
        about="spec.traffic.gateway.rewritePath",
    ),
    rule("network.allowedNamespaces", ["gateways"], "only with network.isolation: Namespace"),
    rule(
        "network.allowedNamespaces",
        ["Gateways"],
        "lower-case letters",
        about="spec.network.allowedNamespaces[0]",
        others={"network.isolation": "Namespace"},
    ),
)

SECRET_VOLUME = {"name": "a", "secret": {"secretName": "a"}}
MOUNT = {"name": "a", "mountPath": "/a"}

POD = (
    schema("pod.hostNetwork", True, "unknown field"),
    schema(
        "pod.volumes", [{"name": "a", "hostPath": {"path": "/"}}], "unknown field", about="spec.pod.volumes[0].hostPath"
    ),
    rule(
        "pod.volumes",
        [{"name": "a"}],
        "exactly one of secret",
        about="spec.pod.volumes[0]",
        others={"pod.volumeMounts": [MOUNT]},
    ),
    rule(
        "pod.volumes",
        [{**SECRET_VOLUME, "emptyDir": {}}],
        "exactly one of secret",
        about="spec.pod.volumes[0]",
        others={"pod.volumeMounts": [MOUNT]},
    ),
    rule(
        "pod.volumes",
        [{**SECRET_VOLUME, "name": "model"}],
        "taken by Fairlead",
        about="spec.pod.volumes[0].name",
        others={"pod.volumeMounts": [{**MOUNT, "name": "model"}]},
    ),
    rule("pod.volumes", [SECRET_VOLUME], "must be mounted"),
    rule("pod.volumeMounts", [MOUNT], "must be the name of an entry of pod.volumes"),
    rule(
        "pod.volumeMounts",
        [{**MOUNT, "mountPath": "a"}],
        "a full path",
        about="spec.pod.volumeMounts[0].mountPath",
        others={"pod.volumes": [SECRET_VOLUME]},
    ),
    rule(
        "pod.volumeMounts",
        [{**MOUNT, "subPath": "../b"}],
        "a path inside the volume",
        about="spec.pod.volumeMounts[0].subPath",
        others={"pod.volumes": [SECRET_VOLUME]},
    ),
    rule(
        "pod.volumeMounts",
        [{**MOUNT, "mountPath": "/mnt/models/extra"}],
        "leave modelPath and the scratch folders",
        others={"pod.volumes": [SECRET_VOLUME], "model.uri": "pvc://models/fraud"},
        **OWN,
    ),
    rule(
        "pod.volumeMounts",
        [{**MOUNT, "mountPath": "/tmp"}],
        "leave modelPath and the scratch folders",
        others={"pod.volumes": [SECRET_VOLUME]},
        **OWN,
    ),
    rule(
        "pod.volumes",
        [{"name": "a", "emptyDir": {"sizeLimit": "much"}}],
        "must be a quantity",
        about="spec.pod.volumes[0].emptyDir.sizeLimit",
        others={"pod.volumeMounts": [MOUNT]},
    ),
    rule("pod.labels", {"fairlead.dev/model": "x"}, "key 'fairlead.dev/model' must not be set here"),
    rule("pod.labels", {"app.kubernetes.io/name": "x"}, "key 'app.kubernetes.io/name' must not be set here"),
    rule("pod.labels", {"my team": "x"}, "key 'my team' must be a name"),
    rule("pod.labels", {"team": "a b"}, "with a letter or digit at both ends", about="spec.pod.labels"),
    schema("pod.labels", {"team": 7}, "must be of type string", about="spec.pod.labels"),
    rule("pod.annotations", {"fairlead.dev/promote": "x"}, "must not be set here"),
    rule("pod.annotations", {"a/b/c": "x"}, "key 'a/b/c' must be a name"),
    rule("pod.nodeSelector", {"-pool": "x"}, "key '-pool' must be a name"),
    rule("pod.serviceAccountName", "Fraud", "lower-case letters"),
    rule(
        "pod.imagePullSecrets", [{"name": "My Secret"}], "lower-case letters", about="spec.pod.imagePullSecrets[0].name"
    ),
    rule(
        "pod.tolerations",
        [{"key": "a", "operator": "Exists", "value": "b"}],
        "takes no value",
        about="tolerations[0].value",
    ),
    rule("pod.tolerations", [{"effect": "NoSchedule"}], "without key needs operator Exists", about="tolerations[0]"),
    rule(
        "pod.tolerations",
        [{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 5}],
        "only with effect NoExecute",
        about="tolerations[0].tolerationSeconds",
    ),
    schema("pod.tolerations", [{"key": "a", "effect": "Never"}], "Unsupported value", about="tolerations[0].effect"),
    rule("pod.securityContext.runAsUser", 0, "runAsNonRoot to false"),
    schema("replica", 2, "unknown field"),
)

RUNTIMES = (
    rule("image", "https://registry.example/server", "must be an image", **SERVER),
    rule("ports", {"http": 8080, "metrics": 8080}, "leave metrics out", about="spec.ports.metrics", **SERVER),
    rule("metrics", {"path": "/metrics"}, "metrics names no series", **SERVER),
    rule(
        "metrics.latency",
        {"series": "request duration"},
        "the name of a series",
        about="spec.metrics.latency.series",
        **SERVER,
    ),
    rule(
        "metrics.latency",
        {"series": "request_seconds", "labels": {"status-code": "5.."}},
        "'status-code' must be the name of a label",
        about="spec.metrics.latency.labels",
        **SERVER,
    ),
    schema(
        "metrics.errors",
        {"bad": [], "total": [{"series": "requests_total"}]},
        "at least 1 items",
        about="spec.metrics.errors.bad",
        **SERVER,
    ),
    rule("drain", {"preStop": "60s"}, "longer than drain.preStop", about="spec.drain.gracePeriod", **SERVER),
    rule("command", ["{model.folder}"], "no placeholders but", about="spec.command[0]", **SERVER),
    rule("scratch", ["/mnt/models"], "scratch must not hold modelPath", **SERVER),
    schema("sources", ["ftp"], "Unsupported value", about="spec.sources[0]", **SERVER),
    schema("sources", ["pvc", "pvc"], "Duplicate value", about="spec.sources", **SERVER),
    schema("replicas", 2, "unknown field", **SERVER),
)

BAD_INPUTS = (
    *NAMES,
    *MODEL,
    *RUNTIME,
    *CONTAINER,
    *RESOURCES,
    *SCALING,
    *ROLLOUT,
    *POD,
    *RUNTIMES,
)
