"""Which files are wanted, by the shell's patterns as huggingface_hub understands them: `*` crosses slashes, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Patterns:
    """`exclude` wins; no `include` means everything. `folder/` stands for all that is in there."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def want(self, path: str) -> bool:
        return (not self.include or _any(path, self.include)) and not _any(path, self.exclude)

    def __str__(self) -> str:
        parts = [f"{name} {', '.join(given)}" for name, given in self._given() if given]
        return " and ".join(parts) or "no pattern"

    def _given(self) -> tuple[tuple[str, Sequence[str]], ...]:
        return ("include", self.include), ("exclude", self.exclude)


def _any(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(path, f"{pattern}*" if pattern.endswith("/") else pattern) for pattern in patterns)
