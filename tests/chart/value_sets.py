"""Ways of installing the chart."""

from collections.abc import Mapping
from typing import Any

ALL_OPTIONS: Mapping[str, Any] = {
    "image": {"digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "fullnameOverride": "models",
    "labels": {"team": "platform"},
    "annotations": {"contact": "platform@example.com"},
    "runtimes": {"exclude": ["http"]},
    "watchNamespaces": ["risk", "search"],
    "leaseName": "models-leader",
    "workers": 4,
    "podAccess": "Proxy",
    "prometheus": {
        "url": "https://prometheus.example",
        "secret": "prometheus",
        "tokenFile": "/etc/fairlead/prometheus/token",
        "caFile": "/etc/fairlead/prometheus/ca.crt",
        "queries": False,
        "podLabel": "k8s_pod",
        "namespaceLabel": "ns",
        "gateway": {"like": "Traefik", "labels": {"cluster": "eu"}},
    },
    "keda": {"prometheusUrl": "https://thanos.example", "authentication": "thanos", "authModes": "tls,basic"},
    "sources": {
        "image": {"repository": "registry.example/fetcher", "digest": f"sha256:{'1' * 64}"},
        "env": {"HTTPS_PROXY": "http://proxy.example:3128", "HF_ENDPOINT": "https://hub.example"},
        "caBundle": {"configMap": "authorities"},
        "recheckInterval": "1h30m",
        "imageVolumes": "Never",
    },
    "monitoring": {
        "configMaps": True,
        "runbooksUrl": "https://wiki.example/fairlead",
        "dashboardsUrl": "https://grafana.example/team",
        "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
    },
    "log": {"level": "DEBUG", "format": "text"},
    "env": [{"name": "PYTHONASYNCIODEBUG", "value": "1"}],
    "serviceAccount": {"name": "robot", "annotations": {"role": "none"}},
    "replicas": 3,
    "podLabels": {"sidecar": "no"},
    "podAnnotations": {"checked": "yes"},
    "priorityClassName": "system-cluster-critical",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {
            "topologyKey": "rack",
            "maxSkew": 1,
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"sidecar": "no"}},
        }
    ],
    "approvals": {"named": True, "verb": True},
    "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboards": {"enabled": True, "labels": {"grafana_folder": "models"}},
}
VALUE_SETS: dict[str, Mapping[str, Any]] = {
    "default": {},
    "namespaced": {"watchNamespaces": ["risk", "search"]},
    "single": {"replicas": 1},
    "second": {"crds": {"install": False}, "runtimes": {"install": False}, "rbac": {"userRoles": False}},
    "all": ALL_OPTIONS,
}
