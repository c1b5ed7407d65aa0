"""The errors lpcurr raises: one family, each also the builtin that a caller would expect.

Catch :class:`LpcurrError` for all of them, or the builtin (``ValueError``, ``KeyError`` …) as with any library.
"""

_SHOWN = 200  # characters


def shown(value: object) -> str:
    """Return a value's repr for a message: short, and whatever the value is.

    >>> shown("four"), shown(10**5000)
    ("'four'", '<int of 16610 bits>')
    """
    if isinstance(value, int) and value.bit_length() > 2**13:  # str() refuses thousands of digits
        return f"<int of {value.bit_length()} bits>"
    try:
        text = repr(value)
    except Exception:  # too deep, or with such an int in it, or of a class whose repr fails
        return f"<{type(value).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 40]} … {text[-40:]}"


class LpcurrError(Exception):
    """Base of every error that lpcurr raises on purpose."""


class ConfigError(LpcurrError, ValueError):
    """A configuration that contradicts itself, or a value outside its limits."""


class InvalidScoreError(LpcurrError, ValueError):
    """A score that is not a finite number."""


class InvalidTaskIdError(LpcurrError, ValueError):
    """A task id that is not an integer in 0 … 2**53 - 1."""


class InvalidBatchError(LpcurrError, ValueError):
    """A batch argument of the wrong dtype, shape or length."""


class InvalidLabelError(LpcurrError, ValueError):
    """A label that is not a string, or is too long for the segment."""


class UnknownTaskError(LpcurrError, KeyError):
    """A task that is not in the pool: never added, or evicted meanwhile."""

    def __str__(self) -> str:  # KeyError would show the message's repr
        return str(self.args[0]) if self.args else ""


class DuplicateTaskError(LpcurrError, ValueError):
    """A task that is in the pool already."""


class PoolFullError(LpcurrError, RuntimeError):
    """The pool holds as many tasks as it has slots."""


class PoolEmptyError(LpcurrError, RuntimeError):
    """There is no task to draw."""


class PoolClosedError(LpcurrError, RuntimeError):
    """The curriculum was used after ``close()``."""


class PoolLostError(LpcurrError, RuntimeError):
    """The pool's lock is beyond repair, so that nobody can use the pool any more."""


class CheckpointError(LpcurrError, ValueError):
    """A checkpoint that is cut off, altered, of another version, or that contradicts itself."""


class CheckpointNotFoundError(LpcurrError, FileNotFoundError):
    """There is no checkpoint file of that name."""


class ExchangeError(LpcurrError, ConnectionError):
    """Nodes did not all answer in time, or not as one group; what this node has is as it was."""


class RecordingError(LpcurrError, ValueError):
    """A file that is no recording, or one that was altered."""


class NotAFileError(LpcurrError, OSError):
    """A file was to be written or read where a device, a FIFO or a directory is; or to be read and is too large."""


class TaskGenerationError(LpcurrError, RuntimeError):
    """The task generator could not build an environment configuration."""


class SessionNotFoundError(LpcurrError, FileNotFoundError):
    """No live pool has the given session id."""


class SessionIncompatibleError(LpcurrError, ValueError):
    """A segment that is not an lpcurr pool, or has another layout version."""


class SegmentSpaceError(LpcurrError, OSError):
    """Shared memory has no room for the pool, or the limits of this process have none."""


class AttachLimitError(LpcurrError, RuntimeError):
    """More processes than the segment has process records want to attach."""


__all__ = sorted(name for name, each in globals().items() if isinstance(each, type) and issubclass(each, LpcurrError))
