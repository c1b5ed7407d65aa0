"""Files that are written whole or not at all, and read without waiting for what never ends."""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from lpcurr.errors import ConfigError, NotAFileError, shown

try:
    import fcntl
except ImportError:  # Windows: what a killed process leaves behind stays
    fcntl = None  # type: ignore[assignment]

_LONGEST = 200  # bytes of a name that the temporary one repeats: file systems take 255, and 18 are added


def write_atomically(path: str | os.PathLike[str], content: str | bytes | Iterable[bytes | memoryview]) -> None:
    """Write a file in one step as seen from outside: whoever looks, or is killed, finds the old file or the new one.

    What a killed process leaves beside it, the next write to the same path removes. A symbolic link is followed, text
    is written as UTF-8. What is there and no regular file, which a new one would replace, is a ``NotAFileError``; where
    it cannot be written, an older file is as it was.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/note.txt", "α")
    ...     pathlib.Path(folder, "note.txt").read_bytes()
    b'\\xce\\xb1'
    """
    if isinstance(content, str):
        content = content.encode()
    check_target(path)
    target = Path(os.fsdecode(os.path.realpath(path)))
    check_target(target)  # of an empty name, the folder that one is in
    try:
        _remove_leftovers(target)
        temporary, file = _open_temporary(target)
        try:
            with file:
                with contextlib.suppress(OSError):  # there is none yet; or who made a file private has his reasons
                    temporary.chmod(target.stat().st_mode & 0o777)
                for part in [content] if isinstance(content, bytes) else content:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
                if fcntl is None:
                    file.close()  # Windows renames no open file
                os.replace(temporary, target)  # while it is locked, or another write would take it for a leftover
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        sync(target.parent)
    except OSError as error:
        if error.errno is not None:
            error.filename = os.fspath(path)  # not the temporary name, of which nobody knows
            del error.filename2  # None would be shown
        raise


def open_regular(path: str | os.PathLike[str], most: int | None = None) -> BinaryIO:
    """Open a regular file, of ``most`` bytes, for reading: a FIFO would wait for a writer, a device may have no end.

    A link is followed. What is refused is a ``NotAFileError``; ``OSError`` where it is not there, or cannot be read.
    """
    check_target(path)  # before it is opened
    file = open(path, "rb")  # noqa: SIM115 - the caller closes it
    size = os.fstat(file.fileno()).st_size
    if most is not None and size > most:
        file.close()
        raise NotAFileError(f"{os.fspath(path)!r} has {size:,} bytes: what lpcurr writes there has at most {most:,}")
    return file


def is_written(file: BinaryIO) -> bool:
    """Whether another process writes a file; if not, keep it from that until this one closes it, or dies."""
    try:
        if fcntl is not None:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # flock would be held by forked children as well
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EAGAIN)
    return False


def names_beginning(prefix: str, folder: Path) -> list[str]:
    """Return the names of what lies in a folder and begins so; none where there is no such folder.

    ``Path.glob`` would leave a descriptor to be collected, with a warning, where an interrupt ends it.
    """
    try:
        return [name for name in os.listdir(folder) if name.startswith(prefix)]
    except FileNotFoundError:
        return []


def sync(path: Path) -> None:
    """Make what was written to a file, or a renaming in a directory, last through a power cut."""
    if os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_target(target: str | os.PathLike[str]) -> None:
    """Refuse by ``NotAFileError`` what is there and no regular file; a link is followed."""
    try:
        mode = os.stat(os.fspath(target)).st_mode  # a number would be a descriptor, True that of the standard output
    except FileNotFoundError:
        return  # there is none yet
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{shown(target)} is no name of a file: {error}") from None
    if stat.S_ISREG(mode):
        return
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    raise NotAFileError(
        f"{os.fspath(target)!r} is {kind}, no regular file, and is left as it is: give the name of a file"
    )


def _hidden_name(target: Path) -> str:
    name = os.fsencode(target.name)
    return target.name if len(name) <= _LONGEST else hashlib.sha256(name).hexdigest()[:32]


def _open_temporary(target: Path) -> tuple[Path, BinaryIO]:
    """Open a new file beside the target, locked as long as it is open: so one that is not locked is a leftover."""
    while True:
        temporary = target.with_name(f".{_hidden_name(target)}.{secrets.token_hex(6)}.tmp")
        file = open(temporary, "xb")  # noqa: SIM115 - the caller closes it
        if fcntl is None:
            return temporary, file
        with contextlib.suppress(OSError):  # a file system without locks: then nobody can take it away either
            fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(temporary), os.fstat(file.fileno())):
                return temporary, file
        file.close()  # taken for a leftover before it was locked


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of writes to this target that were killed."""
    if fcntl is None:
        return
    prefix = f".{_hidden_name(target)}."
    for name in names_beginning(prefix, target.parent):
        if not re.fullmatch(r"[0-9a-f]{12}\.tmp", name.removeprefix(prefix)):
            continue
        with contextlib.suppress(OSError), open(target.parent / name, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            (target.parent / name).unlink()
