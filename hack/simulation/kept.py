"""What was played before, on disk: hours of CPU need not be spent in one go.

A scenario is known by its words, its number of runs, and the code that played it: after a change of the judge, of a
rule or of the streams it is played anew.
"""

import ast
import hashlib
from pathlib import Path

import numpy as np

import fairlead.evidence
import simulation
from simulation.playing import RULES, Played
from simulation.scenarios import Scenario
from simulation.table import Line

PLAYS = ("judged.py", "playing.py", "rules.py", "scenarios.py", "streams.py", "thresholds.py")
JUDGES = tuple(
    f"{name}.py" for name in ("evalues", "findings", "judge", "memory", "mixture", "scatter", "terms", "verdict")
)
"""The files that decide how a run goes."""


class Kept:
    """A folder with a file for each scenario."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._code = _code()

    def line(self, scenario: Scenario, runs: int) -> Line | None:
        """How it was played, or None when it was not."""
        file = self._file(scenario, runs)
        if not file.exists():
            return None
        with np.load(file) as found:
            played = {rule: Played(**{part: found[f"{rule}.{part}"] for part in PARTS}) for rule in RULES}
        return Line(scenario=scenario, played=played)

    def keep(self, line: Line, runs: int) -> None:
        """Keeps how a scenario was played."""
        self._folder.mkdir(parents=True, exist_ok=True)
        arrays = {f"{rule}.{part}": getattr(played, part) for rule, played in line.played.items() for part in PARTS}
        partial = self._file(line.scenario, runs).with_suffix(".partial.npz")
        np.savez(partial, allow_pickle=False, **arrays)
        partial.rename(self._file(line.scenario, runs))

    def _file(self, scenario: Scenario, runs: int) -> Path:
        known_by = f"{scenario!r} {runs} {self._code}"
        return self._folder / f"{hashlib.sha256(known_by.encode()).hexdigest()[:24]}.npz"


PARTS = tuple(Played.__dataclass_fields__)


def _code() -> str:
    """A hash of the code without its words: comments and docstrings decide nothing."""
    files = [
        Path(package.__path__[0]) / name
        for package, names in ((fairlead.evidence, JUDGES), (simulation, PLAYS))
        for name in names
    ]
    trees = [ast.parse(file.read_text()) for file in files]
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not _is_words(each)]
    return hashlib.sha256("\n".join(map(ast.dump, trees)).encode()).hexdigest()


def _is_words(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
