"""What can come of a request to the API server besides its answer.

Told apart by HTTP status and by the machine-readable parts of the server's Status object, never by its text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Cause:
    """One entry of `details.causes`: what the server objects to, and in which field."""

    reason: str
    message: str
    field: str


class ApiError(Exception):
    """The request was not carried out, or nobody knows. The message is the server's own where it gave one."""

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", kind: str = "", causes: tuple[Cause, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        """HTTP status code; 0 when there was no response."""
        self.reason = reason
        self.kind = kind
        """What the server's `details.kind` names, e.g. `namespaces` when an object's namespace is not there."""
        self.causes = causes


class NotFound(ApiError):
    """404: the object, its namespace or the kind itself is not there."""


class Conflict(ApiError):
    """409: the object is not what we took it for: changed, replaced by another, or there already."""


class Rejected(ApiError):
    """400, 403, 422 and the like: the server refuses this very object, and will again until it or the rules change.

    Validation, admission policies and webhooks, quota, RBAC. The message is for the user. `look_again` is after how
    long there is something else to do for the same model.
    """

    def __init__(self, message: str, *, look_again: timedelta | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.look_again = look_again


class Refused(Rejected):
    """An object of a model was rejected. Its status says so, and what did not rest on that object is done."""


class Expired(ApiError):
    """410: the point in history that the request goes on from is no longer kept. Begin anew."""


class Unauthorized(ApiError):
    """401: the credentials were refused, the freshly read ones too."""


class Throttled(ApiError):
    """429: the server (or an eviction budget) asks for patience."""

    def __init__(self, message: str, *, retry_after: timedelta, **more: Any) -> None:
        super().__init__(message, **more)
        self.retry_after = retry_after


class ServerFault(ApiError):
    """5xx, a timeout or a broken connection. A write may have been carried out all the same."""


class NotLeading(ApiError):
    """Another process may be the leader by now, so the write was not sent."""


def error_from(status: int, body: object, retry_after: str | None = None) -> ApiError:
    """The error that a response of status ≥ 400 stands for. `body` is the parsed JSON, or text from a proxy."""
    said: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    details = said.get("details") or {}
    message = said.get("message") or (body if isinstance(body, str) and body else f"HTTP status {status}")
    parts: dict[str, Any] = {
        "status": status,
        "reason": said.get("reason", ""),
        "kind": details.get("kind", ""),
        "causes": tuple(_cause(cause) for cause in details.get("causes") or ()),
    }
    if status == 429:
        seconds = _seconds(retry_after) or _seconds(details.get("retryAfterSeconds")) or 1.0
        return Throttled(message, retry_after=timedelta(seconds=seconds), **parts)
    return _BY_STATUS.get(status, ServerFault if status >= 500 else Rejected)(message, **parts)


_BY_STATUS: dict[int, type[ApiError]] = {401: Unauthorized, 404: NotFound, 409: Conflict, 410: Expired}


def _cause(cause: Mapping[str, Any]) -> Cause:
    return Cause(cause.get("reason", ""), cause.get("message", ""), cause.get("field", ""))


def _seconds(value: object) -> float | None:
    # Retry-After may also be a date; Kubernetes sends seconds.
    try:
        return float(str(value))
    except ValueError:
        return None
