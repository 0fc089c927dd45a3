"""Texts of environment variables → values. Each raises ValueError with what the variable takes."""

import json
import re
from collections.abc import Callable
from datetime import timedelta

from pydantic import ValidationError

from fairlead.api.fields import parse_duration
from fairlead.api.forms import IMAGE
from fairlead.api.gatewaymetrics import SHIPPED, GatewayMetrics

MOST_CERTIFICATES = 16_384
"""They are in every revision and Deployment, and so in the cache of all: a whole ca-certificates.crt would fill it."""


def names(value: str) -> tuple[str, ...]:
    """`a, b` → `a` and `b`."""
    return tuple(name.strip() for name in value.split(",") if name.strip())


def name(value: str) -> str:
    """Any text but none."""
    if not value:
        raise ValueError("must not be empty")
    return value


def number(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number between two."""

    def parse(value: str) -> int:
        if not value.isdecimal() or not lowest <= int(value) <= highest:
            raise ValueError(f"takes a whole number from {lowest} to {highest}")
        return int(value)

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """One of several words."""

    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"takes one of {', '.join(choices)}")
        return value

    return parse


def address(value: str) -> str:
    """An http(s) address, without a slash at its end; empty: none."""
    if value and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise ValueError("takes an address such as http://prometheus.monitoring:9090, without user and query")
    return value.rstrip("/")


def file(value: str) -> str:
    """The full path of a file; empty: none."""
    if value and not value.startswith("/"):
        raise ValueError("takes the full path of a file")
    return value


def image(value: str) -> str:
    """A container image; empty: none."""
    if value and not re.fullmatch(IMAGE, value):
        raise ValueError("takes an image such as registry.example/fairlead/fetcher:1.2")
    return value


def variables(value: str) -> tuple[tuple[str, str], ...]:
    """A JSON object of texts, as pairs in the order of their names."""
    try:
        parsed = json.loads(value or "{}")
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict) or not all(isinstance(each, str) for each in parsed.values()):
        raise ValueError('takes a JSON object of texts such as {"HTTPS_PROXY": "http://proxy:3128"}')
    return tuple(sorted(parsed.items()))


def gateway_metrics(value: str) -> GatewayMetrics | None:
    """The name of a Gateway whose metrics are known, or a JSON object: what they are, or `like` which one and `labels`.

    Empty: none.
    """
    if not value or value in SHIPPED:
        return SHIPPED.get(value)
    try:
        said = json.loads(value)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ValueError(
            f"takes {', '.join(SHIPPED)}, or a JSON object with like and labels, or with labels, errors and latency"
        )
    said = {name: part for name, part in said.items() if part}
    like = said.pop("like", None)
    if like is not None and like not in tuple(SHIPPED):
        raise ValueError(f"like: takes one of {', '.join(SHIPPED)}")
    known = SHIPPED[like].model_dump(by_alias=True) if like is not None else {}
    labels = said.get("labels") or {}
    try:
        if known and isinstance(labels, dict):
            said = {**known, **said, "labels": {**known["labels"], **labels}}
        return GatewayMetrics.model_validate(said)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")) from wrong


def certificates(value: str) -> str:
    """Certificates in PEM; empty: none."""
    if value and "-----BEGIN CERTIFICATE-----" not in value:
        raise ValueError("takes certificates in PEM")
    if len(value) > MOST_CERTIFICATES:
        raise ValueError(f"takes at most {MOST_CERTIFICATES} characters: only the authorities that are yours")
    return value


def duration(value: str) -> timedelta:
    """A length of time."""
    parsed = parse_duration(value)
    if not isinstance(parsed, timedelta):
        raise ValueError("takes hours, minutes and seconds such as 6h")
    return parsed


def object_name(value: str) -> str:
    """The name of a Kubernetes object; empty: none."""
    if value and not re.fullmatch("[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", value):
        raise ValueError("takes the name of an object: lower-case letters, digits, '-' and '.'")
    return value


def auth_modes(value: str) -> str:
    """KEDA's authModes."""
    if not re.fullmatch("(bearer|basic|tls|custom)(,(bearer|basic|tls|custom))*", value):
        raise ValueError("takes bearer, basic, tls or custom, or several of them with commas between")
    return value


def label(value: str) -> str:
    """The name of a label in Prometheus."""
    if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", value, re.ASCII):
        raise ValueError("takes the name of a label: letters, digits and '_'")
    return value


def flag(value: str) -> bool:
    """`true` or `false`."""
    return one_of("true", "false")(value.lower()) == "true"
