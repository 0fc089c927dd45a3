"""spec.traffic: how clients outside of the cluster reach a model, and how a canary gets its share of them."""

from typing import Annotated

from pydantic import Field

from fairlead.api.fields import Part, unique
from fairlead.api.forms import DOMAIN, DnsLabel, ObjectName
from fairlead.api.rules import matching

Hostname = Annotated[
    str,
    Field(max_length=253),
    matching(
        rf"(\*\.)?{DOMAIN}",
        "must be a host name in lower-case letters such as fraud.example.com or *.example.com: no https://, no port, "
        "no path",
    ),
]
RoutePath = Annotated[
    str,
    Field(max_length=256),
    matching(
        "/|(/[A-Za-z0-9_~][A-Za-z0-9._~@:-]*)+/?",
        "must be a path such as /fraud or /: letters, digits, '.', '_', '~', '@', ':' and '-' between single slashes",
    ),
]


class Gateway(Part):
    """A Gateway of the Gateway API, and which of its requests are for this model."""

    name: ObjectName = Field(description="Name of the Gateway.")
    namespace: DnsLabel | None = Field(
        default=None,
        description="Its namespace; absent: that of this resource. Its listener must allow routes of this namespace.",
    )
    section_name: ObjectName | None = Field(
        default=None, description="Name of the one listener to use; absent: all listeners that allow it."
    )
    hostnames: Annotated[
        tuple[Hostname, ...], Field(max_length=16, json_schema_extra={"x-kubernetes-list-type": "set"}), unique()
    ] = Field(default=(), description="Requests to these hosts are for this model; none: to every host.")
    path: RoutePath = Field(default="/", description="Requests whose path begins so are for this model.")
    rewrite_path: RoutePath | None = Field(
        default=None,
        description="What the server sees in place of path, such as /; absent: the path as it was asked for. An "
        "extended feature of the Gateway API, which nearly all implementations have.",
    )


class Traffic(Part):
    """How clients outside of the cluster reach the model."""

    gateway: Gateway = Field(
        description="By an HTTPRoute at this Gateway. A canary gets its share there to the percent, of what comes that "
        "way: requests to the Service go to the stable revision alone.",
    )
