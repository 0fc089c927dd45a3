"""How it ends: exit codes, the sentence or the figures in the report, and lines of the log that hold no secret."""

import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

DONE, REFUSED, UNREACHABLE = 0, 65, 75  # sysexits.h: EX_DATAERR and EX_TEMPFAIL
LONGEST = 1000  # characters of a sentence; Kubernetes keeps 4,096 bytes of a termination message

_IN_HEADERS = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{8,}")


class Refused(Exception):
    """Trying again does not help. The text is one plain sentence for the user: what, where, what to do."""


class Unreachable(Exception):
    """Trying again may help. The text is one plain sentence for the user: what, where, what to do."""


@dataclass
class Report:
    """Whatever is said goes through here, so that no secret gets out: neither to the log nor to the report."""

    file: Path
    secrets: set[str] = field(default_factory=set)

    def keep_secret(self, value: str) -> None:
        """Short ones are left alone: they are no secrets, and to hide them would garble every line."""
        if len(value) >= 6:
            self.secrets.add(value)

    def log(self, line: str) -> None:
        stamp = time.strftime("%H:%M:%S", time.gmtime())
        print(f"{stamp} {self.without_secrets(line)}", file=sys.stdout, flush=True)

    def succeeded(self, **figures: str | int) -> int:
        # A pinned address may have to hold what signs it: it is the user's own, and nothing is hidden in it.
        self._write(json.dumps(figures))
        return DONE

    def failed(self, error: Exception) -> int:
        sentence = self.without_secrets(" ".join(str(error).split()))
        if len(sentence) > LONGEST:
            sentence = f"{sentence[: LONGEST - 1]}…"
        self.log(sentence)
        self._write(sentence)
        return REFUSED if isinstance(error, Refused) else UNREACHABLE

    def without_secrets(self, text: str) -> str:
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "…")
        return _IN_HEADERS.sub(r"\1 …", text)

    def _write(self, text: str) -> None:
        try:
            self.file.write_text(f"{text}\n")
        except OSError as error:
            self.log(f"the report could not be written to {self.file}: {os.strerror(error.errno or 0)}")
