"""etcd, the API server, the controllers, the scheduler and DNS, as processes of the host."""

import ssl
from functools import partial
from http import HTTPStatus
from pathlib import Path
from urllib.request import HTTPSHandler, ProxyHandler, build_opener

from localcluster import api, processes
from localcluster.binaries import binaries
from localcluster.certificates import authority, issue, kubeconfig, write, write_secret
from localcluster.network import API_PORT, FIRST_SERVICE, HOST, SERVICES
from localcluster.places import CLUSTER, KEYS, KUBECONFIG, NAME, RUN, Progress

SERVER = f"https://{HOST}:{API_PORT}"
ISSUER = "https://kubernetes.default.svc.cluster.local"
ETCD = f"unix://{RUN}/etcd.sock"
DOMAIN = "cluster.local"

HEALTH = {
    "kube-controller-manager": "https://127.0.0.1:10257/healthz",
    "kube-scheduler": "https://127.0.0.1:10259/healthz",
    "coredns": f"http://{HOST}:8181/ready",
}

SERVER_NAMES = (
    "localhost", "127.0.0.1", HOST, FIRST_SERVICE,
    "kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{DOMAIN}",
)  # fmt: skip

COREFILE = f""".:53 {{
    bind {HOST}
    ready {HOST}:8181
    errors
    cache 5
    kubernetes {DOMAIN} in-addr.arpa {{
        kubeconfig {KUBECONFIG}
        ttl 5
    }}
    loop
    forward . /etc/resolv.conf
}}
"""


def make_keys() -> None:
    KEYS.mkdir(parents=True, mode=0o700)
    ca, front = authority(f"{NAME}-ca"), authority(f"{NAME}-front-proxy-ca")
    pairs = {
        "ca": ca,
        "front-proxy-ca": front,
        "front-proxy": issue(front, "front-proxy-client"),
        "apiserver": issue(ca, "kube-apiserver", addresses=SERVER_NAMES),
        "kubelet-client": issue(ca, "kube-apiserver-kubelet-client", ["system:masters"]),
        "service-accounts": issue(ca, "service-accounts"),
        "admin": issue(ca, "admin", ["system:masters"]),
    }
    for name, pair in pairs.items():
        write(pair, KEYS, name)
    write_secret(KUBECONFIG, kubeconfig(SERVER, ca, pairs["admin"], NAME))
    for name in ("kube-controller-manager", "kube-scheduler"):
        write_secret(KEYS / f"{name}.kubeconfig", kubeconfig(SERVER, ca, issue(ca, f"system:{name}"), NAME))


def start_api_server(progress: Progress) -> None:
    programs = binaries(["etcd", "kube-apiserver"], progress)
    processes.start("etcd", str(programs["etcd"]), *_etcd())
    processes.start("kube-apiserver", str(programs["kube-apiserver"]), *_api_server())


def wait_for_api_server() -> None:
    processes.wait_for(processes.recorded()["kube-apiserver"], api.ready)


def wait_until_ready() -> None:
    wait_for_api_server()
    for name, address in HEALTH.items():
        processes.wait_for(processes.recorded()[name], partial(_healthy, address))


def start_controllers(progress: Progress) -> None:
    if "coredns" in processes.recorded():
        return
    programs = binaries(["kube-controller-manager", "kube-scheduler", "coredns"], progress)
    for name in ("kube-controller-manager", "kube-scheduler"):
        processes.start(name, str(programs[name]), *_as_itself(name))
    processes.start("coredns", str(programs["coredns"]), "-conf", str(_corefile()))


def _healthy(address: str) -> bool:
    """Anybody may ask, so these certificates, which the programs sign themselves, need not be believed."""
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    directly = build_opener(ProxyHandler({}), HTTPSHandler(context=unverified))
    try:
        with directly.open(address, timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def _etcd() -> list[str]:
    return [
        f"--data-dir={CLUSTER}/etcd",
        # Sockets in a folder of root's: no port that may be taken, and nobody else can read the cluster's secrets.
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        f"--listen-peer-urls=unix://{RUN}/etcd-peer.sock",
        "--initial-advertise-peer-urls=http://localhost:2380",
        "--unsafe-no-fsync",  # nothing in it outlives the machine
        "--log-level=warn",
    ]


def _api_server() -> list[str]:
    return [
        f"--etcd-servers={ETCD}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICES}",
        f"--tls-cert-file={KEYS}/apiserver.crt",
        f"--tls-private-key-file={KEYS}/apiserver.key",
        f"--client-ca-file={KEYS}/ca.crt",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={KEYS}/service-accounts.crt",
        f"--service-account-signing-key-file={KEYS}/service-accounts.key",
        f"--kubelet-certificate-authority={KEYS}/ca.crt",
        f"--kubelet-client-certificate={KEYS}/kubelet-client.crt",
        f"--kubelet-client-key={KEYS}/kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",  # the names of the nodes are in no DNS
        f"--requestheader-client-ca-file={KEYS}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={KEYS}/front-proxy.crt",
        f"--proxy-client-key-file={KEYS}/front-proxy.key",
        "--enable-aggregator-routing=true",  # straight to the pods, which the host reaches
    ]


def _as_itself(name: str) -> list[str]:
    """The flags of a controller that is a client of the API server under its own name."""
    kubeconfig_file = f"{KEYS}/{name}.kubeconfig"
    flags = [
        f"--kubeconfig={kubeconfig_file}",
        f"--authentication-kubeconfig={kubeconfig_file}",
        f"--authorization-kubeconfig={kubeconfig_file}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]
    if name == "kube-controller-manager":
        flags += [
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={KEYS}/service-accounts.key",
            f"--root-ca-file={KEYS}/ca.crt",
            f"--cluster-signing-cert-file={KEYS}/ca.crt",
            f"--cluster-signing-key-file={KEYS}/ca.key",
        ]
    return flags


def _corefile() -> Path:
    path = CLUSTER / "Corefile"
    path.write_text(COREFILE)
    return path
