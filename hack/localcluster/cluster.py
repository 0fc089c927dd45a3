"""What the tests and the command see of a cluster, whichever way it is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Literal, Protocol


@dataclass(frozen=True, kw_only=True)
class State:
    """One part of a cluster, for people to read."""

    part: str
    healthy: bool
    detail: str


class Cluster(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def kubeconfig(self) -> Path: ...
    @property
    def kind(self) -> Literal["processes", "kind"]: ...
    @property
    def host_reaches_pods(self) -> bool:
        """Whether the addresses of pods and Services can be used from this machine."""
        ...

    def load(self, image: Path | str) -> None:
        """Puts an image, given as an archive or by its name, into every real node."""
        ...

    def node_exec(self, node: str, command: Sequence[str]) -> CompletedProcess[str]:
        """Runs a command on a node, as root there."""
        ...

    def restart(self, component: str) -> None:
        """Kills a component, starts it again and waits until it works."""
        ...

    def status(self) -> list[State]: ...

    def down(self) -> None: ...
