"""One measurement: the rules of N models in a real Prometheus, that scrapes their pods and has a past."""

import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from bench.kernel import cpu_seconds, memory
from bench.pages import ADDRESSES, EDGES, ERRORS, RATE, SLOW, pretended
from bench.past import AS_BLOCKS, Steady, fill
from fairlead.api.metrics import MetricsProfile
from fairlead.api.slo import Objective
from fairlead.slo.alerts import Terms
from fairlead.slo.events import Subject
from fairlead.slo.recording import ERRORS as BAD
from fairlead.slo.recording import TOTAL
from fairlead.slo.rules import Measured, groups, measured
from models import METRICS, SLO
from prometheus_process import PrometheusProcess, scraping

NAMESPACE = "bench"
REVISIONS, PODS = ("1", "2"), 2
"""Of each model: revisions, and pods of each of them."""
SCRAPED_EVERY = "30s"
WARM_UP, WATCHED = 120, 300  # seconds; within the second the rules of the budget, too, are evaluated once
PERIOD = timedelta(days=30)
OBJECTIVES = [Objective.model_validate(each) for each in SLO["objectives"]]
BAD_SHARE = {"availability": ERRORS, "latency": SLOW}


@dataclass(kw_only=True)
class Run:
    """What a Prometheus used in the time in which it was watched. Memory is in MiB."""

    cpu: float = 0.0
    memory: float = 0.0
    peak: float = 0.0


@dataclass(kw_only=True)
class Figures:
    """What the rules of N models cost: the same Prometheus without them, and with them."""

    models: int
    days: int
    samples: int = 0
    recording: int = 0
    alerting: int = 0
    groups: int = 0
    raw: float = 0.0
    recorded: float = 0.0
    without: Run = field(default_factory=Run)
    with_rules: Run = field(default_factory=Run)
    evaluating: float = 0.0
    slowest: float = 0.0
    missed: int = 0
    failed: int = 0


def take(models: int, days: int, progress: Callable[[str], None]) -> Figures:
    """Measures once, with a Prometheus that is made for it."""
    figures = Figures(models=models, days=days)
    names = [f"model-{number}" for number in range(models)]
    rules = [group for name in names for group in _rules(name)]
    each = [rule for group in _rules(names[0]) for rule in group["rules"]]
    figures.groups, figures.recording = len(_rules(names[0])), sum("record" in rule for rule in each)
    figures.alerting = len(each) - figures.recording
    with TemporaryDirectory(prefix="fairlead-bench-") as place, pretended(others=0) as port:
        folder = Path(place) / "prometheus"
        folder.mkdir()
        progress(f"writing {days} days of the past of {models:,} models")
        past = [series for name in names for series in _past(name)]
        figures.samples = fill(folder / "data", past, datetime.now(UTC), timedelta(days=days))
        with _prometheus(folder, _pods(names, port), []) as prometheus:
            figures.without = _watched(prometheus, "without rules", progress)
        with _prometheus(folder, _pods(names, port), rules) as prometheus:
            _with_rules(figures, prometheus, progress)
    return figures


def _prometheus(
    folder: Path, pods: dict[str, Any], rules: list[dict[str, Any]]
) -> AbstractContextManager[PrometheusProcess]:
    arguments = (AS_BLOCKS, f"--storage.tsdb.retention.time={PERIOD.days + 1}d")
    return scraping(folder, pods, interval=SCRAPED_EVERY, rules=rules, arguments=arguments)


def _with_rules(figures: Figures, prometheus: PrometheusProcess, progress: Callable[[str], None]) -> None:
    before: dict[str, float] = {}
    figures.with_rules = _watched(prometheus, "with rules", progress, lambda: before.update(_own(prometheus)))
    after = _own(prometheus)
    grown = {name: value - before.get(name, 0.0) for name, value in after.items()}
    figures.evaluating = 60 / WATCHED * grown["prometheus_rule_group_duration_seconds_sum"]
    figures.slowest = after["prometheus_rule_group_last_duration_seconds"]
    figures.missed = round(grown["prometheus_rule_group_iterations_missed_total"])
    figures.failed = round(grown["prometheus_rule_evaluation_failures_total"])
    recorded = '{__name__=~"fairlead:.*"}'
    figures.raw = _one(prometheus, 'count({job="pods"})') / figures.models
    figures.recorded = _one(prometheus, f"count({recorded})") / figures.models


def _watched(
    prometheus: PrometheusProcess, how: str, progress: Callable[[str], None], warm: Callable[[], None] = lambda: None
) -> Run:
    """What it uses once it is warm."""
    progress(f"{how}: warming up for {WARM_UP} s, then watching for {WATCHED} s")
    time.sleep(WARM_UP)
    warm()
    cpu = cpu_seconds(prometheus.pid)
    time.sleep(WATCHED)
    used = cpu_seconds(prometheus.pid) - cpu
    return Run(cpu=used, memory=memory(prometheus.pid), peak=memory(prometheus.pid, "VmHWM"))


def _own(prometheus: PrometheusProcess) -> dict[str, float]:
    """What it measures of itself: sums over all groups, and of their last durations the longest."""
    with urllib.request.urlopen(f"{prometheus.url}/metrics", timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    found: dict[str, float] = {}
    for sample in (sample for family in families for sample in family.samples):
        if sample.name.startswith("prometheus_rule_") and "quantile" not in sample.labels:
            known = found.get(sample.name, 0.0)
            longest = sample.name == "prometheus_rule_group_last_duration_seconds"
            found[sample.name] = max(known, sample.value) if longest else known + sample.value
    return found


def _one(prometheus: PrometheusProcess, query: str) -> float:
    (row,) = prometheus.query(query)
    return float(row["value"][1])


def _rules(name: str) -> list[dict[str, Any]]:
    """As the operator makes them for a model of which two revisions serve."""
    subject, profile = Subject(namespace=NAMESPACE, model=name), MetricsProfile.model_validate(METRICS)
    found = [measured(each, ((profile, ()),), {"Latency": EDGES}, subject) for each in OBJECTIVES]
    return groups(subject, [each for each in found if isinstance(each, Measured)], Terms(period=PERIOD))


def _past(name: str) -> Iterator[Steady]:
    """The series from which all longer windows are made."""
    for objective in OBJECTIVES:
        for revision in REVISIONS:
            of = {"namespace": NAMESPACE, "modeldeployment": name, "revision": f"{name}-{revision}"}
            labels = {**of, "objective": objective.name}
            for series, share in ((TOTAL, 1.0), (BAD, BAD_SHARE[objective.name])):
                yield Steady(name=series, labels=labels, value=PODS * RATE * share)


def _pods(names: list[str], port: int) -> dict[str, Any]:
    """The job that scrapes them, with the labels that a PodMonitor gives."""
    addresses = iter(ip_network(ADDRESSES).hosts())
    targets = [
        {
            "targets": [f"{next(addresses)}:{port}"],
            "labels": {
                "namespace": NAMESPACE,
                "modeldeployment": name,
                "revision": f"{name}-{revision}",
                "pod": f"{name}-{revision}-{pod}",
                "container": "server",
            },
        }
        for name in names
        for revision in REVISIONS
        for pod in range(PODS)
    ]
    return {"job_name": "pods", "static_configs": targets}
