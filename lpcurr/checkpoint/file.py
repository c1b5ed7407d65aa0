"""A checkpoint as a file: written whole or not at all, and read only if every byte is as it was written.

The format is told in :mod:`lpcurr.checkpoint`.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from lpcurr.checkpoint.content import COLUMN_DTYPES, VERSION, Checkpoint, Columns, refusal, unsupported
from lpcurr.errors import CheckpointNotFoundError
from lpcurr.memory.files import write_atomically

MAGIC = b"\x89LPC\r\n\x1a\n"
_PREFIX = struct.Struct("<8sQQQ")
_ALIGNMENT = 64
_DIGEST_SIZE = 32


def write_checkpoint(checkpoint: Checkpoint, path: str | os.PathLike[str]) -> None:
    """Write a file in one step as seen from outside: whoever looks, or is killed, finds the old file or the new one.

    Raises:
        NotAFileError: the path is a device, a FIFO or a directory.
        OSError: it cannot be written; an older file of that name is as it was.
    """
    write_atomically(path, _parts(checkpoint))


def _parts(checkpoint: Checkpoint) -> Iterator[bytes]:
    columns = {name: checkpoint.columns[name].astype(dtype, copy=False) for name, dtype in COLUMN_DTYPES.items()}
    places, offset = [], 0
    for name, column in columns.items():
        places.append({"name": name, "dtype": COLUMN_DTYPES[name], "offset": offset})
        offset += column.nbytes
    description = checkpoint.description.model_dump() | {"tasks": columns["slot"].size, "columns": places}
    text = json.dumps(description).encode()
    text += b" " * (-(_PREFIX.size + len(text)) % _ALIGNMENT)
    digest = hashlib.sha256()
    prefix = _PREFIX.pack(MAGIC, VERSION, len(text), offset)
    for part in (prefix, text, *(column.tobytes() for column in columns.values())):
        digest.update(part)
        yield part
    yield digest.digest()


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a file and verify it.

    Raises:
        CheckpointNotFoundError: there is none.
        CheckpointError: it is cut off, altered, of another version, no checkpoint at all, or contradicts itself.
    """
    name = os.fspath(path)
    source = f"checkpoint {name!r}"
    try:
        with open(name, "rb") as file:
            content, description_size = _read(file, source)
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(error.errno, "there is no such checkpoint", name) from None
    start = _PREFIX.size + description_size
    try:
        description = json.loads(bytes(content[_PREFIX.size : start]))
        tasks, places = description.pop("tasks"), description.pop("columns")
        columns = _columns(content[start:-_DIGEST_SIZE], tasks, places)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refusal(source, f"its description is not that of a checkpoint: {error}") from error
    return Checkpoint.from_parts(description, columns, source)


def _read(file: BinaryIO, source: str) -> tuple[memoryview, int]:
    """The whole content, with the right checksum, and the size of its description."""
    prefix = file.read(_PREFIX.size)
    if prefix[:8] != MAGIC[: len(prefix)] or not prefix:
        raise refusal(source, "it is not a checkpoint of lpcurr, or its beginning was altered")
    if len(prefix) < _PREFIX.size:
        raise refusal(source, f"it is cut off after {len(prefix)} bytes")
    _, version, description_size, columns_size = _PREFIX.unpack(prefix)
    if version != VERSION:
        raise refusal(source, unsupported(version))
    size, actual = _PREFIX.size + description_size + columns_size + _DIGEST_SIZE, os.fstat(file.fileno()).st_size
    if actual < size:
        raise refusal(source, f"it is cut off after {actual} of {size} bytes, or its beginning was altered")
    if actual > size:
        raise refusal(source, f"it has {actual} bytes instead of {size}: it was altered")
    content = memoryview(bytearray(size))
    content[: len(prefix)] = prefix
    rest = content[len(prefix) :]
    while rest and (count := file.readinto(rest)):  # type: ignore[attr-defined]
        rest = rest[count:]
    if rest or hashlib.sha256(content[:-_DIGEST_SIZE]).digest() != content[-_DIGEST_SIZE:]:
        raise refusal(source, "its checksum is wrong: it was altered after it was written")
    return content, description_size


def _columns(content: memoryview, tasks: int, places: list[dict[str, Any]]) -> Columns:
    """The columns by their descriptions; raises ValueError, KeyError or TypeError where these do not fit."""
    dtypes = {place["name"]: place["dtype"] for place in places}
    if dtypes != COLUMN_DTYPES:
        raise ValueError(f"the columns are {dtypes}, and version {VERSION} has {COLUMN_DTYPES}")
    return {
        place["name"]: np.frombuffer(content, dtype=place["dtype"], count=tasks, offset=place["offset"])
        for place in places
    }
