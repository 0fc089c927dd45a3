"""[pure] The configuration of the programs of a node, as it is handed to them."""

from pathlib import Path
from typing import Any

from localcluster.controlplane import DOMAIN
from localcluster.network import HOST, PODS, node_address, pod_range
from localcluster.places import KEYS, REGISTRIES

PAUSE = "fairlead.test/pause:1"


def containerd(plugins: Path, snapshotter: str) -> str:
    return f"""
version = 3

[plugins.'io.containerd.cri.v1.images']
snapshotter = '{snapshotter}'
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{PAUSE}'
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = '{REGISTRIES}'

[plugins.'io.containerd.cri.v1.runtime']
# Without the capability to lower a score below our own (CAP_SYS_RESOURCE), no pod would start.
restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{plugins}']
"""


def network(number: int) -> dict[str, Any]:
    """A bridge for the pods of the node. It does not enforce NetworkPolicies."""
    bridge = {
        "type": "bridge",
        "bridge": "pods",
        "isGateway": True,
        "hairpinMode": True,  # else a pod cannot reach itself through its Service
        "ipam": {"type": "host-local", "ranges": [[{"subnet": pod_range(number)}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]}


def kubelet(name: str, cgroup: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "tlsCertFile": f"{KEYS}/{name}.crt",
        "tlsPrivateKeyFile": f"{KEYS}/{name}.key",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{KEYS}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDomain": DOMAIN,
        "clusterDNS": [HOST],
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],  # the machine is shared, and not this kubelet's to divide
        "oomScoreAdj": 0,
        # A developer's disk is often nearly full; that is no reason to evict anything or to throw images away.
        "evictionHard": {"imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%"},
        "imageGCHighThresholdPercent": 100,
    }


def kube_proxy(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "hostnameOverride": name,
        "clientConnection": {"kubeconfig": f"{KEYS}/kube-proxy.kubeconfig"},
        "mode": "nftables",
        "clusterCIDR": PODS,
        "conntrack": {"maxPerCore": 0, "min": 0},  # limits of the whole machine
        "oomScoreAdj": 0,
    }


def kubelet_arguments(number: int, name: str, config: Path) -> list[str]:
    return [
        f"--config={config}",
        f"--kubeconfig={KEYS}/{name}.kubeconfig",
        f"--hostname-override={name}",
        f"--node-ip={node_address(number)}",
    ]
