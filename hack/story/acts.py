"""The acts of the story: served, a good version promoted, a bad one rolled back, repaired, explained."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from e2e.gateways import ADDRESS
from e2e.load import Load, load
from fairlead.api.kinds import CONTROLLER_REVISION, DEPLOYMENT, HTTP_ROUTE, SERVICE, SERVICE_ACCOUNT
from kube import Kube
from story.stage import MODELS, SERVER, Stage
from story.telling import Clock, Failed, chapter, say
from waiting import until

NAMESPACE = "demo"
LABEL = "fairlead.dev/model=digits"
DELETED = (DEPLOYMENT, SERVICE, HTTP_ROUTE, CONTROLLER_REVISION, SERVICE_ACCOUNT)
MODEL = Path(__file__).with_name("digits.yaml")
GATEWAY = Path(__file__).with_name("gateway.yaml")
# A handwritten two, 8 x 8 pixels from 0 to 16: digit 1655 of the data set "digits" (UCI, by way of scikit-learn).
# Neither version has learned from it. It is one of the digits that version 1 reads wrong and version 2 right.
DIGIT = 2
PIXELS = [0, 0, 8, 16, 16, 12, 0, 0, 0, 0, 16, 13, 10, 16, 3, 0, 0, 0, 12, 1, 2, 16, 4, 0, 0, 0, 0, 0, 6, 15, 0, 0]
PIXELS += [0, 0, 0, 1, 15, 10, 0, 0, 0, 0, 0, 9, 15, 2, 0, 0, 0, 1, 11, 16, 12, 8, 8, 1, 0, 0, 11, 16, 16, 16, 12, 1]
QUESTION = json.dumps({"inputs": [{"name": "predict", "shape": [1, 64], "datatype": "FP32", "data": PIXELS}]})
INFER = "/v2/models/digits/infer"
SHADES = " .:-=+*#%@"
WATCH = ("watch", "digits", "-n", NAMESPACE, "--until-decided", "--timeout=15m")
REPORTS = Path("reports")


def served(stage: Stage) -> None:
    """One resource becomes a model that answers."""
    chapter("1. A model is served")
    model = MODEL.read_text()
    if not stage.gateway:  # kind has none here: the Service shares requests among the pods of both versions
        model = model[: model.index("  traffic:")]
    for line in model.splitlines():
        say(f"| {line}")
    clock = Clock()
    if stage.gateway:
        stage.kubectl("apply", "-n", NAMESPACE, "-f", str(GATEWAY.relative_to(Path.cwd())))
    file = stage.cluster.kubeconfig.with_name("digits.yaml")
    file.write_text(model)
    stage.kubectl("apply", "-n", NAMESPACE, "-f", str(file), show=False)
    stage.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "fmd/digits", "--timeout=5m")
    stage.kubectl("get", "-n", NAMESPACE, f"fmd,deployments,services{',httproutes' if stage.gateway else ''}")
    say(f"Ready after {clock}. A real question to the real model: which digit is this?")
    for row in range(0, 64, 8):
        say("  " + "".join(SHADES[pixel * 9 // 16] * 2 for pixel in PIXELS[row : row + 8]))
    say(told(ask(stage)))
    say("Version 1 has learned from 60 digits only. Version 2 has learned from 1347.")


def promoted(stage: Stage, kube: Kube) -> None:
    """A better version is tried on part of the traffic, and takes over when it has shown what it is."""
    chapter("2. A better version is tried under load, and takes over")
    way = "Gateway" if stage.gateway else "Service"
    say(f"60 requests per second come in through the {way}, each over a connection of its own.")
    clock = Clock()
    with clients(stage, kube) as traffic:
        ask_for(stage, "2")
        stage.follow(*WATCH)
        say(f"Decided after {clock}. The old version is kept ready for a moment, and then finishes its open requests.")
        stage.kubectl("wait", "-n", NAMESPACE, "--for=condition=Ready", "fmd/digits", "--timeout=5m", show=False)
        until(lambda: len(kube.list(DEPLOYMENT, NAMESPACE, LABEL)) == 1, seconds=120, what="the end of version 1")
        counted = traffic.stop()
    decided(kube, "Promoted")
    answered(counted)
    say(f"The same question again. {told(ask(stage))}")
    if counted["failed"]:
        raise Failed(f"requests were lost: {counted['reasons']} {counted['failures']}")


def rolled_back(stage: Stage, kube: Kube) -> None:
    """A version that is better on paper is too slow, and is out of the traffic again before many have noticed."""
    chapter("3. A version that is better on paper is tried, and rolled back")
    say("Version 3 is an ensemble of 3000 trees. It reads more digits right, and takes a hundred times as long.")
    clock = Clock()
    with clients(stage, kube) as traffic:
        ask_for(stage, "3")
        stage.follow(*WATCH, code=1)
        counted = traffic.stop()
    decided(kube, "RolledBack")
    say(f"Rolled back {clock} after it was asked for, without anybody watching.")
    answered(counted)
    stage.kubectl("get", "-n", NAMESPACE, "fmd")
    say("Nobody has to hurry: version 2 serves. Whoever reverts the change in Git has this applied:")
    ask_for(stage, "2")
    kube.wait_ready(NAMESPACE, "digits", seconds=120)


def explained(stage: Stage) -> None:
    """Why, in words and numbers, and as pages with plots."""
    chapter("5. Why?")
    for record in (2, 1):
        stage.fairlead("why", "digits", "-n", NAMESPACE, f"--record={record}")
    REPORTS.mkdir(exist_ok=True)
    for record, name in ((2, "promoted"), (1, "rolled-back")):
        file = REPORTS / f"{name}.html"
        stage.fairlead("report", "digits", "-n", NAMESPACE, f"--record={record}", f"--output={file}")


def repaired(stage: Stage, kube: Kube) -> None:
    """What is deleted by hand comes back."""
    chapter("4. Somebody deletes its objects")
    until(lambda: len(kube.list(DEPLOYMENT, NAMESPACE, LABEL)) == 1, seconds=60, what="the end of version 3")
    stable = kube.model(NAMESPACE, "digits")["status"]["stable"]["revision"]
    kinds = [kind for kind in DELETED if stage.gateway or kind != HTTP_ROUTE]

    def serving() -> dict[tuple[str, str], str]:
        """What version 2 serves with: the uid of each object."""
        children = kube.children(NAMESPACE, "digits")
        wanted = {(kind.kind, name) for kind in kinds for name in ("digits", stable)}
        return {key: str(child["metadata"]["uid"]) for key, child in children.items() if key in wanted}

    before = serving()
    clock = Clock()
    stage.kubectl("delete", "-n", NAMESPACE, ",".join(kind.plural for kind in kinds), "-l", LABEL)

    def back() -> bool:
        now = serving()
        return now.keys() == before.keys() and all(now[key] != before[key] for key in before)

    until(back, seconds=60, what="all objects back")
    say(f"All objects are back after {clock}. The pods went with their Deployment, so nobody answers for the moment.")
    kube.wait_ready(NAMESPACE, "digits", seconds=180)
    answer = ask(stage)
    say(f"That was an outage. It answers again {clock} after the deletion, without anybody's help.")
    say(told(answer))
    stage.kubectl("get", "-n", NAMESPACE, "fmd")


def clients(stage: Stage, kube: Kube) -> AbstractContextManager[Load]:
    """The load."""
    if not stage.gateway:
        return load(kube, NAMESPACE, SERVER, path=INFER, body=QUESTION, service="digits")
    return load(kube, NAMESPACE, SERVER, path=f"/digits{INFER}", body=QUESTION, url=ADDRESS)


def ask_for(stage: Stage, version: str) -> None:
    """The change that a new version is."""
    change = {"spec": {"model": {"uri": f"oci://{MODELS[version]}", "version": version}}}
    stage.kubectl("patch", "-n", NAMESPACE, "fmd/digits", "--type=merge", "-p", json.dumps(change))


def decided(kube: Kube, outcome: str) -> None:
    """Raises Failed when the last decision was another one."""
    record = kube.model(NAMESPACE, "digits")["status"]["history"][0]
    if record["outcome"] != outcome:
        raise Failed(f"the story has {outcome}, and this was decided: {json.dumps(record, indent=2)}")


def answered(counted: dict[str, Any]) -> None:
    """What the load has counted."""
    say(f"{counted['ok']} requests answered, {counted['failed']} lost, in {counted['seconds']:.0f} s.")


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
