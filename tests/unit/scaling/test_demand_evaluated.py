"""What Prometheus answers to the queries that autoscalers ask, in its own hands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.api.autoscaling import ScalingTarget
from fairlead.api.metrics import MetricsProfile
from fairlead.scaling.demand import Demand, demands
from fairlead.slo.events import Subject
from unit.observe.test_shipped_profiles import shipped
from unit.slo.promtool import Try

SUBJECT = Subject(namespace="risk", model="fraud", revisions=("fraud-1",))
PROFILE = MetricsProfile.model_validate(
    {
        "errors": {
            "bad": [{"series": "requests_total", "labels": {"code": "5.."}}],
            "total": [{"series": "requests_total", "labels": {"code": "[235].."}}],
        },
        "concurrency": {"series": "running"},
        "queueDepth": {"series": "waiting"},
        "kvCacheUtilization": {"series": "cache"},
    }
)
QUEUE: Mapping[str, Any] = {"queueDepth": 8}
CACHE: Mapping[str, Any] = {"kvCacheUtilization": 70}
RATE: Mapping[str, Any] = {"requestsPerSecond": "20"}


def of(pod: str, **more: str) -> str:
    labels = {"namespace": "risk", "modeldeployment": "fraud", "revision": "fraud-1", "pod": pod, **more}
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def up(*pods: str, values: str = "1x120") -> dict[str, str]:
    return {f"up{{{of(pod)}}}": values for pod in pods}


def waiting(values: str, *pods: str) -> dict[str, str]:
    return {f"waiting{{{of(pod)}}}": values for pod in pods}


def query(target: Mapping[str, Any], profile: MetricsProfile = PROFILE) -> str:
    (found,) = demands(ScalingTarget.model_validate(target), profile, SUBJECT, queries=True)
    assert isinstance(found, Demand), found
    return found.query


def answer(
    folder: Path, series: Mapping[str, str], target: Mapping[str, Any], *, profile: MetricsProfile = PROFILE, **at: Any
) -> None:
    """Asserts what is answered at which times; None for no answer at all."""
    asked = query(target, profile)
    expected = {(asked, when): {} if value is None else {"{}": value} for when, value in at.items()}
    Try(folder=folder, groups=[], series=series).answers(expected)


def test_all_pods_scraped(tmp_path: Path):
    series = up("a", "b", "c", "d") | waiting("10x120", "a", "b") | waiting("2x120", "c", "d")
    answer(tmp_path, series, QUEUE, **{"30m": 24})


def test_one_pod_of_four_that_is_not_scraped_any_more_counts_like_the_others(tmp_path: Path):
    """For an hour; and its demand is never taken for none."""
    series = (
        up("a", "b", "c")
        | up("d", values="1x20 0x120")
        | waiting("10x140", "a", "b", "c")
        | waiting("10x20 stale", "d")
    )
    answer(tmp_path, series, QUEUE, **{"20m": 40, "22m": 40, "75m": 40})


def test_fewer_than_half_of_the_pods_cannot_speak_for_all(tmp_path: Path):
    series = up("a") | up("b", "c", values="1x20 0x120") | waiting("10x140", "a") | waiting("10x20 stale", "b", "c")
    answer(tmp_path, series, QUEUE, **{"20m": 30, "22m": None})


def test_pods_that_start_do_not_have_more_pods_started(tmp_path: Path):
    """Four of eight load their model, for half an hour: nobody could scrape them so far."""
    series = up("a", "b", "c", "d") | up("e", "f", "g", "h", values="0x30 1x90") | waiting("10x120", "a", "b", "c", "d")
    answer(tmp_path, series, QUEUE, **{"25m": 40, "40m": 40})


def test_pods_that_are_gone_count_for_nothing(tmp_path: Path):
    series = (
        up("a", "b") | up("c", "d", values="1x20 stale") | waiting("10x120", "a", "b") | waiting("10x20 stale", "c")
    )
    answer(tmp_path, series, QUEUE, **{"22m": 20})


def test_a_pod_that_writes_no_such_series_yet_has_none_of_it(tmp_path: Path):
    """Some servers write a series with their first request."""
    answer(tmp_path, up("a", "b") | waiting("10x120", "a"), QUEUE, **{"30m": 10})


def test_no_work_is_zero(tmp_path: Path):
    answer(tmp_path, up("a", "b") | waiting("0x120", "a", "b"), QUEUE, **{"30m": 0})


def test_without_any_sample_there_is_no_answer(tmp_path: Path):
    answer(tmp_path, {"other": "1x120"}, QUEUE, **{"30m": None})


def test_with_no_pod_that_is_scraped_there_is_no_answer(tmp_path: Path):
    series = up("a", "b", values="1x20 0x100") | waiting("10x20 stale", "a", "b")
    answer(tmp_path, series, QUEUE, **{"22m": None})


def test_with_a_series_that_nobody_writes_there_is_no_answer(tmp_path: Path):
    answer(tmp_path, up("a", "b"), QUEUE, **{"30m": None})


def test_a_pod_that_is_scraped_at_two_ports_is_one_pod(tmp_path: Path):
    ports = {f"up{{{of('a', endpoint=port)}}}": "1x120" for port in ("http", "metrics")}
    answer(tmp_path, ports | waiting("10x120", "a"), QUEUE, **{"30m": 10})


def test_other_models_and_revisions_are_left_out(tmp_path: Path):
    others = {
        f"waiting{{{of('x', revision='fraud-2')}}}": "50x120",
        f"up{{{of('x', revision='fraud-2')}}}": "1x120",
        f"waiting{{{of('y', namespace='search')}}}": "50x120",
    }
    answer(tmp_path, up("a") | waiting("10x120", "a") | others, QUEUE, **{"30m": 10})


def test_requests_that_wait_in_the_engines_of_a_pod_are_summed(tmp_path: Path):
    engines = {f"waiting{{{of('a', engine=engine)}}}": "5x120" for engine in ("0", "1")}
    answer(tmp_path, up("a") | engines, QUEUE, **{"30m": 10})


def test_of_the_caches_of_a_pod_the_mean_counts(tmp_path: Path):
    """Two pods with two engines each: 90 and 50 percent, 40 and 20. That is what one pod of 100 percent would hold."""
    full = {("a", "0"): "0.9", ("a", "1"): "0.5", ("b", "0"): "0.4", ("b", "1"): "0.2"}
    series = {f"cache{{{of(pod, engine=engine)}}}": f"{value}x120" for (pod, engine), value in full.items()}
    answer(tmp_path, up("a", "b") | series, CACHE, **{"30m": 100})


def test_requests_per_second(tmp_path: Path):
    """Scraped once a minute: 600 and 300 a minute; what was the client's mistake is left out."""
    series = {
        f"requests_total{{{of('a', code='200')}}}": "0+600x120",
        f"requests_total{{{of('a', code='404')}}}": "0+600x120",
        f"requests_total{{{of('b', code='500')}}}": "0+300x120",
    }
    answer(tmp_path, up("a", "b") | series, RATE, **{"30m": 15})


def test_requests_per_second_are_the_same_right_after_a_time_without_scrapes(tmp_path: Path):
    """Scraped every 15 seconds, 10 requests per second, but for three minutes: no fewer pods must seem enough."""
    series = {
        f"up{{{of('a')}}}": "1x20 _x14 1x20",
        f"requests_total{{{of('a', code='200')}}}": "0+150x20 _x14 5250+150x20",
    }
    asked = query(RATE)
    expected = {(asked, "5m"): {"{}": 10.0}, (asked, "8m"): {}, (asked, "9m"): {"{}": 10.0}}
    Try(folder=tmp_path, groups=[], series=series, interval="15s").answers(expected)


def test_the_rate_of_a_pod_that_is_not_scraped_any_more_is_not_counted_twice(tmp_path: Path):
    series = {
        f"requests_total{{{of('a', code='200')}}}": "0+600x120",
        f"requests_total{{{of('b', code='200')}}}": "0+600x20 stale",
    }
    answer(tmp_path, up("a") | up("b", values="1x20 0x100") | series, RATE, **{"21m": 20, "30m": 20})


def test_a_pod_that_comes_back_is_not_idle_before_it_can_say_anything(tmp_path: Path):
    """Its first scrape after three minutes: no rate can be taken yet, and it counts like the other."""
    series = {
        **up("a"),
        **up("b", values="1x20 0x3 1x60"),
        f"requests_total{{{of('a', code='200')}}}": "0+600x120",
        f"requests_total{{{of('b', code='200')}}}": "0+600x20 _x3 14400+600x60",
    }
    answer(tmp_path, series, RATE, **{"20m": 20, "24m": 20, "25m": 20, "40m": 20})


def test_what_is_scraped_twice_is_not_twice_the_work(tmp_path: Path):
    twice = [{"job": job, "instance": f"10.0.0.1:{n}"} for n, job in enumerate(("pods", "services"))]
    series = {f"up{{{of('a', **each)}}}": "1x120" for each in twice}
    series |= {f"waiting{{{of('a', **each)}}}": "10x120" for each in twice}
    answer(tmp_path, series, QUEUE, **{"30m": 10})
    requests = {f"requests_total{{{of('a', code='200', **each)}}}": "0+600x120" for each in twice}
    answer(tmp_path, series | requests, RATE, **{"30m": 10})


def test_the_shipped_profile_of_vllm(tmp_path: Path):
    engines = {
        f"vllm:{name}{{{of('a', engine=engine, model_name='chat')}}}": f"{value}x60"
        for name, value in {"num_requests_running": 6, "num_requests_waiting": 3, "kv_cache_usage_perc": 0.5}.items()
        for engine in ("0", "1")
    }
    profile = shipped("vllm")
    answer(tmp_path, up("a") | engines, {"concurrency": 8}, profile=profile, **{"30m": 12})
    answer(tmp_path, up("a") | engines, QUEUE, profile=profile, **{"30m": 6})
    answer(tmp_path, up("a") | engines, CACHE, profile=profile, **{"30m": 50})


def test_the_shipped_profile_of_sglang_takes_one_of_the_gpus_that_work_together(tmp_path: Path):
    ranks = {
        f"sglang:{name}{{{of('a', tp_rank=rank, pp_rank='0')}}}": f"{value}x60"
        for name, value in {"num_running_reqs": 6, "num_queue_reqs": 3, "token_usage": 0.5}.items()
        for rank in ("0", "1")
    }
    profile = shipped("sglang")
    answer(tmp_path, up("a") | ranks, {"concurrency": 8}, profile=profile, **{"30m": 6})
    answer(tmp_path, up("a") | ranks, QUEUE, profile=profile, **{"30m": 3})
    answer(tmp_path, up("a") | ranks, CACHE, profile=profile, **{"30m": 50})


def test_the_shipped_profile_of_mlserver(tmp_path: Path):
    methods = {
        f"rest_server_requests_in_progress{{{of('a', app_name='mlserver', method=method)}}}": "4x60"
        for method in ("GET", "POST")
    }
    answer(tmp_path, up("a") | methods, {"concurrency": 8}, profile=shipped("mlserver"), **{"30m": 4})
