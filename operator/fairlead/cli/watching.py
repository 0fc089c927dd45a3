"""Follows one ModelDeployment by a Kubernetes watch, for as long as somebody wants to know.

A watch ends now and then, and an API server that is upgraded or busy does not answer for a while. The state is listed
anew then and followed from there, so nothing is missed but what was true for a moment only.
"""

import queue
import threading
from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from kubernetes import client, watch
from urllib3.exceptions import HTTPError

from fairlead.api.kinds import MODEL_DEPLOYMENT
from fairlead.cli.cluster import Object, custom_objects

LONGEST_WATCH = 240  # seconds, after which the server ends it
AGAIN = 1.0  # seconds until it is listed again
ENDED_WITHIN = 5  # seconds


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The ModelDeployment as it is, None when there is none; or else in `trouble` why that is not known now."""

    model: Object | None = None
    trouble: str | None = None


def follow(namespace: str, name: str, every: float, again: float = AGAIN) -> Generator[Seen | None]:
    """Yields what was seen as soon as it is, and None when nothing new was seen for `every` seconds."""
    following = _Following(namespace, name, again)
    following.start()
    try:
        while True:
            try:
                yield following.seen.get(timeout=every)
            except queue.Empty:
                yield None
    finally:
        following.end()


class _Following(threading.Thread):
    """Waits for changes beside whoever shows them, and has the picture drawn anew meanwhile."""

    def __init__(self, namespace: str, name: str, again: float) -> None:
        super().__init__(daemon=True)
        kind = MODEL_DEPLOYMENT
        self.seen: queue.Queue[Seen] = queue.Queue()
        self._ask = partial(
            custom_objects().list_namespaced_custom_object,
            *(kind.group, kind.version, namespace, kind.plural),
            field_selector=f"metadata.name={name}",
        )
        self._again = again
        self._watch: Any = watch.Watch()  # type: ignore[no-untyped-call]
        self._enough = threading.Event()

    def run(self) -> None:
        """Lists and watches until it is enough."""
        while not self._enough.is_set():
            try:
                self._watch_once()
            except client.ApiException as refused:
                if refused.status != HTTPStatus.GONE:  # too old a state to go on from is no trouble: it is listed anew
                    self.seen.put(Seen(trouble=f"the API server answered {refused.status}: {refused.reason}"))
            except (OSError, HTTPError) as unreachable:
                self.seen.put(Seen(trouble=f"the API server cannot be reached: {unreachable}"))
            self._enough.wait(self._again)

    def end(self) -> None:
        """It is enough. A thread that still runs when the interpreter ends could bring the process down."""
        self._enough.set()
        for _ in range(ENDED_WITHIN):
            self._watch.stop()
            self.join(1.0)
            if not self.is_alive():
                return

    def _watch_once(self) -> None:
        """The state as it is, and its changes until the watch ends."""
        listed: Any = self._ask(_request_timeout=(5, 30))
        self.seen.put(Seen(model=next(iter(listed["items"]), None)))
        changes = self._watch.stream(
            self._ask,
            resource_version=listed["metadata"]["resourceVersion"],
            timeout_seconds=LONGEST_WATCH,
            _request_timeout=(5, LONGEST_WATCH + 30),
        )
        for event in changes:
            if event and event["type"] in ("ADDED", "MODIFIED"):
                self.seen.put(Seen(model=event["object"]))
            elif event and event["type"] == "DELETED":
                self.seen.put(Seen())
