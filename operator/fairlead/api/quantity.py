"""Kubernetes quantities, in the form in which the API server stores them.

It stores `1000m` as `1` and `1024Mi` as `1Gi`, but leaves `1.234` alone. What Fairlead builds has to be written the
same way, or it would differ from the live object for ever. Rules: k8s.io/apimachinery/pkg/api/resource, `ParseQuantity`
and `Quantity.CanonicalizeBytes`; tests/cluster/api compares with what a real API server stores.
"""

import re
from decimal import ROUND_CEILING, Context, Decimal

QUANTITY = r"([0-9]+(\.[0-9]+)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?"
"""As the API server reads them, without signs: Fairlead has no use for less than nothing."""

TOO_MUCH = "1E"
"""The API server's arithmetic overflows from here on: it stores `1000E` as `1`."""

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_EXACT = Context(prec=200)


def canonical_quantity(value: object) -> str:
    """The form in which the API server returns a quantity. Raises ValueError when it is none."""
    number, suffix = _split(value)
    amount = _rounded_up(_amount(number, suffix))
    if _looks_canonical(number, suffix):
        return f"{number}{suffix}"
    if suffix in _BINARY:
        return _binary(amount)
    mantissa, exponent = _thousands(amount)
    if suffix in _DECIMAL:
        return f"{mantissa}{_decimal_suffix(exponent)}"
    return f"{mantissa}e{exponent}" if exponent else str(mantissa)


def quantity_value(value: object) -> Decimal:
    """The number that a quantity stands for. Raises ValueError when it is none."""
    return _amount(*_split(value))


def _split(value: object) -> tuple[str, str]:
    text = str(value)
    match = re.fullmatch(QUANTITY, text, re.ASCII)
    if isinstance(value, bool) or not match:
        raise ValueError(f"{value!r} is not a quantity; write a number with a unit such as 500m, 2 or 4Gi")
    return match[1], match[3] or ""


def _amount(number: str, suffix: str) -> Decimal:
    if suffix in _BINARY:
        return _EXACT.multiply(Decimal(number), Decimal(1 << _BINARY[suffix]))
    return Decimal(number).scaleb(_power(suffix), _EXACT)


def _power(suffix: str) -> int:
    return _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])


def _looks_canonical(number: str, suffix: str) -> bool:
    """Whether the API server keeps the text: its short cut for common forms, which lets some others through."""
    whole, _, fraction = number.partition(".")
    whole = whole.lstrip("0") or "0"
    digits = whole + fraction
    if suffix in _BINARY:
        return not fraction and len(whole) + _BINARY[suffix] * 3 // 10 <= 14 and int(whole) % 8 != 0
    scale = _power(suffix) - len(fraction)
    return len(digits) <= 18 and scale >= -9 and scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _binary(amount: Decimal) -> str:
    # Below 1024, and where a fraction is left, the server falls back to the decimal format.
    if amount != amount.to_integral_value() or amount < 1024:
        mantissa, exponent = _thousands(amount)
        return f"{mantissa}{_decimal_suffix(exponent)}"
    whole = int(amount)
    shift = max(bits for bits in (0, *_BINARY.values()) if whole % (1 << bits) == 0)
    suffix = next((name for name, bits in _BINARY.items() if bits == shift), "")
    return f"{whole >> shift}{suffix}"


def _decimal_suffix(exponent: int) -> str:
    return next(name for name, power in _DECIMAL.items() if power == exponent)


def _rounded_up(amount: Decimal) -> Decimal:
    """Nothing smaller than a nano is kept: who asks for some gets some."""
    return amount.scaleb(9, _EXACT).to_integral_value(ROUND_CEILING).scaleb(-9, _EXACT)


def _thousands(amount: Decimal) -> tuple[int, int]:
    """The amount as mantissa x 10^exponent, the largest multiple of 3 up to 18 that keeps the mantissa whole."""
    for exponent in range(18, -10, -3):
        mantissa = amount.scaleb(-exponent, _EXACT)
        if amount and mantissa == mantissa.to_integral_value():
            return int(mantissa), exponent
    return 0, 0
