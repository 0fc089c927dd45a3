"""ModelDeployment: what to run, how it scales and how a new version takes over."""

from typing import Annotated, Literal

from pydantic import Field

from fairlead.api.autoscaling import Autoscaling, needs_request
from fairlead.api.environment import Env
from fairlead.api.fields import Part, unique
from fairlead.api.forms import DnsLabel, Image, ObjectName, cel_is_inside, is_inside
from fairlead.api.model import ModelSource
from fairlead.api.monitoring import MONITORING_RULES, Monitoring
from fairlead.api.pod import PodOptions
from fairlead.api.resources import Resources
from fairlead.api.rollout import Rollout
from fairlead.api.rules import Rule, at_most_one, exactly_one, matching, rule
from fairlead.api.server import Args, Container, ServerTemplate
from fairlead.api.slo import Slo
from fairlead.api.traffic import Traffic

MAX_NAME = 54  # a Service is called NAME-<8 characters of hash>, and 63 is the most that a DNS label can hold

NAME_IS_SHORT = matching(
    f"[a-z]([-a-z0-9]{{0,{MAX_NAME - 2}}}[a-z0-9])?",
    f"must be at most {MAX_NAME} lower-case letters, digits and '-', with a letter at the beginning and no '-' at the "
    "end: Services are named after it",
)
"""Rule for the name of a ModelDeployment."""


class RuntimeReference(Part):
    """A ModelRuntime of this cluster."""

    name: ObjectName = Field(description="Name of the ModelRuntime.")


class Runtime(Part):
    """The model server."""

    must_hold = (
        exactly_one(
            "runtime takes exactly one of ref (a ModelRuntime) and container (a server of your own)", "ref", "container"
        ),
        at_most_one(
            "runtime.image replaces the image of a ModelRuntime; with runtime.container, set container.image",
            "image",
            "container",
            at="image",
        ),
    )

    ref: RuntimeReference | None = Field(default=None, description="A ModelRuntime of this cluster.")
    container: Container | None = Field(default=None, description="A server of your own.")
    image: Image | None = Field(
        default=None, description="Image to use instead of the ModelRuntime's, such as one with the model baked in."
    )
    args: Args = Field(default=(), description="Arguments, appended to those of the runtime.")
    env: Env = Field(default=(), description="Environment variables; they win over those of the runtime.")


class Network(Part):
    """Who may reach the pods."""

    must_hold = (
        rule(
            "network.allowedNamespaces has an effect only with network.isolation: Namespace; set that or remove it",
            "!has(self.allowedNamespaces) || self.allowedNamespaces.size() == 0 || self.isolation == 'Namespace'",
            lambda self: not self.allowed_namespaces or self.isolation == "Namespace",
            "allowedNamespaces",
        ),
    )

    isolation: Literal["None", "Namespace"] = Field(
        default="None",
        description="None: anybody. Namespace: pods of this namespace, of that of traffic.gateway, of "
        "allowedNamespaces, and Fairlead itself, by a NetworkPolicy; it takes a network plug-in that enforces them.",
    )
    allowed_namespaces: Annotated[
        tuple[DnsLabel, ...], Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}), unique()
    ] = Field(default=(), description="Further namespaces, such as those of a gateway or of Prometheus.")


def mounts_clash(model: ModelSource, pod: PodOptions, server: ServerTemplate) -> bool:
    """Whether the pod options mount something over the model, inside it, or over a scratch folder of the server.

    At admission only a container of one's own can be checked; for a ModelRuntime it is known when both are.
    """
    return any(
        mount.mount_path in server.scratch or (model.uri is not None and is_inside(mount.mount_path, server.model_path))
        for mount in pod.volume_mounts
    )


NOTHING_TO_JUDGE_BY = (
    "rollout.strategy Canary judges a new revision by the metrics of its server: set runtime.container.metrics, or "
    "rollout.evidence.source: Gateway where a Gateway counts its requests, or choose rollout.strategy: BlueGreen"
)
AT_GATEWAY = "has(self.rollout) && has(self.rollout.evidence) && self.rollout.evidence.source == 'Gateway'"
NO_GATEWAY = (
    "rollout.evidence.source: Gateway takes what the Gateway of spec.traffic counts: set traffic.gateway, or choose "
    "another source"
)
SWAP_AND_AUTOSCALER = (
    "rollout.capacity: Swap shares a fixed number of pods, and an autoscaler changes it: set replicas in place of "
    "autoscaling, or choose rollout.capacity: Surge"
)
NOTHING_TO_SWAP = (
    "rollout.capacity: Swap gives a new revision the place of a pod, and one replica is all that serves: set replicas "
    "to 2 or more, or choose rollout.capacity: Surge (one extra pod) or rollout.strategy: Recreate (an outage)"
)
MOUNTS_CLASH = (
    "pod.volumeMounts must leave modelPath and the scratch folders of the server alone; mount elsewhere, or change "
    "modelPath or scratch"
)


def _swap_rules() -> tuple[Rule, ...]:
    """What rollout.capacity: Swap needs: a number of pods that holds, and one to spare."""
    without = "!has(self.rollout) || !has(self.rollout.capacity) || self.rollout.capacity != 'Swap'"
    return (
        rule(
            SWAP_AND_AUTOSCALER,
            f"{without} || !has(self.autoscaling)",
            lambda self: self.rollout.capacity != "Swap" or self.autoscaling is None,
            "rollout.capacity",
        ),
        rule(
            NOTHING_TO_SWAP,
            f"{without} || has(self.autoscaling) || has(self.replicas) && self.replicas != 1",
            lambda self: (
                self.rollout.capacity != "Swap" or self.autoscaling is not None or self.replicas not in (None, 1)
            ),
            "rollout.capacity",
        ),
    )


class ModelDeploymentSpec(Part):
    """What to run, how it scales and how a new version takes over."""

    must_hold = (
        at_most_one(
            "set replicas or autoscaling, not both: an autoscaler owns the number of replicas",
            "replicas",
            "autoscaling",
        ),
        needs_request("cpuUtilization", "cpu"),
        needs_request("memoryUtilization", "memory"),
        rule(
            MOUNTS_CLASH,
            "!has(self.runtime.container) || !has(self.pod.volumeMounts) || !self.pod.volumeMounts.exists(m, "
            "has(self.runtime.container.scratch) && m.mountPath in self.runtime.container.scratch || "
            "has(self.model) && has(self.model.uri) && "
            f"{cel_is_inside('m.mountPath', 'self.runtime.container.modelPath')})",
            lambda self: not self.runtime.container or not mounts_clash(self.model, self.pod, self.runtime.container),
            "pod.volumeMounts",
        ),
        rule(
            NOTHING_TO_JUDGE_BY,
            "!has(self.runtime.container) || has(self.runtime.container.metrics) || self.rollout.strategy != 'Canary' "
            f"|| {AT_GATEWAY}",
            lambda self: (
                self.runtime.container is None
                or self.runtime.container.metrics is not None
                or self.rollout.strategy != "Canary"
                or self.rollout.evidence.source == "Gateway"
            ),
            "rollout.strategy",
        ),
        rule(
            NO_GATEWAY,
            f"!({AT_GATEWAY}) || has(self.traffic)",
            lambda self: self.rollout.evidence.source != "Gateway" or self.traffic is not None,
            "rollout.evidence.source",
        ),
        rule(
            "an objective with queries is asked of Prometheus: set rollout.evidence.source: Prometheus, or give it "
            "counters",
            "!has(self.slo) || !has(self.slo.objectives) || !self.slo.objectives.exists(o, has(o.queries)) || "
            "has(self.rollout) && has(self.rollout.evidence) && self.rollout.evidence.source == 'Prometheus'",
            lambda self: (
                self.rollout.evidence.source == "Prometheus" or not any(o.queries for o in self.slo.objectives)
            ),
            "slo.objectives",
        ),
        *MONITORING_RULES,
        *_swap_rules(),
    )

    model: ModelSource = Field(default=ModelSource(), description="The model.")
    runtime: Runtime = Field(description="The model server.")
    resources: Resources = Field(default=Resources(), description="Compute resources of one pod.")
    replicas: int | None = Field(
        default=None, ge=0, le=10_000, description="How many pods; 1 when neither this nor autoscaling is set."
    )
    autoscaling: Autoscaling | None = Field(default=None, description="How the number of pods follows the load.")
    slo: Slo = Field(default=Slo(), description='What "good" means for this model.')
    rollout: Rollout = Field(default=Rollout(), description="How a new revision takes over.")
    traffic: Traffic | None = Field(
        default=None,
        description="How clients outside of the cluster reach the model; absent: by the Service, whose requests are "
        "shared by number of pods while a canary is on trial.",
    )
    monitoring: Monitoring = Field(default=Monitoring(), description="How Prometheus watches the model.")
    network: Network = Field(default=Network(), description="Who may reach the pods.")
    pod: PodOptions = Field(default=PodOptions(), description="Further settings of the pods.")


class ModelDeployment(Part):
    """A model in production: what to run, how it scales and how a new version takes over."""

    name: str
    namespace: str
    uid: str
    generation: int
    spec: ModelDeploymentSpec
