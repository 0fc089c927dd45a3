"""desired/model_volume.py: which part of a claim the server gets."""

import pytest

from fairlead.api.modeldeployment import ModelSource
from fairlead.api.parse import Invalid, parse_model_deployment
from fairlead.desired.model_volume import model_mount
from world import a_model


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("pvc://models/fraud/7", "fraud/7"),
        ("pvc://models/fraud/", "fraud"),
        ("pvc://models", None),
        ("pvc://models/", None),
    ],
)
def test_a_claim_without_a_folder_is_mounted_as_a_whole(uri: str, folder: str | None):
    assert not isinstance(parse_model_deployment(a_model(model={"uri": uri})), Invalid)
    mount = model_mount(ModelSource(uri=uri), "/mnt/models")
    assert mount is not None
    assert mount.get("subPath") == folder
