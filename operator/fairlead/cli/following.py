"""One ModelDeployment as it changes, from a watch of the API server."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kubernetes import client, watch

from fairlead.api.kinds import MODEL_DEPLOYMENT
from fairlead.cli import cluster
from fairlead.cli.errors import CommandError

LONGEST_WATCH = 60
"""Seconds. Whatever a watch has missed is seen when the next one begins."""


def models(namespace: str, name: str, timeout: timedelta) -> Iterator[dict[str, Any]]:
    """The ModelDeployment now, and after every change, until the time is over. Raises CommandError when it is gone."""
    end = time.monotonic() + timeout.total_seconds()
    while True:
        found = cluster.model(namespace, name)
        yield found
        if (left := end - time.monotonic()) <= 0:
            return
        yield from _changes(found, min(left, LONGEST_WATCH))


def _changes(found: dict[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
    kind, metadata = MODEL_DEPLOYMENT, found["metadata"]
    what = f"ModelDeployment {metadata['name']} in namespace {metadata['namespace']}"
    with cluster.asking(f"there is no {what}"):
        events = watch.Watch().stream(  # type: ignore[no-untyped-call]
            cluster.custom_objects().list_namespaced_custom_object,
            kind.group,
            kind.version,
            metadata["namespace"],
            kind.plural,
            field_selector=f"metadata.name={metadata['name']}",
            resource_version=metadata["resourceVersion"],
            timeout_seconds=max(1, round(seconds)),
        )
        try:
            for event in events:
                if event["type"] == "DELETED":
                    raise CommandError(f"{what} was deleted")
                yield event["object"]
        except client.ApiException as gone:
            if gone.status != 410:  # too old a version: it is read again
                raise
