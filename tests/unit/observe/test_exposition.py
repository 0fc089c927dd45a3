"""observe/exposition.py: what pages say about requests, and which pages are not to be believed."""

import contextlib
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client import Histogram as Written
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from fairlead.api.metrics import Counters, Histogram, MetricsProfile, Series
from fairlead.observe.exposition import LONGEST_LINE, LONGEST_PAGE, MOST_LINES, OPENMETRICS, Reader, Said, read
from fairlead.observe.series import Unreadable

ERRORS = Counters(
    bad=(Series(series="requests_total", labels={"code": "5.."}),),
    total=(Series(series="requests_total", labels={"code": "[235].."}),),
)
PROFILE = MetricsProfile(errors=ERRORS, latency=Histogram(series="seconds"))


def buckets(*counts: tuple[str, float], labels: str = "") -> str:
    return "".join(f'seconds_bucket{{{labels}le="{edge}"}} {count}\n' for edge, count in counts)


def latency(page: str, profile: MetricsProfile = PROFILE) -> dict[float, float]:
    return dict(read(page, profile).histograms["Latency"])


OWN = {
    "guardrail@1": Counters(
        bad=(Series(series="checks_total", labels={"verdict": "blocked"}),), total=(Series(series="checks_total"),)
    ),
    "quality@2": Counters(bad=(Series(series="requests_total", labels={"code": "5.."}),), total=ERRORS.total),
}


def test_objectives_may_have_counters_of_their_own_on_the_page():
    page = 'checks_total{verdict="blocked"} 2\nchecks_total{verdict="passed"} 5\nrequests_total{code="500"} 1\n'
    said = read(page, PROFILE, pairs=OWN)
    assert said.errors == (1, 1)
    assert said.pairs == {"guardrail@1": (7, 2), "quality@2": (1, 1)}, "one series may belong to several"
    assert read('checks_total{verdict="passed"} 5\n', PROFILE, pairs=OWN).pairs == {"guardrail@1": (5, 0)}
    assert read('requests_total{code="200"} 5\n', PROFILE).pairs == {}


def test_a_native_histogram_without_buckets_says_nothing():
    """Only its sum and its count are in a text; its buckets are in another format, which is not asked for."""
    assert read('seconds_sum 3.2\nseconds_count 4\nrequests_total{code="200"} 4\n', PROFILE) == Said(errors=(4, 0))


OPENMETRICS_PAGE = """\
# HELP requests Requests # of { kinds
# TYPE requests counter
# UNIT seconds seconds
requests_total{code="200"} 4.0 1700000000.123 # {trace_id="a # b",span="{}"} 1.0 1700000000.1
requests_created{code="200"} 1.7e9
# TYPE seconds histogram
seconds_bucket{le="0.5"} 3 # {trace_id="abc"} 0.3
seconds_bucket{le="1.0"} 4 # {} 0.9 1700000000
seconds_bucket{le="+Inf"} 4
seconds_count 4
seconds_sum 1.5
seconds_created 1.7e9
# EOF
"""


def test_openmetrics_with_exemplars_timestamps_and_times_of_creation():
    said = read(OPENMETRICS_PAGE, PROFILE, OPENMETRICS)
    assert said == Said(errors=(4, 0), histograms={"Latency": {0.5: 3, 1: 4, inf: 4}})


def test_series_are_summed_over_the_label_sets_that_match():
    page = 'requests_total{code="200",path="/a"} 7\nrequests_total{code="200",path="/b"} 5\n'
    assert read(page + 'requests_total{code="503"} 2\nrequests_total{code="404"} 9\n', PROFILE).errors == (14, 2)


def test_no_bad_series_is_none_that_was_bad():
    assert read('requests_total{code="200"} 7\n', PROFILE).errors == (7, 0)


@pytest.mark.parametrize("page", ["", "\n\n", "# only words\n", "requests 5\n", 'requests_total{code="404"} 5\n'])
def test_what_is_absent_is_not_zero(page: str):
    assert read(page, PROFILE) == Said()


def test_bad_requests_without_a_total_say_nothing():
    other = Counters(bad=(Series(series="failures_total"),), total=(Series(series="requests_total"),))
    assert read("failures_total 3\n", MetricsProfile(errors=other)).errors is None


def test_a_series_that_two_entries_name_counts_once():
    twice = Series(series="requests_total", labels={"status": "2.."}), Series(series="requests_total")
    assert read('requests_total{status="200"} 3\n', MetricsProfile(errors=Counters(bad=twice, total=twice))).errors == (
        3,
        3,
    )


@pytest.mark.parametrize("name", ["nv_inference_request_success", "model_requests_total", "vllm:requests_total"])
def test_names_are_as_the_server_writes_them(name: str):
    """Whatever the page says of its type, and though the parser makes `_total` of all counters."""
    counted = (Series(series=name),)
    page = f"# TYPE {name} counter\n{name} 4\n{name}_total 5\n{name}_created 1.7e9\n"
    assert read(page, MetricsProfile(errors=Counters(bad=counted, total=counted))).errors == (4, 4)


@pytest.mark.parametrize(
    "line",
    [
        'requests_total{code="200"} 4 1700000000000',
        'requests_total{code="200",} 4.0',
        'requests_total {code="200"}\t4e0',
        'requests_total{ code = "200" } 4\r',
        'requests_total{path="a} b{\\"",code="200"} 4',
    ],
)
def test_lines_may_be_written_in_several_ways(line: str):
    assert read(line, PROFILE).errors == (4, 0)


@pytest.mark.parametrize(
    "line",
    [
        'requests_total{code="200" 4',
        'requests_total{code="200"}',
        'requests_total{code="200"} four',
        'requests_total{code="200"} 1_000',
        'requests_total{code="200"} 4 5 6',
        "requests_total{code=200} 4",
        'requests_total{code="200"}} 4',
        "requests_total ",
    ],
)
def test_a_garbled_line_of_a_series_that_matters_is_told(line: str):
    with pytest.raises(Unreadable) as told:
        read(line + "\n", PROFILE)
    assert str(told.value) == "a line of requests_total cannot be read", "and not what it has counted so far"


def test_garbage_elsewhere_does_not_matter():
    assert read('\x00\x01 }{ " ä\n<html>\nother{ NaN\nrequests_total{code="200"} 4\n', PROFILE).errors == (4, 0)


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-1"])
def test_a_value_that_is_no_count_is_told(value: str):
    with pytest.raises(Unreadable, match=r"requests_total\{code='200'\} is .*, which is no count"):
        read(f'requests_total{{code="200"}} {value}\n', PROFILE)
    assert read(f'requests_total{{code="404"}} {value}\nrequests_total{{code="200"}} 1\n', PROFILE).errors == (1, 0)


def test_a_series_that_is_there_twice_counts_once():
    line = 'requests_total{code="200",path="/"} 4\n'
    assert read(line + 'requests_total{path="/",code="200"} 4\n', PROFILE).errors == (4, 0)
    with pytest.raises(Unreadable, match="is there twice, with different values"):
        read(line + 'requests_total{path="/",code="200"} 5\n', PROFILE)


def test_edges_are_numbers():
    assert latency(buckets(("1", 2), ("+Inf", 3), labels='path="/a",') + buckets(("1.0", 5), ("Inf", 7))) == {
        1: 7,
        inf: 10,
    }


@pytest.mark.parametrize(("unit", "edge"), [("Seconds", 300), ("Milliseconds", 0.3), ("Microseconds", 0.0003)])
def test_edges_are_in_seconds(unit: str, edge: float):
    profile = MetricsProfile(latency=Histogram.model_validate({"series": "seconds", "unit": unit}))
    assert latency(buckets(("300", 2), ("+Inf", 3)), profile) == {edge: 2, inf: 3}


def test_only_edges_that_all_histograms_have_can_be_summed():
    page = buckets(("1", 2), ("2", 4), ("+Inf", 5), labels='path="/a",') + buckets(("2", 1), ("3", 2), ("+Inf", 2))
    assert latency(page) == {2: 5, inf: 7}


def test_a_bigger_bucket_holds_no_fewer_requests():
    assert latency(buckets(("1", 2), ("2", 5), ("3", 4), ("+Inf", 4))) == {1: 2, 2: 5, 3: 5, inf: 5}


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (buckets(("1", 2)), "a histogram has no bucket"),
        (buckets(("1", 2)) + buckets(("1", 2), ("+Inf", 2), labels='path="/a",'), "a histogram has no bucket"),
        (buckets(("one", 2)), "no upper edge"),
        (buckets(("NaN", 2)), "no upper edge"),
        ("seconds_bucket 2\n", "no upper edge"),
    ],
)
def test_a_broken_histogram_is_told(page: str, why: str):
    with pytest.raises(Unreadable, match=why):
        read(page, PROFILE)


def test_one_histogram_may_tell_two_times():
    histogram = Histogram(series="seconds", labels={"stage": "decode"})
    both = MetricsProfile(latency=Histogram(series="seconds"), inter_token_latency=histogram)
    page = buckets(("+Inf", 3), labels='stage="decode",') + buckets(("+Inf", 2), labels='stage="prefill",')
    assert read(page, both).histograms == {"Latency": {inf: 5}, "InterTokenLatency": {inf: 3}}


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("#\n" * (LONGEST_PAGE // 2 + 1), "longer than 4 MiB"),
        ("#" * (LONGEST_LINE + 1), "a line is longer than 16 KiB"),
        ("".join(f'requests_total{{code="{n}"}} 1\n' for n in range(MOST_LINES + 1)), "more than 5000 lines"),
    ],
)
def test_what_is_too_big_is_told(page: str, why: str):
    with pytest.raises(Unreadable, match=why):
        read(page, PROFILE)


def test_a_page_that_breaks_off_says_nothing_where_that_can_be_seen():
    page = 'requests_total{code="200"} 4\n'
    assert read(page + "# EOF\n", PROFILE, OPENMETRICS).errors == (4, 0)
    assert read(page + "# EOF", PROFILE, OPENMETRICS).errors == (4, 0)
    with pytest.raises(Unreadable, match="breaks off"):
        read(page, PROFILE, OPENMETRICS)


def test_a_reader_is_as_good_after_many_pages():
    reader = Reader(PROFILE)
    for number in range(3 * MOST_LINES // 1000):
        page = reader.page()
        for path in range(1000):
            page.feed(f'requests_total{{code="200",path="/{number}/{path}"}} 2\n'.encode())
        assert page.said().errors == (2000, 0)


CODES = st.sampled_from(["200", "302", "404", "500", "503", "50"])
PATHS = st.text(st.sampled_from('ab{}",\\=\n #é') | st.characters(exclude_categories=("Cs",)), max_size=8)
REQUESTS = st.lists(st.tuples(CODES, PATHS, st.floats(0, 2)), max_size=12)


@given(REQUESTS, st.booleans(), st.integers(1, 64))
def test_what_the_prometheus_client_writes_is_understood(
    requests: list[tuple[str, str, float]], openmetrics: bool, piece: int
):
    registry = CollectorRegistry()
    counter = Counter("requests", "Requests # of { kinds", ["code", "path"], registry=registry)
    histogram = Written("seconds", "Seconds", ["path"], buckets=(0.5, 1), registry=registry)
    for code, path, seconds in requests:
        exemplar = {"trace": 'a" # {b'} if openmetrics else None
        counter.labels(code, path).inc(exemplar=exemplar)
        histogram.labels(path).observe(seconds, exemplar=exemplar)
    text = generate_openmetrics(registry) if openmetrics else generate_latest(registry)
    page = Reader(PROFILE).page(OPENMETRICS if openmetrics else "text/plain")
    for start in range(0, len(text), piece):
        page.feed(text[start : start + piece])
    said = page.said()

    counted = [code for code, _, _ in requests if len(code) == 3 and code[0] in "235"]
    assert said.errors == ((len(counted), sum(code[0] == "5" for code in counted)) if counted else None)
    faster = {edge: sum(seconds <= edge for _, _, seconds in requests) for edge in (0.5, 1, inf)}
    assert said.histograms == ({"Latency": faster} if requests else {})


@given(st.text(st.sampled_from('requsts_total{}",=\n #0123456789.eNa_bckl') | st.characters(), max_size=200))
def test_no_text_is_worse_than_unreadable(text: str):
    for content_type in ("", OPENMETRICS):
        page = Reader(PROFILE).page(content_type)
        with contextlib.suppress(Unreadable):
            page.feed(b"requests_total{" + text.encode(errors="surrogatepass"))
            page.said()
