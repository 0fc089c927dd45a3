"""What the dashboards show of models: series that their rules record (operator/fairlead/slo/recording.py).

When something was decided about a model, Fairlead itself tells.
"""

from dataclasses import dataclass

from fairlead.cluster.rollout_metrics import LAST_DECISION
from fairlead.slo.recording import ERRORS, OF_REVISIONS, RATIO, REMAINING, TARGET, TOTAL

OF_NAMESPACE = 'namespace=~"$namespace"'
OF_MODEL = 'namespace="$namespace",modeldeployment="$modeldeployment"'
FIRING = 'ALERTS{alertname=~"Fairlead.*",alertstate="firing"'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A graph, or a table of what is now."""

    title: str
    about: str
    query: str
    legend: str = ""
    unit: str = "percentunit"
    table: bool = False


MODELS = (
    Panel(
        title="Alerts that fire",
        about="One row for each alert of a model.",
        query=f"{FIRING},{OF_NAMESPACE}}}",
        unit="short",
        table=True,
    ),
    Panel(
        title="Error budgets, the emptiest first",
        about="1 is the whole budget of the period, 0 nothing; below 0 more was spent than there is.",
        query=f"sort({REMAINING}{{{OF_NAMESPACE}}})",
        table=True,
    ),
    Panel(
        title="Requests",
        about="Events per second of the objective that has most of them, by model.",
        query=f"max by (namespace, modeldeployment) (sum without (revision) ({TOTAL}{{{OF_NAMESPACE}}}))",
        legend="{{namespace}}/{{modeldeployment}}",
        unit="reqps",
    ),
    Panel(
        title="Bad share of the last hour",
        about="By model and objective.",
        query=f"{RATIO}1h{{{OF_NAMESPACE}}}",
        legend="{{namespace}}/{{modeldeployment}} {{objective}}",
    ),
)
MODEL = (
    Panel(
        title="Error budget that is left",
        about="1 is the whole budget of the period, 0 nothing; below 0 more was spent than there is.",
        query=f"{REMAINING}{{{OF_MODEL}}}",
        legend="{{objective}}",
    ),
    Panel(
        title="Alerts that fire",
        about="One row for each.",
        query=f"{FIRING},{OF_MODEL}}}",
        unit="short",
        table=True,
    ),
    Panel(
        title="Traffic by revision",
        about="Events per second of each objective: how the share of a canary grows.",
        query=f"{TOTAL}{{{OF_MODEL}}}",
        legend="{{objective}} {{revision}}",
        unit="reqps",
    ),
    Panel(
        title="Pods by revision",
        about="As many as answer their scrapes. A canary has as many as its share of the traffic takes.",
        query=f"sum by (revision) (up{{{OF_MODEL}}})",
        legend="{{revision}}",
        unit="short",
    ),
    Panel(
        title="Share of the traffic by revision",
        about="What part of the events each revision has.",
        query=f"{TOTAL}{{{OF_MODEL}}} / on (objective) group_left () (sum by (objective) ({TOTAL}{{{OF_MODEL}}}) > 0)",
        legend="{{objective}} {{revision}}",
    ),
    Panel(
        title="Bad share by revision, 5 minutes",
        about="Whether a new revision is worse than the old one.",
        query=f"{OF_REVISIONS}5m{{{OF_MODEL}}}",
        legend="{{objective}} {{revision}}",
    ),
    Panel(
        title="Bad events by revision",
        about="Per second.",
        query=f"{ERRORS}{{{OF_MODEL}}}",
        legend="{{objective}} {{revision}}",
        unit="reqps",
    ),
    Panel(
        title="Burn rate, 1 hour",
        about="1 is as fast as the budget lasts; over 30 days it alerts from 14.4.",
        query=f"{RATIO}1h{{{OF_MODEL}}} / (1 - {TARGET}{{{OF_MODEL}}})",
        legend="{{objective}}",
        unit="short",
    ),
)
DECIDED = f'{LAST_DECISION}{{model_namespace="$namespace",modeldeployment="$modeldeployment"}}'
DECISIONS = {
    "name": "Decisions",
    "enable": True,
    "iconColor": "purple",
    # The replicas that have led since tell of the same decision. Grafana takes the value for the time, in milliseconds.
    "expr": f"1000 * max by (revision, outcome, reason) ({DECIDED})",
    "useValueForTime": True,
    "step": "60s",
    "titleFormat": "{{outcome}}",
    "textFormat": "{{revision}}: {{reason}}",
    "tagKeys": "outcome",
}
"""When a revision was promoted or taken back, as a line in each graph."""
