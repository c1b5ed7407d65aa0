"""What the negative answers of kernels mean: the error for each, with a message that says the way out."""

from lpcurr.errors import (
    DuplicateTaskError,
    InvalidBatchError,
    InvalidScoreError,
    InvalidTaskIdError,
    LpcurrError,
    PoolEmptyError,
    PoolFullError,
    PoolLostError,
    UnknownTaskError,
    shown,
)
from lpcurr.memory.layout import Status

_ERRORS: dict[int, type[LpcurrError]] = {
    Status.INVALID_SCORE: InvalidScoreError,
    Status.INVALID_TASK_ID: InvalidTaskIdError,
    Status.INVALID_SIGNAL: InvalidScoreError,
    Status.INVALID_COST: InvalidScoreError,
    Status.UNKNOWN_TASK: UnknownTaskError,
    Status.DUPLICATE_TASK: DuplicateTaskError,
    Status.POOL_FULL: PoolFullError,
    Status.POOL_EMPTY: PoolEmptyError,
    Status.NOT_ENOUGH_TASKS: InvalidBatchError,
    Status.LOCK_LOST: PoolLostError,
}


def error_of(status: int, capacity: int, task_id: object = None, value: object = None, where: str = "") -> LpcurrError:
    """The error for a kernel's negative status.

    >>> error_of(Status.UNKNOWN_TASK, 10, 3)
    UnknownTaskError('task 3 is not in the pool')
    """
    given, task = shown(value), shown(task_id)
    message = {
        Status.INVALID_SCORE: f"score {given} is not finite{where}: report a finite number, by convention 0 … 1",
        Status.INVALID_TASK_ID: f"task id {task} is outside 0 … 2**53 − 1{where}",
        Status.INVALID_SIGNAL: f"signal {given} is not finite{where}: leave it out, or report a finite number",
        Status.INVALID_COST: f"cost {given} is not finite and above 0{where}: report steps or tokens, or nothing",
        Status.UNKNOWN_TASK: f"task {task} is not in the pool",
        Status.DUPLICATE_TASK: f"task {task} is in the pool already",
        Status.POOL_FULL: f"the pool is full ({capacity} tasks): evict one or raise num_active_tasks",
        Status.POOL_EMPTY: "the pool has no task to draw: add_task(id), as it is a fixed set (tasks or defer_init)",
        Status.NOT_ENOUGH_TASKS: f"too many distinct tasks{where}; sample fewer, or leave distinct=True out",
        Status.LOCK_LOST: (
            "the lock of this pool is beyond repair: a process took it over from one that had died and gave it back "
            "unrepaired, as where others have damaged its header. Make a new pool, from a checkpoint where there is one"
        ),
    }[status]
    return _ERRORS[status](message)
