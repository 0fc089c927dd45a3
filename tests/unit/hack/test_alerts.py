"""The alerts about the operator itself: each fires when it should, and none does while all is well."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from fairlead.cluster.errors import ApiError, Rejected
from fairlead.cluster.look_metrics import CANCELLED, OK
from generation.alerts import HARMLESS, operator_alerts
from unit.hack.exposed import PROMETHEUS_OWN, asked, exposed
from unit.slo.promtool import Try, check

RULES = operator_alerts("fairlead-system", "fairlead", "https://wiki.example/fairlead")
LEADER, STANDBY = (f'namespace="fairlead-system",job="fairlead",pod="{pod}",instance="{pod}:8080"' for pod in "ab")
ELSEWHERE = 'namespace="other",job="fairlead",pod="c",instance="c:8080"'
"""A replica of another release, of which these rules are not to tell."""


def series(of: str, **values: str) -> dict[str, str]:
    """Series of one replica; `name__label__value` is one with a label."""
    found = {}
    for key, value in values.items():
        name, *label = key.split("__")
        more = f',{label[0]}="{label[1]}"' if label else ""
        found[f"{name}{{{of}{more}}}"] = value
    return found


STANDS_BY = series(
    STANDBY,
    up="1x1600",
    process_start_time_seconds="1000x1600",
    fairlead_leader="0x1600",
    fairlead_queue_oldest_seconds="0x1600",
    fairlead_evidence_age_seconds="0x1600",
    fairlead_asked_seconds__reason__AwaitingApproval="0x1600",
)
LEADS = series(
    LEADER,
    up="1x1600",
    process_start_time_seconds="1000x1600",
    fairlead_leader="1x1600",
    fairlead_reconciles_total__result__ok="0+60x1600",
    fairlead_queue_oldest_seconds="0x1600",
    fairlead_evidence_age_seconds="5x1600",
    fairlead_asked_seconds__reason__AwaitingApproval="0x1600",
)


def fires(folder: Path, changed: Mapping[str, str], at: Mapping[str, list[str]]) -> None:
    """Which alerts fire when, by their names and labels, if some series are other than usual."""
    Try(folder=folder, groups=RULES, series={**LEADS, **STANDS_BY, **changed}).fires(at)


def alert(name: str, severity: str) -> str:
    return f'{{alertname="{name}",severity="{severity}"}}'


def test_a_leader_and_a_standby_that_are_well_alert_nobody(tmp_path: Path):
    fires(tmp_path, {}, {"10m": [], "2h": [], "25h": []})


def test_a_change_of_leader_and_an_upgrade_alert_nobody(tmp_path: Path):
    changes = series(
        LEADER,
        fairlead_leader="1x20 0x200",
        process_start_time_seconds="1000x20 2200x30 4000x200",
        fairlead_queue_oldest_seconds="0x20 30 0x200",
    )
    begins = series(STANDBY, fairlead_leader="0x21 1x200", fairlead_queue_oldest_seconds="0x21 20 0x200")
    fires(tmp_path, {**changes, **begins}, {f"{minute}m": [] for minute in (20, 22, 25, 30, 60, 90)})


def test_what_passes_by_itself_alerts_nobody(tmp_path: Path):
    passes = series(
        LEADER,
        fairlead_failing_seconds__result__ServerFault="_x10 0+60x14 stale",
        fairlead_failing_seconds__result__Refused="0+60x1600",
        fairlead_reconciles_total__result__Refused="0+600x1600",
        fairlead_reconciles_total__result__ServerFault="0+0x10 600+600x5 3600+0x100",
        fairlead_stuck_models__reason__Starting="_x10 1x25 stale",
        fairlead_evidence_age_seconds="5x10 0+60x12 5x100",
    )
    fires(tmp_path, passes, {f"{minute}m": [] for minute in range(5, 80, 5)})


def test_no_replica_at_all_is_missed(tmp_path: Path):
    other = series(ELSEWHERE, up="1x100", fairlead_leader="1x100")
    groups = Try(folder=tmp_path, groups=RULES, series=other)
    groups.fires({"4m": [], "6m": [alert("FairleadOperatorAbsent", "critical")]})


def test_replicas_of_which_none_leads(tmp_path: Path):
    lost = series(LEADER, fairlead_leader="1x10 0x100") | series(ELSEWHERE, fairlead_leader="1x100")
    fires(tmp_path, lost, {"11m": [], "14m": [alert("FairleadLeaderAbsent", "critical")]})


def test_a_replica_that_is_started_again_and_again(tmp_path: Path):
    starts = series(STANDBY, process_start_time_seconds="1000x10 1600x5 1900x10 2500x30 2500x100")
    fires(tmp_path, starts, {"20m": [], "35m": [alert("FairleadReplicaUnstable", "warning")], "90m": []})


def test_a_replica_that_does_not_come_up(tmp_path: Path):
    down = series(STANDBY, up="1x10 0x100", process_start_time_seconds="1000x10 _x100")
    fires(tmp_path, down, {"15m": [], "30m": [alert("FairleadReplicaUnstable", "warning")]})


def test_one_model_that_fails_for_long(tmp_path: Path):
    failing = series(LEADER, fairlead_failing_seconds__result__KeyError="_x10 0+60x60")
    fires(tmp_path, failing, {"20m": [], "28m": [alert("FairleadReconciliationFailing", "warning")]})


def test_most_models_that_fail(tmp_path: Path):
    failing = series(
        LEADER,
        fairlead_reconciles_total__result__ok="0+60x30 1800+10x60",
        fairlead_reconciles_total__result__Unauthorized="0+0x30 0+60x60",
        fairlead_failing_models__result__Unauthorized="_x30 200x60",
    )
    at = {"35m": [], "50m": [alert("FairleadReconciliationFailing", "critical")]}
    fires(tmp_path, failing, at)


def test_one_bad_model_among_many_at_rest_is_not_most_of_them(tmp_path: Path):
    failing = series(
        LEADER,
        fairlead_reconciles_total__result__ok="0+0x90",
        fairlead_reconciles_total__result__KeyError="0+0x30 0+1x60",
        fairlead_failing_models__result__KeyError="_x30 1x60",
    )
    fires(tmp_path, failing, {"50m": []})


def test_a_queue_that_does_not_drain(tmp_path: Path):
    blocked = series(LEADER, fairlead_queue_oldest_seconds="0x10 0+60x60")
    fires(tmp_path, blocked, {"15m": [], "20m": [alert("FairleadQueueBlocked", "critical")]})


def test_a_trial_whose_evidence_does_not_come(tmp_path: Path):
    stale = series(LEADER, fairlead_evidence_age_seconds="5x10 5+60x60")
    fires(tmp_path, stale, {"20m": [], "28m": [alert("FairleadEvidenceStale", "warning")]})


def test_rollouts_that_do_not_get_further(tmp_path: Path):
    stuck = series(LEADER, fairlead_stuck_models__reason__Inconclusive="_x10 1x100")
    fires(tmp_path, stuck, {"35m": [], "45m": [alert("FairleadRolloutStuck", "warning")]})


def test_one_that_does_not_get_further_for_ever_new_reasons(tmp_path: Path):
    flapping = series(
        LEADER,
        fairlead_stuck_models__reason__NotReady="_x10 " + "1x9 _x10 " * 5,
        fairlead_stuck_models__reason__ContainerFailing="_x10 " + "_x9 1x10 " * 5,
    )
    fires(tmp_path, flapping, {"35m": [], "45m": [alert("FairleadRolloutStuck", "warning")]})


def test_a_person_who_does_not_decide(tmp_path: Path):
    asked = series(LEADER, fairlead_asked_seconds__reason__AwaitingApproval="0+60x1600")
    fires(tmp_path, asked, {"23h": [], "1450m": [alert("FairleadDecisionPending", "warning")]})


def test_every_series_is_one_that_the_operator_exposes():
    there = {**exposed(), **PROMETHEUS_OWN}
    for rule in RULES[0]["rules"]:
        for name, labels in asked(rule["expr"]):
            assert labels <= there[name], rule["expr"]
            assert {"namespace", "job"} <= labels, "else it would tell of other releases"


def test_every_alert_says_what_it_is_about_and_where_to_read_on(tmp_path: Path):
    (tmp_path / "rules.json").write_text(json.dumps({"groups": RULES}))
    check(tmp_path / "rules.json")
    for rule in RULES[0]["rules"]:
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example/fairlead/{rule['alert']}.md"
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert (rule["labels"]["namespace"], rule["labels"]["job"]) == ("fairlead-system", "fairlead")


@pytest.mark.parametrize("result", HARMLESS.split("|"))
def test_a_result_that_is_no_failure_is_one_that_a_look_can_have(result: str):
    names = {each.__name__ for each in ApiError.__subclasses__()} | {
        each.__name__ for each in Rejected.__subclasses__()
    }
    assert result in names | {OK, CANCELLED}
