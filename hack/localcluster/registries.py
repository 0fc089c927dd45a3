"""Registries that the nodes may pull from beside the public ones (containerd/docs/hosts.md)."""

from localcluster.places import REGISTRIES


def trust(address: str, authority: str) -> None:
    """Lets every node pull from the registry at `host:port`, whose certificate this authority (PEM) has signed.

    For a cluster of processes; containerd looks at every pull. It holds until the cluster is removed.
    """
    folder = REGISTRIES / address
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.pem").write_text(authority)
    url = f"https://{address}"
    (folder / "hosts.toml").write_text(f"server = '{url}'\n\n[host.'{url}']\nca = '{folder}/ca.pem'\n")
