"""report/steady.py: which words are no news."""

import pytest

from fairlead.report.steady import says_the_same

WAITS = "0 of 1 replicas of fraud-60d423ce are available: "
LAST = f"{WAITS}container server ended with exit code 1; its last line was: "
QUOTA = "no pod may be created: exceeded quota: small, requested: pods=1, used: pods=5, limited: pods="
MEMORY = "no pod may be created: exceeded quota: small, requested: memory=1, used: memory=5, limited: memory="

NO_NEWS = [
    ("2026-01-05 09:00:01,123 ERROR no weights", "2026-01-06 10:11:12,456 ERROR no weights"),
    ("2026-01-05T09:00:01.5Z no weights", "2026-01-05T09:05:01.25+01:00 no weights"),
    ("E0105 09:00:01.123456 main.go:12] no weights", "E0106 09:05:01.654321 main.go:12] no weights"),
    ('{"ts":1767603601.25,"msg":"no weights"}', '{"ts":1767603901.5,"msg":"no weights"}'),
    ('{"ts":1767603601250}', '{"ts":1767603901500}'),
    ("dial tcp 10.0.0.1:38764: connection refused", "dial tcp 10.0.0.7:40112: connection refused"),
    ("dial tcp [fd00::1]:38764: connection refused", "dial tcp [fd00::7a]:40112: connection refused"),
    ("request 0b9f7a52-0f5e-4d1c-9c39-1a2b3c4d5e6f failed", "request 1c9f7a52-0f5e-4d1c-9c39-1a2b3c4d5e60 failed"),
    ("<Model object at 0x7f12ab34cd50>", "<Model object at 0x7f99ab34cd50>"),
    ("trace 7f3a91c0b2 failed", "trace 99ab04d7e1 failed"),
    ("trace 1767603601abcdef failed", "trace 1767603601abcdee failed"),
    ("pod fraud-60d423ce-7b9f8c6d5-x2x4z is wrong", "pod fraud-60d423ce-7b9f8c6d5-q9k2m is wrong"),
]


@pytest.mark.parametrize(("before", "now"), NO_NEWS)
def test_times_addresses_and_identifiers_are_no_news(before: str, now: str):
    assert says_the_same(LAST + now, LAST + before)


NEWS = [
    (f"{WAITS}GET /v2/ready on port 8080 answered 404", f"{WAITS}GET /v2/ready on port 8080 answered 503"),
    (f"{WAITS}container server ended with exit code 1", f"{WAITS}container server ended with exit code 2"),
    (f"{QUOTA}5", f"{QUOTA}6"),
    (f"{MEMORY}1073741824", f"{MEMORY}1610612736"),
    (f"{WAITS}waiting for 1 nvidia.com/gpu: 0/2 nodes", f"{WAITS}waiting for 1 nvidia.com/gpu: 0/3 nodes"),
    (f"{LAST}E1101 no member", f"{LAST}E1102 no member"),
    (f"{LAST}expected 12 features", f"{LAST}expected 13 features"),
    (f"{WAITS}no weights", f"{WAITS.replace('0 of', '1 of')}no weights"),
]


@pytest.mark.parametrize(("before", "now"), NEWS)
def test_every_other_number_is_news(before: str, now: str):
    assert not says_the_same(now, before)
