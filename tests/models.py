"""ModelDeployments for the tests."""

from typing import Any

from fairlead.api.kinds import MODEL_DEPLOYMENT

Model = dict[str, Any]


def a_model(namespace: str, name: str = "fraud", **spec: Any) -> Model:
    """A model whose pods never start: its image is nowhere. Enough wherever pods do not matter."""
    return {
        "apiVersion": MODEL_DEPLOYMENT.api_version,
        "kind": MODEL_DEPLOYMENT.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"runtime": {"container": {"image": "registry.invalid/fraud:1"}}, **spec},
    }


def a_server(image: str, version: str = "1", **env: str) -> dict[str, Any]:
    """The parts of a spec that make a real server, ready within about a second and gone within one."""
    container = {
        "image": image,
        "probes": {"readiness": {"path": "/readyz", "period": "1s"}},
        "drain": {"preStop": "0s", "gracePeriod": "2s"},
    }
    variables = [{"name": name, "value": value} for name, value in {"VERSION": version, **env}.items()]
    return {
        "model": {"version": version},
        "runtime": {"container": container, "env": variables},
        "rollout": {"drain": "1s"},
    }
