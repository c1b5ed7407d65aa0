"""What callers pass in, checked at the border: afterwards nothing inside needs to check it again."""

from __future__ import annotations

import math
import operator
import reprlib
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lpcurr.errors import InvalidBatchError, InvalidScoreError, InvalidTaskIdError
from lpcurr.memory import layout


def as_task_id(task_id: object) -> int:
    """A task id: an integer in 0 … 2**53 − 1, of Python's or NumPy's; else ``InvalidTaskIdError``."""
    try:
        number = operator.index(task_id)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidTaskIdError(f"task id {task_id!r} is a {type(task_id).__name__}, not an integer") from None
    if not 0 <= number <= layout.MAX_TASK_ID:
        raise InvalidTaskIdError(f"task id {number} is outside 0 … 2**53 − 1")
    return number


def as_score(score: object, name: str = "score") -> float:
    """Return a score as float: a real number, or an array or tensor that holds one; else ``InvalidScoreError``.

    Kernels see to it that it is finite.
    """
    if np.ma.isMaskedArray(score) and np.ma.getmaskarray(score).any():
        raise InvalidScoreError(f"{name} {score!r} is masked: report a number, or nothing")
    number: Any = score
    if not isinstance(number, (Real, np.bool_)) and hasattr(number, "item"):
        try:
            number = number.item()
        except (TypeError, ValueError, RuntimeError):  # several numbers, or none
            raise InvalidScoreError(f"{name} {score!r} is not one number: report several with update_many") from None
    if not isinstance(number, (Real, np.bool_)):
        raise InvalidScoreError(f"{name} {score!r} is a {type(score).__name__}, not a number")
    try:
        return float(number)
    except OverflowError:
        raise InvalidScoreError(
            f"{name} {reprlib.repr(score)} is too large for a float: report a finite number"
        ) from None


def as_threshold(threshold: object) -> float:
    """A success threshold: a finite number."""
    number = as_score(threshold)
    if not math.isfinite(number):
        raise InvalidScoreError(f"success threshold {number!r} is not finite")
    return number


def as_batch(values: ArrayLike, dtype: type[np.int64] | type[np.float64], name: str) -> np.ndarray[Any, Any]:
    """Return a one-dimensional array of the dtype, if nothing is lost in converting; else ``InvalidBatchError``.

    Tensors are taken from their device and their gradient; successes may be bools, ids may not.
    """
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        raise InvalidBatchError(f"{name} has masked elements: leave them out, as in {name}.compressed()")
    detach = getattr(values, "detach", None)
    try:
        array = np.asarray(values if detach is None else detach().cpu())
    except ValueError:
        raise InvalidBatchError(f"{name} is ragged: it must have one dimension") from None
    except (TypeError, RuntimeError) as error:
        raise InvalidBatchError(f"{name} cannot be made an array: {error}") from error
    if array.ndim != 1:
        raise InvalidBatchError(f"{name} has shape {array.shape}: it must have one dimension")
    if array.size == 0:
        return np.empty(0, dtype=dtype)
    is_wrong_bool = array.dtype.kind == "b" and dtype is np.int64
    if is_wrong_bool or not np.can_cast(array.dtype, dtype, "safe"):
        raise InvalidBatchError(f"{name} has dtype {array.dtype}: it must be {np.dtype(dtype).name}")
    return np.ascontiguousarray(array, dtype=dtype)


def as_count(count: object, name: str) -> int:
    """A number of completions: a non-negative integer."""
    try:
        number = operator.index(count)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidBatchError(f"{name} is {count!r}, not an integer") from None
    if number < 0:
        raise InvalidBatchError(f"{name} is {number}, which is negative")
    return number
