"""What is in the cluster of a measurement: Fairlead's CRDs and rights, pretended nodes, and the models."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, Kind
from fairlead.api.names import MODEL
from fairlead.cluster.access import from_kubeconfig
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import ApiError

INSTALLATION = Path(__file__).resolve().parents[2] / "manifests" / "install.yaml"
NODES = 20
PODS_OF_A_NODE = 1000
MOST = 15_000
MODELS_OF_A_NAMESPACE = 100
AT_ONCE = 32  # requests of ours under way
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

Object = dict[str, Any]


@dataclass
class World:
    """The cluster as the user sees it. All times are by this process's monotonic clock, in seconds."""

    connection: Connection
    applied: dict[str, float] = field(default_factory=dict)
    deployed: dict[str, float] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)

    async def prepare(self, models: int) -> None:
        """Everything but the operator's process and the models."""
        await self.answers("/api/v1/namespaces/default")  # the last of what the API server makes at its start
        for document in yaml.safe_load_all(INSTALLATION.read_text()):
            if document["kind"] not in ("Deployment", "PodDisruptionBudget", "Service"):
                await self._apply(_path_of(document), document)
        for number in range(NODES):
            node = _node(f"node-{number}")
            await self._apply(f"/api/v1/nodes/node-{number}", node)
            await self._apply(f"/api/v1/nodes/node-{number}/status", node)
        for name in sorted({namespace_of(number) for number in range(models)}):
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            await self._apply(f"/api/v1/namespaces/{name}", namespace)
        await self.answers(MODEL_DEPLOYMENT.path(namespace_of(0)))

    async def create(self, models: range, make: Callable[[int], Object] | None = None) -> None:
        """Creates models, as many at once as a busy pipeline would."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def create(number: int) -> None:
            async with gate:
                model = (make or a_model)(number)
                self.applied[model["metadata"]["name"]] = time.monotonic()
                path = MODEL_DEPLOYMENT.path(model["metadata"]["namespace"])
                await self.connection.request("POST", path, body=model)

        await asyncio.gather(*map(create, models))

    async def change(self, models: range, patch: Object) -> None:
        """Merges the same into each of these models."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def change(number: int) -> None:
            async with gate:
                path = MODEL_DEPLOYMENT.path(namespace_of(number), name_of(number))
                await self.connection.request("PATCH", path, body=patch, content_type=MERGE)

        await asyncio.gather(*map(change, models))

    def deployment_seconds(self) -> list[float]:
        """From the request that creates a model to the sight of its Deployment, sorted."""
        return sorted(seen - self.applied[name] for name, seen in self.deployed.items())

    def ready_seconds(self) -> list[float]:
        """The same until the model is Ready."""
        return sorted(seen - self.applied[name] for name, seen in self.ready.items())

    def forget(self) -> None:
        """Only what is created from now on counts."""
        self.applied, self.deployed, self.ready = {}, {}, {}

    def saw_deployment(self, deployment: Object) -> None:
        """Taken from a watch."""
        name = deployment["metadata"]["labels"][MODEL]
        if name in self.applied:
            self.deployed.setdefault(name, time.monotonic())

    def saw_model(self, model: Object) -> None:
        """Taken from a watch."""
        conditions = model.get("status", {}).get("conditions", ())
        name = model["metadata"]["name"]
        if name in self.applied and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions):
            self.ready.setdefault(name, time.monotonic())

    async def watch(self, kind: Kind, saw: Callable[[Object], None], accept: str = "application/json") -> None:
        """Tells `saw` of all objects with Fairlead's labels, for ever; begins anew when the server ends a watch."""
        query = {"watch": "true"} | ({"labelSelector": MODEL} if kind == DEPLOYMENT else {})
        url = self.connection.server + kind.path()
        forever = aiohttp.ClientTimeout(total=None)
        while True:
            async with self.connection.session.get(
                url, params=query, headers={"Accept": accept}, timeout=forever
            ) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        saw(event["object"])

    async def _apply(self, path: str, manifest: Object) -> None:
        params = {"fieldManager": "bench", "force": "true"}
        await self.connection.request("PATCH", path, body=manifest, content_type=APPLY, params=params)

    async def answers(self, path: str) -> None:
        """Waits until the API server serves this path."""
        for _ in range(600):
            try:
                await self.connection.request("GET", path)
            except ApiError:
                await asyncio.sleep(0.2)
            else:
                return
        raise RuntimeError(f"the API server does not serve {path}")


@asynccontextmanager
async def world(kubeconfig: Path) -> AsyncIterator[World]:
    """A connection to the cluster."""
    connection = Connection(from_kubeconfig(str(kubeconfig)))
    try:
        yield World(connection)
    finally:
        await connection.close()


@asynccontextmanager
async def watched(world: World) -> AsyncIterator[None]:
    """The watches of Deployments and models, for a while."""
    tasks = [
        asyncio.create_task(world.watch(DEPLOYMENT, world.saw_deployment, METADATA)),
        asyncio.create_task(world.watch(MODEL_DEPLOYMENT, world.saw_model)),
    ]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def name_of(number: int) -> str:
    """All names have the same length, and so have all namespaces."""
    return f"model-{number:05}"


def namespace_of(number: int) -> str:
    """Where the model of that number is."""
    return f"bench-{number // MODELS_OF_A_NAMESPACE:03}"


def a_model(number: int) -> Object:
    """A small model of a common kind: one replica of a server with the model in its image."""
    return {
        "apiVersion": MODEL_DEPLOYMENT.api_version,
        "kind": MODEL_DEPLOYMENT.kind,
        "metadata": {"name": name_of(number), "namespace": namespace_of(number)},
        "spec": {
            "model": {"version": "1"},
            "runtime": {
                "container": {
                    "image": "registry.example/models/fraud:1",
                    "probes": {"readiness": {"path": "/v2/health/ready"}},
                },
                "env": [{"name": "MODEL_NAME", "value": "fraud"}],
            },
            "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
            "replicas": 1,
            "rollout": {"strategy": "BlueGreen"},  # a canary would need metrics, and nobody changes a model here
            "pod": {"nodeSelector": {"type": "kwok"}},
        },
    }


def _node(name: str) -> Object:
    amounts = {"cpu": "2000", "memory": "8Ti", "pods": str(PODS_OF_A_NODE)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"type": "kwok", "kubernetes.io/hostname": name}},
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def _path_of(document: Object) -> str:
    group, _, version = document["apiVersion"].rpartition("/")
    kind = Kind(group, version, document["kind"], f"{document['kind'].lower()}s")
    return kind.path(document["metadata"].get("namespace"), document["metadata"]["name"])
