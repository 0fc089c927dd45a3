"""What Prometheus is asked so that an autoscaler knows how many pods a revision needs.

Every query gives the demand of the whole revision, which is then divided by what one pod takes.

A pod that cannot be scraped any more must not look like a pod without work, or the others would be scaled in: it counts
like the mean of those that can. One that never could is still starting, and counts for nothing: it would have more pods
started while it starts, and those more again. Without any pod that is scraped there is no answer, which is not zero.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fairlead.api.autoscaling import QueryTarget, ScalingTarget
from fairlead.api.metrics import Gauge, MetricsProfile
from fairlead.slo.events import Subject
from fairlead.slo.promql import like, rates, selector, summed
from fairlead.slo.query import query_problem

OVER = "2m"
"""Two scrapes must fall into it. Requests per second are taken between the last two of them, as `irate` does: `rate`
would spread what it saw over the whole time, and after a while without scrapes see a fraction of the load."""
SMOOTHED = "1m:15s"
"""What the number of requests between two scrapes is averaged over: where they are 5 seconds apart it scatters by 10
percent at 25 requests per second."""
KNOWN = "1h"
"""How long a pod that was scraped once counts as one that has work."""
SCRAPED_BY = ("job", "instance", "endpoint", "container", "prometheus", "prometheus_replica")
"""Labels that say who scraped a pod, and where, and nothing about its work."""
FORBIDDEN = "is forbidden by the administrator of Fairlead (prometheus.queries of its chart)"


@dataclass(frozen=True, kw_only=True)
class Demand:
    """How much there is to do for a revision (PromQL), and how much of it one pod takes. `target` is what it is of."""

    target: str
    query: str
    per_pod: str


@dataclass(frozen=True, kw_only=True)
class NoDemand:
    """Why a target cannot be asked for."""

    target: str
    why: str


def demands(
    target: ScalingTarget, profile: MetricsProfile | None, subject: Subject, *, queries: bool
) -> Iterator[Demand | NoDemand]:
    """One for each target that Prometheus is asked for. `queries` says whether users may have queries of their own."""
    gauges = (
        ("concurrency", target.concurrency, profile.concurrency if profile else None),
        ("queueDepth", target.queue_depth, profile.queue_depth if profile else None),
        ("kvCacheUtilization", target.kv_cache_utilization, profile.kv_cache_utilization if profile else None),
    )
    for name, per_pod, gauge in gauges:
        if per_pod is not None:
            yield _of_gauge(name, str(per_pod), gauge, subject)
    if target.requests_per_second is not None:
        yield _of_requests(target.requests_per_second, profile, subject)
    if target.query is not None:
        yield query_demand(target.query, queries=queries)


def query_demand(query: QueryTarget, *, queries: bool) -> Demand | NoDemand:
    """What a query of the user asks."""
    problem = query_problem(query.promql) if queries else FORBIDDEN
    if problem is not None:
        return NoDemand(target="query", why=f"query.promql {problem}")
    return Demand(target="query", query=query.promql, per_pod=query.per_pod)


def _of_gauge(name: str, per_pod: str, gauge: Gauge | None, subject: Subject) -> Demand | NoDemand:
    if gauge is None:
        return NoDemand(target=name, why="the metrics profile of the server has no series for it")
    series = _once(selector(gauge.series, *subject.matchers, *like(gauge.labels)))
    if name == "kvCacheUtilization":  # a share: of several engines in a pod the mean, and in percent
        each = f"avg by (pod) ({series})"
        return Demand(target=name, query=f"100 * ({_of_all_pods(each, subject)})", per_pod=per_pod)
    return Demand(target=name, query=_of_all_pods(summed(("pod",), series), subject), per_pod=per_pod)


def _of_requests(per_pod: str, profile: MetricsProfile | None, subject: Subject) -> Demand | NoDemand:
    counted = profile.errors or profile.aborts if profile else None
    if counted is None:
        return NoDemand(target="requestsPerSecond", why="the metrics profile of the server counts no requests")
    each = summed(("pod",), _once(rates(counted.total, OVER, subject.matchers, "irate")))
    query = f"avg_over_time(({_of_all_pods(each, subject, scrapes=2)})[{SMOOTHED}])"
    return Demand(target="requestsPerSecond", query=query, per_pod=per_pod)


def _once(series: str) -> str:
    """Two jobs may scrape a pod, and two Prometheus: that is no more work."""
    return f"max without ({','.join(SCRAPED_BY)}) ({series})"


def _of_all_pods(of_each: str, subject: Subject, scrapes: int = 1) -> str:
    """`scrapes` are needed before a pod can say anything. Fewer than half of the pods cannot speak for all."""
    up = selector("up", *subject.matchers)
    scraped, known = f"max by (pod) ({up}) == 1", f"max by (pod) (max_over_time({up}[{KNOWN}])) == 1"
    if scrapes > 1:
        scraped = f"{scraped} and max by (pod) (sum_over_time({up}[{OVER}])) >= {scrapes}"
        known = f"max by (pod) (sum_over_time({up}[{KNOWN}])) >= {scrapes}"
    known = f"{known} and max by (pod) ({up})"
    enough = f"2 * count({scraped}) >= count({known})"
    return f"sum({of_each} and ({scraped})) * count({known}) / count({scraped}) and {enough}"
