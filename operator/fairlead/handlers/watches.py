"""What Kopf does for us: the login, the watches, and the beginning and end of the process."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import kopf

from fairlead.api.kinds import CHILDREN, MODEL_DEPLOYMENT, MODEL_RUNTIME, OPTIONAL, POD, Kind
from fairlead.api.names import MODEL
from fairlead.handlers.configuration import configure

WATCHED = (MODEL_DEPLOYMENT, MODEL_RUNTIME, POD, *(kind for kind in CHILDREN if kind not in OPTIONAL))
SELECTORS = dict.fromkeys((POD, *CHILDREN), MODEL)
"""Label selectors of the watches: only what carries the name of a model is looked at, so never all pods."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What the operator does when Kopf calls."""

    start: Callable[[], Awaitable[frozenset[Kind]]]
    """Returns those optional kinds that are to be watched, too."""
    stop: Callable[[], Awaitable[None]]
    login: Callable[[], kopf.AiohttpSession]
    observe: Callable[[Kind, str | None, dict[str, Any]], object]


def registry(hooks: Hooks) -> kopf.OperatorRegistry:
    """The handlers of one operator. None returns a value: Kopf would write it to the status of the object."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.startup(registry=handlers, errors=kopf.ErrorsMode.PERMANENT)
    async def _start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings, SELECTORS)
        for kind in sorted(await hooks.start(), key=str):
            _watch(handlers, hooks, kind)  # the watches begin after this

    @kopf.on.cleanup(registry=handlers)
    async def _stop(**_: Any) -> None:
        await hooks.stop()

    @kopf.on.login(registry=handlers)
    async def _login(**_: Any) -> kopf.AiohttpSession:
        return hooks.login()

    for kind in WATCHED:
        _watch(handlers, hooks, kind)
    return handlers


def _watch(handlers: kopf.OperatorRegistry, hooks: Hooks, kind: Kind) -> None:
    @kopf.on.event(kind.group, kind.version, kind.plural, registry=handlers, id=kind.plural)
    async def _seen(event: kopf.RawEvent, **_: Any) -> None:
        hooks.observe(kind, event["type"], dict(event["object"]))
