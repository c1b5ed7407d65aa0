"""Tasks that are a list: names, dicts, prompts, whatever can be pickled. A task's id is its place in the list."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
import pickle
import secrets
import sys
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, nullcontext
from numbers import Real
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, PrivateAttr, field_validator, model_validator

from lpcurr.errors import ConfigError, shown
from lpcurr.generators.base import GeneratedTask, TaskGenerator
from lpcurr.generators.encoding import decode, encode, is_plain, without_omegaconf
from lpcurr.generators.environment import copied
from lpcurr.memory.label_names import encode_label
from lpcurr.memory.task_records import TaskRecords

_TEXT, _JSON, _PICKLE = b"t", b"j", b"p"
_MAC_BYTES = 16
_PICKLE_PROTOCOL = 4  # the same bytes, and so the same digest, under every version of Python
_LABEL_KEYS = ("label", "task")
_MOST = 2**26  # tasks of a list: what is longer, or has no end, would take all memory before it is refused
_SCALARS = (bool, int, float, str)


def _read_tasks(tasks: Any) -> list[Any]:
    if not is_list_of_tasks(tasks):
        raise ConfigError(f"tasks is {shown(tasks)} of type {type(tasks).__name__}: give a list")
    try:
        return [decode(task) for task in rows_of(tasks)]
    except RecursionError:
        raise ConfigError("a task is nested too deeply, or contains itself: give flat ones") from None


class ListedTasks(TaskGenerator):
    """Tasks that are a list, in this process or beside a session's pool."""

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def locked(self, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Keep others from appending; whether they are kept from it, which one may not want to wait for."""

    @abstractmethod
    def append(self, tasks: Sequence[Any], labels: Sequence[str] | None) -> int:
        """Make the list longer, for all processes that have it; the id of the first new task."""

    @abstractmethod
    def copy_of_list(self) -> TaskList:
        """Copy the list as it is now."""

    @abstractmethod
    def _contents(self, count: int) -> Iterator[bytes]:
        """The first tasks as bytes that are the same wherever the tasks are."""

    def digest_of_first(self, count: int) -> str:
        """Return what tells lists apart: SHA-256 over the first ``count`` tasks, each with its length before it."""
        digest = hashlib.sha256()
        for content in self._contents(count):
            digest.update(len(content).to_bytes(8, "little") + content)
        return digest.hexdigest()

    def reference(self, count: int | None = None) -> dict[str, Any]:
        """What a checkpoint keeps of the first ``count`` tasks, or a pool of the list: how it can be found again."""
        fields: dict[str, Any] = {} if count is None else {"count": count, "digest": self.digest_of_first(count)}
        session = getattr(self, "session", None)
        found = StoredTasks(label=self.label, overrides=self.overrides, session=session, **fields)
        return found.model_dump(mode="json")


class TaskList(ListedTasks):
    """The tasks of a list, as they are: task id ``i`` is what stands at place ``i``.

    A curriculum over a list is a fixed set: all its tasks are in the pool from the start, and none is evicted by its
    score. In shared memory the list is kept once, in a file beside the pool that all processes read; see
    :meth:`lpcurr.Curriculum.append_tasks` for making it longer.

    A label is the one given, else the text or number under ``"label"`` or ``"task"`` of a task that is a dict, else
    ``label``, or ``"default"``. Slice values are the numbers and texts of a task that is a dict.

    Attributes:
        tasks: the tasks, n of them, at least one.
        labels: the label of each, n of them; None for those that the tasks name themselves.

    Raises:
        ConfigError: there is no task, or another number of labels.

    >>> tasks = TaskList(tasks=[{"task": "boil", "heat": 3}, {"task": "melt", "heat": 9}])
    >>> tasks.build(1)
    GeneratedTask(env_cfg={'task': 'melt', 'heat': 9}, label='melt', slice_values={'task': 'melt', 'heat': 9})
    """

    type: Literal["list"] = "list"
    tasks: Annotated[list[Any], BeforeValidator(_read_tasks), PlainSerializer(encode)]
    labels: list[str] | None = None

    @field_validator("labels", mode="before")
    @classmethod
    def _as_texts(cls, labels: Any) -> list[Any] | None:
        return labels_as_texts(labels)

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        if not self.tasks:
            raise ConfigError("the list of tasks is empty: give at least one")
        if self.labels is not None and len(self.labels) != len(self.tasks):
            raise ConfigError(f"there are {len(self.labels)} labels for {len(self.tasks)} tasks: give one for each")
        return self

    def __len__(self) -> int:
        return len(self.tasks)

    def __repr__(self) -> str:  # a configuration that is shown or logged is no list of a million prompts
        return f"<TaskList of {len(self.tasks):,}: {shown(self.tasks[:9])}>"

    def label_of(self, task_id: int) -> str:
        check_number(task_id, len(self.tasks))
        given = None if self.labels is None else self.labels[task_id]
        return given or own_label(self.tasks[task_id]) or super().label_of(task_id)

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        check_number(task_id, len(self.tasks))
        return _scalars_of(self.tasks[task_id])

    def _generate(self, task_id: int) -> GeneratedTask:
        label, task = self.label_of(task_id), self.tasks[task_id]
        with contextlib.suppress(ConfigError):  # what cannot be copied is handed out as it is
            task = copied(task)
        return GeneratedTask(task, label, _scalars_of(task))

    def locked(self, *, wait: bool = True) -> AbstractContextManager[bool]:
        return nullcontext(True)  # nobody else has this list

    def append(self, tasks: Sequence[Any], labels: Sequence[str] | None) -> int:
        first = len(self.tasks)
        if labels is not None or self.labels is not None:
            known = self.labels[:first] if self.labels else [""] * first  # more, where that was interrupted
            object.__setattr__(self, "labels", [*known, *(labels or [""] * len(tasks))])
        self.tasks.extend(tasks)
        return first

    def copy_of_list(self) -> TaskList:
        return self.model_copy(deep=True)

    def _contents(self, count: int) -> Iterator[bytes]:
        for task_id in range(count):
            label = "" if self.labels is None else self.labels[task_id]
            try:
                kind, content = _content_of(self.tasks[task_id])
            except ConfigError:  # in one process only, a task may be what cannot be pickled
                kind, content = _PICKLE, type(self.tasks[task_id]).__qualname__.encode()
            yield _label_bytes(label or own_label(self.tasks[task_id])) + kind + content


class StoredTasks(ListedTasks):
    """A :class:`TaskList` that lies beside a session's pool, where all its processes read it.

    What is neither plain data nor text is stored pickled, and unpickling runs code. Such a task is read only by those
    who got this object from the one who made it, by fork or in a pickle: they have the key that it is signed with. A
    process that attached by name has no key, and is refused: it gives the list itself.

    Attributes:
        session: the session's id; None where the list was in one process only.
        count: how many tasks there were, where this describes a checkpoint's.
        digest: of these.
    """

    type: Literal["stored"] = "stored"
    session: str | None = None
    count: int = Field(default=0, ge=0)
    digest: str = ""

    _records: TaskRecords | None = PrivateAttr(default=None)
    _key: bytes | None = PrivateAttr(default=None)
    _digest: tuple[int, str] | None = PrivateAttr(default=None)

    @classmethod
    def store(cls, tasks: TaskList, session: str) -> StoredTasks:
        """Put a list beside a session's pool."""
        stored = cls(session=session, label=tasks.label, overrides=tasks.overrides)
        stored._key = secrets.token_bytes(32)
        stored._records = TaskRecords.create(session)
        stored.append(tasks.tasks, tasks.labels)
        return stored

    @property
    def records(self) -> TaskRecords:
        """The file."""
        if self._records is None:
            if self.session is None:
                raise ConfigError("the list of tasks was in the process that made the pool only: give it again")
            self._records = TaskRecords(self.session)
        return self._records

    def __len__(self) -> int:
        return len(self.records)

    def label_of(self, task_id: int) -> str:
        return self._read(task_id)[0].decode() or super().label_of(task_id)

    def slice_values_of(self, task_id: int) -> dict[str, Any]:
        return _scalars_of(self._task(*self._read(task_id)[1:]))

    def _generate(self, task_id: int) -> GeneratedTask:
        label, kind, content = self._read(task_id)
        task = self._task(kind, content)
        return GeneratedTask(task, label.decode() or super().label_of(task_id), _scalars_of(task))

    def locked(self, *, wait: bool = True) -> AbstractContextManager[bool]:
        return self.records.locked(wait=wait)

    def append(self, tasks: Sequence[Any], labels: Sequence[str] | None) -> int:
        labels = labels or [""] * len(tasks)
        return self.records.append([self._record(*pair) for pair in zip(tasks, labels, strict=True)])

    def copy_of_list(self) -> TaskList:
        rows = [self._read(task_id) for task_id in range(len(self))]
        tasks, labels = [self._task(*row[1:]) for row in rows], [row[0].decode() for row in rows]
        return TaskList(tasks=tasks, labels=labels, label=self.label, overrides=self.overrides)

    def digest_of_first(self, count: int) -> str:
        if self._digest is None or self._digest[0] != count:  # the last one is remembered
            self._digest = count, super().digest_of_first(count)
        return self._digest[1]

    def _contents(self, count: int) -> Iterator[bytes]:
        for task_id in range(count):
            label, kind, content = self._read(task_id)
            yield bytes([len(label)]) + label + kind + (content[_MAC_BYTES:] if kind == _PICKLE else content)

    def _record(self, task: Any, label: str) -> bytes:
        kind, content = _content_of(task)
        if kind == _PICKLE:
            if self._key is None:
                raise ConfigError(
                    f"a task of type {type(task).__name__} is stored pickled, which a process that attached by name "
                    "may not: append plain data (texts, numbers, lists, dicts), or append where the pool was made"
                )
            content = self._mac(content) + content
        return _label_bytes(label or own_label(task)) + kind + content

    def _read(self, task_id: int) -> tuple[bytes, bytes, bytes]:
        """Label, kind and content."""
        try:
            record = self.records.read(task_id)
        except (IndexError, OverflowError):
            check_number(task_id, len(self))
            raise
        start = 1 + record[0]
        return record[1:start], record[start : start + 1], record[start + 1 :]

    def _task(self, kind: bytes, content: bytes) -> Any:
        if kind == _TEXT:
            return content.decode("utf-8", "surrogatepass")
        if kind == _JSON:
            return decode(json.loads(content), plain=True)
        mac, pickled = content[:_MAC_BYTES], content[_MAC_BYTES:]
        if self._key is None or not hmac.compare_digest(mac, self._mac(pickled)):
            raise ConfigError(
                "the task is stored pickled, and unpickling runs code: a process that attached by name gives the list "
                "itself, as in attach(session_id, task_generator=[…])"
            )
        return pickle.loads(pickled)

    def _mac(self, content: bytes) -> bytes:
        assert self._key is not None
        return hmac.digest(self._key, content, "sha256")[:_MAC_BYTES]


def is_list_of_tasks(source: Any) -> bool:
    """Whether something is taken as a list of tasks: a sequence, an array or a dataset, but no text and no mapping."""
    is_sized = hasattr(source, "__len__") and hasattr(source, "__getitem__")
    return is_sized and not (isinstance(source, (str, bytes, Mapping, type)) or callable(source))


def rows_of(tasks: Any) -> list[Any]:
    """Return tasks one by one; raises ``ConfigError`` for what would be gone through by columns or by names."""
    if hasattr(tasks, "columns"):
        raise ConfigError(
            f"a {type(tasks).__name__} is gone through by columns, and tasks are its rows: give df.to_dict('records') "
            "of pandas, df.to_dicts() of polars, table.to_pylist() of Arrow"
        )
    if isinstance(tasks, (str, bytes, Mapping, Set)):  # of letters, of keys, in an order by chance
        raise ConfigError(f"tasks is {shown(tasks)}: give a list, such as [task] or list(named.values())")
    try:
        each = iter(tasks)
    except TypeError:
        raise ConfigError(f"tasks is {shown(tasks)}: give a list") from None
    rows = list(itertools.islice(each, _MOST + 1)) if not hasattr(tasks, "__len__") or len(tasks) <= _MOST else None
    if rows is None or len(rows) > _MOST:
        raise ConfigError(f"tasks is {shown(tasks)}, of more than {_MOST:,}: name tasks by ids, with a task generator")
    # A list of a million is gone through more than once: no look at each of them for what nobody has imported.
    return [without_omegaconf(task) for task in rows] if "omegaconf" in sys.modules else rows


def labels_as_texts(labels: Any) -> list[Any] | None:
    """Return labels as a list, each by :func:`label_as_text`; raises ``ConfigError`` for what has no order of them."""
    if labels is None:
        return None
    if isinstance(labels, (str, bytes, Mapping, Set)) or not isinstance(labels, Iterable):
        raise ConfigError(
            f"the labels are {shown(labels)}: give the label of each task, as in [task['level'] for task in tasks]"
        )
    each: Iterable[Any] = labels.tolist() if hasattr(labels, "tolist") else labels  # of an array, or a tensor
    return [label_as_text(label) for label in each]


def label_as_text(label: Any) -> Any:
    """Return a label; a level by number is named by it, as those of a dict are.

    >>> [label_as_text(label) for label in (1, 0.5, "hard", float("nan"))]
    ['1', '0.5', 'hard', nan]
    """
    return str(label) if issubclass(type(label), Real) and abs(label) < 2**63 else label


def own_label(task: Any) -> str:
    """Return the label that a task names itself, or an empty text."""
    if type(task) is dict:
        for key in _LABEL_KEYS:
            if isinstance(label := label_as_text(task.get(key)), str):
                return label
    return ""


def _content_of(task: Any) -> tuple[bytes, bytes]:
    """The kind of a task, and its bytes."""
    if type(task) is str:
        return _TEXT, task.encode("utf-8", "surrogatepass")
    try:
        if is_plain(task):
            return _JSON, json.dumps(encode(task), separators=(",", ":")).encode()
        return _PICKLE, pickle.dumps(task, _PICKLE_PROTOCOL)
    except Exception as error:
        raise ConfigError(
            f"a task of type {type(task).__name__} cannot be written or pickled, so other processes cannot have it "
            f"({error}): make the curriculum with use_shared_memory=False, or give names and look the objects up"
        ) from error


def _label_bytes(label: str) -> bytes:
    content, size, _ = encode_label(label)
    return bytes([size]) + content[:size].tobytes()


def check_number(task_id: int, count: int) -> None:
    """Raise ``ConfigError`` where a list of so many tasks has none of this id."""
    if not 0 <= task_id < count:
        raise ConfigError(f"there is no task {task_id} in the list, whose ids are 0 … {count - 1}")


def _scalars_of(task: Any) -> dict[str, Any]:
    if type(task) is not dict:
        return {}
    return {key: value for key, value in task.items() if type(key) is str and type(value) in _SCALARS}
