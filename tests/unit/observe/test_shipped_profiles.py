"""The metrics profiles that come with Fairlead, held against pages of the servers that they are for.

Where a page comes from, its test says: a server that was run, the server's own metrics code, or its documentation.
"""

import re
from math import inf
from pathlib import Path

import pytest

from fairlead.api.metrics import Gauge, MetricsProfile
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.parse import parse_model_runtime
from fairlead.cli.files import shipped_runtimes
from fairlead.observe.exposition import Said, read

PAGES = Path(__file__).parent / "pages"
RUNTIMES = {manifest["metadata"]["name"]: manifest for manifest in shipped_runtimes()}
PAGE_OF = {**{name: f"{name}.txt" for name in RUNTIMES}, "http": "test-server.txt", "nim": "vllm.txt"}


def shipped(runtime: str) -> MetricsProfile:
    parsed = parse_model_runtime(RUNTIMES[runtime], unknown="forbid")
    assert isinstance(parsed, ModelRuntime), parsed
    assert parsed.spec.metrics is not None
    return parsed.spec.metrics


def page(runtime: str) -> str:
    return (PAGES / PAGE_OF[runtime]).read_text()


def said_of(runtime: str) -> Said:
    return read(page(runtime), shipped(runtime))


def counted(said: Said) -> dict[str, float]:
    """How many requests each histogram holds."""
    return {metric: found[inf] for metric, found in said.histograms.items()}


def test_the_page_of_the_test_server():
    said = said_of("http")
    assert said.errors == (20, 4)
    edges = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, inf)
    assert said.histograms == {"Latency": dict.fromkeys(edges, 20)}


def test_the_page_of_mlserver():
    """Version 1.7.1 after 7 good requests, 2 that made the model fail, 2 wrong ones (422, 404) and 2 for its health."""
    said = said_of("mlserver")
    assert said.errors == (9, 2)
    assert said.histograms["Latency"][inf] == 9


def test_the_page_of_vllm():
    """Version 0.33.0, written by its own metrics code: 40 requests of which 2 were aborted, and 45 over HTTP."""
    said = said_of("vllm")
    assert said.errors == (41, 3), "4 more were mistakes of the client, and 5 asked for the list of models"
    assert said.pairs == {"Aborts": (40, 2)}
    assert counted(said) == {
        "Latency": 40,
        "TimeToFirstToken": 40,
        "InterTokenLatency": 40,
    }, "one value per request, and not the 1000 of its tokens"
    assert said.histograms["Latency"][1.0] == 38


def test_the_page_of_sglang():
    """Version 0.5.23, written by its own metrics code: 40 requests of which 2 were aborted, and 104 over HTTP."""
    said = said_of("sglang")
    assert said.errors == (41, 3)
    assert said.pairs == {"Aborts": (40, 2)}
    assert counted(said) == {
        "Latency": 40,
        "TimeToFirstToken": 38,
        "InterTokenLatency": 38,
    }, "what is aborted has no time between tokens"


def test_a_server_that_has_aborted_nothing_yet_says_so():
    none = page("sglang").replace("sglang:num_aborted_requests_total{", "other_total{")
    assert read(none, shipped("sglang")).pairs == {"Aborts": (40, 0)}


def test_the_page_of_nim():
    """By its documentation NIM 2.x passes on what the vLLM inside it writes: so it is the page of vLLM 0.33.0."""
    said = said_of("nim")
    assert (said.errors, said.pairs) == ((41, 3), {"Aborts": (40, 2)})
    assert counted(said) == {"Latency": 40, "TimeToFirstToken": 40, "InterTokenLatency": 40}


def test_the_page_of_nim_1():
    """Written by the documentation of 1.5, page "Observability": 38 requests that were answered, and 2 that failed."""
    said = said_of("nim-1")
    assert said.errors == (40, 2)
    assert counted(said) == {"Latency": 38, "TimeToFirstToken": 38}, "the time between tokens is not one per request"


def test_the_page_of_triton():
    """A real 2.51.0 without a GPU, whose Python model was asked 11 times: 8 times it answered, and once it raised.

    Twice it answered an error by itself, which Triton counts as success. An input of a wrong shape, a body that is no
    JSON and a model that does not exist count nowhere.
    """
    said = said_of("triton")
    assert said.errors == (11, 1)
    assert said.pairs == {"Aborts": (11, 0)}
    assert said.histograms == {}, "it has sums of times only"


def test_a_triton_that_gives_no_reasons_is_understood():
    said = read(
        'nv_inference_request_success{model="m"} 8\nnv_inference_request_failure{model="m"} 2\n', shipped("triton")
    )
    assert said.errors == (10, 2)


def test_a_client_of_triton_that_hangs_up_is_no_error():
    said = read(page("triton").replace('"CANCELED",version="1"} 0', '"CANCELED",version="1"} 3'), shipped("triton"))
    assert (said.errors, said.pairs) == ((11, 1), {"Aborts": (14, 3)})


def test_the_page_of_tensorflow_serving():
    """By the rules of its exporter (util/prometheus_exporter.cc, 2.18): 40 answers, 3 failures, 5 mistakes of clients.

    It has been asked for its status 100 times, which has no API and is no request.
    """
    said = said_of("tensorflow-serving")
    assert said.errors == (43, 3)
    histogram = said.histograms["Latency"]
    assert histogram[inf] == 40
    assert [count for edge, count in histogram.items() if 0.011 < edge < 0.012] == [38], "microseconds"


def test_the_page_of_tei():
    """Written by the exporter that TEI has, metrics-exporter-prometheus, with the names and edges of TEI 1.9.

    40 requests: 34 were answered, the model failed twice, one was refused, and 3 were mistakes of clients.
    """
    said = said_of("tei")
    assert said.errors == (37, 3)
    assert counted(said) == {"Latency": 34}
    assert [count for edge, count in said.histograms["Latency"].items() if 0.014 < edge < 0.015] == [30]


def test_the_page_of_llamacpp():
    """A real llama-server of build 10434 that was asked 8 times, and answered 6 times 200, once 500 and once 400."""
    assert said_of("llamacpp") == Said(), "it counts tokens, and nothing that a canary could be judged by"


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_server_that_nobody_has_asked_yet_says_nothing(runtime: str):
    """Types and no samples: prometheus_client writes a series with labels once it has counted something."""
    headings = "".join(f"{line}\n" for line in page(runtime).splitlines() if line.startswith("# TYPE"))
    assert read(headings, shipped(runtime)) == Said()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_series_of_a_profile_is_on_a_page(runtime: str):
    """As far as the pages go: those of vLLM and SGLang were recorded for their counters, and lack most gauges."""
    profile, names = shipped(runtime), set(re.findall(r"^([\w:]+)[{ ]", page(runtime), re.MULTILINE))
    wanted = {each.series for pair in profile.counters.values() for each in (*pair.bad, *pair.total)}
    wanted |= {f"{each.series}_bucket" for each in profile.histograms.values()}
    assert wanted <= names


GAUGES = [
    ("mlserver", "concurrency", 1),
    ("vllm", "concurrency", 1),
    ("nim-1", "concurrency", 1),
    ("nim-1", "queue_depth", 1),
    ("nim-1", "kv_cache_utilization", 1),
    ("triton", "queue_depth", 1),
    ("tei", "queue_depth", 1),
    ("llamacpp", "concurrency", 1),
    ("llamacpp", "queue_depth", 1),
]


@pytest.mark.parametrize(("runtime", "target", "series"), GAUGES)
def test_a_shipped_profile_scales_by_a_series_that_is_on_the_page(runtime: str, target: str, series: int):
    gauge: Gauge = getattr(shipped(runtime), target)
    found = re.findall(rf"^{gauge.series}(?:\{{(.*)}})? ", page(runtime), re.MULTILINE)
    labels = [dict(re.findall(r'(\w+)="([^"]*)"', text)) for text in found]
    matching = [each for each in labels if all(re.fullmatch(p, each.get(n, "")) for n, p in gauge.labels.items())]
    assert len(matching) == series
