"""`fairlead watch` as a process, against a server that answers like an API server on a bad day."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml

from canary_world import CanaryWorld
from unit.test_canary import on_trial, until_phase

COMMAND = "import sys; from fairlead.cli.main import main; sys.exit(main())"
Model = dict[str, Any]
Answer = Callable[[BaseHTTPRequestHandler], None]


def says(document: Any, code: int = 200) -> Answer:
    def answer(to: BaseHTTPRequestHandler) -> None:
        body = json.dumps(document).encode()
        to.send_response(code)
        to.send_header("Content-Type", "application/json")
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    return answer


def lists(*models: Model) -> Answer:
    return says({"metadata": {"resourceVersion": "7"}, "items": list(models)})


def streams(*events: tuple[str, Any]) -> Answer:
    """The events, and then the end of the connection."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Type", "application/json")
        to.end_headers()
        for kind, seen in events:
            to.wfile.write(json.dumps({"type": kind, "object": seen}).encode() + b"\n")

    return answer


GONE = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
BUSY = says({"kind": "Status", "code": 503, "message": "try later"}, code=503)


@contextmanager
def server(model: Model, listing: Sequence[Answer], watching: Sequence[Answer]) -> Iterator[str]:
    """Answers lists and watches in this order, the last of each for ever."""
    left = {"list": list(listing), "watch": list(watching)}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path.endswith("/fraud"):
                says(model)(self)
                return
            answers = left["watch" if "watch" in parse_qs(asked.query) else "list"]
            (answers.pop(0) if len(answers) > 1 else answers[0])(self)

        def log_message(self, *_: Any) -> None:
            """Nobody reads."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()


def watched(address: str, folder: Path, *arguments: str) -> tuple[int, list[str], str]:
    """Exit code, what was printed without the times, and errors."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "here",
                "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "risk"}}],
                "clusters": [{"name": "here", "cluster": {"server": address}}],
                "users": [{"name": "me", "user": {}}],
            }
        )
    )
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "watch", "fraud", *arguments],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, [line.partition(" ")[2] for line in done.stdout.splitlines()], done.stderr


def told(world: CanaryWorld) -> Model:
    return {**world.model, "status": world.status}


def story() -> tuple[Model, Model, Model]:
    """A model on trial, a little later, and rolled back."""
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(4)
    first = told(world)
    world.bad["2"] = 0.2
    world.tick(4)
    second = told(world)
    until_phase(world, "RolledBack")
    return first, second, told(world)


def test_it_goes_on_through_all_that_ends_a_watch_and_ends_with_the_decision(tmp_path: Path):
    first, second, last = story()
    listing = [lists(first), BUSY, lists(second), lists(last)]
    watching = [streams(("ERROR", GONE)), streams(("MODIFIED", second), ("BOOKMARK", {"metadata": {}}))]
    with server(first, listing, watching) as address:
        code, lines, errors = watched(address, tmp_path, "--until-decided")
    assert (code, errors) == (1, "")
    shown = [line for line in lines if "the API server" not in line]
    assert list(dict.fromkeys(line.split()[0] for line in shown)) == ["Judging", "RolledBack"]
    assert any("the API server answered 503" in line for line in lines)
    assert "was rolled back: errors:" in lines[-1]


def test_what_takes_over_ends_it_with_0(tmp_path: Path):
    world = on_trial()
    until_phase(world, "Judging")
    first = told(world)
    until_phase(world, "Guarding")
    with server(first, [lists(first)], [streams(("MODIFIED", told(world)))]) as address:
        code, lines, _ = watched(address, tmp_path, "--until-decided")
    assert code == 0
    assert [line.split()[0] for line in lines] == ["Judging", "Guarding"]


def test_without_a_decision_in_time_it_ends_with_3(tmp_path: Path):
    first, _, _ = story()
    with server(first, [lists(first)], [streams()]) as address:
        code, lines, _ = watched(address, tmp_path, "--until-decided", "--timeout", "2s")
    assert code == 3
    assert len(lines) == 1


def test_a_model_that_is_deleted_meanwhile_is_told(tmp_path: Path):
    first, _, _ = story()
    with server(first, [lists(first)], [streams(("DELETED", first))]) as address:
        code, _, errors = watched(address, tmp_path)
    assert (code, errors) == (1, "fairlead: ModelDeployment fraud was deleted\n")


def test_what_is_no_time_is_told(tmp_path: Path):
    code, _, errors = watched("http://127.0.0.1:1", tmp_path, "--timeout", "soon")
    assert code == 2
    assert "--timeout" in errors
