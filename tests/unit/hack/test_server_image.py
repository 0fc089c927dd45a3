"""The stand-in for a model server and the load generator, as the other tests rely on them."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from localcluster.places import IMAGE_SOURCES
from localcluster.waiting import until

SERVER, LOAD = IMAGE_SOURCES / "server" / "server.py", IMAGE_SOURCES / "server" / "load.py"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


@pytest.fixture
def start(port: int) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(**environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, SERVER], env=os.environ | {"PORT": str(port)} | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        until(lambda: process.poll() is not None or _listens(port), "the server listens", seconds=20)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def get(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def load(port: int, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(LOAD), f"--url=http://127.0.0.1:{port}/v1/predict", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def told_by(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, _ = process.communicate(timeout=30)
    result: dict[str, Any] = json.loads(out)
    return result


def test_an_answer_names_its_version(start: Start, port: int) -> None:
    start(VERSION="7")
    status, body = get(port, "/v1/predict")
    assert (status, json.loads(body)["version"]) == (200, "7")


def test_it_counts_what_it_answers(start: Start, port: int) -> None:
    start(ERROR_RATE="1")
    assert get(port, "/v1/predict")[0] == 500
    metrics = get(port, "/metrics")[1].splitlines()
    assert 'http_requests_total{code="500"} 1' in metrics
    assert 'http_requests_total{code="200"} 0' in metrics
    assert 'http_request_duration_seconds_bucket{le="+Inf"} 1' in metrics
    assert "http_request_duration_seconds_count 1" in metrics


def test_a_slow_one_is_in_a_later_bucket(start: Start, port: int) -> None:
    start(LATENCY="0.12")
    get(port, "/v1/predict")
    metrics = get(port, "/metrics")[1].splitlines()
    assert 'http_request_duration_seconds_bucket{le="0.1"} 0' in metrics
    assert 'http_request_duration_seconds_bucket{le="0.25"} 1' in metrics


@pytest.mark.parametrize(("environment", "status"), [({}, 200), ({"NEVER_READY": "1"}, 503)])
def test_it_may_never_be_ready(start: Start, port: int, environment: dict[str, str], status: int) -> None:
    start(**environment)
    assert get(port, "/readyz")[0] == status
    assert get(port, "/healthz")[0] == 200


def test_it_may_refuse_to_start(start: Start) -> None:
    process = start(EXIT_ON_START="no model in /mnt/models")
    assert process.communicate()[1] == "no model in /mnt/models\n"
    assert process.returncode == 1


def test_it_may_crash(start: Start) -> None:
    process = start(EXIT_AFTER="0.2")
    assert process.communicate(timeout=20)[1] == "fatal: the model is corrupt\n"
    assert process.returncode == 3


def test_on_sigterm_it_finishes_what_it_has_begun(start: Start, port: int) -> None:
    process = start(LATENCY="2")
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1/predict")
    until(lambda: "http_requests_in_progress 1\n" in get(port, "/metrics")[1], "it has begun", seconds=10)
    process.send_signal(signal.SIGTERM)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert process.wait(10) == 0


def test_on_sigterm_idle_connections_do_not_hold_it_up(start: Start, port: int) -> None:
    process = start()
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1/predict")
    connection.getresponse().read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0


@pytest.mark.parametrize("connections", ["fresh", "keepalive"])
def test_steady_load_is_all_answered(start: Start, port: int, connections: str) -> None:
    start(VERSION="3")
    result = told_by(load(port, "--rate=200", "--seconds=1", f"--connections={connections}"))
    assert (result["ok"], result["failed"], result["versions"]) == (200, 0, {"3": 200})


def test_the_load_does_not_wait_for_answers(start: Start, port: int) -> None:
    start(LATENCY="0.5")
    result = told_by(load(port, "--rate=50", "--seconds=1"))
    assert result["ok"] == 50
    assert result["seconds"] < 3


def test_failures_are_counted_with_their_reason(start: Start, port: int) -> None:
    start(ERROR_RATE="1")
    result = told_by(load(port, "--rate=20", "--seconds=0.5"))
    assert (result["ok"], result["failed"], result["reasons"]) == (0, 10, {"status 500": 10})
    assert result["failures"][0]["reason"] == "status 500"


def test_no_answer_in_time_is_a_failure(start: Start, port: int) -> None:
    start(LATENCY="5")
    result = told_by(load(port, "--rate=10", "--seconds=0.5", "--timeout=0.3"))
    assert result["reasons"] == {"no answer within 0.3 s": 5}


def test_on_sigterm_the_load_tells_what_it_has(start: Start, port: int, tmp_path: Path) -> None:
    start()
    process = load(port, "--rate=50", "--seconds=60")
    until(lambda: 'code="200"} 0' not in get(port, "/metrics")[1], "some are answered", seconds=20)
    process.send_signal(signal.SIGTERM)
    result = told_by(process)
    assert result["ok"] > 0
    assert result["failed"] == 0
