"""Label strings as kernels take them."""

import hashlib
from functools import lru_cache
from typing import Any

import numpy as np

from lpcurr.errors import InvalidLabelError, shown
from lpcurr.memory import layout


def not_a_text(label: object) -> InvalidLabelError:
    """Return the error of a label that is no string."""
    return InvalidLabelError(f"label {shown(label)} is a {type(label).__name__}, not a string")


def encode_label(label: str) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], int, int]:
    """A label as kernels take it: UTF-8 bytes, their number, and a hash that is the same in every process."""
    if not isinstance(label, str):
        raise not_a_text(label)
    return _encode(label)


@lru_cache(maxsize=layout.LABEL_CAPACITY)  # every new task names one of a few labels
def _encode(label: str) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], int, int]:
    try:
        encoded = label.encode()
    except UnicodeEncodeError as error:
        raise InvalidLabelError(f"label {shown(label)} cannot be written in UTF-8: {error.reason}") from None
    if len(encoded) > layout.LABEL_BYTES:
        raise InvalidLabelError(f"label {shown(label)} has {len(encoded)} bytes, the limit is {layout.LABEL_BYTES}")
    digest = int.from_bytes(hashlib.blake2b(encoded, digest_size=8).digest(), "little", signed=True)
    return np.frombuffer(encoded or b"\0", dtype=np.uint8).copy(), len(encoded), digest


def write_name(record: np.void, label: str) -> int:
    """Write a label's name into a free record of the label table; its hash."""
    name, size, name_hash = encode_label(label)
    record["used"], record["name_size"] = 1, size
    record["name"][:size] = name[:size]
    return name_hash
