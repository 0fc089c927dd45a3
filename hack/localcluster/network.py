"""The network of the cluster: one bridge on the host, and behind it one network namespace for each node."""

import subprocess
from pathlib import Path

from localcluster.commands import run
from localcluster.places import RUN, ClusterError

BRIDGE = "fl0"
HOST = "10.200.0.1"
API_PORT = 6443
PODS = "10.201.0.0/16"
PRETENDED_PODS = "10.203.0.0/16"
SERVICES = "10.202.0.0/16"
FIRST_SERVICE = "10.202.0.1"
OURS = "10.200.0.0/14"
MOST_NODES = 9

FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
FORWARDING_BEFORE = RUN / "ip_forward"
TABLE = "fairlead-cluster"

# What pods and nodes send to the outside world leaves with the host's address; what they send to each other does not.
RULES = f"""
table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
    chain leaving {{
        type nat hook postrouting priority srcnat;
        ip saddr {OURS} ip daddr != {OURS} masquerade
    }}
}}
"""


def node_address(number: int) -> str:
    return f"10.200.0.{10 + number}"


def pod_range(number: int) -> str:
    return f"10.201.{number}.0/24"


def create() -> None:
    _refuse_if_taken()
    _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("address", "add", f"{HOST}/24", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    FORWARDING_BEFORE.write_text(FORWARDING.read_text())
    FORWARDING.write_text("1")
    run("nft", "--file", "-", stdin=RULES)


def attach(number: int, process: int) -> None:
    """Connects the network namespace of `process` as node `number`."""
    _remove_link(_link(number))  # of the same node before its restart
    _ip("link", "add", _link(number), "type", "veth", "peer", "name", "eth0", "netns", str(process))
    _ip("link", "set", _link(number), "master", BRIDGE, "up")
    inside = ("nsenter", f"--target={process}", "--net")
    run(*inside, "ip", "link", "set", "lo", "up")
    run(*inside, "ip", "address", "add", f"{node_address(number)}/24", "dev", "eth0")
    run(*inside, "ip", "link", "set", "eth0", "up")
    run(*inside, "ip", "route", "add", "default", "via", HOST)
    for other in set(range(1, MOST_NODES + 1)) - {number}:
        run(*inside, "ip", "route", "add", pod_range(other), "via", node_address(other))
    run(*inside, "sysctl", "--quiet", "--write", "net.ipv4.ip_forward=1")
    _ip("route", "replace", pod_range(number), "via", node_address(number))
    if number == 1:
        # Its kube-proxy serves the host as well: traffic from outside the pods' addresses is masqueraded there.
        _ip("route", "replace", SERVICES, "via", node_address(number))


def remove() -> None:
    """Routes go with their link, and what is inside a namespace goes with the namespace."""
    if FORWARDING_BEFORE.exists():
        FORWARDING.write_text(FORWARDING_BEFORE.read_text())
        FORWARDING_BEFORE.unlink()
    for number in range(1, MOST_NODES + 1):
        _remove_link(_link(number))
    _remove_link(BRIDGE)
    subprocess.run(["nft", "delete", "table", "ip", TABLE], check=False, capture_output=True)


def _link(number: int) -> str:
    return f"fl-node-{number}"


def _refuse_if_taken() -> None:
    for line in run("ip", "route", "show", "root", OURS).splitlines():
        if line.split()[0] != "default":
            raise ClusterError(f"the cluster needs the addresses {OURS}, but this machine uses some of them: {line}")


def _remove_link(name: str) -> None:
    if Path("/sys/class/net", name).exists():
        # A namespace that is just ending takes its links along, perhaps between our look and our deed.
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    run("ip", *arguments)
