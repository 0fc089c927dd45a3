"""A bad input is refused with a sentence that names the field and says what to do: by the API server, and offline."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from cluster.api.bad_inputs import BAD_INPUTS, KUBERNETES, RULE, BadInput
from fairlead.api.crds import custom_resource_definitions
from fairlead.api.kinds import kind_of
from fairlead.api.parse import Invalid, parse_model_deployment, parse_model_runtime
from kube import Kube

PARSERS = {"ModelDeployment": parse_model_deployment, "ModelRuntime": parse_model_runtime}
REGULAR_EXPRESSION = re.compile(r"should match|\[a-z|\[A-Z|\[0-9|\^|\\\.|\)\?|\]\*|evaluating rule")

every_bad_input = pytest.mark.parametrize("bad", BAD_INPUTS, ids=[bad.name for bad in BAD_INPUTS])


@every_bad_input
def test_the_api_server_refuses_it_with_a_sentence(kube: Kube, bad: BadInput) -> None:
    manifest = bad.manifest()

    with pytest.raises(ApiException) as refusal:
        kube.create(kind_of(manifest), manifest, dryRun="All")

    message = json.loads(refusal.value.body or "")["message"]
    assert refusal.value.status in (400, 422)
    assert bad.about in message
    assert [words for words in bad.words if words not in message] == []
    assert bad.said_by == KUBERNETES or REGULAR_EXPRESSION.search(message) is None


@every_bad_input
def test_it_is_refused_offline_as_well(bad: BadInput) -> None:
    parsed = PARSERS[bad.kind](bad.manifest(), "forbid")

    assert isinstance(parsed, Invalid)
    text = "\n".join(parsed.problems)
    assert bad.about in text
    assert bad.said_by != RULE or [words for words in bad.words if words not in text] == []
    assert REGULAR_EXPRESSION.search(text) is None


def test_every_rule_has_a_bad_input_that_breaks_it() -> None:
    said = "\n".join(problem for bad in BAD_INPUTS for problem in problems(bad))

    unheard = [message for message in rule_messages() if not re.search(as_pattern(message), said)]
    assert unheard == []


def problems(bad: BadInput) -> tuple[str, ...]:
    parsed = PARSERS[bad.kind](bad.manifest(), "forbid")
    return parsed.problems if isinstance(parsed, Invalid) else ()


def rule_messages() -> set[str]:
    """The message of every rule of the custom resources."""

    def below(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from (rule["message"] for rule in node.get("x-kubernetes-validations", ()))
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from below(child)

    return set(below(list(custom_resource_definitions())))


def as_pattern(message: str) -> str:
    """A rule about keys names the key in its message; where it cannot, it says "…"."""
    return re.escape(message.removeprefix("metadata.name ")).replace("…", ".+")
