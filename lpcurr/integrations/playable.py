"""Beginning an episode of a task: what the environments of Gymnasium, PettingZoo and PufferLib have in common."""

import logging
import operator
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from lpcurr.curriculum.attach import attach
from lpcurr.curriculum.builder import OF_THE_MACHINE
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.curriculum.evaluation import Evaluation
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.errors import ConfigError, InvalidScoreError, PoolEmptyError, TaskGenerationError

_logger = logging.getLogger("lpcurr")

Result = TypeVar("Result")
Start = Callable[[CurriculumTask], Result]
AnyCurriculum = Curriculum | Evaluation
ResetWith = Callable[[Any], Mapping[str, Any]]

_RESET_ARGUMENTS = {"seed", "options"}
_MAX_SUSPECTS = 100_000
_ABANDONED = 20  # resets in mid-episode, in a row, which are no accident

OF_THE_TASK = (ValueError, TypeError, LookupError, ArithmeticError, AssertionError)
"""Errors that a configuration brings about which cannot be played."""


def as_curriculum(source: object) -> AnyCurriculum:
    """Return what tasks are taken from: a curriculum or an evaluation as it is, of a session id its curriculum.

    Raises:
        ConfigError: it is something else.
        SessionNotFoundError: there is no such session.
    """
    return source if isinstance(source, Evaluation) else as_learning_curriculum(source)


def as_learning_curriculum(source: object) -> Curriculum:
    """Return the same where no evaluation will do."""
    if isinstance(source, str):
        return attach(source)
    if not isinstance(source, Curriculum):
        raise ConfigError(f"curriculum is a {type(source).__name__}, not a Curriculum: CurriculumConfig(…).make()")
    return source


def check_arguments(max_task_attempts: object, **functions: object) -> None:
    """Raise ``ConfigError`` where an argument of an environment's wrapper is of the wrong kind."""
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise ConfigError(f"{name} is {function!r}: give a function")
    if max_task_attempts is not None:
        check_count("max_task_attempts", max_task_attempts)


def check_count(name: str, value: object) -> None:
    """Raise ``ConfigError`` where a value is no integer from 1 up."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} is {value!r}: give an integer from 1 up")


def break_off(curriculum: AnyCurriculum, *tasks: CurriculumTask | None) -> None:
    """Say that episodes were broken off: an evaluation hands them out again, a curriculum has nothing to do."""
    if isinstance(curriculum, Evaluation):
        for task in tasks:
            if task is not None:
                curriculum.give_back(task)


def credit(curriculum: AnyCurriculum, task: CurriculumTask, score: Any, length: int, **totals: Any) -> bool:
    """Report the score of an episode of so many steps; whether it was accepted.

    Raises:
        InvalidScoreError: it is not a finite number; the message says of which task, with the totals.
    """
    try:
        return curriculum.update_task_performance(task.task_id, score, cost=float(length))
    except InvalidScoreError as error:
        told = "".join(f"; {name.replace('_', ' ')} {total}, {length} steps" for name, total in totals.items())
        raise InvalidScoreError(
            f"the episode of task {task.task_id} ({task.label!r}{told}) cannot be reported: {error}"
        ) from error


def reset_arguments(reset_with: ResetWith | None, config: Any) -> dict[str, Any]:
    """Ask for the part of a task that belongs in ``reset``; raises ``ConfigError`` where that is no seed or options."""
    if reset_with is None:
        return {}
    arguments = reset_with(config)
    if not isinstance(arguments, Mapping) or not arguments.keys() <= _RESET_ARGUMENTS:
        raise ConfigError(f"reset_with gave {arguments!r}: give a dict with 'seed', 'options' or both")
    seed = arguments.get("seed")
    if seed is None or np.ndim(seed):  # a vector's: one each
        return dict(arguments)
    try:
        return {**arguments, "seed": operator.index(seed)}  # a row's may be NumPy's, which Gymnasium refuses
    except TypeError:
        raise ConfigError(f"reset_with gave the seed {seed!r}: give an integer") from None


def _holders(thing: object) -> int:
    return sys.getrefcount(thing)


def _holders_of_local() -> int:
    alone = object()
    return _holders(alone)


_ONE_LOCAL = _holders_of_local()
"""What :func:`_holders` says where nobody but the caller, in one local variable, has a thing."""


class Abandonment:
    """Says once where episode after episode is abandoned by a reset: none of their scores is reported."""

    def __init__(self) -> None:
        self._in_a_row: int | None = 0  # None: it was said

    def ended(self) -> None:
        """Say that an episode has ended."""
        if self._in_a_row is not None:
            self._in_a_row = 0

    def abandoned(self) -> None:
        """Say that a reset came in mid-episode."""
        if self._in_a_row is None:
            return
        self._in_a_row += 1
        if self._in_a_row == _ABANDONED:
            self._in_a_row = None
            _logger.warning(
                "%d resets in a row came in mid-episode, and no score of those episodes is reported (said once): a "
                "limit such as TimeLimit belongs inside lpcurr's wrapper, which does not see an end that one outside "
                "makes",
                _ABANDONED,
            )


class _WatchedReset:
    """The ``reset`` of an environment that remembers what it was called with. An object, so that it can be copied."""

    def __init__(self, reset: Callable[..., Any], calls: list[dict[str, Any]]) -> None:
        self.reset = reset
        self.calls = calls

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.calls.append(dict(zip(("seed", "options"), arguments, strict=False)) | named)
        return self.reset(*arguments, **named)


class EpisodeStart:
    """Takes a task at each reset of a wrapper, and begins its episode in place or in another environment."""

    def __init__(
        self,
        curriculum: AnyCurriculum,
        apply_task: Callable[[Any, Any], Any] | None,
        reset_with: ResetWith | None,
        max_task_attempts: int | None,
        label: str | int | None = None,
    ) -> None:
        if label is not None and isinstance(curriculum, Evaluation):
            raise ConfigError(f"label={label!r} and an evaluation: make it of the tasks of that label")
        self._curriculum, self._apply_task, self._reset_with = curriculum, apply_task, reset_with
        self._playable = PlayableTasks(max_task_attempts or curriculum.config.max_task_attempts, label)
        self.abandonment = Abandonment()
        self._rebuild_seeds: Any = None
        self._told = False

    def begin(
        self, wrapper: Any, playing: CurriculumTask | None, length: int, seed: int | None, options: Any
    ) -> tuple[CurriculumTask, Any]:
        """Begin an episode of a new task; return that, and what the environment's ``reset`` returned.

        ``playing`` is the task whose episode is abandoned with it, after ``length`` steps. Another environment takes
        the place of ``wrapper.env`` after ``wrapper._accept(env, task)``.
        """
        break_off(self._curriculum, playing)
        if playing is not None and length:
            self.abandonment.abandoned()
        if seed is not None:  # a bad one is refused before it looks like a bad task
            from gymnasium.utils.seeding import np_random

            self._rebuild_seeds, _ = np_random(seed)  # of what later resets without a seed bring in
        return self._playable.begin(self._curriculum, lambda task: self._reset(task, wrapper, seed, options))

    def _reset(self, task: CurriculumTask, wrapper: Any, seed: int | None, options: dict[str, Any] | None) -> Any:
        config = task.get_env_cfg()
        of_task = reset_arguments(self._reset_with, config)
        env, of_application = (None, {}) if self._apply_task is None else self._apply(wrapper.env, config)
        if env is not None and env is not wrapper.env:
            wrapper._accept(env, task)
            replaced, wrapper.env = wrapper.env, env
            is_new = replaced.unwrapped is not env.unwrapped  # it may be the old one in other wrappers
            if is_new and _holders(replaced) <= _ONE_LOCAL:
                replaced.close()
            del replaced
            if seed is None and self._rebuild_seeds is not None:
                seed = int(self._rebuild_seeds.integers(2**31))
        of_task = of_application | of_task
        if of_task.get("options") is not None:
            options = {**(options or {}), **of_task["options"]}
        return wrapper.env.reset(seed=of_task.get("seed", seed), options=options)

    def _apply(self, env: Any, config: Any) -> tuple[Any, dict[str, Any]]:
        """Apply a task; return what that returned, and seed and options where it reset the environment with any.

        The episode's own reset would undo that one.
        """
        assert self._apply_task is not None
        calls: list[dict[str, Any]] = []
        watched = [layer for layer in {id(env): env, id(env.unwrapped): env.unwrapped}.values() if _watch(layer, calls)]
        try:
            returned = self._apply_task(env, config)
        finally:
            for layer in watched:
                del layer.reset
        if not calls:
            return returned, {}
        if not self._told:
            self._told = True
            _logger.warning(
                "applying a task resets the environment, and the episode's reset comes after that: it is given the "
                "same seed and options, anything else is undone. Say what belongs in reset with reset_with=…, as in "
                "reset_with=lambda config: {'seed': config['seed']}, and leave the reset out (said once)"
            )
        given = {name: value for name, value in calls[-1].items() if name in _RESET_ARGUMENTS and value is not None}
        return returned, given


def _watch(layer: Any, calls: list[dict[str, Any]]) -> bool:
    if "reset" in getattr(layer, "__dict__", {"reset": None}):  # somebody else's already, or no place for it
        return False
    layer.reset = _WatchedReset(layer.reset, calls)
    return True


class PlayableTasks:
    """Draws tasks until one can be begun.

    A task is passed over where beginning it raises any ``Exception`` but ``ConfigError``. It is evicted as well once it
    is known to be at fault: never completed, another task could be begun here since, and it could not be begun in
    another process either. Where no other process plays, that the error is a bad value's (``OF_THE_TASK``), or that the
    task has failed once more, stands for the other process. So a simulator that is down, or one worker's trouble, costs
    no task; and a task of a fixed set, or one that failed for want of a connection, a file or memory, is never evicted.
    """

    def __init__(self, max_attempts: int, label: str | int | None = None) -> None:
        self._max_attempts = max_attempts
        self._of_label = {} if label is None else {"label": label}
        self._drop_level = logging.WARNING
        self._suspects: set[int] = set()  # tasks that have failed, and others were begun since
        self._failing: dict[int, bool] = {}  # tasks that have failed since one was begun, and whether by a bad value

    def begin(
        self, curriculum: AnyCurriculum, start: Start[Result], first: CurriculumTask | None = None
    ) -> tuple[CurriculumTask, Result]:
        """Draw a task and begin it by ``start(task)``; return the task, and what that returned for it.

        ``first`` is a task that was drawn already.

        Raises:
            TaskGenerationError: ``max_attempts`` tasks in a row could not be begun.
            ConfigError: from ``start``.
        """
        task, result = self.find(curriculum, start, first)
        self._begun(curriculum, task)
        return task, result

    def find(
        self, curriculum: AnyCurriculum, start: Start[Result], first: CurriculumTask | None = None
    ) -> tuple[CurriculumTask, Result]:
        """Do what :meth:`begin` does, where ``start`` only prepares an episode: that tells nothing of other tasks."""
        failure: Exception | None = None
        try:
            for _ in range(self._max_attempts):
                task = first or _draw(curriculum, failure, self._of_label)
                first = None
                try:
                    return task, start(task)
                except ConfigError:
                    raise
                except Exception as error:
                    failure = error
                    self._pass_over(curriculum, task, error)
                except BaseException:  # such as Ctrl-C, which is no fault of the task's
                    break_off(curriculum, task)
                    raise
                # Its frames hold the environment, which is closed when it is replaced unless somebody holds it.
                traceback.clear_frames(failure.__traceback__)
            raise TaskGenerationError(
                f"{self._max_attempts} tasks in a row could not be played (max_task_attempts), "
                f"at last task {task.task_id} ({task.label!r}): {type(failure).__name__}: {failure}"
            ) from failure
        finally:
            failure = None  # else it and this frame would hold each other

    def _begun(self, curriculum: AnyCurriculum, task: CurriculumTask) -> None:
        """Say that a task could be begun: the environment works, so those that failed before it may be at fault."""
        failing, self._failing = self._failing, {}
        for task_id, of_bad_value in failing.items():
            if len(self._suspects) > _MAX_SUSPECTS:
                self._suspects.clear()
            curriculum.drop_unplayable(task_id, again=of_bad_value or task_id in self._suspects)
            self._suspects.add(task_id)
        self._suspects.discard(task.task_id)

    def _pass_over(self, curriculum: AnyCurriculum, task: CurriculumTask, error: Exception) -> None:
        """Say that a task cannot be played; it is evicted once the fault is known to be the task's."""
        message = "task %d (%r) cannot be played, another is taken (from now on said at level DEBUG)"
        _logger.log(self._drop_level, message, task.task_id, task.label, exc_info=error)
        self._drop_level = logging.DEBUG
        reason = error.__cause__ or error
        if not (curriculum.config.defer_init or isinstance(reason, OF_THE_MACHINE)):
            self._failing[task.task_id] = isinstance(reason, OF_THE_TASK)


def _draw(curriculum: AnyCurriculum, failure: Exception | None, of_label: dict[str, Any]) -> CurriculumTask:
    try:
        return curriculum.get_task(**of_label)
    except PoolEmptyError:
        if failure is None:
            raise
        raise TaskGenerationError(
            f"the pool is empty: no task in it could be played, the last for {type(failure).__name__}: {failure}"
        ) from failure
