"""What the dashboard of Fairlead itself shows: what its replicas tell at /metrics."""

from generation.panels import FIRING, Panel

LEADER = "fairlead_leader"
OF = 'namespace="$namespace",job="$job"'


def _rate(series: str, by: str) -> str:
    return f"sum by ({by}) (rate({series}{{{OF}}}[5m]))"


OPERATOR = (
    Panel(
        title="Alerts about Fairlead that fire",
        about="One row for each.",
        query=f"{FIRING},{OF}}}",
        unit="short",
        table=True,
    ),
    Panel(
        title="Leader",
        about="1 is the replica that works. All the time it is exactly one.",
        query=f"{LEADER}{{{OF}}}",
        legend="{{pod}}",
        unit="short",
    ),
    Panel(
        title="Rollouts by phase",
        about="How many models are in which phase; all others are Stable.",
        query=f'sum by (phase) (fairlead_rollouts{{{OF},phase!="Stable"}}) > 0',
        legend="{{phase}}",
        unit="short",
    ),
    Panel(
        title="Waiting models by reason",
        about="Their new revisions wait for room, or for error budget.",
        query=f"sum by (reason) (fairlead_waiting_models{{{OF}}})",
        legend="{{reason}}",
        unit="short",
    ),
    Panel(
        title="Stuck models by reason",
        about="They take a person, or are longer in a phase than their spec gives it.",
        query=f"sum by (reason) (fairlead_stuck_models{{{OF}}})",
        legend="{{reason}}",
        unit="short",
    ),
    Panel(
        title="Decisions in an hour",
        about="Canaries that were promoted, rolled back and so on, and trials that are held.",
        query=f"sum by (outcome, reason) (increase(fairlead_rollout_decisions_total{{{OF}}}[1h])) > 0",
        legend="{{outcome}} {{reason}}",
        unit="short",
    ),
    Panel(
        title="Longest wait for a person",
        about="For an approval, or for the end of a pause.",
        query=f"max by (reason) (fairlead_asked_seconds{{{OF}}})",
        legend="{{reason}}",
        unit="s",
    ),
    Panel(
        title="Age of the oldest evidence",
        about="Of all trials that are on: a few seconds, or as often as Prometheus scrapes.",
        query=f"max(fairlead_evidence_age_seconds{{{OF}}})",
        legend="age",
        unit="s",
    ),
    Panel(
        title="Readings of pods by result",
        about="Per second. Partial and failed ones miss pods.",
        query=_rate("fairlead_sweeps_total", "result"),
        legend="{{result}}",
        unit="ops",
    ),
    Panel(
        title="Looks by result",
        about="Reconciliations per second.",
        query=_rate("fairlead_reconciles_total", "result"),
        legend="{{result}}",
        unit="ops",
    ),
    Panel(
        title="Failing models by result",
        about="Models whose last look failed.",
        query=f"sum by (result) (fairlead_failing_models{{{OF}}})",
        legend="{{result}}",
        unit="short",
    ),
    Panel(
        title="Duration of a look, 99 %",
        about="Milliseconds when nothing changes, up to seconds with writes.",
        query=f"histogram_quantile(0.99, {_rate('fairlead_reconcile_duration_seconds_bucket', 'le')})",
        legend="99 %",
        unit="s",
    ),
    Panel(
        title="Models that wait for a worker",
        about="Near 0; after a change of leader it counts down from the number of models.",
        query=f"sum(fairlead_queue_depth{{{OF}}})",
        legend="waiting",
        unit="short",
    ),
    Panel(
        title="Longest wait for a worker",
        about="Of the models that wait now.",
        query=f"max(fairlead_queue_oldest_seconds{{{OF}}})",
        legend="oldest",
        unit="s",
    ),
    Panel(
        title="Writes by kind and result",
        about="Per second. Nothing is written while nothing changes.",
        query=_rate("fairlead_writes_total", "kind, result"),
        legend="{{kind}} {{result}}",
        unit="ops",
    ),
    Panel(
        title="Objects in the caches",
        about="Of each replica.",
        query=f"sum by (pod) (fairlead_cached_objects{{{OF}}})",
        legend="{{pod}}",
        unit="short",
    ),
    Panel(
        title="Memory",
        about="It grows with the number of models.",
        query=f"process_resident_memory_bytes{{{OF}}}",
        legend="{{pod}}",
        unit="bytes",
    ),
    Panel(
        title="CPU",
        about="Cores. A process can use one.",
        query=f"rate(process_cpu_seconds_total{{{OF}}}[5m])",
        legend="{{pod}}",
        unit="short",
    ),
    Panel(
        title="Starts in an hour",
        about="How often each replica was started anew.",
        query=f"changes(process_start_time_seconds{{{OF}}}[1h])",
        legend="{{pod}}",
        unit="short",
    ),
)
