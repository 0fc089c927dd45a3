"""How a model server is run: the part that a ModelRuntime and a container of one's own have in common."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field

from fairlead.api.environment import Env
from fairlead.api.fields import Duration, Part, Port, between, cel_is_duration, unique
from fairlead.api.forms import (
    Argument,
    Folder,
    Image,
    UrlPath,
    cel_is_inside,
    is_inside,
)
from fairlead.api.metrics import MetricsProfile
from fairlead.api.rules import rule

Args = Annotated[tuple[Argument, ...], Field(max_length=128, json_schema_extra={"x-kubernetes-list-type": "atomic"})]


class Ports(Part):
    """Ports on which the server listens."""

    must_hold = (
        rule(
            "ports.grpc is the same as ports.http; leave grpc out when both are served on one port",
            "!has(self.grpc) || self.grpc != self.http",
            lambda self: self.grpc != self.http,
            "grpc",
        ),
        rule(
            "ports.grpc must not be 80: the Service offers HTTP there",
            "!has(self.grpc) || self.grpc != 80",
            lambda self: self.grpc != 80,
            "grpc",
        ),
        rule(
            "ports.metrics is the same as another port; leave metrics out when the http port serves /metrics too",
            "!has(self.metrics) || self.metrics != self.http && (!has(self.grpc) || self.metrics != self.grpc)",
            lambda self: self.metrics is None or self.metrics not in (self.http, self.grpc),
            "metrics",
        ),
    )

    http: Port = Field(default=8080, description="Port for HTTP requests; the Service sends port 80 here.")
    grpc: Port | None = Field(default=None, description="Port for gRPC requests, when the server has one.")
    metrics: Port | None = Field(
        default=None, description="Port of the metrics; absent when they are on the http port."
    )


class Probe(Part):
    """An HTTP request to the http port that the kubelet sends to every pod; 2xx and 3xx count as success."""

    path: UrlPath = Field(description="URL path; {model.name} is filled in.")
    period: Annotated[Duration, between("1s", "5m")] = Field(
        default=timedelta(seconds=5), description="Time between two requests."
    )
    timeout: Annotated[Duration, between("1s", "5m")] = Field(
        default=timedelta(seconds=3), description="How long one request may take."
    )
    failure_threshold: int = Field(default=3, ge=1, le=100, description="How many requests in a row must fail.")


class StartupProbe(Part):
    """What must be answered before the other probes begin; covers the loading of a big model."""

    path: UrlPath = Field(description="URL path; {model.name} is filled in.")
    deadline: Annotated[Duration, between("5s", "24h")] = Field(
        default=timedelta(minutes=10), description="How long loading may take before the container is restarted."
    )


class Probes(Part):
    """Requests by which a pod is judged by the kubelet, and a revision by Fairlead."""

    startup: StartupProbe | None = Field(default=None, description="Answered once the model is loaded.")
    readiness: Probe | None = Field(
        default=None, description="Answered while the pod can take requests; without it, an open http port is enough."
    )
    liveness: Probe | None = Field(
        default=None, description="Answered while the server is alive; else it is restarted."
    )
    serving: UrlPath | None = Field(
        default=None,
        description="URL path that Fairlead itself asks of a new revision; it must answer 2xx before it gets traffic. "
        "{model.name} is filled in. Absent: the path of the readiness probe.",
    )


class Drain(Part):
    """How a pod leaves without losing a request."""

    must_hold = (
        rule(
            "drain.gracePeriod must be longer than drain.preStop: it contains it and leaves the rest to the server",
            f"!({cel_is_duration('preStop')} && {cel_is_duration('gracePeriod')}) || "
            "duration(self.gracePeriod) > duration(self.preStop)",
            lambda self: self.grace_period > self.pre_stop,
            "gracePeriod",
        ),
    )

    pre_stop: Annotated[Duration, between("0s", "10m")] = Field(
        default=timedelta(seconds=10),
        description="How long a pod goes on serving after its deletion, so that all load balancers have let go of it.",
    )
    grace_period: Annotated[Duration, between("1s", "2h")] = Field(
        default=timedelta(seconds=60),
        description="When the pod is killed, counted from its deletion; longer than preStop and the longest request.",
    )


class SecurityContext(Part):
    """Exceptions to the restricted defaults, for images that need them."""

    must_hold = (
        rule(
            "runAsUser 0 is root: set runAsNonRoot to false as well, or choose another user",
            "!has(self.runAsUser) || self.runAsUser != 0 || has(self.runAsNonRoot) && !self.runAsNonRoot",
            lambda self: self.run_as_user != 0 or self.run_as_non_root is False,
            "runAsUser",
        ),
    )

    run_as_user: int | None = Field(default=None, ge=0, le=2**31 - 1, description="User id of the server.")
    run_as_group: int | None = Field(default=None, ge=0, le=2**31 - 1, description="Group id of the server.")
    fs_group: int | None = Field(default=None, ge=0, le=2**31 - 1, description="Group that owns mounted volumes.")
    run_as_non_root: bool | None = Field(
        default=None, description="Refuse to start an image that runs as root; true unless set to false."
    )
    read_only_root_filesystem: bool | None = Field(
        default=None, description="Only scratch folders and volumes can be written; true unless set to false."
    )


class ServerTemplate(Part):
    """A model server: image, command, ports, probes and how it is drained."""

    must_hold = (
        rule(
            "scratch must not hold modelPath or a folder below it: the model is mounted there, for reading only",
            f"!has(self.scratch) || !self.scratch.exists(folder, {cel_is_inside('folder', 'self.modelPath')})",
            lambda self: not any(is_inside(folder, self.model_path) for folder in self.scratch),
            "scratch",
        ),
    )

    image: Image | None = Field(
        default=None, description="Container image, best with a digest. Absent: every model brings its own."
    )
    command: Args = Field(
        default=(), description="Entry point; the image's own when empty. Placeholders are filled in as in args."
    )
    args: Args = Field(
        default=(), description="Arguments; {model.path}, {model.name} and {model.version} are filled in."
    )
    env: Env = Field(default=(), description="Environment variables; placeholders are filled in.")
    ports: Ports = Field(default=Ports(), description="Ports on which the server listens.")
    probes: Probes = Field(default=Probes(), description="How to tell that the server works.")
    metrics: MetricsProfile | None = Field(
        default=None, description="Which series tell how requests went. Absent: a canary cannot be judged."
    )
    drain: Drain = Field(default=Drain(), description="How a pod leaves without losing a request.")
    model_path: Folder = Field(
        default="/mnt/models",
        description="Folder at which the model is mounted, or lies in the image; the value of {model.path}.",
    )
    scratch: Annotated[
        tuple[Folder, ...], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}), unique()
    ] = Field(default=("/tmp",), description="Folders that the server may write; empty at every start.")
    security_context: SecurityContext = Field(
        default=SecurityContext(), description="Exceptions to the restricted defaults."
    )


class Container(ServerTemplate):
    """A model server of one's own."""

    image: Image = Field(description="Container image, best with a digest.")


PortName = Literal["http", "grpc", "metrics"]


def ports_by_name(ports: Ports) -> dict[PortName, int]:
    """The ports that exist, in a fixed order."""
    named: dict[PortName, Any] = {"http": ports.http, "grpc": ports.grpc, "metrics": ports.metrics}
    return {name: number for name, number in named.items() if number is not None}
