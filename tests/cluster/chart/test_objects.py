"""Every object of the chart, with every option, is one that the API server takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.value_sets import ALL_OPTIONS
from installation.helm import Helm
from kube import Kube

OPTIONS = {**ALL_OPTIONS, "serviceMonitor": {"enabled": False}}  # its kind is none that the cluster serves
RULES = "monitoring.coreos.com/v1/PrometheusRule"


@pytest.mark.parametrize("values", [{}, OPTIONS], ids=["default", "all"])
@pytest.mark.parametrize("apis", [(), ("fairlead.dev/v1alpha1/ModelRuntime",)], ids=["first", "later"])
def test_the_api_server_has_no_objection(
    helm: Helm, kube: Kube, values: Mapping[str, Any], apis: tuple[str, ...], tmp_path: Path
) -> None:
    with kube.namespace("fl-chart", **{"pod-security.kubernetes.io/warn": "restricted"}) as namespace:
        chosen = {**values, "watchNamespaces": [namespace]} if values else {}
        manifest = tmp_path / "manifest.yaml"
        manifest.write_text(yaml.safe_dump_all(helm.render(chosen, namespace=namespace, apis=(*apis, RULES))))
        flags = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
        done = kube.kubectl("apply", *flags, "-f", str(manifest))
    assert done.returncode == 0, done.stderr
    # What others have applied on this cluster by client-side apply is theirs to migrate.
    warnings = [line for line in done.stderr.splitlines() if "last-applied-configuration" not in line]
    assert not warnings, "neither deprecated versions nor pods that are not restricted"
