"""What the demo shows on the screen: chapters, the commands that a user would type, and what came of them."""

import os
import subprocess
import sys
import time
from pathlib import Path

BOLD, DIM, PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


class Failed(Exception):
    """The story cannot go on; the text says why."""


def chapter(title: str) -> None:
    """A new chapter."""
    print(f"\n{BOLD}{title}{PLAIN}", flush=True)


def say(text: str) -> None:
    """A sentence."""
    print(f"  {text}", flush=True)


def quiet(text: str) -> None:
    """Progress of something that is only preparation."""
    print(f"  {DIM}{text}{PLAIN}", flush=True)


def run(*command: str, kubeconfig: Path, show: bool = True, seconds: float = 300) -> str:
    """Runs a command; shows it and its output as on a terminal. Raises Failed when it fails."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    words = [Path(command[0]).name, *command[1:]]
    if show:
        print(f"  $ {' '.join(_quoted(word) for word in words)}", flush=True)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    if show and done.stdout.strip():
        print("".join(f"    {line}\n" for line in done.stdout.rstrip().splitlines()), end="", flush=True)
    return done.stdout


def follow(*command: str, kubeconfig: Path, code: int) -> None:
    """Runs a command that shows what goes on meanwhile. Raises Failed when it ends with another exit code."""
    words = [Path(command[0]).name, *command[1:]]
    print(f"  $ {' '.join(_quoted(word) for word in words)}", flush=True)
    done = subprocess.run(command, env={**os.environ, "KUBECONFIG": str(kubeconfig)}, timeout=1200, check=False)
    if done.returncode != code:
        raise Failed(f"{' '.join(words)} ended with exit code {done.returncode}, not {code}")


def _quoted(word: str) -> str:
    return f"'{word}'" if any(sign in word for sign in ' {}[]()"') else word


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._began:.0f} s"
