"""The acts of the story: served, updated under load, repaired."""

import json
from pathlib import Path
from typing import Any

from e2e.load import load
from fairlead.api.kinds import DEPLOYMENT, SERVICE
from kube import Kube
from story.stage import MODELS, SERVER, Stage
from story.telling import Clock, Failed, chapter, say
from waiting import until

NAMESPACE = "demo"
MODEL = Path(__file__).with_name("digits.yaml")
# A handwritten two, 8 x 8 pixels from 0 to 16: digit 1655 of the data set "digits" (UCI, by way of scikit-learn).
# Neither version has learned from it. It is one of the digits that version 1 reads wrong and version 2 right.
DIGIT = 2
PIXELS = [0, 0, 8, 16, 16, 12, 0, 0, 0, 0, 16, 13, 10, 16, 3, 0, 0, 0, 12, 1, 2, 16, 4, 0, 0, 0, 0, 0, 6, 15, 0, 0]
PIXELS += [0, 0, 0, 1, 15, 10, 0, 0, 0, 0, 0, 9, 15, 2, 0, 0, 0, 1, 11, 16, 12, 8, 8, 1, 0, 0, 11, 16, 16, 16, 12, 1]
QUESTION = json.dumps({"inputs": [{"name": "predict", "shape": [1, 64], "datatype": "FP32", "data": PIXELS}]})
INFER = "/v2/models/digits/infer"
SHADES = " .:-=+*#%@"


def served(stage: Stage) -> None:
    """One resource becomes a model that answers."""
    chapter("1. A model is served")
    for line in MODEL.read_text().splitlines():
        say(f"| {line}")
    clock = Clock()
    stage.kubectl("apply", "-n", NAMESPACE, "-f", str(MODEL.relative_to(Path.cwd())))
    stage.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "fmd/digits", "--timeout=5m")
    stage.kubectl("get", "-n", NAMESPACE, "fmd,deployments,services")
    say(f"Ready after {clock}. A real question to the real model: which digit is this?")
    for row in range(0, 64, 8):
        say("  " + "".join(SHADES[pixel * 9 // 16] * 2 for pixel in PIXELS[row : row + 8]))
    say(told(ask(stage)))
    say("Version 1 has learned from 60 digits only. Version 2 has learned from 1347.")


def updated(stage: Stage, kube: Kube) -> None:
    """Another version takes over while requests come in, and none is lost."""
    chapter("2. A new version takes over under load")
    clock = Clock()
    with load(kube, NAMESPACE, SERVER, path=INFER, body=QUESTION, service="digits") as traffic:
        say("60 requests per second come in, each over a connection of its own.")
        change = {"spec": {"model": {"uri": f"oci://{MODELS['2']}", "version": "2"}}}
        stage.kubectl("patch", "-n", NAMESPACE, "fmd/digits", "--type=merge", "-p", json.dumps(change))
        stage.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "fmd/digits", "--timeout=5m")
        say(f"Version 2 serves after {clock}; the old one finishes its open requests.")
        until(lambda: len(kube.list(DEPLOYMENT, NAMESPACE, "fairlead.dev/model=digits")) == 1, seconds=120)
        counted = traffic.stop()
    events = ("events", "--field-selector=reason=Promoted", "-o=custom-columns=EVENT:.message")
    stage.kubectl("get", "-n", NAMESPACE, *events)
    say(f"{counted['ok']} requests answered, {counted['failed']} lost, in {counted['seconds']:.0f} s.")
    say(f"The same question again. {told(ask(stage))}")
    if counted["failed"]:
        raise Failed(f"requests were lost: {counted['reasons']} {counted['failures']}")


def repaired(stage: Stage, kube: Kube) -> None:
    """What is deleted by hand comes back."""
    chapter("3. Somebody deletes its objects")
    before = {child["metadata"]["uid"] for child in kube.children(NAMESPACE, "digits").values()}
    clock = Clock()
    kinds = "deployments,services,controllerrevisions,serviceaccounts"
    stage.kubectl("delete", "-n", NAMESPACE, kinds, "-l", "fairlead.dev/model=digits")

    def back() -> bool:
        children = kube.children(NAMESPACE, "digits")
        fresh = before.isdisjoint(child["metadata"]["uid"] for child in children.values())
        return len(children) >= len(before) - 1 and fresh

    until(back, seconds=60, what="all objects back")
    say(f"All objects are back after {clock}. The pods went with their Deployment, so nobody answers for the moment.")
    kube.wait_ready(NAMESPACE, "digits", seconds=180)
    answer = ask(stage)
    say(f"That was an outage. It answers again {clock} after the deletion, without anybody's help.")
    say(told(answer))
    stage.kubectl("get", "-n", NAMESPACE, "fmd")


def told(answer: dict[str, Any]) -> str:
    """An answer of the model in words."""
    digit = answer["outputs"][0]["data"][0]
    verdict = "right" if digit == DIGIT else f"wrong, it is a {DIGIT}"
    return f"Version {answer['model_version']} says: {digit} ({verdict})"


def ask(stage: Stage) -> dict[str, Any]:
    """Asks the model through the API server: works from wherever kubectl works."""
    path = f"{SERVICE.path(NAMESPACE, 'digits')}:80/proxy{INFER}"
    file = stage.cluster.kubeconfig.with_name("question.json")
    file.write_text(QUESTION)
    answer: dict[str, Any] = json.loads(stage.kubectl("create", "--raw", path, "-f", str(file), show=False))
    return answer
