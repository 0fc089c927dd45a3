"""Models that have to be fetched, where there is no cluster to look up what their reference means."""

from dataclasses import replace
from importlib.metadata import version

from fairlead.api.modeldeployment import ModelDeployment
from fairlead.site import Fetching, Site
from fairlead.situation import Situation
from fairlead.sources.way import Way, way_of

USUAL = Site(fetching=Fetching(image=f"ghcr.io/fairlead/fetcher:{version('fairlead')}"))
"""The chart's default: what an installation has set instead, only its operator knows."""


def as_written(situation: Situation) -> Situation:
    """With what must be fetched taken to be at the very URI that the spec has."""
    model = situation.model
    if not isinstance(model, ModelDeployment) or way_of(model.spec.model, USUAL) != Way.FETCHED:
        return situation
    return replace(situation, site=USUAL, offline=True)
