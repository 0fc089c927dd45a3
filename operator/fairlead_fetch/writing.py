"""What the file system says when it cannot be written to, as a sentence for the user."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead_fetch.progress import sized
from fairlead_fetch.report import Refused

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns what the file system says into a sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_SPACE:
            try:
                found = os.statvfs(folder)
                free = sized(found.f_bavail * found.f_frsize)
            except OSError:
                free = "an unknown amount"
            raise Refused(
                f"no space in {folder} ({error.strerror}, with {free} free): give the volume more, or leave files out "
                "with exclude"
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise Refused(
                f"{folder} cannot be written to by the user {os.getuid()} ({error.strerror}): make the volume "
                "writable, say with fsGroup in the pod's security context"
            ) from None
        raise
