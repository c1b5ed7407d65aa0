"""A checkpoint as a file: written whole or not at all, and read only if every byte is as it was written.

The format is told in :mod:`lpcurr.checkpoint`.
"""

import hashlib
import io
import json
import os
import struct
import zipfile
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from lpcurr.checkpoint.content import COLUMN_DTYPES, REQUIRED_COLUMNS, VERSION, Checkpoint, Columns, refusal
from lpcurr.errors import CheckpointNotFoundError, NotAFileError, shown
from lpcurr.memory.files import open_regular, write_atomically
from lpcurr.memory.undisturbed import undisturbed

_DESCRIPTION = "description.json"
_DIGEST_SIZE = 32
_LARGEST = 2**31  # bytes; a million tasks take a tenth of it
_CHUNK = 2**20
_ARCHIVE, _FIRST_FORMAT = b"PK\x03\x04", b"\x89LPC\r\n\x1a\n"
_FIRST_PREFIX = struct.Struct("<8sQQQ")

# What a file can make its readers stumble over that has the right checksum and was not written by us.
_MALFORMED = (
    *(ValueError, KeyError, TypeError, AttributeError, OverflowError, EOFError, RecursionError, struct.error),
    *(zipfile.BadZipFile, NotImplementedError, RuntimeError),
)


def write_checkpoint(checkpoint: Checkpoint, path: str | os.PathLike[str]) -> None:
    """Write a file in one step as seen from outside; raises as :func:`lpcurr.memory.files.write_atomically`."""
    write_atomically(path, [checkpoint_bytes(checkpoint)])


@undisturbed  # a zip file that is cut short raises an error of its own in place of Ctrl-C's
def checkpoint_bytes(checkpoint: Checkpoint) -> memoryview:
    """Return what a file of it contains."""
    file = io.BytesIO()
    with zipfile.ZipFile(
        file, "w"
    ) as archive:  # stored, not compressed, and with a fixed date: equal pools, equal files
        description = {"version": VERSION, **checkpoint.description.model_dump()}
        archive.writestr(zipfile.ZipInfo(_DESCRIPTION), json.dumps(description))
        for name, dtype in COLUMN_DTYPES.items():
            with archive.open(f"{name}.npy", "w") as member:
                npy.write_array(member, checkpoint.columns[name].astype(dtype, copy=False), allow_pickle=False)
        archive.comment = bytes(_DIGEST_SIZE)
    content = file.getbuffer()
    content[-_DIGEST_SIZE:] = hashlib.sha256(content[:-_DIGEST_SIZE]).digest()
    return content


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a file, and verify every byte and what it says; raises ``CheckpointNotFoundError``, ``CheckpointError``."""
    source = f"checkpoint {shown(os.fspath(path) if isinstance(path, os.PathLike) else path)}"
    try:
        with open_regular(path) as file:
            return _read(file, source)
    except NotAFileError as error:
        raise refusal(source, str(error)) from None
    except FileNotFoundError as error:
        raise CheckpointNotFoundError(error.errno, "there is no such checkpoint", os.fspath(path)) from None


def checkpoint_of(content: bytes | memoryview, source: str) -> Checkpoint:
    """Read what :func:`checkpoint_bytes` gave; raises ``CheckpointError`` with the source."""
    return _read(io.BytesIO(content), source)


def _read(file: BinaryIO, source: str) -> Checkpoint:
    beginning, size = file.read(len(_FIRST_FORMAT)), file.seek(0, os.SEEK_END)
    if not beginning.startswith((_ARCHIVE, _FIRST_FORMAT)) or size > _LARGEST:
        raise refusal(source, "it is not a checkpoint of lpcurr, or its beginning was altered")
    _check_digest(file, size, source)
    file.seek(0)
    try:
        description, columns = (_read_archive if beginning.startswith(_ARCHIVE) else _read_first_format)(file)
        version = description.pop("version")
    except _MALFORMED as error:
        raise refusal(source, f"it is not as lpcurr writes one: {error}") from error
    return Checkpoint.from_parts(version, description, columns, source)


def _check_digest(file: BinaryIO, size: int, source: str) -> None:
    """Refuse a file whose last bytes are not the SHA-256 of those before."""
    file.seek(0)
    digest, left = hashlib.sha256(), size - _DIGEST_SIZE
    while left > 0 and (chunk := file.read(min(left, _CHUNK))):
        digest.update(chunk)
        left -= len(chunk)
    if left != 0 or file.read() != digest.digest():
        raise refusal(source, f"its checksum is wrong: of its {size} bytes some were altered, or others are missing")


def _read_archive(file: BinaryIO) -> tuple[dict[str, Any], Columns]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        known = {_DESCRIPTION, *(f"{name}.npy" for name in COLUMN_DTYPES)}
        for info in members:  # before any is read: only stored ones, which are no larger than the file
            if info.filename not in known or info.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{info.filename!r} is unknown in it, or compressed")
            known.remove(info.filename)
        description = json.loads(archive.read(_DESCRIPTION))
        columns: Columns = {}
        for info in members:
            if info.filename != _DESCRIPTION:
                name = info.filename.removesuffix(".npy")
                with archive.open(info) as member:
                    npy.read_magic(member)
                    shape, _, dtype = npy.read_array_header_1_0(member)
                    column = np.frombuffer(member.read(), dtype=COLUMN_DTYPES[name])
                if shape != column.shape or dtype != column.dtype:
                    raise ValueError(f"column {name!r} is {dtype}{shape}, not {column.dtype}{column.shape}")
                columns[name] = column
    return description, columns


def _read_first_format(file: BinaryIO) -> tuple[dict[str, Any], Columns]:
    """Read what lpcurr 0.1 wrote: a prefix, JSON with the places of the columns, the columns, the SHA-256."""
    _, version, description_size, columns_size = _FIRST_PREFIX.unpack(file.read(_FIRST_PREFIX.size))
    if version != 1:
        return {"version": version}, {}
    rest = file.read()
    if description_size + columns_size + _DIGEST_SIZE != len(rest):
        raise ValueError("its sizes are not those of its parts")
    description = json.loads(rest[:description_size])
    tasks, places = description.pop("tasks"), description.pop("columns")
    if [place["name"] for place in places] != list(REQUIRED_COLUMNS):
        raise ValueError(f"its columns are not {', '.join(REQUIRED_COLUMNS)}")
    cells = memoryview(rest)[description_size:-_DIGEST_SIZE]
    columns: Columns = {
        place["name"]: np.frombuffer(cells, COLUMN_DTYPES[place["name"]], count=tasks, offset=place["offset"])
        for place in places
        if place["dtype"] == COLUMN_DTYPES[place["name"]]
    }
    return {**description, "version": version}, columns
