"""Generated files are what they are generated from."""

from pathlib import Path

from generation.files import generated, stale

ROOT = Path(__file__).parents[3]


def test_nothing_is_stale() -> None:
    assert stale(ROOT) == [], "run hack/generate"


def test_a_missing_and_a_changed_file_are_stale(tmp_path: Path) -> None:
    changed, missing, *others = generated()
    for path in (changed, *others):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(generated()[path])
    (tmp_path / changed).write_text("edited")

    assert stale(tmp_path) == [changed, missing]


def test_the_reference_shows_every_field_once_described() -> None:
    page = generated()["docs/reference/modeldeployment.md"]

    assert "## spec.runtime.container.probes.readiness\n" in page
    assert "| `strategy` | `Canary` or `BlueGreen` or `Recreate` | `Canary` | Canary: the new revision gets" in page
    assert "| READY | always |" in page
