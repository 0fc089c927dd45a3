"""The canonical form of a quantity is the one in which the API server stores it."""

import random

from fairlead.api.kinds import DEPLOYMENT
from fairlead.api.quantity import TOO_MUCH, canonical_quantity, quantity_value
from kube import Kube

TELLING = """
0 0.0 00 0Ki 0.0000000001 0.1n 1n 1.5n 1u 1000u 1000000n 1e-9 1e-10 1e-99 1234567890123456789n
.5 0.5 0.5m 0.500 1.0 1.10 1.234 010 1000m 1024 1023 1048576 123456789012345678 0.999999999999999999
1e0 1e1 1e2 1e3 1E3 1e-1 1e-3 1E-3 1e+3 12e6 5e4 1e17 14.629908e3
1Ki 0.5Ki 0.3Ki 0.001Ki 1025Ki 1024Ki 1.25Mi 1023.5Mi 1024Mi 1500Mi 0.1Gi 1.5Gi 0.000001Gi 908992Ti 887Pi
100000k 1000000k 999P 5823.625P
"""
"""Each stands for a branch of the API server's code, or for its edge."""
SUFFIXES = (*"numkMGTP", *("", "Ki", "Mi", "Gi", "Ti", "Pi"), *("e3", "e-3", "E6", "e5", "e-7"))


def test_as_the_api_server_stores_it(kube: Kube, namespace: str) -> None:
    quantities = [*TELLING.split(), *made_up(400)]

    stored = kube.create(DEPLOYMENT, deployment(namespace, quantities))
    volumes = stored["spec"]["template"]["spec"]["volumes"]

    ours = {text: canonical_quantity(text) for text in quantities}
    theirs = {text: volume["emptyDir"]["sizeLimit"] for text, volume in zip(quantities, volumes, strict=True)}
    assert ours == theirs


def test_what_is_stored_stays_as_it_is() -> None:
    stored = [canonical_quantity(text) for text in (*TELLING.split(), *made_up(2000))]

    assert [canonical_quantity(text) for text in stored] == stored


def made_up(count: int) -> list[str]:
    """Quantities below the size that Fairlead refuses, the same ones each time."""
    chance = random.Random(20)
    found: list[str] = []
    while len(found) < count:
        whole = chance.choice((chance.randrange(10 ** chance.randrange(1, 19)), chance.randrange(64) * 1024))
        fraction = chance.choice(("", "", f".{chance.randrange(10 ** chance.randrange(1, 12))}"))
        text = f"{whole}{fraction}{chance.choice(SUFFIXES)}"
        if quantity_value(text) < quantity_value(TOO_MUCH):
            found.append(text)
    return found


def deployment(namespace: str, quantities: list[str]) -> dict[str, object]:
    """One Deployment with one volume for each quantity; nothing of it ever runs."""
    labels = {"app": "quantities"}
    template = {
        "metadata": {"labels": labels},
        "spec": {
            "containers": [{"name": "none", "image": "none"}],
            "volumes": [{"name": f"v{n}", "emptyDir": {"sizeLimit": text}} for n, text in enumerate(quantities)],
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "quantities", "namespace": namespace},
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
    }
