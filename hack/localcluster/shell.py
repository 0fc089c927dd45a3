"""What a shell has to be told before kubectl and Helm work on the cluster."""

from localcluster.binaries import folders_to_search
from localcluster.cluster import Cluster


def settings(cluster: Cluster) -> list[str]:
    """Lines to paste. Helm is left out where it has not been built yet."""
    lines = [f"export KUBECONFIG={cluster.kubeconfig}"]
    if folders := folders_to_search(["kubectl", "helm"]):
        lines.append(f"export PATH={':'.join(map(str, folders))}:$PATH")
    return lines
