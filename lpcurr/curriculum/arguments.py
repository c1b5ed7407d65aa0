"""What callers pass in, checked at the border: afterwards nothing inside needs to check it again."""

import math
import operator
from numbers import Real
from typing import Any, cast

import numpy as np
from numpy import ma
from numpy.typing import ArrayLike

from lpcurr.errors import ConfigError, InvalidBatchError, InvalidScoreError, InvalidTaskIdError, shown
from lpcurr.memory import layout
from lpcurr.pool.moment import Float64s, Int64s

MAX_ATTEMPTS = 2**20
_MOST_EPISODES = 2**24  # of one call: their arrays take a hundred bytes each


def as_task_id(task_id: object) -> int:
    """A task id: an integer in 0 … 2**53 − 1, or an array or tensor of one; else ``InvalidTaskIdError``."""
    try:
        number = _as_integer(task_id)
    except TypeError:
        way_on = ": give its task_id" if hasattr(task_id, "task_id") else ""
        raise InvalidTaskIdError(
            f"task id {shown(task_id)} is a {type(task_id).__name__}, not an integer{way_on}"
        ) from None
    if not 0 <= number <= layout.MAX_TASK_ID:
        raise InvalidTaskIdError(f"task id {shown(number)} is outside 0 … 2**53 − 1")
    return number


def _as_integer(number: Any) -> int:
    if type(number) is np.ndarray and number.size == 1:  # as_score takes it, and so does PyTorch
        number = number.item()
    if isinstance(number, bool):
        raise TypeError("as True of NumPy, it is none")
    return operator.index(number)


def as_flag(flag: object, name: str) -> bool:
    """Return a yes or no, of Python's or NumPy's; else ``ConfigError``: a mask, or "no", is either by accident."""
    if not isinstance(flag, (bool, np.bool_)):
        raise ConfigError(f"{name} is {shown(flag)} of type {type(flag).__name__}: give True or False")
    return bool(flag)


def as_score(score: object, name: str = "score") -> float:
    """Return a score as float: a real number, or an array or tensor that holds one; else ``InvalidScoreError``.

    Kernels see to it that it is finite.
    """
    if ma.isMaskedArray(score) and ma.getmaskarray(score).any():
        raise InvalidScoreError(f"{name} {shown(score)} is masked: report a number, or nothing")
    number: Any = score
    if not isinstance(number, (Real, np.bool_)) and hasattr(number, "item"):
        try:
            number = number.item()
        except (TypeError, ValueError, RuntimeError):  # several numbers, or none
            raise InvalidScoreError(
                f"{name} {shown(score)} is not one number: report several with update_many"
            ) from None
    if not isinstance(number, (Real, np.bool_)) or getattr(getattr(score, "dtype", None), "kind", "") in ("m", "M"):
        raise InvalidScoreError(f"{name} {shown(score)} is a {type(score).__name__}, not a number")
    try:
        return float(number)
    except OverflowError:
        raise InvalidScoreError(f"{name} {shown(score)} is too large for a float: report a finite number") from None


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
    array = _as_array(values, name)
    if array.ndim != 1:
        way_on = ": give one number a task, such as the sum or mean of its row" if array.ndim == 2 else ""
        raise InvalidBatchError(f"{name} has shape {array.shape}: it must have one dimension{way_on}")
    if array.size == 0:
        return np.empty(0, dtype=dtype)
    is_wrong_bool = array.dtype.kind == "b" and dtype is np.int64
    if is_wrong_bool or not np.can_cast(array.dtype, dtype, "safe"):
        raise InvalidBatchError(f"{name} has dtype {array.dtype}: it must be {np.dtype(dtype).name}")
    return np.ascontiguousarray(array, dtype=dtype)


def _as_array(values: ArrayLike, name: str) -> np.ndarray[Any, Any]:
    if ma.isMaskedArray(values) and ma.getmaskarray(values).any():
        raise InvalidBatchError(f"{name} has masked elements: leave them out, as in {name}.compressed()")
    tensor: Any = values.detach().cpu() if hasattr(values, "detach") and hasattr(values, "cpu") else None
    try:
        if hasattr(tensor, "is_floating_point") and tensor.is_floating_point():
            return np.asarray(tensor.double())  # NumPy has no bfloat16
        return np.asarray(values if tensor is None else tensor)
    except ValueError:
        raise InvalidBatchError(f"{name} is ragged: it must have one dimension") from None
    except (TypeError, RuntimeError) as error:
        raise InvalidBatchError(f"{name} cannot be made an array: {error}") from error


def _as_whole(values: np.ndarray[Any, Any], name: str) -> Int64s:
    """int64[k] of whole numbers, which sums of float rewards are too; else ``InvalidBatchError``."""
    if values.dtype.kind not in "biu" and np.can_cast(values.dtype, np.float64):  # JAX's bfloat16 too
        values = values.astype(np.float64)
        wrong = np.flatnonzero(~(np.abs(values) < 2**53) | (values != np.floor(values)))
        if wrong.size:
            raise InvalidBatchError(f"{name} is {values.ravel()[wrong[0]]} at index {wrong[0]}: give whole numbers")
        values = values.astype(np.int64)
    return cast("Int64s", as_batch(values, np.int64, name))


def as_count(count: object, name: str) -> int:
    """A number of completions: a non-negative integer."""
    try:
        number = _as_integer(count)
    except TypeError:
        raise InvalidBatchError(f"{name} is {shown(count)}, not an integer") from None
    if number < 0:
        raise InvalidBatchError(f"{name} is {shown(number)}, which is negative")
    return number


def as_groups(ids: ArrayLike, successes: ArrayLike, attempts: ArrayLike) -> tuple[Int64s, Float64s, Int64s]:
    """Return groups of attempts as episodes: ids and scores, float64[Σ attempts], and where each group begins.

    A group's successes lie as evenly among its attempts as they can, so that an average does not depend on the order
    in which its episodes happened to end.

    >>> as_groups([7], [2], [6])[1]
    array([0., 1., 0., 0., 1., 0.])
    """
    checked_ids, tried = as_batch(ids, np.int64, "ids"), _as_array(attempts, "attempts")
    solved = _as_whole(_as_array(successes, "successes"), "successes")
    tried = _as_whole(np.full(checked_ids.size, tried) if tried.ndim == 0 else tried, "attempts")
    if not checked_ids.size == solved.size == tried.size:
        raise InvalidBatchError(
            f"there are {checked_ids.size} ids, {solved.size} successes and {tried.size} attempts: give as many of each"
        )
    wrong = np.flatnonzero((tried < 1) | (tried > MAX_ATTEMPTS) | (solved < 0) | (solved > tried))
    if wrong.size:
        raise InvalidBatchError(
            f"the group at index {wrong[0]} has {solved[wrong[0]]} successes in {tried[wrong[0]]} attempts: attempts "
            f"are 1 … {MAX_ATTEMPTS}, and successes no more than they"
        )
    if tried.sum() > _MOST_EPISODES:
        raise InvalidBatchError(
            f"there are {tried.sum():,} attempts, and a call takes {_MOST_EPISODES:,}: give fewer groups"
        )
    begins = np.cumsum(tried) - tried
    n, s = np.repeat(tried, tried), np.repeat(solved, tried)
    place = np.arange(n.size) - np.repeat(begins, tried)
    before, after = (2 * place * s + n) // (2 * n), (2 * (place + 1) * s + n) // (2 * n)
    return np.repeat(checked_ids, tried), (after - before).astype(np.float64), begins
