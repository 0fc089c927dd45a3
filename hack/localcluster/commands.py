"""Running a command that has to succeed."""

import subprocess

from localcluster.places import ClusterError


def run(*command: str, stdin: str | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterError(f"'{' '.join(command)}' failed: {done.stderr.strip()}")
    return done.stdout
