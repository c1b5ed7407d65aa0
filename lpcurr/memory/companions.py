"""Files that stand beside a session's segment, and go with it."""

import contextlib
from pathlib import Path

from lpcurr.memory import lock_files
from lpcurr.memory.files import names_beginning

_SHARED_MEMORY = Path("/dev/shm")


class Companions:
    """The files of one kind, one a session; their names' prefix is not that of segments, which are listed by it."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def path_of(self, session_id: str) -> Path:
        """Return where a session's file is."""
        return (_SHARED_MEMORY if _SHARED_MEMORY.is_dir() else lock_files.DIRECTORY) / f"{self._prefix}{session_id}"

    def sessions(self) -> list[str]:
        """Return the ids of the sessions that have such a file, be they alive or dead; none has a dot in its id."""
        names = names_beginning(self._prefix, self.path_of("").parent)
        return [name.removeprefix(self._prefix) for name in names if "." not in name]

    def remove(self, session_id: str) -> None:
        """Remove a session's file, if there is one, and what a killed writer has left beside it."""
        target = self.path_of(session_id)
        for name in [target.name, *names_beginning(f"{target.name}.", target.parent)]:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                target.with_name(name).unlink()
