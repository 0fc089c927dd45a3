"""Patterns for label values: only what means the same to RE2 and to Python, and is quick in both."""

import re
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.api.metrics import Series
from fairlead.api.pattern import LONGEST_VALUE, matches, pattern_problem


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "",
            "5..",
            "5..|5xx",
            "[235]..",
            "[^/]+",
            "stop|length|tool_calls",
            r"v1\.2",
            r"\d{3}",
            "[0-9]{1,3}",
            "a{2,}",
        ),
        *("/v2/models/.*/infer", "/v1/(chat/)?completions", "(?:GET|POST)", r"/v2/models/\{model_name\}/infer", "é"),
        "/a/.*/b/.*",
    ],
)
def test_what_profiles_need_is_taken(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("^5..$", "leave out '^'"),
        ("5..$", "leave out"),
        ("5(..", "not closed"),
        ("5..)", "is not understood"),
        ("[5", "is not understood"),
        ("*", "is not understood"),
        ("a{model}", "needs a backslash"),
        ("a++", "is not understood"),
        ("a*?", "is not understood"),
        (r"(a)\1", "is not understood"),
        ("(?=a)", "is not understood"),
        ("(?i)a", "is not understood"),
        ("(?<!a)b", "is not understood"),
        ("(?P<n>a)", "is not understood"),
        (r"\pL", "is not understood"),
        (r"\Aa", "is not understood"),
        ("[[:alpha:]]", "is not understood"),
        ("[a--b]", "different things"),
        ("[z-a]", "bad character range"),
        ("a{300}", "no number of times"),
        ("a{3,1}", "no number of times"),
        ("a{,3}", "is not understood"),
    ],
)
def test_what_only_one_of_them_knows_is_refused_with_a_reason(pattern: str, why: str) -> None:
    assert why in (pattern_problem(pattern) or "")


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|a)*", "(a{1,9}){9}", "a?" * 20 + "b", "(a|a)" * 20 + "b", ".*.*.*b", "(((a?)?b?)?c?)?" * 8]
)
def test_what_could_take_for_ever_is_refused(pattern: str) -> None:
    assert pattern_problem(pattern) is not None


def test_the_whole_value_has_to_match() -> None:
    assert matches("5..", "500")
    assert matches("a|b", "b")
    assert not matches("5..", "1500")
    assert not matches("5..", "500\n")
    assert not matches(r"\d", "٣"), "only ASCII, as in RE2"
    assert matches("a.b", "a\nb"), "as in Prometheus"
    assert matches(".*", ""), "an absent label is an empty one"


def test_a_value_that_is_too_long_matches_nothing() -> None:
    assert matches(".*", "a" * LONGEST_VALUE)
    assert not matches(".*", "a" * (LONGEST_VALUE + 1))


def test_a_profile_says_what_is_wrong_with_its_pattern() -> None:
    with pytest.raises(ValueError, match=r"must be a simple regular expression .* leave out"):
        Series(series="http_requests_total", labels={"code": "^5..$"})


@given(st.text(st.sampled_from(r"ab.*+?|()[]{}^$\\-,0123d&~") | st.characters(), max_size=30))
def test_what_is_taken_compiles_without_a_warning(pattern: str) -> None:
    if pattern_problem(pattern) is None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(pattern)
