"""The container that looks up what a reference means, or fetches that: the same program, with the same trust.

It alone sees the credentials: the user's Secret is mounted in it, and in no other container.
"""

from typing import Any

from fairlead.api import names
from fairlead.api.fetch import Fetch
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.modeluri import scheme_of
from fairlead.site import Fetching

RUN = "/var/run/fairlead"
SCRATCH, CREDENTIALS, PULL_SECRET = "fetch-scratch", "fetch-credentials", "fetch-pull-secret"


def fetching_container(
    model: ModelDeployment, fetching: Fetching, args: list[str], mounts: tuple[dict[str, Any], ...] = ()
) -> dict[str, Any]:
    """The container, with `mounts` beside those of `fetching_volumes`."""
    fetch = model.spec.model.fetch or Fetch()
    return {
        "name": names.FETCH,
        "image": fetching.image,
        "args": args,
        "env": _env(fetch, fetching),
        "resources": {name: value for name, value in fetch.resources.model_dump(mode="json").items() if value},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [*mounts, *_mounts(model, fetch)],
        # Without a word of its own the last lines of its log say why it ended.
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def fetching_volumes(model: ModelDeployment) -> list[dict[str, Any]]:
    """A folder to write to, and the Secrets."""
    fetch = model.spec.model.fetch
    secret = fetch.secret_name if fetch else None
    return [
        {"name": SCRATCH, "emptyDir": {}},
        *([{"name": CREDENTIALS, "secret": {"secretName": secret}}] if secret else []),
        # One that is missing is no hindrance to the kubelet either.
        *(
            {"name": f"{PULL_SECRET}-{n}", "secret": {"secretName": name, "optional": True}}
            for n, name in enumerate(_pull_secrets(model))
        ),
    ]


def patterns(model: ModelDeployment) -> list[str]:
    """Which files are wanted, as arguments of the program."""
    fetch = model.spec.model.fetch or Fetch()
    return [*(f"--include={glob}" for glob in fetch.include), *(f"--exclude={glob}" for glob in fetch.exclude)]


def _env(fetch: Fetch, fetching: Fetching) -> list[dict[str, Any]]:
    """What the administrator has set for all models, then the model's own; the model's win."""
    common = {**dict(fetching.env), **({"FAIRLEAD_CA_BUNDLE": fetching.ca_bundle} if fetching.ca_bundle else {})}
    own = {each.name: each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in fetch.env}
    merged = {**{name: {"name": name, "value": value} for name, value in common.items()}, **own}
    # An empty value is no value: the API server does not store it.
    return [{key: value for key, value in each.items() if value != ""} for each in merged.values()]


def _mounts(model: ModelDeployment, fetch: Fetch) -> list[dict[str, Any]]:
    secret = [{"name": CREDENTIALS, "mountPath": f"{RUN}/credentials", "readOnly": True}] if fetch.secret_name else []
    return [
        {"name": SCRATCH, "mountPath": "/tmp"},
        *secret,
        *(
            {"name": f"{PULL_SECRET}-{n}", "mountPath": f"{RUN}/pull-secrets/{name}", "readOnly": True}
            for n, name in enumerate(_pull_secrets(model))
        ),
    ]


def _pull_secrets(model: ModelDeployment) -> list[str]:
    """Those that are for registries of images, for a model that comes from one."""
    if scheme_of(model.spec.model.uri or "") != "oci":
        return []
    return [each.name for each in model.spec.pod.image_pull_secrets]
