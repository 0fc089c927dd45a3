from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.api.kinds import SERVICE
from fairlead.cluster.store import Key, Store, key_of


def a_store(**more: Any) -> Store:
    def owner_of(obj: dict[str, Any]) -> Key | None:
        return next(((obj["metadata"]["namespace"], ref["name"]) for ref in obj["metadata"]["ownerReferences"]), None)

    return Store(SERVICE, **({"slim": dict, "owner_of": owner_of} | more))


def an_object(name: str = "fraud", uid: str = "a", version: int = 1, owner: str | None = "fraud") -> dict[str, Any]:
    owners = [{"name": owner}] if owner else []
    metadata = {
        "namespace": "risk",
        "name": name,
        "uid": uid,
        "resourceVersion": str(version),
        "ownerReferences": owners,
    }
    return {"metadata": metadata, "spec": {"version": version}}


FRAUD = ("risk", "fraud")
SCORE = ("risk", "score")


def version_in(store: Store, key: Key = FRAUD) -> int | None:
    found = store.get(key)
    return None if found is None else int(found["metadata"]["resourceVersion"])


def test_gives_back_what_it_was_told_without_the_managed_fields():
    store = a_store()
    told = an_object()
    told["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    assert store.observe("ADDED", told) == {FRAUD}
    assert store.get(FRAUD) == an_object()
    assert told["metadata"]["managedFields"]  # the caller's object is left alone


def test_keeps_only_what_slim_lets_through():
    store = a_store(slim=lambda obj: {"metadata": obj["metadata"]})
    store.observe("ADDED", an_object())
    assert "spec" not in (store.get(FRAUD) or {})


def test_what_it_gives_out_may_be_changed():
    store = a_store()
    store.observe("ADDED", an_object())
    (store.get(FRAUD) or {}).clear()
    assert store.get(FRAUD) == an_object()


def test_an_older_or_equal_sight_changes_nothing():
    store = a_store()
    store.observe("MODIFIED", an_object(version=5))
    assert store.observe("MODIFIED", an_object(version=5)) == set()
    assert store.observe(None, an_object(version=4)) == set()
    assert version_in(store) == 5


def test_what_changes_nothing_that_is_kept_concerns_nobody():
    store = a_store(slim=lambda obj: {"metadata": obj["metadata"]})
    store.observe("ADDED", an_object(version=1))
    status_only = an_object(version=2)  # its spec is not kept
    assert store.observe("MODIFIED", status_only) == set()
    assert version_in(store) == 2
    assert store.observe("MODIFIED", an_object(uid="b", version=3)) == {FRAUD}


def test_knows_who_uses_what():
    store = a_store(refers_to=lambda obj: obj["spec"].get("uses"))

    def told(event: str, name: str, version: int, **spec: str) -> None:
        store.observe(event, an_object(name, version=version) | {"spec": spec})

    told("ADDED", "fraud", 1, uses="a")
    told("ADDED", "score", 2, uses="a")
    assert set(store.referring("a")) == {FRAUD, SCORE}
    told("MODIFIED", "fraud", 3, uses="b")
    told("DELETED", "score", 4, uses="a")
    assert [set(store.referring(name)) for name in "ab"] == [set(), {FRAUD}]
    told("MODIFIED", "fraud", 5)
    assert store.referring("b") == ()


def test_a_change_concerns_those_who_depend_on_it_and_no_news_concern_nobody():
    store = a_store(owner_of=lambda obj: None, dependents=lambda key: [SCORE] if key == FRAUD else [])
    assert store.observe("ADDED", an_object(version=1)) == {SCORE}
    assert store.observe(None, an_object(version=1)) == set(), "a list that is read again"
    assert store.observe("MODIFIED", an_object(version=2)) == {SCORE}
    assert store.prune({}, 5) == {SCORE}


def test_the_response_of_a_write_that_comes_after_the_deletion_does_not_resurrect():
    store = a_store()
    store.observe("ADDED", an_object(version=1))
    store.observe("DELETED", an_object(version=3))
    assert store.observe("MODIFIED", an_object(version=2)) == set()
    assert FRAUD not in store


def test_the_deletion_of_an_older_incarnation_leaves_the_newer_one():
    store = a_store()
    store.observe("ADDED", an_object(uid="a", version=1))
    store.observe("ADDED", an_object(uid="b", version=3))
    assert store.observe("DELETED", an_object(uid="a", version=2)) == set()
    assert version_in(store) == 3


def test_an_object_that_left_the_label_selector_may_come_back():
    store = a_store()
    store.observe("ADDED", an_object(version=1))
    store.observe("DELETED", an_object(version=2))
    store.observe("ADDED", an_object(version=3))
    assert version_in(store) == 3


def test_a_change_of_owner_concerns_both():
    store = a_store()
    store.observe("ADDED", an_object(owner="fraud", version=1))
    assert store.observe("MODIFIED", an_object(owner="score", version=2)) == {FRAUD, SCORE}
    assert [store.owned(FRAUD), len(store.owned(SCORE))] == [[], 1]


def test_owned_objects_come_by_name():
    store = a_store()
    for version, name in enumerate(("c", "a", "b"), start=1):
        store.observe("ADDED", an_object(name=name, version=version))
    store.observe("ADDED", an_object(name="d", owner=None, version=4))
    assert [obj["metadata"]["name"] for obj in store.owned(FRAUD)] == ["a", "b", "c"]
    store.observe("DELETED", an_object(name="b", version=5))
    assert [obj["metadata"]["name"] for obj in store.owned(FRAUD)] == ["a", "c"]


def test_what_we_deleted_ourselves_stays_gone_whatever_is_still_under_way():
    store = a_store()
    store.observe("ADDED", an_object(version=1))
    assert store.forget(FRAUD, "a") == {FRAUD}
    store.observe("MODIFIED", an_object(version=2))
    assert FRAUD not in store
    store.observe("ADDED", an_object(uid="b", version=4))
    store.observe("DELETED", an_object(version=3))
    assert version_in(store) == 4


def test_forgetting_another_incarnation_does_nothing():
    store = a_store()
    store.observe("ADDED", an_object(uid="b"))
    assert store.forget(FRAUD, "a") == set()
    assert FRAUD in store


def test_a_list_brings_missed_deletions_to_light():
    store = a_store()
    store.observe("ADDED", an_object(version=1))
    assert store.prune({}, 10) == {FRAUD}
    store.observe("MODIFIED", an_object(version=9))
    assert FRAUD not in store


def test_a_list_does_not_drop_what_came_after_it():
    store = a_store()
    store.observe("ADDED", an_object(version=11))
    assert store.prune({}, 10) == set()
    assert FRAUD in store


def test_a_successor_that_a_list_knows_is_awaited():
    store = a_store()
    store.observe("ADDED", an_object(uid="a", version=1))
    assert store.prune({FRAUD: "b"}, 10) == {FRAUD}
    store.observe("MODIFIED", an_object(uid="a", version=2))
    assert FRAUD not in store
    store.observe("ADDED", an_object(uid="b", version=5))
    assert version_in(store) == 5


def test_missing_is_what_no_watch_has_told_of():
    store = a_store()
    store.observe("ADDED", an_object("seen", version=1))
    store.observe("ADDED", an_object("gone", version=2))
    store.observe("DELETED", an_object("gone", version=3))
    assert store.missing([("risk", "seen"), ("risk", "gone"), ("risk", "new")]) == {("risk", "new")}


def test_graves_do_not_pile_up():
    store = a_store()
    store.observe("DELETED", an_object(version=1))
    for version in (10, 20):
        store.prune({}, version)
    assert store.missing([FRAUD]) == {FRAUD}


def test_a_resource_version_that_is_no_number_is_an_error():
    broken = an_object()
    broken["metadata"]["resourceVersion"] = "abc"
    with pytest.raises(ValueError, match="abc"):
        a_store().observe("ADDED", broken)


# Any order in which the truth may arrive.

Delivery = tuple[str, Any]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[dict[Key, int], list[Delivery]]:
    """The true last versions, and what the store is told in the order in which it is told.

    Each incarnation has a history: added, changed, deleted. The watch tells it in order, but perhaps not the deletion.
    Responses of writes show states of it at any time; a deletion of our own is known at any time once it is seen; a
    list in the middle comes at any time.
    """
    version = 0
    last: dict[Key, int] = {}
    alive: dict[int, dict[Key, str]] = {0: {}}
    streams: list[list[Delivery]] = []
    for n in range(draw(st.integers(1, 5))):
        name, uid = draw(st.sampled_from(["fraud", "score"])), f"uid-{n}"
        if ("risk", name) in last:
            continue
        watch: list[Delivery] = []
        for _ in range(draw(st.integers(1, 3))):
            version += 1
            seen = an_object(name, uid, version)
            watch.append(("MODIFIED", seen))
            if draw(st.booleans()):
                streams.append([("MODIFIED", seen)])
            last["risk", name] = version
            alive[version] = alive[version - 1] | {("risk", name): uid}
        if draw(st.booleans()):
            version += 1
            del last["risk", name]
            alive[version] = {key: other for key, other in alive[version - 1].items() if key != ("risk", name)}
            if draw(st.booleans()):
                watch.append(("DELETED", an_object(name, uid, version)))
            if draw(st.booleans()):
                streams.append([watch[0], ("forget", (("risk", name), uid))])
        streams.append(watch)
    if draw(st.booleans()):
        at = draw(st.integers(0, version))
        streams.append([("prune", (alive[at], at))])
    told = []
    while streams:
        stream = draw(st.sampled_from(streams))
        told.append(stream.pop(0))
        streams = [rest for rest in streams if rest]
    return last, [*told, ("prune", (alive[version], version))]


@given(deliveries())
def test_whatever_the_order_the_store_ends_in_the_truth_and_nothing_rises_from_the_dead(
    case: tuple[dict[Key, int], list[Delivery]],
):
    truth, told = case
    store = a_store()
    newest: dict[Key, int] = {}
    dead: set[str] = set()
    for what, about in told:
        if what == "forget":
            key, uid = about
            store.forget(key, uid)
            dead.add(uid)
        elif what == "prune":
            store.prune(*about)
        else:
            store.observe(what, about)
            if what == "DELETED":
                dead.add(about["metadata"]["uid"])
        for key in store:
            found = store.get(key)
            assert found is not None
            assert found["metadata"]["uid"] not in dead
            assert int(found["metadata"]["resourceVersion"]) >= newest.get(key, 0)
            newest[key] = int(found["metadata"]["resourceVersion"])
    assert {key: version_in(store, key) for key in store} == truth
    owned = {key_of(obj) for owner in (FRAUD, SCORE) for obj in store.owned(owner)}
    assert owned == {key for key in truth if key == FRAUD} | {key for key in truth if key == SCORE}
