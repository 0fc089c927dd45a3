"""Canaries of the servers that Fairlead has a ModelRuntime for, judged by pages as these servers write them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import floor, inf

import pytest

from canary_world import CanaryWorld, a_canary
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.parse import parse_model_runtime
from fairlead.cli.files import shipped_runtimes
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.observe.exposition import read
from fairlead.situation import revision_of
from world import START

RUNTIMES = {manifest["metadata"]["name"]: manifest for manifest in shipped_runtimes()}
EDGES = (0.05, 0.1, 0.25, 0.5, 1.0, inf)

Page = Callable[[int, int, int], str]
"""(requests, bad, slow) → a page; slow ones take between 0.25 and 0.5 seconds."""


def histogram(name: str, labels: str, requests: int, slow: int, per_second: int = 1) -> str:
    def bucket(edge: float) -> str:
        le = "+Inf" if edge == inf else f"{edge * per_second:g}"
        return f'{name}_bucket{{{labels}le="{le}"}} {requests if edge >= 0.5 else requests - slow}\n'

    return "".join(bucket(edge) for edge in EDGES)


def triton(requests: int, bad: int, slow: int) -> str:
    return (
        f'nv_inference_request_success{{model="fraud",version="1"}} {requests - bad}\n'
        f'nv_inference_request_failure{{model="fraud",reason="BACKEND",version="1"}} {bad}\n'
        'nv_inference_request_failure{model="fraud",reason="CANCELED",version="1"} 0\n'
    )


def tensorflow_serving(requests: int, bad: int, slow: int) -> str:
    name, labels = ":tensorflow:serving:request_latency", 'model_name="fraud",API="predict",entrypoint="REST",'
    return (
        f':tensorflow:serving:request_count{{model_name="fraud",status="OK"}} {requests - bad}\n'
        f':tensorflow:serving:request_count{{model_name="fraud",status="INTERNAL"}} {bad}\n'
        f':tensorflow:serving:request_count{{model_name="fraud",status="INVALID_ARGUMENT"}} {requests}\n'
    ) + histogram(name, labels, requests, slow, per_second=1_000_000)


def tei(requests: int, bad: int, slow: int) -> str:
    return (
        f'te_request_success{{method="single"}} {requests - bad}\n'
        f'te_request_failure{{err="inference"}} {bad}\nte_request_failure{{err="tokenization"}} {requests}\n'
    ) + histogram("te_request_duration", "", requests, slow)


def nim_1(requests: int, bad: int, slow: int) -> str:
    label = 'model_name="fraud"'
    return (
        f"request_success_total{{{label}}} {requests - bad}\nrequest_failure_total{{{label}}} {bad}\n"
        + histogram("e2e_request_latency_seconds", f"{label},", requests, slow)
        + histogram("time_to_first_token_seconds", f"{label},", requests, 0)
    )


def vllm(requests: int, bad: int, slow: int) -> str:
    label = 'engine="0",model_name="fraud"'
    return (
        f'http_requests_total{{handler="/v1/completions",method="POST",status="2xx"}} {requests - bad}\n'
        f'http_requests_total{{handler="/v1/completions",method="POST",status="5xx"}} {bad}\n'
        f'vllm:request_success_total{{{label},finished_reason="stop"}} {requests}\n'
        f'vllm:request_success_total{{{label},finished_reason="abort"}} 0\n'
        + histogram("vllm:e2e_request_latency_seconds", f"{label},", requests, slow)
        + histogram("vllm:time_to_first_token_seconds", f"{label},", requests, 0)
        + histogram("vllm:request_time_per_output_token_seconds", f"{label},", requests, 0)
    )


def llamacpp(requests: int, bad: int, slow: int) -> str:
    return f"llamacpp:tokens_predicted_total {16 * requests}\nllamacpp:requests_processing 1\n"


WRITERS: dict[str, Page] = {
    "triton": triton,
    "tensorflow-serving": tensorflow_serving,
    "tei": tei,
    "nim-1": nim_1,
    "nim": vllm,
    "vllm": vllm,
}
WITH_TIMES = [name for name in WRITERS if name != "triton"]


@dataclass
class ServedWorld(CanaryWorld):
    """A world whose pods write pages as one kind of server does."""

    page: Page = field(kw_only=True)

    def sweep(self) -> Sweep | None:
        assert self.runtime is not None
        parsed = parse_model_runtime(self.runtime)
        assert isinstance(parsed, ModelRuntime)
        profile = parsed.spec.metrics
        assert profile is not None
        pods: dict[str, dict[str, PodMetrics]] = {}
        for pod in self.available():
            name = pod["metadata"]["name"]
            requests, bad, slow, _ = map(floor, self.counted.get(name, [0.0] * 4))
            said = read(self.page(requests, bad, slow), profile)
            metrics = PodMetrics(
                process=name, since=START, errors=said.errors, pairs=said.pairs, histograms=said.histograms
            )
            pods.setdefault(revision_of(pod) or "", {})[name] = metrics
        return Sweep(at=self.now, pods=pods, silent={})


def on_trial(runtime: str, page: Page, objectives: list[dict[str, str]]) -> ServedWorld:
    """Version 1 is served by this runtime, and version 2 has just been asked for."""
    server = {"ref": {"name": runtime}, "image": "registry.example/server:1"}
    model = a_canary(runtime=server, slo={"objectives": objectives})
    world = ServedWorld(model=model, runtime=RUNTIMES[runtime], page=page)
    world.settle()
    world.tick(20)
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    return world


def decided(world: ServedWorld, ticks: int = 400) -> str:
    for _ in range(ticks):
        history = (world.status or {}).get("history") or ()
        if history and history[0]["modelVersion"] == "2":
            return str(history[0]["outcome"])
        world.tick()
    raise AssertionError(f"nothing was decided: {world.rollout}")


AVAILABILITY = {"name": "availability", "target": "99", "metric": "Errors"}
LATENCY = {"name": "latency", "target": "95", "metric": "Latency", "threshold": "250ms"}


def objectives(runtime: str) -> list[dict[str, str]]:
    return [AVAILABILITY, LATENCY] if runtime in WITH_TIMES else [AVAILABILITY]


@pytest.mark.parametrize("runtime", WRITERS)
def test_a_good_version_is_promoted(runtime: str):
    assert decided(on_trial(runtime, WRITERS[runtime], objectives(runtime))) == "Promoted"


@pytest.mark.parametrize("runtime", WRITERS)
def test_a_version_that_fails_is_rolled_back(runtime: str):
    world = on_trial(runtime, WRITERS[runtime], objectives(runtime))
    world.bad["2"] = 0.2
    assert decided(world) == "RolledBack"
    assert "errors:" in world.condition("Ready")["message"]


@pytest.mark.parametrize("runtime", WITH_TIMES)
def test_a_version_that_is_slow_is_rolled_back(runtime: str):
    world = on_trial(runtime, WRITERS[runtime], objectives(runtime))
    world.slow["2"] = 0.5
    assert decided(world) == "RolledBack"
    assert "Latency>" in world.condition("Ready")["message"]


NOTHING_COUNTED = (
    "its server counts neither errors nor times by its metrics profile, and no objective has counters or queries of "
    "its own; have a Gateway count them (spec.rollout.evidence.source Gateway), or Prometheus where they pass "
    "(spec.slo.objectives with queries), let a person decide (`fairlead promote fraud`), or choose "
    "spec.rollout.strategy BlueGreen"
)


@pytest.mark.parametrize("asked_for", [[], [AVAILABILITY, LATENCY]])
def test_a_server_that_counts_nothing_is_held_with_words_that_help(asked_for: list[dict[str, str]]):
    world = on_trial("llamacpp", llamacpp, asked_for)
    world.tick(20)
    evidence, ready = world.condition("EvidenceAvailable"), world.condition("Ready")
    assert (evidence["status"], evidence["reason"]) == ("False", "EvidenceMissing")
    assert evidence["message"] == NOTHING_COUNTED
    assert ready["reason"] == "EvidenceMissing"
    assert f"cannot be judged: {NOTHING_COUNTED}; " in ready["message"]
    assert world.weight == 0


def test_a_person_may_promote_what_nothing_is_counted_of():
    world = on_trial("llamacpp", llamacpp, [])
    world.tick(20)
    world.order("promote", world.rollout["revision"])
    assert decided(world) == "Promoted"
