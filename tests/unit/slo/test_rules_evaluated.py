"""What Prometheus makes of the rules: one test for each trap that alerts on objectives fall into."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from fairlead.api.gatewaymetrics import TRAEFIK
from fairlead.api.metrics import MetricsProfile
from fairlead.api.traffic import Gateway
from fairlead.slo.events import PodLabels, Subject
from fairlead.slo.passing import Passing
from fairlead.slo.rules import Measured, Terms, groups, measured
from unit.slo.profiles import (
    FIRST,
    SECOND,
    SUBJECT,
    TERMS,
    UP,
    availability,
    compiled,
    latency,
    objective,
    requests,
)
from unit.slo.promtool import Series, Try

ERRORS, TOTAL = "fairlead:sli_errors:rate5m", "fairlead:sli_total:rate5m"
MODEL = 'modeldeployment="fraud",namespace="risk"'
OF = f'{{{MODEL},objective="availability"}}'


def of(revision: str, name: str, objective: str = "availability") -> str:
    return f'{name}{{{MODEL},objective="{objective}",revision="{revision}"}}'


def named(name: str, objective: str = "availability") -> str:
    return f'{name}{{{MODEL},objective="{objective}"}}'


def burn(long: str, severity: str, objective: str = "availability") -> str:
    return f'{{alertname="FairleadErrorBudgetBurn",long_window="{long}",objective="{objective}",severity="{severity}"}}'


QUICK = (burn("1h", "critical"), burn("6h", "critical"), burn("1d", "warning"), burn("3d", "warning"))
ABSENT = '{alertname="FairleadMetricsAbsent",severity="critical"}'
UNMEASURED = '{alertname="FairleadObjectiveUnmeasured",objective="availability",severity="warning"}'


def test_a_model_that_is_well_alerts_nobody(tmp_path: Path):
    rules = compiled(availability(), latency())
    slow = {
        f'seconds_bucket{{{FIRST},le="0.5"}}': "0+99x400",
        f'seconds_bucket{{{FIRST},le="+Inf"}}': "0+100x400",
    }
    Try(folder=tmp_path, groups=rules, series=UP | requests("0+6000x400", "0+1x400") | slow).fires({"6h": []})


def test_errors_fire_the_quick_alerts_first(tmp_path: Path):
    rules = compiled(availability())
    series = UP | requests("0+600x60 36600+300x60", "0+0x60 300+300x60")
    Try(folder=tmp_path, groups=rules, series=series).fires({"1h": [], "70m": QUICK})


def test_an_alert_ends_soon_after_the_errors_do(tmp_path: Path):
    """By its short window; the long one still remembers."""
    rules = compiled(availability())
    series = UP | requests("0+600x60 36600+300x10 40200+600x120", "0+0x60 300+300x10 3300+0x120")
    at = {"70m": QUICK, "77m": QUICK[1:]}
    Try(folder=tmp_path, groups=rules, series=series).fires(at)


def test_no_series_of_errors_yet_is_no_error(tmp_path: Path):
    rules = compiled(availability())
    Try(folder=tmp_path, groups=rules, series=UP | requests("0+60x60")).answers(
        {
            (ERRORS, "1h"): {of("fraud-1", ERRORS): 0},
            (TOTAL, "1h"): {of("fraud-1", TOTAL): 1},
            ("fairlead:sli_error_ratio:rate1h", "1h"): {named("fairlead:sli_error_ratio:rate1h"): 0},
        }
    )


def test_idle_times_are_no_ratio_and_spoil_none(tmp_path: Path):
    """0/0 would be NaN, and so would be every sum that it is part of."""
    rules = compiled(availability())
    series = UP | requests("0+0x120 60+60x30", "0+0x120 0+3x30")
    Try(folder=tmp_path, groups=rules, series=series).answers(
        {
            ("fairlead:sli_error_ratio:rate5m", "1h"): {},
            ("fairlead:error_budget_remaining:ratio", "1h"): {named("fairlead:error_budget_remaining:ratio"): 1},
            ("round(fairlead:sli_error_ratio:rate6h, 0.01)", "150m"): {OF: 0.05},
        }
    )


def test_longer_windows_weigh_requests_and_not_minutes(tmp_path: Path):
    """Half an hour with 6,000 requests and no error, half an hour with 60 requests and 30 errors: 0.5 %, not 25 %."""
    rules = compiled(availability())
    series = UP | requests("0+200x30 6000+1x40", "0+0x30 0+1x40")
    Try(folder=tmp_path, groups=rules, series=series).answers(
        {("fairlead:sli_error_ratio:rate1h < bool 0.01", "1h"): {OF: 1}}
    )


def test_a_total_outage_looks_perfect_from_inside_and_alerts_all_the_same(tmp_path: Path):
    rules = compiled(availability())
    gone = {f"up{{{FIRST}}}": "1+0x60 0+0x60"}
    Try(folder=tmp_path, groups=rules, series=gone | requests("0+600x60 _x60")).fires({"1h": [], "67m": [ABSENT]})


def test_no_target_at_all_is_an_outage_too(tmp_path: Path):
    Try(folder=tmp_path, groups=compiled(availability()), series={"other": "1x60"}).fires({"4m": [], "6m": [ABSENT]})


def test_a_model_that_is_scaled_to_zero_is_not_missed(tmp_path: Path):
    rules = compiled(availability(), terms=Terms(period=TERMS.period, serves=False))
    Try(folder=tmp_path, groups=rules, series={"other": "1x300"}).fires({"4h": []})


def test_series_by_other_names_are_told(tmp_path: Path):
    rules = compiled(availability())
    Try(folder=tmp_path, groups=rules, series=UP).fires({"50m": [], "70m": [UNMEASURED]})


@pytest.mark.parametrize("target", ["93", "90", "50"])
def test_an_objective_so_low_that_no_share_reaches_its_threshold_can_alert(tmp_path: Path, target: str):
    """14.4 times 7 % is more than all requests."""
    rules = compiled(availability(target))
    series = UP | requests("0+600x60 36000+0x60", "0+0x60 600+600x60")
    Try(folder=tmp_path, groups=rules, series=series).answers(
        {("count(ALERTS{alertstate='firing',long_window='1h'})", "2h"): {"{}": 1}}
    )


@pytest.mark.parametrize(
    ("edge", "written"), [("1s", ["1", "1.0"]), ("250ms", ["0.25"]), ("100ms", ["0.1"])], ids=["1s", "250ms", "100ms"]
)
def test_an_edge_is_found_however_it_is_written(tmp_path: Path, edge: str, written: list[str]):
    rules = compiled(latency(edge))
    for le in written:
        series = {
            f'seconds_bucket{{{FIRST},le="{le}"}}': "0+57x60",
            f'seconds_bucket{{{FIRST},le="+Inf"}}': "0+60x60",
        }
        Try(folder=tmp_path, groups=rules, series=UP | series).answers(
            {(f"round({ERRORS}, 0.001)", "1h"): {of("fraud-1", "", "latency"): 0.05}}
        )


def test_a_threshold_between_two_edges_is_rounded_up(tmp_path: Path):
    series = {
        f'seconds_bucket{{{FIRST},le="{le}"}}': f"0+{count}x60"
        for le, count in (("0.25", 30), ("0.5", 54), ("+Inf", 60))
    }
    Try(folder=tmp_path, groups=compiled(latency("300ms")), series=UP | series).answers(
        {(f"round({ERRORS}, 0.001)", "1h"): {of("fraud-1", "", "latency"): 0.1}}
    )


def test_a_bucket_that_is_missing_is_no_perfect_score(tmp_path: Path):
    series = {f'seconds_bucket{{{FIRST},le="{le}"}}': "0+60x90" for le in ("0.3", "+Inf")}
    unmeasured = UNMEASURED.replace("availability", "latency")
    rules = compiled(latency("300ms"))
    Try(folder=tmp_path, groups=rules, series=UP | series).answers({(ERRORS, "1h"): {}})
    Try(folder=tmp_path, groups=rules, series=UP | series).fires({"80m": [unmeasured]})


def test_a_few_bad_requests_on_a_quiet_night_wake_nobody(tmp_path: Path):
    """Every second request is bad, but there are 8 of them in the hour."""
    rules = compiled(availability())
    series = UP | requests("0+0x5 1+1x8 9+0x300", "0+0x5 1+1x8 9+0x300")
    Try(folder=tmp_path, groups=rules, series=series).fires({"10m": [], "14m": [], "1h": []})


def test_counters_that_start_again_cost_nothing(tmp_path: Path):
    """The server restarts every ten minutes."""
    again = " ".join("0+60x9" for _ in range(7))
    Try(folder=tmp_path, groups=compiled(availability()), series=UP | requests(again)).answers(
        {
            (f"{TOTAL} > bool 0.8", "65m"): {of("fraud-1", ""): 1},
            ("fairlead:sli_error_ratio:rate1h", "65m"): {named("fairlead:sli_error_ratio:rate1h"): 0},
        }
    )


def test_the_budget_goes_on_over_a_promotion(tmp_path: Path):
    """The old revision has spent 60 of the 120 bad requests that 1 in 1000 of 120,000 allows; the new one is good."""
    rules = compiled(availability())
    series = {
        **UP,
        f"up{{{SECOND}}}": "_x59 1+0x70",
        **requests("0+990x60 _x80", "0+1x60 _x80"),
        **requests("_x60 0+1000x80", of=SECOND),
    }
    Try(folder=tmp_path, groups=rules, series=series).answers(
        {("round(fairlead:error_budget_remaining:ratio, 0.1)", "2h"): {OF: 0.5}}
    )


def test_revisions_are_compared(tmp_path: Path):
    rules = compiled(availability())
    series = UP | requests("0+95x70", "0+5x70") | requests("0+50x70", "0+50x70", of=SECOND)
    name = "fairlead:revision_error_ratio:rate1h"
    Try(folder=tmp_path, groups=rules, series=series).answers(
        {(f"round({name}, 0.01)", "1h"): {of("fraud-1", ""): 0.05, of("fraud-2", ""): 0.5}}
    )


def test_pods_leave_no_trace_in_what_is_kept_long(tmp_path: Path):
    rules = compiled(availability(), latency())
    Try(folder=tmp_path, groups=rules, series=UP | requests("0+60x60")).answers(
        {('{__name__=~"fairlead:.*",pod!=""}', "1h"): {}}
    )


def test_a_week_has_windows_of_its_own(tmp_path: Path):
    """Factors below 1, as fixed windows would have them, would fire although the budget lasts."""
    rules = compiled(availability("99"), terms=Terms(period=timedelta(days=7)))
    lasting = UP | requests("0+1000x400", "0+9x400")
    Try(folder=tmp_path, groups=rules, series=lasting).fires({"6h": []})
    burning = UP | requests("0+1000x400", "0+200x400")
    long = [("14m", "critical"), ("84m", "critical"), ("336m", "warning"), ("1008m", "warning")]
    Try(folder=tmp_path, groups=rules, series=burning).fires({"6h": [burn(*each) for each in long]})


def test_a_series_that_matches_twice_counts_once(tmp_path: Path):
    profile = MetricsProfile.model_validate(
        {
            "errors": {
                "bad": [{"series": "requests_total", "labels": {"code": "5.."}}],
                "total": [
                    {"series": "requests_total", "labels": {"code": "[25].."}},
                    {"series": "requests_total", "labels": {"code": "2.."}},
                    {"series": "other_total"},
                ],
            }
        }
    )
    series = {f'requests_total{{{FIRST},code="200"}}': "0+60x60", f'other_total{{{FIRST},code="200"}}': "0+60x60"}
    Try(folder=tmp_path, groups=compiled(availability(), profile=profile), series=UP | series).answers(
        {(TOTAL, "1h"): {of("fraud-1", TOTAL): 2}}
    )


def test_a_page_that_has_a_label_of_the_scrapes_is_read_by_its_other_name(tmp_path: Path):
    labels = {"revision": "good|bad"}
    profile = MetricsProfile.model_validate(
        {
            "errors": {
                "bad": [{"series": "r_total", "labels": {"revision": "bad"}}],
                "total": [{"series": "r_total", "labels": labels}],
            }
        }
    )
    series = {f'r_total{{{FIRST},exported_revision="{each}"}}': "0+60x60" for each in ("good", "bad", "other")}
    Try(folder=tmp_path, groups=compiled(availability(), profile=profile), series=UP | series).answers(
        {(TOTAL, "1h"): {of("fraud-1", TOTAL): 2}, (ERRORS, "1h"): {of("fraud-1", ERRORS): 1}}
    )


def test_queries_of_raw_counters_are_told_by_revision(tmp_path: Path):
    """Whose pod it is, its scrape says; another namespace's pod of the same name is not taken for ours."""
    guardrail = objective(
        name="guardrail",
        target="99",
        queries={"bad": "sum by (namespace, pod) (blocked_total) # by the gateway", "total": "answers_total"},
    )
    series = {
        f"up{{{FIRST}}}": "1+0x60",
        f"up{{{SECOND}}}": "1+0x60",
        'answers_total{namespace="risk",pod="a"}': "0+60x60",
        'answers_total{namespace="risk",pod="b"}': "0+30x60",
        'answers_total{namespace="other",pod="a"}': "0+600x60",
        'blocked_total{namespace="risk",pod="b"}': "0+15x60",
    }
    Try(folder=tmp_path, groups=compiled(guardrail), series=series).answers(
        {
            (TOTAL, "1h"): {of("fraud-1", TOTAL, "guardrail"): 1, of("fraud-2", TOTAL, "guardrail"): 0.5},
            (ERRORS, "1h"): {of("fraud-1", ERRORS, "guardrail"): 0, of("fraud-2", ERRORS, "guardrail"): 0.25},
        }
    )


def test_queries_tell_pods_by_the_labels_that_the_administrator_has_named(tmp_path: Path):
    """As the evidence source reads the same queries. The scrapes of the model's pods may have either name."""
    guardrail = objective(
        name="guardrail",
        target="99",
        queries={"bad": "sum by (ns, k8s_pod) (blocked_total)", "total": "answers_total"},
    )
    series = {
        f"up{{{FIRST}}}": "1+0x60",
        f"up{{{SECOND.replace('pod=', 'k8s_pod=')}}}": "1+0x60",
        'answers_total{ns="risk",k8s_pod="a",pod="gateway-1"}': "0+20x60",
        'answers_total{ns="risk",k8s_pod="a",pod="gateway-2"}': "0+40x60",
        'answers_total{ns="risk",k8s_pod="b"}': "0+30x60",
        'answers_total{ns="other",k8s_pod="a"}': "0+600x60",
        'blocked_total{ns="risk",k8s_pod="b"}': "0+15x60",
    }
    rules = compiled(guardrail, subject=replace(SUBJECT, pods=PodLabels(namespace="ns", pod="k8s_pod")))
    Try(folder=tmp_path, groups=rules, series=series).answers(
        {
            (TOTAL, "1h"): {of("fraud-1", TOTAL, "guardrail"): 1, of("fraud-2", TOTAL, "guardrail"): 0.5},
            (ERRORS, "1h"): {of("fraud-1", ERRORS, "guardrail"): 0, of("fraud-2", ERRORS, "guardrail"): 0.25},
        }
    )


PUBLIC = Passing(gateway=Gateway(name="public"), metrics=TRAEFIK)


def at_traefik(revision: str, code: str, values: str, namespace: str = "risk", label: str = "service") -> Series:
    way = f"httproute-{namespace}-fraud-gw-gateways-public-ep-web-0-b846d69d57e670f76018"
    service = f"{way}-svc-{namespace}-{revision}-0@kubernetesgateway"
    return {f'traefik_service_requests_total{{{label}="{service}",code="{code}",method="POST"}}': values}


@pytest.mark.parametrize("label", ["service", "exported_service"])
def test_where_a_gateway_counts_its_errors_are_those_of_each_revision(tmp_path: Path, label: str):
    """A ServiceMonitor gives series a label `service` of its own, and Prometheus renames that of the Gateway."""
    series = {
        **at_traefik("fraud-0a1b2c3d", "200", "0+540x60", label=label),
        **at_traefik("fraud-0a1b2c3d", "404", "0+600x60", label=label),
        **at_traefik("fraud-0a1b2c3d", "502", "0+60x60", label=label),
        **at_traefik("fraud-4e5f6a7b", "200", "0+120x60", label=label),
        **at_traefik("fraud-x-0a1b2c3d", "500", "0+60x60", label=label),
        **at_traefik("fraud-0a1b2c3d", "500", "0+60x60", namespace="other", label=label),
    }
    rules = compiled(availability(), profile=None, passing=PUBLIC)
    Try(folder=tmp_path, groups=rules, series=series).answers(
        {
            (TOTAL, "1h"): {of("fraud-0a1b2c3d", TOTAL): 10, of("fraud-4e5f6a7b", TOTAL): 2},
            (ERRORS, "1h"): {of("fraud-0a1b2c3d", ERRORS): 1, of("fraud-4e5f6a7b", ERRORS): 0},
        }
    )


def test_where_a_gateway_counts_pods_without_a_page_are_not_missed_but_the_gateway_is(tmp_path: Path):
    rules = compiled(availability(), profile=None, terms=replace(TERMS, scraped=False), passing=PUBLIC)
    for number, then in enumerate(("_x120", "36600+0x120")):  # it is not scraped; no pod is there to answer
        folder = tmp_path / str(number)
        folder.mkdir()
        series = at_traefik("fraud-0a1b2c3d", "200", f"0+600x60 {then}")
        Try(folder=folder, groups=rules, series=series).fires({"1h": [], "3h": [UNMEASURED]})


def test_rules_do_not_ask_for_labels_that_only_some_prometheus_knows(tmp_path: Path):
    """Such as that of a cluster, which is added on the way to where the series of all clusters are."""
    here = TRAEFIK.model_copy(update={"labels": {**TRAEFIK.labels, "cluster": "eu"}})
    rules = compiled(availability(), profile=None, passing=replace(PUBLIC, metrics=here))
    series = at_traefik("fraud-0a1b2c3d", "200", "0+60x60")
    Try(folder=tmp_path, groups=rules, series=series).answers({(TOTAL, "1h"): {of("fraud-0a1b2c3d", TOTAL): 1}})


def test_where_a_gateway_counts_pods_that_are_down_are_missed_all_the_same(tmp_path: Path):
    """Traefik counts nothing of what no pod was there for."""
    rules = compiled(availability(), passing=PUBLIC)
    series = {f"up{{{FIRST}}}": "1+0x60 0+0x60", **at_traefik("fraud-0a1b2c3d", "200", "0+600x60 36600+0x60")}
    Try(folder=tmp_path, groups=rules, series=series).fires({"1h": [], "70m": [ABSENT]})


def test_of_a_gateway_only_the_revisions_that_there_are_count(tmp_path: Path):
    """Model x of namespace risk-fraud and model fraud-x of namespace risk are one word for Traefik."""
    ours, theirs = "fraud-x-0a1b2c3d", "x-4e5f6a7b"
    subject = Subject(namespace="risk", model="fraud-x")
    found = measured(availability(), ((None, (ours,)),), {}, subject, PUBLIC)
    assert isinstance(found, Measured)
    series = {**at_traefik(ours, "200", "0+60x60"), **at_traefik(theirs, "500", "0+60x60", namespace="risk-fraud")}
    total = f'{TOTAL}{{modeldeployment="fraud-x",namespace="risk",objective="availability",revision="{ours}"}}'
    Try(folder=tmp_path, groups=groups(subject, [found], TERMS), series=series).answers({(TOTAL, "1h"): {total: 1}})


def test_where_a_gateway_counts_its_errors_alert(tmp_path: Path):
    rules = compiled(availability(), passing=PUBLIC)
    series = {
        **UP,
        **at_traefik("fraud-0a1b2c3d", "200", "0+600x60 36600+300x60"),
        **at_traefik("fraud-0a1b2c3d", "503", "0+0x60 300+300x60"),
    }
    Try(folder=tmp_path, groups=rules, series=series).fires({"1h": [], "70m": QUICK})
