"""An image or an artifact in a registry, by the OCI distribution API. The digest of its manifest or index is the pin.

Asked by httpx2, like web servers, and not through oras-py 0.2.43: that one downloads a blob in one go, without ranges
and so without going on after a crash, and knows neither mirrors nor image layers; what is left of it is one GET.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused, Unreachable
from fairlead_fetch.source import Found, Item, Stream, choose
from fairlead_fetch.sources.oci_layers import items_of
from fairlead_fetch.sources.registry_access import Access
from fairlead_fetch.trust import Trust
from fairlead_fetch.uri import Uri

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
LARGEST = 4 << 20  # bytes of a manifest, the least that registries have to take; more is no manifest

Manifest = Mapping[str, Any]


class Registry:
    origin = ""

    def __init__(self, uri: Uri, trust: Trust, log: Callable[[str], None]) -> None:
        self._uri = uri
        self._access = Access.to(uri, trust)
        self._log = log

    def resolve(self, wanted: Patterns) -> Found:
        asked = self._uri.pin or self._uri.reference
        digest, manifest = self._manifest(asked)
        pinned = digest
        if manifest.get("mediaType") in INDEXES or "manifests" in manifest:
            _, manifest = self._manifest(self._of_platform(manifest))
        items = items_of(manifest, self._uri.shown(), self._log)
        return Found(uri=self._uri.pinned(pinned), items=choose(items, wanted, self._uri.shown()))

    def read(self, item: Item, start: int) -> AbstractContextManager[Stream]:
        return self._access.blob(item, start)

    def _manifest(self, reference: str) -> tuple[str, Manifest]:
        """Its digest, computed and compared, and what it says."""
        content = self._access.manifest(reference, ", ".join((*INDEXES, *MANIFESTS)), LARGEST)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if reference.startswith("sha256:") and digest != reference:
            raise Refused(
                f"{self._access.host} gave a manifest of {self._uri.shown()} with the digest {digest} when {reference} "
                "was asked for: somebody has changed it on the way"
            )
        try:
            manifest = json.loads(content)
        except ValueError:
            manifest = None
        if not isinstance(manifest, dict):
            raise Unreachable(f"{self._access.host} gave no manifest for {self._uri.shown()}: look what answers there")
        return digest, manifest

    def _of_platform(self, index: Manifest) -> str:
        """The digest of the manifest for this machine; one without a platform is for all."""
        here = ("linux", {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()))
        offered = {_platform(entry): str(entry["digest"]) for entry in reversed(index.get("manifests", []))}
        for wanted in (here, None):
            if wanted in offered:
                return offered[wanted]
        listed = ", ".join("/".join(each) for each in offered if each)
        raise Refused(
            f"{self._uri.shown()} is not for {'/'.join(here)}, but for {listed or 'nothing'}: build it for that, too"
        )


def _platform(entry: Manifest) -> tuple[str, str] | None:
    found = entry.get("platform")
    # Attestations are listed with a platform that is none.
    return (str(found.get("os", "")), str(found.get("architecture", ""))) if found else None
