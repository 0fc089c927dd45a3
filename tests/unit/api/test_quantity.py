"""Quantities are kept in the form in which the API server returns them; tests/cluster/api asks a real one."""

from decimal import Decimal

import pytest

from fairlead.api.quantity import canonical_quantity, quantity_value


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.1Gi", "107374182400m"),
        ("1023.5Mi", "1048064Ki"),
        ("0.5", "500m"),
        ("0.5m", "500u"),
        ("0.1n", "1n"),
        ("100000k", "100M"),
        ("1e3", "1e3"),
        ("1e4", "10e3"),
        ("0.5Ki", "512"),
        ("0Gi", "0"),
        (2, "2"),
    ],
)
def test_canonical_form(written: object, stored: str) -> None:
    assert canonical_quantity(written) == stored


def test_what_the_api_server_leaves_alone_is_left_alone() -> None:
    for text in ("1.234", "010", "1E3"):
        assert canonical_quantity(text) == text


@pytest.mark.parametrize("text", ["", "1.", "-1", "+1", "1K", "1ki", "much", "1e", "1e100", " 1", True, None])
def test_anything_else_is_no_quantity(text: object) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        canonical_quantity(text)


def test_value() -> None:
    assert quantity_value("1.5Ki") == 1536
    assert quantity_value("1n") == Decimal("1e-9")
    assert quantity_value("2e3") == 2000
