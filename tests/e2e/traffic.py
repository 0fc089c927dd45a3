"""Something happens to a model while requests come in: how many were lost?"""

from collections.abc import Callable
from typing import Any

from e2e.load import load
from kube import Kube
from waiting import holds

ENOUGH = 50  # requests per second that have to come in for the count to mean something


def lost_while(kube: Kube, namespace: str, image: str, act: Callable[[], None], **how: Any) -> dict[str, Any]:
    """What the load counted while something happened, and a little before and after. Fails for a load that is weak."""
    with load(kube, namespace, image, **how) as traffic:
        holds(lambda: True, seconds=3)
        act()
        holds(lambda: True, seconds=3)
        counted = traffic.stop()
    print(f"{counted['ok']} answered, {counted['failed']} lost in {counted['seconds']:.0f} s")
    sent = counted["ok"] + counted["failed"]
    assert sent >= ENOUGH * counted["seconds"], f"the load itself was too weak to show anything: {counted}"
    return counted
