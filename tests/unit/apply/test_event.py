"""apply/event.py: a reason that comes and goes makes no storm of Events."""

from dataclasses import replace
from datetime import timedelta

from fairlead.apply.event import Told
from fairlead.plan import Event
from fairlead.situation import Identity
from world import START

FAILING = Event(type="Warning", reason="ContainerFailing", action="Reconcile", message="exit code 1")
ABSENT = Event(type="Warning", reason="ImageUnavailable", action="Reconcile", message="no image")
PROMOTED = Event(type="Normal", reason="Promoted", action="MoveTraffic", message="Revision fraud-1 took over")
FRAUD = Identity(name="fraud", namespace="risk", uid="1", generation=1)


def test_two_warnings_that_take_turns_are_told_once_an_hour():
    told = Told()
    minutes = [
        (minute, event.reason)
        for minute in range(0, 120, 5)
        for event in (FAILING, ABSENT)
        if not told.is_repeated(event, FRAUD, START + timedelta(minutes=minute))
    ]
    assert minutes == [
        (0, "ContainerFailing"),
        (0, "ImageUnavailable"),
        (60, "ContainerFailing"),
        (60, "ImageUnavailable"),
    ]


def test_another_spec_and_another_model_are_told_at_once():
    told = Told()
    assert not told.is_repeated(FAILING, FRAUD, START)
    assert told.is_repeated(replace(FAILING, message="exit code 2"), FRAUD, START)
    assert not told.is_repeated(FAILING, replace(FRAUD, generation=2), START)
    assert not told.is_repeated(FAILING, replace(FRAUD, uid="2"), START)


def test_what_went_well_is_always_told():
    told = Told()
    assert not told.is_repeated(PROMOTED, FRAUD, START)
    assert not told.is_repeated(PROMOTED, FRAUD, START)
