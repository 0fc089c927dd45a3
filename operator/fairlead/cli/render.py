"""`fairlead render`: all objects of the ModelDeployments in a file, without a cluster."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import yaml

from fairlead.api.kinds import DEPLOYMENT, JOB, MODEL_DEPLOYMENT, MODEL_RUNTIME
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.parse import Invalid, parse_model_deployment, parse_model_runtime
from fairlead.cli.commands import Commands
from fairlead.cli.errors import CommandError
from fairlead.cli.files import manifests, of_kind, shipped_runtimes
from fairlead.cli.offline import as_written
from fairlead.plan import Apply, Plan, Scale
from fairlead.reconcile import reconcile
from fairlead.situation import Identity, Situation


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "render",
        help="print all objects of the ModelDeployments in a file, offline",
        description="Prints every object that Fairlead would make for the ModelDeployments in the files, without a "
        "cluster. ModelRuntimes are taken from the files, else from those that are shipped. What a branch, tag, "
        "alias or folder means is looked up in a cluster only: here it stands as it is written.",
    )
    parser.add_argument("-f", "--file", action="append", required=True, help="YAML file, or - for standard input")
    parser.add_argument("-n", "--namespace", default="default", help="namespace of resources that name none")
    parser.set_defaults(run=lambda options: render(options.file, options.namespace))


def render(files: Sequence[str], namespace: str) -> str:
    """The objects as YAML. Raises CommandError when a model cannot be made from the files."""
    found = manifests(files)
    models = of_kind(MODEL_DEPLOYMENT, found)
    if not models:
        raise CommandError(f"there is no ModelDeployment ({MODEL_DEPLOYMENT.api_version}) in {', '.join(files)}")
    runtimes = {
        runtime["metadata"]["name"]: runtime for runtime in (*shipped_runtimes(), *of_kind(MODEL_RUNTIME, found))
    }
    rendered = [_objects(_first_look(model, runtimes, namespace)) for model in models]
    return yaml.safe_dump_all([each for objects in rendered for each in objects], sort_keys=False)


def _first_look(model: dict[str, Any], runtimes: Mapping[str, dict[str, Any]], namespace: str) -> Situation:
    """What the operator sees of a new ModelDeployment in an empty namespace."""
    metadata = {"namespace": namespace, **model["metadata"]}
    parsed = parse_model_deployment({**model, "metadata": metadata}, unknown="forbid")
    if isinstance(parsed, Invalid):
        problems = "\n  ".join(parsed.problems)
        raise CommandError(f"ModelDeployment {metadata['name']} is not valid:\n  {problems}")
    runtime: ModelRuntime | Invalid | None = None
    if parsed.spec.runtime.ref is not None and parsed.spec.runtime.ref.name in runtimes:
        runtime = parse_model_runtime(runtimes[parsed.spec.runtime.ref.name], unknown="forbid")
    first = Situation(
        now=datetime(1970, 1, 1, tzinfo=UTC),  # appears in status alone, which is not printed
        identity=Identity(name=parsed.name, namespace=parsed.namespace, uid="", generation=1),
        model=parsed,
        runtime=runtime,
    )
    return as_written(first)


def _objects(situation: Situation) -> list[dict[str, Any]]:
    plan = reconcile(situation)
    made = [step.manifest for step in plan.steps if isinstance(step, Apply)]
    # What looks up where a reference leads is gone once it has, and is no part of the model.
    built = [_printable(each, plan) for each in made if each["kind"] != JOB.kind]
    if not built or not any(each["kind"] == DEPLOYMENT.kind for each in built):
        ready = next(found for found in plan.status["conditions"] if found["type"] == "Ready")
        raise CommandError(f"ModelDeployment {situation.identity.name}: {ready['message']}")
    return built


def _printable(manifest: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """The object as it would be in a cluster, but for its owner, who has no uid yet."""
    shown = deepcopy(dict(manifest))
    del shown["metadata"]["ownerReferences"]
    scaled = {step.deployment: step.replicas for step in plan.steps if isinstance(step, Scale)}
    if shown["kind"] == DEPLOYMENT.kind and shown["metadata"]["name"] in scaled:
        shown["spec"] = {"replicas": scaled[shown["metadata"]["name"]], **shown["spec"]}
    return shown
