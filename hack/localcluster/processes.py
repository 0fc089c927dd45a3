"""The processes of the cluster: started detached, recorded, and killed only when they are still the ones recorded."""

import json
import os
import select
import signal
import subprocess
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from localcluster.network import OURS
from localcluster.packages import SEARCH
from localcluster.places import LOGS, RUN, ClusterError
from localcluster.waiting import DeadlineError, until

RECORDS = RUN / "processes"
MARK = "FAIRLEAD_LOCAL_CLUSTER"  # in the environment of all of them


@dataclass(frozen=True, kw_only=True)
class Process:
    name: str
    pid: int
    started: str  # boot and clock tick: together with the pid it names one process for ever
    command: tuple[str, ...]
    within: tuple[str, ...] = ()


class ComponentError(ClusterError):
    """A component is not running or not ready; the message ends with what it said last."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name}: {what}. The end of {log_of(name)}:\n{_last_lines(log_of(name))}")


def start(name: str, *command: str, within: tuple[str, ...] = ()) -> Process:
    """`within` is a command that enters or makes namespaces and then runs the rest of its arguments as its child."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with log_of(name).open("ab") as log:
        leader = subprocess.Popen(
            (*within, *command),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=_environment(command[0]), cwd="/", start_new_session=True,
        )  # fmt: skip
    pid = until(lambda: _child(leader, name, command), f"{name} starts", seconds=10) if within else leader.pid
    process = Process(name=name, pid=pid, started=_started(pid) or "", command=command, within=within)
    RECORDS.mkdir(parents=True, exist_ok=True)
    _record(name).write_text(json.dumps(asdict(process)))
    return process


def recorded() -> dict[str, Process]:
    return {process.name: process for process in map(_read, sorted(RECORDS.glob("*.json")))}


def alive(process: Process) -> bool:
    return _started(process.pid) == process.started


def died(*names: str) -> bool:
    """Whether one of these was started and is gone."""
    return any(process.name in names and not alive(process) for process in recorded().values())


def kill(process: Process) -> None:
    """Kills without asking: nothing here has anything worth saving, and a process 1 takes all of its node with it."""
    _kill(process.pid, lambda: alive(process))
    _record(process.name).unlink(missing_ok=True)


def kill_unrecorded() -> None:
    """Those that were started by somebody who was killed before writing it down."""
    for pid in [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]:
        if _is_ours(pid):
            _kill(pid, partial(_is_ours, pid))


def restart(process: Process) -> Process:
    kill(process)
    return start(process.name, *process.command, within=process.within)


def wait_for(process: Process, ready: Callable[[], bool], *also: Process, seconds: float = 60) -> None:
    """Ends at once when the process does, or one of those that it needs; the error shows the log in question."""

    def look() -> bool:
        for one in (*also, process):
            if not alive(one):
                raise ComponentError(one.name, "ended")
        return ready()

    try:
        until(look, f"{process.name} is ready", seconds=seconds)
    except DeadlineError:
        raise ComponentError(process.name, f"not ready after {seconds:.0f} s") from None


def log_of(name: str) -> Path:
    return LOGS / f"{name}.log"


def _environment(program: str) -> dict[str, str]:
    return os.environ | {
        MARK: str(RUN),
        # Programs look for their companions on the PATH: containerd for its shim and runc, kube-proxy for nft.
        "PATH": os.pathsep.join([str(Path(program).parent), SEARCH]),
        # A company's proxy knows nothing of these addresses.
        "NO_PROXY": ",".join(filter(None, [os.environ.get("NO_PROXY"), OURS, "localhost", "127.0.0.1"])),
    }


def _child(leader: subprocess.Popen[bytes], name: str, command: tuple[str, ...]) -> int | None:
    if leader.poll() is not None:
        raise ComponentError(name, f"ended at once with status {leader.returncode}")
    children = _read_proc(f"{leader.pid}/task/{leader.pid}/children").split()
    # Between fork and exec the child is still a copy of its parent, and may have to be waited for.
    return next((int(child) for child in children if _command_line(int(child)) == command), None)


def _command_line(pid: int) -> tuple[str, ...]:
    return tuple(_read_proc(f"{pid}/cmdline").split("\0")[:-1])


def _started(pid: int) -> str | None:
    # The second field is the program's name in brackets, and may itself contain spaces and brackets.
    state, *fields = _read_proc(f"{pid}/stat").rpartition(")")[2].split() or ["X"]
    return None if state in "ZX" else f"{_read_proc('sys/kernel/random/boot_id').strip()} {fields[18]}"


def _read_proc(path: str) -> str:
    """Empty when the process is gone, or so much another user's that it cannot be ours."""
    try:
        return Path("/proc", path).read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


def _is_ours(pid: int) -> bool:
    return f"{MARK}={RUN}" in _read_proc(f"{pid}/environ").split("\0")


def _kill(pid: int, still_meant: Callable[[], bool]) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if still_meant():  # asked after the handle was taken, so that it cannot pass to another process any more
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            _wait_for_end(pid, handle)
    except ProcessLookupError:
        pass  # it was quicker
    finally:
        os.close(handle)


def _wait_for_end(pid: int, handle: int) -> None:
    end = select.poll()
    end.register(handle, select.POLLIN)
    if not end.poll(30_000):
        raise ClusterError(f"process {pid} was killed 30 s ago and is still there")


def _last_lines(log: Path, count: int = 15) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in lines[-count:]) or "    (nothing)"


def _record(name: str) -> Path:
    return RECORDS / f"{name}.json"


def _read(record: Path) -> Process:
    fields = json.loads(record.read_text())
    return Process(**fields | {"command": tuple(fields["command"]), "within": tuple(fields["within"])})
