"""Models that have to be fetched, where there is no cluster to look up what their reference means."""

import json
from dataclasses import replace
from importlib.metadata import version

from fairlead.api.kinds import JOB
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.names import FETCH
from fairlead.site import Fetching, Site
from fairlead.situation import Situation
from fairlead.sources.job import lookup_job
from fairlead.sources.way import Way, way_of

USUAL = Site(fetching=Fetching(image=f"ghcr.io/fairlead/fetcher:{version('fairlead')}"))
"""The chart's default: what an installation has set instead, only its operator knows."""


def as_written(situation: Situation) -> Situation:
    """With what must be fetched taken to be at the very URI that the spec has, and none of it counted."""
    model = situation.model
    if not isinstance(model, ModelDeployment) or way_of(model.spec.model, USUAL) != Way.FETCHED:
        return situation
    job = lookup_job(situation.identity, model, USUAL)
    name = job["metadata"]["name"]
    answer = json.dumps({"uri": model.spec.model.uri, "files": 0, "bytes": 0})
    pod = {
        "metadata": {"ownerReferences": [{"uid": name, "controller": True}]},
        "status": {
            "containerStatuses": [{"name": FETCH, "state": {"terminated": {"exitCode": 0, "message": answer}}}],
        },
    }
    done = {**job, "metadata": {**job["metadata"], "uid": name}}
    return replace(situation, site=USUAL, lookups=(pod,), children={**situation.children, (JOB, name): done})
