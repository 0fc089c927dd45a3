"""A release of the chart on a real cluster."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from installation.helm import Helm
from kube import Kube

# CRDs are shared by everything that runs on the cluster: other tests have applied the same ones in their own name.
ADOPT = ("--take-ownership", "--force-conflicts")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release of the chart in a namespace of its own. Only what a user would type."""

    helm: Helm
    kube: Kube
    name: str
    namespace: str

    def install(self, values: Mapping[str, Any], *flags: str) -> str:
        """`helm install`; returns what it prints."""
        return self._helm("install", self.name, str(self.helm.chart), *flags, values=values)

    def upgrade(self, values: Mapping[str, Any], *flags: str) -> str:
        """`helm upgrade`."""
        return self._helm("upgrade", self.name, str(self.helm.chart), *flags, values=values)

    def rollback(self, revision: int) -> None:
        """`helm rollback`."""
        self._helm("rollback", self.name, str(revision))

    def uninstall(self, *flags: str) -> str:
        """`helm uninstall`; returns what it prints."""
        return self._helm("uninstall", self.name, "--wait", *flags)

    def _helm(self, *arguments: str, values: Mapping[str, Any] | None = None) -> str:
        where = (f"--namespace={self.namespace}", "--timeout=150s")
        return self.helm.run(*arguments, *where, values=values, kubeconfig=self.kube.kubeconfig)


@contextmanager
def released(helm: Helm, kube: Kube) -> Iterator[Release]:
    """A release that is uninstalled afterwards, if it was installed."""
    with kube.namespace("fl-chart", **{"pod-security.kubernetes.io/enforce": "restricted"}) as namespace:
        release = Release(helm=helm, kube=kube, name=f"fairlead-{uuid.uuid4().hex[:6]}", namespace=namespace)
        try:
            yield release
        finally:
            release.uninstall("--ignore-not-found")
