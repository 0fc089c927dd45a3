"""Kinds of the Prometheus Operator, without the operator itself: the API server checks their objects all the same."""

from pathlib import Path

from localcluster.places import SOURCES, Progress
from localcluster.toolchain import module_folder

MODULE = "github.com/prometheus-operator/prometheus-operator"
PLURALS = ("podmonitors", "prometheusrules")


def definitions(progress: Progress = print) -> list[Path]:
    """Files of their CustomResourceDefinitions."""
    folder = module_folder(SOURCES / "prometheus-operator", MODULE, progress) / "example" / "prometheus-operator-crd"
    return [folder / f"monitoring.coreos.com_{plural}.yaml" for plural in PLURALS]
