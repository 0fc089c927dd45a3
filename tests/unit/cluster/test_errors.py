from datetime import timedelta

import pytest

from fairlead.cluster.errors import (
    ApiError,
    Cause,
    Conflict,
    Expired,
    NotFound,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
    error_from,
)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Rejected),
        (404, NotFound),
        (405, Rejected),
        (409, Conflict),
        (410, Expired),
        (415, Rejected),
        (422, Rejected),
        (429, Throttled),
        (500, ServerFault),
        (503, ServerFault),
        (504, ServerFault),
    ],
)
def test_each_status_has_its_error(status: int, expected: type[ApiError]):
    assert type(error_from(status, {})) is expected


def test_the_servers_own_words_and_causes_are_kept():
    error = error_from(
        422,
        {
            "message": "Service is invalid",
            "reason": "Invalid",
            "details": {"kind": "Service", "causes": [{"reason": "Bad", "message": "no", "field": "spec.ports"}]},
        },
    )
    assert str(error) == error.message == "Service is invalid"
    assert (error.status, error.reason, error.kind) == (422, "Invalid", "Service")
    assert error.causes == (Cause("Bad", "no", "spec.ports"),)


def test_a_proxys_page_is_a_message_too():
    assert error_from(502, "<h1>Bad Gateway</h1>").message == "<h1>Bad Gateway</h1>"
    assert error_from(502, None).message == "HTTP status 502"


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        ("7", {}, 7),
        (None, {"details": {"retryAfterSeconds": 3}}, 3),
        (None, {}, 1),
        ("Wed, 21 Oct 2026 07:28:00 GMT", {}, 1),
    ],
)
def test_patience_is_read_from_the_header_or_the_body(header: str | None, body: object, expected: int):
    error = error_from(429, body, header)
    assert isinstance(error, Throttled)
    assert error.retry_after == timedelta(seconds=expected)
