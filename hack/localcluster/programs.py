"""The programs of clusters and tests. hack/binaries has their versions; to change one: go get -tool PACKAGE@VERSION."""

import re
from dataclasses import dataclass

from localcluster.places import SOURCES, ClusterError


@dataclass(frozen=True, kw_only=True)
class Program:
    name: str
    folder: str  # of hack/binaries, whose go.mod says which version
    package: str
    module: str = ""  # whose version it is; empty: our own
    seconds: int  # to build, on two cores with nothing in Go's cache
    version_arguments: tuple[str, ...] = ()  # empty: one that is installed is not used
    linker: str = ""
    published: bool = False  # as a single file with a checksum, at DOWNLOADS


def _kubernetes(name: str, seconds: int, *version_arguments: str) -> Program:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Program(
        name=name, folder="kubernetes", package=package, module="k8s.io/kubernetes", seconds=seconds,
        version_arguments=version_arguments or ("--version",), published=True,
        # Without these a program calls itself v0.0.0, and clients believe that it is too old for them.
        linker=" ".join(
            f"-X k8s.io/component-base/version.{part}"
            for part in ("gitVersion={version}", "gitMajor={major}", "gitMinor={minor}")
        ),
    )  # fmt: skip


def _containerd(name: str, seconds: int) -> Program:
    module = "github.com/containerd/containerd/v2"
    return Program(
        name=name, folder="containerd", package=f"{module}/cmd/{name}", module=module, seconds=seconds,
        linker=f"-X {module}/version.Version={{version}}",
    )  # fmt: skip


def _keda(name: str, command: str, seconds: int) -> Program:
    module = "github.com/kedacore/keda/v2"
    return Program(
        name=name, folder="keda", package=f"{module}/cmd/{command}", module=module, seconds=seconds,
        linker=f"-X {module}/version.Version={{version}}",
    )  # fmt: skip


CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "coredns")
NODE = ("pause", "containerd", "containerd-shim-runc-v2", "ctr", "kubelet", "kube-proxy")

ALL = {
    program.name: program
    for program in (
        _kubernetes("kube-apiserver", 350),
        _kubernetes("kube-controller-manager", 140),
        _kubernetes("kube-scheduler", 15),
        _kubernetes("kubelet", 40),
        _kubernetes("kube-proxy", 15),
        _kubernetes("kubectl", 30, "version", "--client"),
        Program(
            name="etcd", folder="kubernetes", package="go.etcd.io/etcd/server/v3", module="go.etcd.io/etcd/server/v3",
            seconds=15, version_arguments=("--version",),
        ),
        _containerd("containerd", 115),
        _containerd("containerd-shim-runc-v2", 5),
        _containerd("ctr", 10),
        Program(name="pause", folder="pause", package=".", seconds=5),
        Program(name="coredns", folder="coredns", package=".", module="github.com/coredns/coredns", seconds=60),
        Program(
            name="kind", folder="kind", package="sigs.k8s.io/kind", module="sigs.k8s.io/kind", seconds=30,
            version_arguments=("version",),
        ),
        Program(
            name="kwok", folder="kwok", package="sigs.k8s.io/kwok/cmd/kwok", module="sigs.k8s.io/kwok", seconds=140,
            version_arguments=("--version",), linker="-X sigs.k8s.io/kwok/pkg/consts.Version={version}",
        ),
        Program(
            name="metrics-server", folder="metrics-server", package="sigs.k8s.io/metrics-server/cmd/metrics-server",
            module="sigs.k8s.io/metrics-server", seconds=150,
            linker="-X k8s.io/client-go/pkg/version.gitVersion={version}",
        ),
        _keda("keda-operator", "operator", 430),
        _keda("keda-adapter", "adapter", 75),
        Program(
            name="helm", folder="helm", package="helm.sh/helm/v4/cmd/helm", module="helm.sh/helm/v4", seconds=260,
            version_arguments=("version", "--short"), linker="-X helm.sh/helm/v4/internal/version.version={version}",
        ),
        # Not of a cluster: what the tests of the fetcher fetch from.
        Program(
            name="registry", folder="registry", package="github.com/distribution/distribution/v3/cmd/registry",
            module="github.com/distribution/distribution/v3", seconds=150,
        ),
        Program(
            name="versitygw", folder="versitygw", package="github.com/versity/versitygw/cmd/versitygw",
            module="github.com/versity/versitygw", seconds=140,
        ),
    )
}  # fmt: skip


def version_of(wanted: Program) -> str:
    if not wanted.module:
        return "v1.0.0"
    go_mod = (SOURCES / wanted.folder / "go.mod").read_text()
    required = re.search(rf"^\s*(?:require )?{re.escape(wanted.module)} (v\S+)", go_mod, re.MULTILINE)
    if not required:
        raise ClusterError(f"hack/binaries/{wanted.folder}/go.mod does not require {wanted.module}")
    return required[1]
