"""What is decided before anything is started."""

import os
import shutil
import subprocess
import sys
import threading
from ipaddress import IPv4Network, ip_address
from itertools import combinations
from pathlib import Path

import pytest

import localcluster
from localcluster import docker, kind, machine, network, nodefiles, packages, waiting
from localcluster.places import ClusterError


def quiet(_: str) -> None: ...


def test_a_machine_that_can_have_none_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "works", lambda: False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"no Docker engine answers.*takes Linux and root, but you are not root"):
        localcluster.up()


def test_with_docker_it_is_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "works", lambda: True)
    assert localcluster.find().kind == "kind"
    with pytest.raises(ClusterError, match="need a cluster of processes"):
        localcluster.up(gateway=True)


def test_without_docker_it_is_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "works", lambda: False)
    monkeypatch.setattr(machine, "impossible", lambda: None)
    assert localcluster.find().kind == "processes"


def test_both_kinds_have_the_same_number_of_nodes_for_pods() -> None:
    roles = [node["role"] for node in kind.kind_configuration(2)["nodes"]]
    assert roles == ["control-plane", "worker", "worker"]


@pytest.mark.parametrize("nodes", [0, network.MOST_NODES + 1])
def test_a_number_of_nodes_without_addresses_is_refused(nodes: int) -> None:
    with pytest.raises(ClusterError, match="between 1 and 9"):
        machine.up(nodes, quiet)


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


def test_missing_packages_are_named_where_they_cannot_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "program_path", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ClusterError, match=r"install them.*: iproute2 nftables runc containernetworking-plugins"):
        packages.install(packages.FOR_NODES, quiet)


def test_whoever_is_not_root_is_told_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "program_path", lambda name: None if name == "runc" else Path("/usr/bin", name))
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match=r"please run: sudo apt-get install runc$"):
        packages.install(packages.FOR_NODES, quiet)


def test_stale_package_lists_are_updated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []

    def apt_get(command: tuple[str, ...], **_: object) -> "subprocess.CompletedProcess[str]":
        called.append(next(word for word in command if word in ("install", "update")))
        return subprocess.CompletedProcess(command, int(called == ["install"]))

    monkeypatch.setattr(packages, "program_path", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(subprocess, "run", apt_get)
    packages.install(packages.FOR_NODES, quiet)
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
