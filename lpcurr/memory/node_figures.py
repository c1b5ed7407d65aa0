"""What a node knows of the others it shares a curriculum with: a small file beside its session's segment.

The process that speaks for the node writes it at every exchange, whole; ``lpcurr top`` reads it. Nothing depends on it.
"""

import contextlib
import json
import os
import secrets
import stat
from typing import Any

from lpcurr.memory.companions import Companions

_FILES = Companions("lpcurr-nodes_")
path_of, sessions_with_figures, remove = _FILES.path_of, _FILES.sessions, _FILES.remove
_LARGEST = 2**22  # bytes


def write(session_id: str, figures: dict[str, Any]) -> None:
    """Replace a session's figures, which can be JSON; where that is impossible they are not there to be seen."""
    target = path_of(session_id)
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(6)}")
    with contextlib.suppress(OSError):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                json.dump(figures, file)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


def read(session_id: str) -> dict[str, Any]:
    """Return a session's figures; empty where it shares nothing, or what is there cannot be read."""
    try:
        descriptor = os.open(path_of(session_id), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            return {}
        try:
            found = json.loads(file.read(_LARGEST))
        except (ValueError, RecursionError):  # cut, or not written here
            return {}
    return found if isinstance(found, dict) else {}
