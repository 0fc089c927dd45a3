"""observe/remembered.py: read once for each version."""

from fairlead.observe import remembered
from fairlead.observe.remembered import Remembered


def test_what_stays_as_it_is_is_read_once():
    known: Remembered[str] = Remembered()
    assert known.of("uid", 1, lambda: "first") == "first"
    assert known.of("uid", 1, lambda: "again") == "first"


def test_another_version_is_read_anew_and_so_is_another_object_of_the_name():
    known: Remembered[str] = Remembered()
    known.of("uid", 1, lambda: "first")
    assert known.of("uid", 2, lambda: "second") == "second"
    assert known.of("another uid", 1, lambda: "other") == "other"
    assert known.of("uid", 1, lambda: "back") == "back"


def test_what_is_remembered_is_bounded():
    known: Remembered[str] = Remembered()
    for number in range(remembered.MOST):
        known.of(str(number), 1, lambda: "old")
    known.of("one more", 1, lambda: "old")
    assert known.of("0", 1, lambda: "new") == "new"
