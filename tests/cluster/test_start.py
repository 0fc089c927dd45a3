"""How the operator starts where something is missing, and what it tells."""

import os
import subprocess
import sys
from pathlib import Path

from api_proxy import ApiProxy, Fault
from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube
from models import a_model
from operator_process import OperatorProcess, running
from waiting import holds, until


def test_it_waits_for_its_crds(kube: Kube, proxy: ApiProxy, namespace: str, tmp_path: Path):
    def no_runtimes(method: str, path: str) -> Fault | None:
        return Fault(status=404) if "/modelruntimes" in path else None

    operator = OperatorProcess(proxy.kubeconfig(tmp_path), tmp_path, namespace)
    try:
        with proxy.rule(no_runtimes):
            operator.start(wait=False)
            until(lambda: "serves modelruntimes" in operator.log.read_text(), what="a line about the missing kind")
            holds(lambda: not operator.is_ready(), seconds=1, what="not ready")
        until(operator.is_ready, seconds=30, what="ready once the kind is served")
        kube.create(MODEL_DEPLOYMENT, a_model(namespace))
        until(lambda: kube.children(namespace, "fraud"), what="children")
    finally:
        operator.kill()


def test_a_namespace_that_is_missing_keeps_no_other_from_being_served(
    kube: Kube, proxy: ApiProxy, namespace: str, tmp_path: Path
):
    missing = {"no-such"}

    def forbidden(method: str, path: str) -> Fault | None:
        return Fault(status=403) if any(f"/namespaces/{name}/" in path for name in missing) else None

    settings = {"FAIRLEAD_NAMESPACES": f"no-such,{namespace}", "FAIRLEAD_OPERATOR_NAMESPACE": namespace}
    with proxy.rule(forbidden), running(proxy.kubeconfig(tmp_path), tmp_path, namespace, settings=settings) as operator:
        kube.create(MODEL_DEPLOYMENT, a_model(namespace))
        until(lambda: kube.condition(namespace, "fraud", "Ready"), what="a status")
        told = [line for line in operator.lines() if "namespace no-such is watched, but it" in str(line["message"])]
        assert [line["level"] for line in told] == ["warning"]
        missing.clear()
        until(lambda: not operator.is_running(), seconds=30, what="the end, for a start with both")
        assert operator.terminate() == 0
        operator.start()
        missing.add("no-such")
        until(lambda: not operator.is_running(), seconds=60, what="the end, for a start without the one that has gone")
        assert operator.terminate() == 0
        operator.start()


def test_every_line_of_the_log_names_its_model(kube: Kube, namespace: str, tmp_path: Path):
    with running(kube.kubeconfig, tmp_path, namespace) as operator:
        kube.create(MODEL_DEPLOYMENT, a_model(namespace))
        until(lambda: kube.condition(namespace, "fraud", "Ready"), what="a status")
        written = [line for line in operator.lines() if str(line["message"]).startswith("writing")]
        assert len(written) >= 5
        for line in written:
            assert (line["namespace"], line["name"]) == (namespace, "fraud")
            assert str(line["revision"]).startswith("fraud-")


def start(**settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **settings}
    command = [sys.executable, "-m", "fairlead"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_wrong_setting_is_told_in_a_sentence():
    done = start(FAIRLEAD_WORKERS="many")
    assert done.returncode == 2
    assert "FAIRLEAD_WORKERS='many': takes a whole number from 1 to 256" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_setting_is_told_in_a_sentence():
    assert "FAIRLEAD_WORKER is no setting" in start(FAIRLEAD_WORKER="3").stderr


def test_a_missing_kubeconfig_is_told_in_a_sentence():
    done = start(KUBECONFIG="/nonexistent/kubeconfig")
    assert done.returncode == 2
    assert "fairlead cannot start" in done.stderr
    assert "Traceback" not in done.stderr
