"""All runs of all scenarios, in batches, by at most two processes.

Not in __main__: a process that is spawned has to import what it is given to do.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from multiprocessing import get_context

from simulation.playing import BATCH, RULES, Played, play, together
from simulation.scenarios import Scenario
from simulation.table import Line

MOST_PROCESSES = 2

Job = tuple[Scenario, str, int, int]  # scenario, rule, runs, seed


def everything(scenarios: Sequence[Scenario], runs: int, processes: int) -> Iterator[Line]:
    """A batch is a job, and its number its seed: the figures do not depend on who plays it."""
    with get_context("spawn").Pool(processes) as pool:
        played = zip(jobs := _jobs(scenarios, runs), pool.imap(_play, jobs), strict=True)
        for scenario, of_scenario in groupby(played, key=lambda pair: pair[0][0]):
            parts: dict[str, list[Played]] = {rule: [] for rule in RULES}
            for (_, rule, _, _), part in of_scenario:
                parts[rule].append(part)
            yield Line(scenario=scenario, played={rule: together(each) for rule, each in parts.items()})


def _jobs(scenarios: Sequence[Scenario], runs: int) -> list[Job]:
    return [
        (scenario, rule, min(BATCH, runs - begin), begin // BATCH)
        for scenario in scenarios
        for rule in RULES
        for begin in range(0, runs, BATCH)
    ]


def _play(job: Job) -> Played:
    return play(*job)
