"""Which autoscaler a revision has.

| target                            | KEDA is there                 | it is not                                  |
|-----------------------------------|-------------------------------|--------------------------------------------|
| CPU, memory                       | HorizontalPodAutoscaler       | HorizontalPodAutoscaler                    |
| of Prometheus, with CPU or memory | ScaledObject with all of them | HorizontalPodAutoscaler, of CPU and memory |
| of Prometheus alone               | ScaledObject                  | none: the number stays, and status says so |

Where that is none since something is missing, and there was one, it goes on as it is: what works is not taken away for
a spelling mistake, nor in the middle of a rollout. With autoscaling.mode: External there is none of ours. A model
sleeps, without a pod, only where KEDA can ask the query that wakes it.
"""

from dataclasses import dataclass, replace

from fairlead.api.autoscaling import Autoscaling
from fairlead.api.kinds import AUTOSCALERS, HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT, Kind
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.scaling.demand import Demand, NoDemand, demands, query_demand
from fairlead.scaling.floors import Floor, floor_at
from fairlead.situation import Manifest, Situation
from fairlead.slo.events import Subject

KEDA_MISSING = (
    "the cluster does not serve ScaledObject (keda.sh/v1alpha1), or Fairlead may not read it; install KEDA, or choose "
    "cpuUtilization or memoryUtilization"
)
NO_PROMETHEUS = "Fairlead knows no Prometheus that KEDA could ask; its administrator sets prometheus.url of its chart"


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The kind of a revision's autoscaler, None without one; what it asks Prometheus; what it lacks, as sentences.

    `kept` is one that goes on as it was, but for its bounds, since there is nothing to put in its place.
    """

    kind: Kind | None
    demands: tuple[Demand, ...] = ()
    reason: Reason | None = None
    lacks: tuple[str, ...] = ()
    kept: Manifest | None = None


def chosen(situation: Situation, scaling: Autoscaling, revision: Revision) -> Chosen:
    """The autoscaler of a revision."""
    found = _chosen(situation, scaling, revision)
    if found.kind is not None or found.reason is None:
        return found
    for kind in AUTOSCALERS:
        live = situation.child(kind, revision.name)
        if live is not None and not live["metadata"].get("deletionTimestamp"):
            return replace(found, kind=kind, kept=live)
    return found


def _chosen(situation: Situation, scaling: Autoscaling, revision: Revision) -> Chosen:
    target = scaling.target
    if scaling.mode == "External" or target is None:
        return Chosen(kind=None)
    resources = target.cpu_utilization is not None or target.memory_utilization is not None
    without = HORIZONTAL_POD_AUTOSCALER if resources else None
    if not target.by_prometheus:
        return Chosen(kind=without)
    missing = _missing(situation)
    if missing is not None:
        return Chosen(kind=without, reason=Reason.AUTOSCALER_MISSING, lacks=(missing,))
    subject = Subject(namespace=situation.identity.namespace, model=situation.identity.name, revisions=(revision.name,))
    found = tuple(demands(target, revision.snapshot.metrics, subject, queries=situation.site.queries))
    known = tuple(each for each in found if isinstance(each, Demand))
    lacks = tuple(f"target {each.target}: {each.why}" for each in found if isinstance(each, NoDemand))
    reason = Reason.TARGET_UNMEASURED if lacks else None
    return Chosen(kind=SCALED_OBJECT if known else without, demands=known, reason=reason, lacks=lacks)


def superseded_autoscalers(
    situation: Situation, found: Chosen | None, revision: Revision
) -> tuple[tuple[Kind, Manifest], ...]:
    """Live autoscalers of a revision that are not, or not any more, of the kind that it is to have.

    They have to be gone before anybody else sets the number: two would take it back from each other. Those of KEDA take
    a moment, for KEDA holds them by a finalizer.
    """
    others = (kind for kind in AUTOSCALERS if found is None or found.kind != kind)
    return tuple((kind, live) for kind in others if (live := situation.child(kind, revision.name)) is not None)


def floor_of(situation: Situation, scaling: Autoscaling) -> Floor:
    """The fewest pods that are to be now."""
    return floor_at(scaling.floors, situation.now, least=least_of(situation, scaling), most=scaling.max_replicas)


def least_of(situation: Situation, scaling: Autoscaling) -> int:
    """The fewest pods at any time: one where minReplicas is 0 and nothing would wake the model."""
    if scaling.min_replicas > 0 or scaling.mode == "External":
        return scaling.min_replicas
    query = scaling.target.query if scaling.target else None
    asked = query is not None and query_demand(query, queries=situation.site.queries)
    return 0 if isinstance(asked, Demand) and _missing(situation) is None else 1


def _missing(situation: Situation) -> str | None:
    """What there is not that asks Prometheus."""
    if SCALED_OBJECT not in situation.served:
        return KEDA_MISSING
    return None if situation.site.keda_prometheus else NO_PROMETHEUS
