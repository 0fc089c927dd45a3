"""`fairlead plan`: what applying a file would do to the cluster as it is."""

from collections.abc import Sequence

from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME
from fairlead.api.parse import Invalid
from fairlead.cli.commands import Commands
from fairlead.cli.errors import CommandError
from fairlead.cli.files import manifests, of_kind
from fairlead.cli.foresight import foresight
from fairlead.reconcile import reconcile


def register(commands: Commands) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "plan",
        help="say what applying a file would do: objects, pods that start, accelerators that they need",
        description="Tells what Fairlead would do if the ModelDeployments in the files were applied now. The API "
        "server checks them by a dry run and fills in defaults; nothing is written.",
    )
    parser.add_argument("-f", "--file", action="append", required=True, help="YAML file, or - for standard input")
    parser.add_argument("-n", "--namespace", help="namespace of resources that name none")
    parser.set_defaults(run=lambda options: plan(options.file, options.namespace))


def plan(files: Sequence[str], namespace: str | None) -> str:
    """What would be done for every ModelDeployment in the files. Raises CommandError."""
    from fairlead.cli import cluster, gather  # the official client takes a second to import

    found = manifests(files)
    models = of_kind(MODEL_DEPLOYMENT, found)
    if not models:
        raise CommandError(f"there is no ModelDeployment ({MODEL_DEPLOYMENT.api_version}) in {', '.join(files)}")
    runtimes = {runtime["metadata"]["name"]: runtime for runtime in of_kind(MODEL_RUNTIME, found)}
    told = []
    for model in models:
        situation, as_it_is = gather.situation(model, runtimes, namespace or cluster.namespace_of_context())
        if isinstance(situation.model, Invalid):
            raise CommandError(f"ModelDeployment {situation.identity.name}: {'; '.join(situation.model.problems)}")
        anyway = reconcile(as_it_is) if as_it_is else None
        told.append(foresight(situation, situation.model.spec, reconcile(situation), anyway))
    return "\n".join(told)
