"""What is decided before anything is started."""

import subprocess
import sys
import threading
from ipaddress import IPv4Network, ip_address
from itertools import combinations
from pathlib import Path

import pytest

from localcluster import kind, machine, network, nodefiles, packages, waiting
from localcluster.places import ClusterError
from localcluster.start import kind_for


def quiet(_: str) -> None: ...


@pytest.mark.parametrize(
    ("platform", "user", "why"), [("linux", 1000, "you are not root"), ("darwin", 0, "this is not Linux")]
)
def test_a_machine_that_can_have_none_is_told_why(platform: str, user: int, why: str) -> None:
    with pytest.raises(ClusterError, match=rf"no Docker engine answers.*takes Linux and root, but {why}"):
        kind_for(docker=False, impossible=machine.impossible(platform, user))


def test_with_docker_it_is_kind() -> None:
    assert kind_for(docker=True, impossible="you are not root") == "kind"
    with pytest.raises(ClusterError, match="need a cluster of processes"):
        kind_for(docker=True, impossible=None, extras=True)


def test_without_docker_it_is_processes() -> None:
    assert kind_for(docker=False, impossible=machine.impossible("linux", 0), extras=True) == "processes"


def test_both_kinds_have_the_same_number_of_nodes_for_pods() -> None:
    roles = [node["role"] for node in kind.kind_configuration(2)["nodes"]]
    assert roles == ["control-plane", "worker", "worker"]


@pytest.mark.parametrize("nodes", [0, network.MOST_NODES + 1])
def test_a_number_of_nodes_without_addresses_is_refused(nodes: int) -> None:
    with pytest.raises(ClusterError, match="between 1 and 9"):
        machine.up(nodes, quiet)


@pytest.mark.parametrize(
    ("dead", "alive", "told"),
    [
        ([], ["coredns", "etcd"], "the last start of the cluster was interrupted"),
        (["etcd"], ["coredns"], "a part of the cluster has died (etcd)"),
        (["coredns", "etcd"], [], "an earlier cluster has ended, as after a restart of this machine"),
    ],
)
def test_why_a_cluster_is_removed_is_told(dead: list[str], alive: list[str], told: str) -> None:
    assert machine.why_not_whole(dead, alive) == told


def test_no_two_nodes_share_an_address() -> None:
    numbers = range(1, network.MOST_NODES + 1)
    addresses = [ip_address(network.HOST), *(ip_address(network.node_address(number)) for number in numbers)]
    assert len(set(addresses)) == len(addresses)
    ranges = [IPv4Network(network.pod_range(number)) for number in numbers]
    ranges += [IPv4Network(each) for each in (network.SERVICES, network.PRETENDED_PODS, "10.200.0.0/24")]
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))
    assert all(each.subnet_of(IPv4Network(network.OURS)) for each in ranges)


def test_pods_ask_the_dns_server_of_the_cluster() -> None:
    assert nodefiles.kubelet("fairlead-node-1", "/fl-node-1")["clusterDNS"] == [network.HOST]


def test_missing_packages_are_named_where_they_cannot_be_installed() -> None:
    bare = packages.Host(find=lambda _: None, apt_get=None, is_root=True)
    with pytest.raises(ClusterError, match=r"install them.*: iproute2 nftables runc containernetworking-plugins"):
        packages.install(packages.FOR_NODES, quiet, bare)


def test_whoever_is_not_root_is_told_what_to_run() -> None:
    def find(name: str) -> Path | None:
        return None if name == "runc" else Path("/usr/bin", name)

    somebodys = packages.Host(find=find, apt_get=lambda *_: True, is_root=False)
    with pytest.raises(ClusterError, match=r"please run: sudo apt-get install runc$"):
        packages.install(packages.FOR_NODES, quiet, somebodys)


def test_stale_package_lists_are_updated_once() -> None:
    called: list[str] = []

    def apt_get(what: str, *_: str) -> bool:
        called.append(what)
        return called != ["install"]

    packages.install(packages.FOR_NODES, quiet, packages.Host(find=lambda _: None, apt_get=apt_get, is_root=True))
    assert called == ["install", "update", "install"]


def test_waiting_gives_what_was_waited_for() -> None:
    looks = iter([None, "", "ready"])
    assert waiting.until(lambda: next(looks), "it is ready", seconds=10) == "ready"


def test_waiting_ends() -> None:
    with pytest.raises(waiting.DeadlineError, match="it is ready: still not so after 0 s"):
        waiting.until(lambda: False, "it is ready", seconds=0)


def test_the_second_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    order: list[str] = []
    second = threading.Thread(target=lambda: _enter(tmp_path / "lock", order))
    with waiting.one_at_a_time(tmp_path / "lock", quiet):
        second.start()
        waiting.until(lambda: order, "the second waits", seconds=10)
        order.append("first leaves")
    second.join(10)
    assert order == ["waiting for another hack/cluster to finish", "first leaves", "second is in"]


def _enter(lock: Path, order: list[str]) -> None:
    with waiting.one_at_a_time(lock, order.append):
        order.append("second is in")


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from localcluster.waiting import one_at_a_time\n"
        f"with one_at_a_time(Path({str(tmp_path / 'lock')!r}), print): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    said: list[str] = []
    with waiting.one_at_a_time(tmp_path / "lock", said.append):
        assert said == []
