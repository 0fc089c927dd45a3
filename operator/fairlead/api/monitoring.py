"""spec.monitoring: how Prometheus comes to know a model, and who is told when its objectives are in danger."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from fairlead.api.fields import Part
from fairlead.api.forms import RESERVED_KEYS, Labels, LabelValue
from fairlead.api.rules import RULES_KEY, Rule, check, matching, rule

USUAL_PERIOD = "30d"
"""As it is written: as a length of time the schema would have it in hours."""

DAYS = "[1-8]?[1-9]d|[1-9]0d"
IS_DAYS = matching(DAYS, "must be whole days from 1d to 90d, such as 30d")


def _parse_days(text: object) -> object:
    """`30d` → timedelta. What is no text is left for pydantic to refuse."""
    if not isinstance(text, str):
        return text
    check((IS_DAYS,), text)
    return timedelta(days=int(text.removesuffix("d")))


Days = Annotated[
    timedelta,
    BeforeValidator(_parse_days),
    PlainSerializer(lambda value: f"{value.days}d"),
    WithJsonSchema({"type": "string", "maxLength": 20, RULES_KEY: [IS_DAYS.as_cel()]}),
]
"""Whole days, written as `30d`."""


class Monitoring(Part):
    """How Prometheus watches the model."""

    must_hold = (
        rule(
            "monitoring.labels has an effect only with monitoring.scrape or monitoring.rules; set one or remove it",
            "!has(self.labels) || self.labels.size() == 0 || !has(self.scrape) || self.scrape || !has(self.rules) || "
            "self.rules != 'None'",
            lambda self: not self.labels or self.scrape or self.rules != "None",
            "labels",
        ),
    )

    scrape: bool = Field(
        default=True,
        description="Whether Prometheus is to scrape the pods: by a PodMonitor where the cluster has the Prometheus "
        "Operator, else by annotations prometheus.io/scrape, port and path of the Services of the revisions.",
    )
    rules: Literal["PrometheusRule", "ConfigMap", "None"] = Field(
        default="PrometheusRule",
        description="Where the rules go that record slo.objectives and alert when an error budget burns. "
        "PrometheusRule: for the Prometheus Operator. ConfigMap: for a Prometheus that is told of its rule files by "
        "other means; Fairlead needs the right for it (monitoring.configMaps of its chart).",
    )
    owner: Annotated[LabelValue, Field(min_length=1)] | None = Field(
        default=None, description="Who looks after the model: the label owner of its alerts, such as team-risk."
    )
    labels: Annotated[Labels, RESERVED_KEYS] = Field(
        default={},
        description="Further labels of the PodMonitor, the PrometheusRule or the ConfigMap, by which Prometheus "
        "selects them, such as release: kube-prometheus-stack.",
    )


ALERTS = (
    "(has(self.slo) && has(self.slo.objectives) && self.slo.objectives.size() > 0 && "
    "(!has(self.monitoring) || !has(self.monitoring.rules) || self.monitoring.rules != 'None'))"
)


def _has_alerts(spec: Any) -> bool:
    return bool(spec.slo.objectives) and spec.monitoring.rules != "None"


MONITORING_RULES: tuple[Rule, ...] = (
    rule(
        "slo.period is that of an error budget: set slo.objectives and monitoring.rules, or remove it",
        f"!has(self.slo) || !has(self.slo.period) || self.slo.period == '{USUAL_PERIOD}' || {ALERTS}",
        lambda self: self.slo.period == _parse_days(USUAL_PERIOD) or _has_alerts(self),
        "slo.period",
    ),
    rule(
        "monitoring.owner is a label of alerts: set slo.objectives and monitoring.rules, or remove it",
        f"!has(self.monitoring) || !has(self.monitoring.owner) || {ALERTS}",
        lambda self: self.monitoring.owner is None or _has_alerts(self),
        "monitoring.owner",
    ),
    rule(
        "rollout.errorBudget asks what the rules of objectives record: set slo.objectives and monitoring.rules, or "
        "remove it",
        f"!has(self.rollout) || !has(self.rollout.errorBudget) || {ALERTS}",
        lambda self: self.rollout.error_budget is None or _has_alerts(self),
        "rollout.errorBudget",
    ),
)
"""What must hold between spec.monitoring and spec.slo."""
