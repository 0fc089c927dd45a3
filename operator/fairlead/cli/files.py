"""YAML files of custom resources, read for a command."""

import sys
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME, Kind
from fairlead.cli.errors import CommandError


def manifests(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Every object in the files, `-` being standard input. Raises CommandError for what is no Kubernetes object."""
    return [manifest for path in paths for manifest in _objects(path, _text(path))]


def of_kind(kind: Kind, found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects of one kind."""
    return [each for each in found if (each.get("apiVersion"), each.get("kind")) == (kind.api_version, kind.kind)]


def shipped_runtimes() -> list[dict[str, Any]]:
    """The ModelRuntimes that come with Fairlead."""
    folder = resources.files("fairlead") / "runtimes"
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".yaml")]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text) if manifest]


def _text(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise CommandError(f"{path} cannot be read: {wrong}") from wrong


def _objects(path: str, text: str) -> Iterator[dict[str, Any]]:
    try:
        documents = [document for document in yaml.safe_load_all(text) if document is not None]
    except yaml.YAMLError as wrong:
        raise CommandError(f"{path} is not YAML: {' '.join(str(wrong).split())}") from wrong
    for number, document in enumerate(documents, start=1):
        metadata = document.get("metadata") if isinstance(document, dict) else None
        if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or "kind" not in document:
            raise CommandError(f"document {number} of {path} is no Kubernetes object with a kind and metadata.name")
        if document["kind"] in {MODEL_DEPLOYMENT.kind, MODEL_RUNTIME.kind}:
            yield document
