"""Queries that users write."""

import pytest

from fairlead.slo.query import query_problem


@pytest.mark.parametrize(
    "query",
    [
        "requests_total",
        'sum by (namespace, pod) (blocked_total{verdict=~"no|never"})',
        "a_total - b_total",
        "2 * (a_total)  # twice",
        "-a_total or b_total offset 5m",
        "label_replace(a_total, 'pod', '$1', 'instance', '(.*):.*')",
    ],
)
def test_what_answers_series_is_taken(query: str):
    assert query_problem(query) is None


@pytest.mark.parametrize("query", ["sum(a", "a{", "nonsense(a)", "a b", "]", "sum by pod (a)"])
def test_what_is_no_promql_is_refused(query: str):
    assert (query_problem(query) or "").startswith("must be PromQL: ")


@pytest.mark.parametrize("query", ["1", "1 + 1", '"a"', "a_total[5m]", "a_total[5m:1m]", "time()", "scalar(a_total)"])
def test_what_answers_no_series_is_refused(query: str):
    assert "for series at one time" in (query_problem(query) or "")
