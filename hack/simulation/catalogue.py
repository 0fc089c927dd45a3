"""All scenarios of the table, in its order."""

from dataclasses import replace
from datetime import timedelta

from simulation.scenarios import ERRORS_PROMOTION, ERRORS_ROLLBACK, Scenario

RATES = (1, 5, 20, 100, 1000)
HARD_RATES = (20, 100)
AT_GATEWAY = ("", "bursts of 3", "bursts of 10", "one stable pod has twice the errors", "both bad for ten minutes")
"""In which circumstances it is played, too, that a Gateway counts: where it matters that pods can be told apart."""
ERRORS = (0.001, 0.005, 0.01)
FACTORS = (1, 1.5, 2, 5, 20)
SLOWER = (1.2, 1.5, 2, 5)


def catalogue() -> tuple[Scenario, ...]:
    """Errors, latencies, and then what makes life hard, at the two rates in the middle."""
    return (*_errors(), *_latencies(), *_hard())


def quick(scenario: Scenario) -> bool:
    """Whether a scenario belongs to the few that are played in a minute."""
    return scenario.errors == ERRORS[1] and scenario.rate in HARD_RATES and not scenario.at_gateway


def _errors() -> list[Scenario]:
    return [
        replace(scenario, errors=errors, rate=rate)
        for errors in ERRORS
        for scenario in [*_margins("errors"), *(_times("errors", factor) for factor in FACTORS)]
        for rate in RATES
    ]


def _latencies() -> list[Scenario]:
    kinds = [Scenario(group="latency", name=f"×{by:g}", slower=by, rate=0) for by in SLOWER]
    tail = Scenario(group="latency", name="5 % tail ×5", tail=0.05, rate=0)
    return [replace(scenario, rate=rate) for scenario in (*kinds, tail) for rate in RATES]


def _hard() -> list[Scenario]:
    plain = Scenario(group="", name="", rate=0)
    circumstances = [
        replace(plain, group="load that rises and falls", diurnal=True),
        replace(plain, group="errors of both grow ×5", drift=5),
        replace(plain, group="errors of both fall to a fifth", drift=0.2),
        replace(plain, group="latencies of both grow ×1.5", slowing=1.5),
        replace(plain, group="bursts of 3", burst=3),
        replace(plain, group="bursts of 10", burst=10),
        replace(plain, group="one stable pod has twice the errors", uneven=True),
        replace(plain, group="both bad for ten minutes", outage=0.1),
    ]
    at_gateway = [replace(each, at_gateway=True) for each in (plain, *circumstances) if each.group in AT_GATEWAY]
    named = [replace(each, group=f"counted at the Gateway, {each.group}".rstrip(", ")) for each in at_gateway]
    late = [replace(_times("begins late", by), begins=timedelta(minutes=2)) for by in (5, 20)]
    return [
        replace(scenario, rate=rate)
        for scenario in [*(each for where in (*circumstances, *named) for each in _canaries(where)), *late]
        for rate in HARD_RATES
    ]


def _canaries(where: Scenario) -> list[Scenario]:
    """Under the same circumstances: a good one, the two at the margins, and a bad one."""
    variants = [_times("", 1), *_margins(""), _times("", 20)]
    return [replace(where, name=each.name, factor=each.factor, offset=each.offset) for each in variants]


def _times(group: str, factor: float) -> Scenario:
    return Scenario(group=group, name=f"×{factor:g}", factor=factor, rate=0)


def _margins(group: str) -> list[Scenario]:
    """The least favourable points: where a rollback, and where a promotion, would just be wrong."""
    return [
        Scenario(group=group, name=f"at the {name} margin", factor=margin.factor, offset=margin.offset, rate=0)
        for name, margin in (("rollback", ERRORS_ROLLBACK), ("promotion", ERRORS_PROMOTION))
    ]
