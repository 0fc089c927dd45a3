"""Compute resources of one pod, by the rules that the API server has for those of a container."""

import re
from typing import Annotated

from pydantic import Field

from fairlead.api.fields import Part, Quantity
from fairlead.api.forms import DOMAIN
from fairlead.api.quantity import quantity_value
from fairlead.api.rules import every_key

_DEVICE = rf"{DOMAIN}/[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"
RESOURCE = rf"cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMG]i|{_DEVICE}"


def _is_extended(resource: str) -> bool:
    return "/" in resource or resource.startswith("hugepages-")


_IS_EXTENDED = "(k.contains('/') || k.startsWith('hugepages-'))"
_COMPARABLE = "isQuantity(string(self.requests[k])) && isQuantity(string(self.limits[k]))"
_COMPARED = "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k])))"

Amounts = Annotated[
    dict[str, Quantity],
    Field(max_length=32),
    every_key(
        "<key> is no resource: use cpu, memory, ephemeral-storage, or a device with its domain such as nvidia.com/gpu",
        f"k.matches(r'^({RESOURCE})$')",
        lambda _, key: re.fullmatch(RESOURCE, key, re.ASCII) is not None,
    ),
    every_key(
        "<key> must be a whole number: devices cannot be divided",
        "!k.contains('/') || !isQuantity(string(self[k])) || quantity(string(self[k])).isInteger()",
        lambda amounts, key: "/" not in key or quantity_value(amounts[key]) % 1 == 0,
    ),
]


class Resources(Part):
    """Compute resources of one pod."""

    must_hold = (
        every_key(
            "resources.requests.<key> must not be more than resources.limits.<key>; lower the one or raise the other",
            f"{_IS_EXTENDED} || !has(self.limits) || !(k in self.limits) || !({_COMPARABLE}) || {_COMPARED} <= 0",
            lambda self, key: (
                _is_extended(key)
                or key not in self.limits
                or quantity_value(self.requests[key]) <= quantity_value(self.limits[key])
            ),
            of="requests",
        ),
        every_key(
            "resources.requests.<key> must equal resources.limits.<key>: put it into limits (requests then follow)",
            f"!{_IS_EXTENDED} || has(self.limits) && k in self.limits && (!({_COMPARABLE}) || {_COMPARED} == 0)",
            lambda self, key: (
                not _is_extended(key)
                or (key in self.limits and quantity_value(self.requests[key]) == quantity_value(self.limits[key]))
            ),
            of="requests",
        ),
    )

    requests: Amounts = Field(default={}, description="What the scheduler sets aside.")
    limits: Amounts = Field(
        default={}, description="What may be used at most; accelerators belong here: nvidia.com/gpu: 1."
    )
