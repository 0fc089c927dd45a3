"""The revision that a spec asks for: found again among those that exist, or made anew."""

import difflib
from dataclasses import replace
from typing import Any

from fairlead.api.metrics import MetricsProfile
from fairlead.api.modeldeployment import MOUNTS_CLASH, ModelDeployment, mounts_clash
from fairlead.api.parse import Invalid
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision, Snapshot, SourceRecord, new_revision, wish_digest
from fairlead.api.server import ServerTemplate
from fairlead.decision import Problem
from fairlead.desired.placeholders import fill
from fairlead.desired.pod_template import placeholder_values, pod_template
from fairlead.situation import Situation
from fairlead.sources.lookup import NO_LOOKUP, Lookup, looked_up, unresolved
from fairlead.sources.way import Way, source_kind, way_of

NAMED = 5  # ModelRuntimes in a message


def inputs(model: ModelDeployment) -> dict[str, Any]:
    """What the user asked for, as far as it makes pods different.

    Defaults are left out, so that a field that a later version adds does not change the hash of what runs.
    """
    parts = {"model", "runtime", "resources", "pod"}
    return model.spec.model_dump(mode="json", by_alias=True, include=parts, exclude_defaults=True, exclude_none=True)


def lookup_of(situation: Situation, model: ModelDeployment) -> Lookup:
    """What is known of where the model's reference leads. Nobody asks for what could not be run anyway."""
    recorded = _recorded(_known(situation, inputs(model)))
    if recorded is None and isinstance(_server(situation, model), Problem):
        return NO_LOOKUP
    return looked_up(situation, model, recorded)


def wanted_revision(situation: Situation, model: ModelDeployment, lookup: Lookup) -> Revision | Problem:
    """The revision that the spec asks for.

    The same wish finds the same revision again, whatever became of the ModelRuntime, or of a branch or tag, since; only
    a new wish takes a new snapshot.
    """
    wish = inputs(model)
    known = _known(situation, wish)
    recorded = _recorded(known)
    if recorded is not None:
        return _newest(situation, recorded)
    made = _made(situation, model, wish, lookup)
    if known and (isinstance(made, Problem) or made.name not in {revision.name for revision in known}):
        return known[0]  # its record is lost and cannot be made again: it goes on without one
    return made


def _known(situation: Situation, wish: dict[str, Any]) -> list[Revision]:
    return [revision for revision in situation.revisions if revision.wish == wish_digest(wish)]


def _recorded(known: list[Revision]) -> Revision | None:
    recorded = [revision for revision in known if revision.recorded]
    return max(recorded, key=lambda revision: revision.number, default=None)


def _newest(situation: Situation, revision: Revision) -> Revision:
    """The revision with a number above all others: what was wanted last is forgotten last, not what was made last."""
    others = [other.number for other in situation.revisions if other.name != revision.name]
    return replace(revision, number=max(revision.number, 1 + max(others, default=0)))


def _made(situation: Situation, model: ModelDeployment, wish: dict[str, Any], lookup: Lookup) -> Revision | Problem:
    server = _server(situation, model)
    if isinstance(server, Problem):
        return server
    if (problem := unresolved(situation, model, lookup)) is not None:
        return problem
    source = _source(situation, model, lookup)
    try:
        snapshot = Snapshot(
            inputs=wish,
            template=pod_template(model, server, situation.site, (source and source.resolved) or model.spec.model.uri),
            ports=server.ports,
            serving_path=_serving_path(model, server),
            metrics=_metrics(model, server),
            model_version=model.spec.model.version,
            source=source,
        )
    except LookupError as unknown:
        return Problem(reason=Reason.INVALID_RUNTIME, message=_at_runtime(model, unknown.args[0]))
    number = max((revision.number for revision in situation.revisions), default=0) + 1
    return new_revision(model.name, number, snapshot)


def _source(situation: Situation, model: ModelDeployment, lookup: Lookup) -> SourceRecord | None:
    """What the revision remembers of its source; None where nobody has looked."""
    uri = model.spec.model.uri
    if uri is None or way_of(model.spec.model, situation.site) in (Way.IN_IMAGE, Way.CLAIM):
        return None
    if lookup.found is not None:
        found = lookup.found
        return SourceRecord(uri=uri, resolved=found.uri, files=found.files, bytes=found.bytes)
    return SourceRecord(uri=uri, unresolved=lookup.failure) if lookup.failure else None


def _server(situation: Situation, model: ModelDeployment) -> ServerTemplate | Problem:
    runtime = model.spec.runtime
    if runtime.container is not None:
        return runtime.container
    name = runtime.ref.name if runtime.ref else ""
    if situation.runtime is None:
        return Problem(reason=Reason.RUNTIME_NOT_FOUND, message=_runtime_missing(name, situation.other_runtimes))
    if isinstance(situation.runtime, Invalid):
        problems = "; ".join(situation.runtime.problems)
        return Problem(reason=Reason.INVALID_RUNTIME, message=f"ModelRuntime {name} cannot be used: {problems}")
    source, spec = source_kind(model.spec.model), situation.runtime.spec
    if source is not None and source not in spec.sources:
        able = " or ".join(f"{kind}://" for kind in spec.sources) or "only models inside its image"
        return Problem(
            reason=Reason.INVALID_RUNTIME,
            message=f"ModelRuntime {name} cannot load {model.spec.model.uri}: it loads {able}",
        )
    if spec.image is None and model.spec.runtime.image is None:
        return Problem(
            reason=Reason.INVALID_RUNTIME,
            message=f"ModelRuntime {name} has no image of its own: set spec.runtime.image",
        )
    if mounts_clash(model.spec.model, model.spec.pod, spec):
        return Problem(reason=Reason.INVALID_RUNTIME, message=f"ModelRuntime {name}: {MOUNTS_CLASH}")
    return spec


def _runtime_missing(name: str, others: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, others, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    if not others:
        return f"there is no ModelRuntime {name}, nor any other; create it"
    more = f" and {len(others) - NAMED} more (kubectl get modelruntimes)" if len(others) > NAMED else ""
    listed = ", ".join(others[:NAMED]) + more
    return f"there is no ModelRuntime {name}{meant}; create it, or name one that exists: {listed}"


def _serving_path(model: ModelDeployment, server: ServerTemplate) -> str | None:
    readiness = server.probes.readiness
    path = server.probes.serving or (readiness.path if readiness else None)
    return None if path is None else fill(path, placeholder_values(model, server))


def _metrics(model: ModelDeployment, server: ServerTemplate) -> MetricsProfile | None:
    profile = server.metrics
    if profile is None:
        return None
    return profile.model_copy(update={"path": fill(profile.path, placeholder_values(model, server))})


def _at_runtime(model: ModelDeployment, text: str) -> str:
    ref = model.spec.runtime.ref
    return f"ModelRuntime {ref.name}: {text}" if ref else f"spec.runtime.container: {text}"
