"""What one look at the evidence costs a live trial: CPU per tick, by the number of cells."""

import time
from datetime import timedelta

import numpy as np

from fairlead.evidence.findings import findings
from fairlead.evidence.judge import Counted, begin, weigh
from fairlead.evidence.memory import Memory
from fairlead.evidence.terms import Cell, Margin, Terms
from fairlead.evidence.verdict import Case, next_weight, verdicts

TICK = timedelta(seconds=5)
TICKS = 500
STABLE_PODS = 4


def milliseconds(cells: int) -> float:
    """CPU per tick, the mean over TICKS, with the first left out."""
    terms = _terms(cells)
    memory = begin(Memory.blank(cells), np.full(cells, 1e4), np.full(cells, 50.0))
    draw = np.random.default_rng(0)
    weight, began = np.array(0.01), 0.0
    for tick in range(TICKS + 1):
        if tick == 1:
            began = time.process_time()
        canary, stable = (_counted(draw, pods, cells) for pods in (1, STABLE_PODS))
        memory = weigh(memory, terms, canary, stable, TICK)
        found = findings(memory, terms)
        verdicts(Case(findings=found, terms=terms, lasted=tick * TICK, waited=tick * TICK))
        weight = next_weight(memory, terms, found.against, weight)
    return 1000 * (time.process_time() - began) / TICKS


def _terms(cells: int) -> Terms:
    back, on = Margin(factor=1.25, offset=0.005), Margin(factor=1.5, offset=0.01)
    each = [Cell(name=str(n), rollback=back, promotion=on, weight=1 / cells, objective=0.01) for n in range(cells)]
    return Terms(cells=tuple(each))


def _counted(draw: np.random.Generator, pods: int, cells: int) -> Counted:
    requests = np.full((pods, cells), 100.0)
    return Counted(requests=requests, bad=draw.binomial(100, 0.005, (pods, cells)).astype(float))


if __name__ == "__main__":
    one, *others = sizes = (2, 9, 25)
    figures = {cells: milliseconds(cells) for cells in sizes}
    print("| cells | CPU per tick, ms | times that of two |\n| ---: | ---: | ---: |")
    for cells, took in figures.items():
        print(f"| {cells} | {took:.2f} | {took / figures[one]:.1f} |")
