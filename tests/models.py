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
        "spec": {
            "runtime": {"container": {"image": "registry.invalid/fraud:1"}},
            **spec,
            "rollout": {"strategy": "BlueGreen", **spec.get("rollout", {})},
        },
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
        "rollout": {"strategy": "BlueGreen", "drain": "1s"},
    }


METRICS = {
    "errors": {
        "bad": [{"series": "http_requests_total", "labels": {"code": "5.."}}],
        "total": [{"series": "http_requests_total"}],
    },
    "latency": {"series": "http_request_duration_seconds"},
}
"""The metrics profile of the test server."""

SLO = {
    "objectives": [
        {"name": "availability", "metric": "Errors", "target": "99"},
        {"name": "latency", "metric": "Latency", "target": "95", "threshold": "100ms"},
    ]
}


def a_canary(image: str, version: str = "1", **env: str) -> dict[str, Any]:
    """The parts of a spec that make a real server whose new versions are canaries, judged in short trials."""
    spec = a_server(image, version, **env)
    spec["runtime"]["container"] |= {"metrics": METRICS, "drain": {"preStop": "5s", "gracePeriod": "20s"}}
    rollout = {"strategy": "Canary", "drain": "5s", "guard": "5s", "minDuration": "20s", "maxDuration": "10m"}
    return {**spec, "slo": SLO, "replicas": 3, "rollout": rollout}
