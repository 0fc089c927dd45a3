"""How Kopf is set: watches only. Nothing is stored on objects, nothing is posted, and nobody is waited for long."""

from collections.abc import Mapping

import kopf

from fairlead.api.kinds import Kind
from fairlead.handlers.storages import NoDiffBase, NoProgress

CONNECT = 5.0  # seconds
SERVER = 290  # seconds, whole ones; shorter than the time after which load balancers cut a silent connection
REQUEST = 30.0  # seconds


def configure(settings: kopf.OperatorSettings, selectors: Mapping[Kind, str]) -> None:
    """Fits Kopf's settings to an operator that keeps its own state and writes by itself."""
    settings.posting.enabled = False
    settings.peering.standalone = True  # Kopf's peering is no lock; the Lease decides who writes
    settings.scanning.disabled = True  # no right to list CRDs and namespaces is needed
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = SERVER
    settings.watching.client_timeout = SERVER + 10
    settings.watching.connect_timeout = CONNECT
    settings.networking.request_timeout = REQUEST
    settings.networking.connect_timeout = CONNECT
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.diffbase_storage = NoDiffBase()
    # Kopf has a worker for each object, and while it idles it keeps the object that it saw last in memory.
    settings.queueing.idle_timeout = 0.05
    for kind, selector in selectors.items():
        settings.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
