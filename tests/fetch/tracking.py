"""A real MLflow tracking server, and just enough of a client to register models in it.

It is installed apart from everything, and with gunicorn: the other server that MLflow has asks for packages of many
hundred megabytes when it starts.
"""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from fetch.servers import running
from fetch.wire import free_port
from localcluster.places import CACHE
from localcluster.waiting import one_at_a_time

PACKAGES = Path(__file__).with_name("mlflow.txt")


@dataclass
class MLflow:
    port: int
    client: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, timeout=60), repr=False)

    def uri(self, port: int | None = None) -> str:
        return f"http://localhost:{port or self.port}"

    def register(self, name: str, files: dict[str, bytes]) -> str:
        """A new version, made as by a training run; its number."""
        run = self.ask("runs/create", experiment_id="0")["run"]["info"]
        for path, content in files.items():
            place = f"{run['artifact_uri'].removeprefix('mlflow-artifacts:/')}/model/{path}"
            url = f"{self.uri()}/api/2.0/mlflow-artifacts/artifacts/{place}"
            assert self.client.put(url, content=content).status_code == 200
        return self._version(name, f"{run['artifact_uri']}/model", run_id=run["run_id"])

    def register_logged(self, name: str, files: dict[str, bytes]) -> str:
        """The same as since MLflow 3: a model of its own, and not of the run."""
        model = self.ask("logged-models", experiment_id="0", name=name)["model"]["info"]
        for path, content in files.items():
            place = f"{model['artifact_uri'].removeprefix('mlflow-artifacts:/')}/{path}"
            url = f"{self.uri()}/api/2.0/mlflow-artifacts/artifacts/{place}"
            assert self.client.put(url, content=content).status_code == 200
        return self._version(name, f"models:/{model['model_id']}", model_id=model["model_id"])

    def point(self, name: str, alias: str, version: str) -> None:
        self.ask("registered-models/alias", name=name, alias=alias, version=version)

    def ask(self, what: str, **values: str) -> dict[str, Any]:
        answer = self.client.post(f"{self.uri()}/api/2.0/mlflow/{what}", json=values)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _version(self, name: str, source: str, **of: str) -> str:
        self.client.post(f"{self.uri()}/api/2.0/mlflow/registered-models/create", json={"name": name})
        return str(self.ask("model-versions/create", name=name, source=source, **of)["model_version"]["version"])


@contextmanager
def tracking(folder: Path) -> Iterator[MLflow]:
    """Its database and its artifacts are in the folder."""
    port = free_port()
    options = (
        "--backend-store-uri=sqlite:///mlflow.db", f"--artifacts-destination={folder}/artifacts", "--serve-artifacts",
        "--host=127.0.0.1", f"--port={port}", "--workers=1", "--gunicorn-opts=--threads=4 --no-control-socket",
    )  # fmt: skip
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    bin_folder = _environment() / "bin"
    command = (bin_folder / "mlflow", "server", *options)
    with running(command, folder, port, PATH=f"{bin_folder}:/usr/bin:/bin", **quiet):
        yield MLflow(port)


def _environment() -> Path:
    """Installed once for each list of packages."""
    key = hashlib.sha256(PACKAGES.read_bytes() + sys.version.encode()).hexdigest()[:8]
    folder = CACHE / f"mlflow-{key}"
    with one_at_a_time(CACHE / "mlflow.lock", print):
        if not (folder / "installed").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            subprocess.run([*pip, "--no-deps", "--requirement", PACKAGES], check=True)
            (folder / "installed").touch()
    return folder
