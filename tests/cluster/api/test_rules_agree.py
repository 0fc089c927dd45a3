"""The CEL and the Python of a rule refuse the same values: many texts in one object, and which of them are refused."""

import json
import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from fairlead.api.kinds import MODEL_DEPLOYMENT
from fairlead.api.parse import Invalid, parse_model_deployment
from kube import Kube

FRAGMENTS = (
    *("a", "Z", "0", "9", "-", "_", ".", "..", "/", "//", ":", "@", "#", "=", "~", "+", "é", " ", "\u00a0", "\n"),
    *("m", "s", "h", "Mi", "e3", "1", "30", "sha256", "{model.path}", "{model.x}", "{model.", "}"),
)
SEEDS: dict[str, list[str]] = {
    "name": ["a", "a-b", "a.b", "a..b", "-a", "a-", "A", "a.", "0", "a_b"],
    "folder": ["/a", "/a/b", "/a/", "/", "a", "/..", "/.a", "/a/../b", "/a//b", "/a b", "/a:b", "/.", "/..a"],
    "image": [
        "a", "a:1", "a.b/c:1", "a:5000/b", "a/b@sha256:" + "0" * 64, "a@sha256:0", "A/b", "A.b/c", "a/B", "a:", "a_b",
    ],
    "host": ["a", "*.a.b", "*", "*a.b", "a.b.", "A.b", "a:80", "a/b", "1.2"],
    "path": ["/", "/a", "/a/", "/a/b", "//", "/a//b", "/.", "/a/..", "/a b", "/a?b", "/a%2fb", "/~a@b:c"],
    "env": ["A", "a.b", "1", "A=B", "-a", "A B", "é"],
    "duration": [
        "1s", "1m", "1h", "1h1s", "1m1h", "1h30m", "90", "", "1.5h", "0s", "100000s", "1234567s", "1d", "-1s", "1ms",
    ],
    "quantity": [
        "1", "1m", "1.", ".1", "-1", "+1", "1e3", "1e", "1E", "1Ki", "1ki", "1K", "999P", "1e17", "1e18", "", "1 ",
    ],
    "argument": [
        "{model.path}", "{model.nam}", "{model.}", "{model.path", "{{model.path}}", "{ {model.name}",
        "{model.na{model.path}me}",
    ],
    "url": ["/", "/a", "/a b", "a", "/a#b", "/a?b=c", "/{model.name}", "/{model.x}", "/\u00a0"],
}  # fmt: skip


def container(**fields: Any) -> dict[str, Any]:
    return {"runtime": {"container": {"image": "a:1", **fields}}, "rollout": {"strategy": "BlueGreen"}}


def volumes(sizes: list[str]) -> dict[str, Any]:
    names = [f"v{n}" for n, _ in enumerate(sizes)]
    mounts = [{"name": name, "mountPath": f"/v/{name}"} for name in names]
    entries = [{"name": n, "emptyDir": {"sizeLimit": size}} for n, size in zip(names, sizes, strict=True)]
    return {"runtime": {"ref": {"name": "a"}}, "pod": {"volumes": entries, "volumeMounts": mounts}}


def spec_with(**parts: Any) -> dict[str, Any]:
    return {"runtime": {"ref": {"name": "a"}}, **parts}


FIELDS: dict[str, tuple[str, int, Callable[[list[str]], dict[str, Any]]]] = {
    "namespaces": ("name", 64, lambda texts: spec_with(network={"isolation": "Namespace", "allowedNamespaces": texts})),
    "hosts": ("host", 16, lambda texts: spec_with(traffic={"gateway": {"name": "a", "hostnames": texts}})),
    "secrets": ("name", 16, lambda texts: spec_with(pod={"imagePullSecrets": [{"name": text} for text in texts]})),
    "folders": ("folder", 16, lambda texts: container(scratch=texts, modelPath="/elsewhere/models")),
    "variables": ("env", 128, lambda texts: container(env=[{"name": text} for text in texts])),
    "arguments": ("argument", 128, lambda texts: container(args=texts)),
    "sizes": ("quantity", 16, volumes),
    "labels": ("name", 32, lambda texts: spec_with(pod={"labels": {f"l{n}": text for n, text in enumerate(texts)}})),
}
"""Fields that take many texts at once: the kind of text, how many, and a spec with them."""

SINGLE: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "image": ("image", lambda text: {"runtime": {"ref": {"name": "a"}, "image": text}}),
    "uri": ("image", lambda text: spec_with(model={"uri": f"oci://{text}"})),
    "claim": ("folder", lambda text: spec_with(model={"uri": f"pvc:/{text}"})),
    "drain": ("duration", lambda text: spec_with(rollout={"drain": text})),
    "grace": ("duration", lambda text: container(drain={"preStop": "5s", "gracePeriod": text})),
    "serving": ("url", lambda text: container(probes={"serving": text})),
    "route": ("path", lambda text: spec_with(traffic={"gateway": {"name": "a", "path": text}})),
    "limit": ("quantity", lambda text: spec_with(resources={"limits": {"example.com/device": text, "cpu": text}})),
    "less": ("quantity", lambda text: spec_with(resources={"requests": {"cpu": "1"}, "limits": {"cpu": text}})),
}


@pytest.mark.parametrize("field", FIELDS)
def test_the_same_of_many_texts_are_refused(kube: Kube, field: str) -> None:
    kind, count, spec = FIELDS[field]
    manifest = model(spec(texts(kind, count)))

    theirs, ours = refused_fields(server_says(kube, manifest)), refused_fields(python_says(manifest))
    assert ours == theirs
    assert 0 < len(theirs) < count


@pytest.mark.parametrize("field", SINGLE)
def test_the_same_texts_are_refused_one_by_one(kube: Kube, field: str) -> None:
    kind, spec = SINGLE[field]
    tried = texts(kind, 40)

    ours = {text for text in tried if python_says(model(spec(text)))}
    theirs = {text for text in tried if server_says(kube, model(spec(text)))}
    assert ours == theirs
    assert 0 < len(theirs) < len(tried)


def texts(kind: str, count: int) -> list[str]:
    """Different texts, close to right ones, the same each time."""
    chance = random.Random(7)
    found = dict.fromkeys(SEEDS[kind][:count])
    while len(found) < count:
        text = chance.choice(SEEDS[kind])
        cut = chance.randrange(len(text) + 1)
        found[text[:cut] + chance.choice(FRAGMENTS) + text[cut:]] = None
    return list(found)[:count]


def model(spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "fraud", "namespace": "default"}
    return {"apiVersion": "fairlead.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": spec}


def python_says(manifest: dict[str, Any]) -> tuple[str, ...]:
    parsed = parse_model_deployment(manifest, "forbid")
    return parsed.problems if isinstance(parsed, Invalid) else ()


def server_says(kube: Kube, manifest: dict[str, Any]) -> tuple[str, ...]:
    try:
        kube.create(MODEL_DEPLOYMENT, manifest, dryRun="All")
    except ApiException as error:
        answer = json.loads(error.body or "")
        return tuple(f"{cause['field']}: {cause['message']}" for cause in answer["details"]["causes"])
    return ()


def refused_fields(problems: Iterable[str]) -> set[str]:
    """Which entries of a list or map are refused."""
    return {match[0] for problem in problems if (match := re.match(r"[\w.]+\[\w+\]", problem))}
