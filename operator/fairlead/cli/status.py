"""`fairlead status`: all models of a namespace in a line each, or one of them in full."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from fairlead.api.history import EvidenceStatus
from fairlead.api.modeluri import shown
from fairlead.api.times import format_time
from fairlead.cli import table
from fairlead.cli.commands import Commands
from fairlead.cli.errors import CommandError
from fairlead.cli.standing import Standing, standing
from fairlead.cli.told import e_value, evidence_of, share, told
from fairlead.sources.fetched import size

HEADINGS = ("NAME", "READY", "ROLLOUT", "SERVES", "ON ITS WAY", "WEIGHT", "MESSAGE")

Pods = Mapping[str, tuple[int, int]]
"""Revision → how many of its pods are ready, and how many there are to be."""


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "status",
        help="show how all models of a namespace stand, or one of them in full",
        description="Shows a line for every ModelDeployment of a namespace, or one of them with its revisions, "
        "conditions, evidence, changes of its number of pods, what has become of people's orders, and last decisions.",
    )
    parser.add_argument("name", nargs="?", help="name of a ModelDeployment; absent: all of them")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-n", "--namespace", help="the namespace; absent: that of the current context")
    where.add_argument("-A", "--all-namespaces", action="store_true", help="the models of all namespaces")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> str:
    from fairlead.cli import cluster

    namespace = options.namespace or cluster.namespace_of_context()
    if options.name is None:
        return overview(
            cluster.models(None if options.all_namespaces else namespace), everywhere=options.all_namespaces
        )
    if options.all_namespaces:
        raise CommandError("a name is of one namespace: leave out --all-namespaces, or the name")
    return in_full(cluster.model(namespace, options.name), cluster.pods_of_revisions(namespace, options.name))


def overview(models: Sequence[Mapping[str, Any]], *, everywhere: bool) -> str:
    """A line for each ModelDeployment."""
    if not models:
        return f"There is no ModelDeployment {'in this cluster' if everywhere else 'in this namespace'}.\n"
    rows = [HEADINGS, *(_row(standing(model)) for model in models)]
    if everywhere:
        first = ("NAMESPACE", *(str(model["metadata"]["namespace"]) for model in models))
        rows = [(namespace, *rest) for namespace, rest in zip(first, rows, strict=True)]
    return "".join(f"{line}\n" for line in table.lines(rows, gap="   "))


def _row(found: Standing) -> tuple[str, ...]:
    ready = found.condition("Ready")
    return (
        found.name,
        ready.status if ready else "-",
        found.phase,
        found.named(found.status.stable.revision) if found.status.stable else "-",
        found.named(found.status.rollout.revision) if found.status.rollout else "-",
        "-" if found.weight is None else f"{found.weight:.3g} %",
        found.message,
    )


def in_full(model: Mapping[str, Any], pods: Pods) -> str:
    """One ModelDeployment."""
    found = standing(model)
    parts = (
        _head(found),
        _revisions(found, pods),
        _source(found),
        _evidence(found),
        _conditions(found),
        _scaling(found),
        _orders(found),
        _history(found),
    )
    told_parts = ("\n".join(lines) for part in parts if (lines := list(part)))
    return "\n\n".join(told_parts) + "\n"


def _head(found: Standing) -> Iterator[str]:
    yield f"{found.namespace}/{found.name}: {found.phase}"
    yield found.message
    if found.outdated:
        yield "The spec is newer than that: Fairlead has not looked at it yet."


def _revisions(found: Standing, pods: Pods) -> Iterator[str]:
    status, weight = found.status, found.weight
    stable = status.stable.revision if status.stable else None
    canary = status.rollout.revision if status.rollout else None
    roles: dict[str, str] = {}
    if stable is not None:
        roles[stable] = "serves" if weight is None else f"serves {100 - weight:.3g} % of the traffic"
    if canary is not None and canary != stable:
        roles[canary] = "on its way" if weight is None else f"on trial with {weight:.3g} % of the traffic"
    if status.failed is not None:
        roles.setdefault(status.failed.revision, "was rolled back")
    roles |= {each.revision: "drains" for each in status.draining if each.revision not in roles}
    rows = [("REVISION", "PODS READY", "")]
    for revision in dict.fromkeys(chain(roles, pods)):
        ready, wanted = pods.get(revision, (0, 0))
        rows.append((found.named(revision), f"{ready} of {wanted}", roles.get(revision, "ends")))
    yield from table.lines(rows, gap="   ") if len(rows) > 1 else ()


def _source(found: Standing) -> Iterator[str]:
    """Where the files come from, if a name may come to mean others."""
    source = found.status.source
    if source is None:
        return
    amount = "" if source.bytes is None else f" ({source.files} files, {size(source.bytes)})"
    yield f"Model of {source.revision}: {shown(source.uri)}{amount}"
    if source.resolved is not None and source.resolved != source.uri:
        yield f"  which was {shown(source.resolved)} when the revision was made"
    if source.unresolved is not None:
        yield f"  not pinned, pods get what it means when they start: {source.unresolved}"
    if source.latest is not None:
        yield f"  by now it is {shown(source.latest)}: another spec.model.version tries that"
    if source.problem is not None:
        yield f"  it could not be looked up again: {source.problem}"


def _evidence(found: Standing) -> Iterator[str]:
    evidence = found.evidence
    if evidence is None:
        return
    yield f"Evidence of {format_time(evidence.looked)}, from {evidence.source}"
    yield f"for a rollback   {evidence_of(evidence):.3g} of {evidence.against_limit}"
    yield from table.lines(list(_cells(evidence)), gap="   ")


def _cells(evidence: EvidenceStatus) -> Iterator[tuple[str, ...]]:
    yield "CELL", "CANARY", "STABLE", "GOOD ENOUGH"
    for cell in evidence.cells:
        good = "" if cell.better is None else f"{e_value(cell.better)} of {evidence.better_limit}"
        yield cell.name, share(cell.canary), share(cell.stable), good


def _conditions(found: Standing) -> Iterator[str]:
    rows = [("CONDITION", "STATUS", "REASON", "")]
    for each in found.status.conditions:
        told_above = each.message == found.message
        rows.append((each.type, each.status, each.reason, "" if told_above else each.message))
    yield from table.lines(rows, gap="   ") if len(rows) > 1 else ()


def _scaling(found: Standing) -> Iterator[str]:
    """How the number of pods of what serves has changed."""
    scaling = found.status.scaling
    changes = scaling.changes if scaling else ()
    rows = [("PODS", "BEFORE", "SINCE", "")]
    rows += [(str(each.after), str(each.before), format_time(each.time), each.reason) for each in changes]
    yield from table.lines(rows, gap="   ") if len(rows) > 1 else ()


def _orders(found: Standing) -> Iterator[str]:
    """What has become of the annotations that are set. Not their values: anybody may have written anything there."""
    rows = [("ORDER", "SEEN", "RESULT", "")]
    rows += [(each.action, format_time(each.time), each.result, each.message) for each in found.status.handled]
    yield from table.lines(rows, gap="   ") if len(rows) > 1 else ()


def _history(found: Standing) -> Iterator[str]:
    if found.status.history:
        yield "Decisions, the last one first (fairlead why --record N tells more)"
    for number in range(1, len(found.status.history) + 1):
        decided = told(found.name, found.status, number)
        if decided is not None:
            yield f"{number}  {decided.sentences[0]}"
