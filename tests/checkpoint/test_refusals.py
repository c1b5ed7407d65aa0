"""A file or a state that is not as it was written is refused, by name, and nothing has happened."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import format as npy

import lpcurr
from lpcurr.checkpoint import read_checkpoint
from tests.checkpoint.pools import LABELLED, make, play, whole


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("small") / "pool.lpc"
    config = lpcurr.CurriculumConfig(num_active_tasks=6, seed=1, use_shared_memory=False, task_generator=LABELLED)
    with config.make() as curriculum:
        play(curriculum, 80)
        curriculum.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def running() -> Iterator[lpcurr.Curriculum]:
    with make("labels that come and go", use_shared_memory=False) as curriculum:
        play(curriculum, 500)
        yield curriculum


def _refused(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(lpcurr.CheckpointError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def _members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _signed(body: bytes) -> bytes:
    return body + hashlib.sha256(body).digest()


def _archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A file with the right checksum, whatever else is wrong with it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.comment = bytes(32)
    return _signed(file.getvalue()[:-32])


def _described(members: dict[str, bytes], change: Callable[[dict[str, Any]], Any]) -> bytes:
    """The same file with another description."""
    description = json.loads(members["description.json"])
    change(description)
    return _archive(members | {"description.json": json.dumps(description).encode()})


def _npy(array: np.ndarray[Any, Any], **header: Any) -> bytes:
    """An array as numpy writes it; with another header if one is given."""
    file = io.BytesIO()
    described = npy.header_data_from_array_1_0(array) | header
    npy.write_array_header_1_0(file, described)
    return file.getvalue() + array.tobytes()


def test_every_length_of_a_cut_off_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.lpc"
    path.write_bytes(content)
    for size in reversed(range(len(content))):
        os.truncate(path, size)
        _refused(path)


def test_every_byte_flipped(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flipped.lpc"
    path.write_bytes(content)
    with open(path, "r+b", buffering=0) as file:
        for place, byte in enumerate(content):
            os.pwrite(file.fileno(), bytes([byte ^ 1 << place % 8]), place)
            _refused(path)
            os.pwrite(file.fileno(), bytes([byte]), place)
    read_checkpoint(path)


@settings(max_examples=150, deadline=None)
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=8), cut=st.integers())
def test_random_damage(
    flips: list[tuple[int, int]], cut: int, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    altered = bytearray(content)
    for place, mask in flips:
        altered[place % len(altered)] ^= mask
    altered = altered[: len(altered) - cut % 3 if cut % 2 else None] + bytes(cut % 2)
    if bytes(altered) != content:
        _refused(tmp_path_factory.getbasetemp() / "damaged.lpc", bytes(altered))


def test_more_than_was_written(content: bytes, tmp_path: Path) -> None:
    assert "checksum" in _refused(tmp_path / "long.lpc", content + b"\0")
    assert "checksum" in _refused(tmp_path / "twice.lpc", content + content)


def test_the_message_says_what_is_wrong(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pool.lpc"
    assert "not a checkpoint of lpcurr" in _refused(path, b"something else entirely, and long enough")
    assert "not a checkpoint of lpcurr" in _refused(path, b"")
    assert "of its 100 bytes some were altered, or others are missing" in _refused(path, content[:100])
    assert "checksum" in _refused(path, content[:-40] + bytes(8) + content[-32:])
    members = _members(content)
    for version in (3, 0, None, "2", [2]):
        later = _refused(path, _described(members, lambda each, version=version: each.update(version=version)))
        assert f"its format version is {version!r}, and this lpcurr reads 1 to 2" in later
    first = struct.pack("<8sQQQ", b"\x89LPC\r\n\x1a\n", 7, 0, 0)
    assert "its format version is 7" in _refused(path, _signed(first))


def test_numpy_reads_a_checkpoint(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pool.lpc").write_bytes(content)
    with np.load(tmp_path / "pool.lpc", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["p_fast"], read_checkpoint(tmp_path / "pool.lpc").columns["p_fast"])


def test_a_fifo_or_a_device_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert "no regular file" in _refused(tmp_path / "fifo")
    assert "no regular file" in _refused(Path("/dev/zero"))
    with make("reference", use_shared_memory=False) as curriculum, pytest.raises(lpcurr.NotAFileError):
        curriculum.save(tmp_path / "fifo")


def test_no_file(tmp_path: Path, running: lpcurr.Curriculum) -> None:
    for read in (read_checkpoint, lpcurr.Curriculum.load, running.load_state):
        with pytest.raises(FileNotFoundError) as caught:
            read(tmp_path / "none.lpc")
        assert isinstance(caught.value, lpcurr.CheckpointNotFoundError)
        assert str(tmp_path / "none.lpc") in str(caught.value)
    with pytest.raises(lpcurr.CheckpointError, match="is a directory"):
        lpcurr.Curriculum.load(tmp_path)


def _wrong_members(members: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    column = np.arange(6.0)
    for array in (
        _npy(column, shape=(10**12,)),
        _npy(column, shape=(2**70,)),
        _npy(column, shape=(7,)),
        _npy(column, shape=(5,)),
        _npy(column, shape=(2, 3)),
        _npy(column, descr="<i8"),
        _npy(column, descr="|O"),
        _npy(column, shape="6"),
        _npy(column.astype(np.float32)),
        _npy(column[:5]),
        _npy(column)[:-1],
        b"\x93NUMPY\x01\x00\xff\xff",
        b"\x93NUMPY\x09\x00",
        b"",
    ):
        yield members | {"p_fast.npy": array}
    yield {name: content for name, content in members.items() if name != "p_fast.npy"}
    yield {name: content for name, content in members.items() if name != "description.json"}
    yield members | {"more.npy": _npy(column)}
    yield members | {"../p_fast.npy": _npy(column)}
    for text in (b"[]", b"null", b"1", b'"text"', b"{", b"\xff", b"[" * 100_000, b"1" * 10_000):
        yield members | {"description.json": text}


def test_a_right_checksum_over_wrong_members(content: bytes, tmp_path: Path) -> None:
    members, path = _members(content), tmp_path / "wrong.lpc"
    path.write_bytes(_archive(members))
    read_checkpoint(path)
    for wrong in _wrong_members(members):
        _refused(path, _archive(wrong))
    assert "compressed" in _refused(path, _archive(members, zipfile.ZIP_DEFLATED))
    for name in json.loads(members["description.json"]):
        _refused(path, _described(members, lambda description, name=name: description.pop(name)))
    for change in ({"something": 1}, {"seed": None}, {"capacity": 10**9}, {"counters": {}}):
        _refused(path, _described(members, lambda description, change=change: description.update(change)))


def test_a_zip_that_lies_about_its_parts(content: bytes, tmp_path: Path) -> None:
    """Sizes and places in the directory of the archive, overwritten one by one with what is far too much."""
    directory = content.rindex(b"PK\x05\x06")
    start = struct.unpack("<I", content[directory + 16 : directory + 20])[0]
    for place in range(start, len(content) - 36, 3):
        altered = content[:place] + b"\xff\xff\xff\x7f" + content[place + 4 : -32]
        path = tmp_path / "lies.lpc"
        path.write_bytes(_signed(altered))
        try:
            read_checkpoint(path)  # what was overwritten may have been a date
        except lpcurr.CheckpointError:
            continue


def test_a_refused_file_leaves_the_running_pool_as_it_was(
    content: bytes, tmp_path: Path, running: lpcurr.Curriculum
) -> None:
    before, path = whole(running), tmp_path / "pool.lpc"
    for altered in (content[:-1], content[:500], b"", content[:2000] + b"!" + content[2001:]):
        path.write_bytes(altered)
        for load in (running.load_state, lpcurr.Curriculum.load):
            with pytest.raises(lpcurr.CheckpointError, match=r"pool\.lpc"):
                load(path)
    assert whole(running) == before


def _set(*path: str | int) -> Callable[[Any], Callable[[dict[str, Any]], None]]:
    def to(value: Any) -> Callable[[dict[str, Any]], None]:
        def change(state: dict[str, Any]) -> None:
            place: Any = state
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value(place[path[-1]]) if callable(value) else value

        return change

    return to


_CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "format": _set("format")("another"),
    "version": _set("version")(3),
    "no version": lambda state: state.pop("version"),
    "unknown key": _set("other")(1),
    "columns are a list": _set("columns")([]),
    "a column is missing": lambda state: state["columns"].pop("entry"),
    "a column too many": _set("columns", "more")([]),
    "a column is short": lambda state: state["columns"]["p_fast"].pop(),
    "a column is a number": _set("columns", "p_fast")(1.0),
    "a column is text": _set("columns", "p_fast")("text"),
    "a column has None": _set("columns", "p_fast", 0)(None),
    "a column has text": _set("columns", "task_id", 0)("1"),
    "a column is nested": _set("columns", "p_fast", 0)([1.0]),
    "an integer column has floats": _set("columns", "completion_count", 0)(1.5),
    "an integer that does not fit": _set("columns", "task_id", 0)(2**70),
    "an id twice": lambda state: _set("columns", "task_id", 0)(state["columns"]["task_id"][1])(state),
    "an id too large": _set("columns", "task_id", 0)(2**53),
    "a negative id": _set("columns", "task_id", 0)(-1),
    "a slot twice": lambda state: _set("columns", "slot", 0)(state["columns"]["slot"][1])(state),
    "a slot beyond the capacity": _set("columns", "slot", 0)(30),
    "a negative slot": _set("columns", "slot", 0)(-1),
    "an entry twice": lambda state: _set("columns", "entry", 0)(state["columns"]["entry"][1])(state),
    "an entry of the future": _set("columns", "entry", 0)(10**9),
    "NaN": _set("columns", "p_fast", 0)(float("nan")),
    "infinity": _set("columns", "reward_ema", 0)(float("inf")),
    "a negative count": _set("columns", "completion_count", 0)(-1),
    "a label that is not there": _set("columns", "label", 0)(4000),
    "a label cell of nonsense": _set("columns", "label", 0)(1 << 20),
    "completions do not add up": _set("counters", "completed")(lambda count: count + 1),
    "tasks do not add up": _set("counters", "created")(lambda count: count + 1),
    "a counter is a float": _set("counters", "completed")(1.0),
    "a counter is negative": _set("counters", "refused")(-1),
    "a counter is true": _set("counters", "dropped")(True),
    "a counter too large": _set("counters", "dropped")(2**63),
    "a counter that the next episodes would overflow": _set("counters", "dropped")(2**63 - 2),
    "completions that overflow together": lambda state: [
        _set("columns", "completion_count", i)(2**62 - 1)(state) for i in range(5)
    ],
    "a count of draws that would overflow": _set("columns", "scheduled_count", 0)(2**63 - 2),
    "a count of a label that would overflow": _set("labels", 2, "completed")(2**63 - 2),
    "a sum that would overflow": _set("sums", "square_high")(1e308),
    "a counter is missing": lambda state: state["counters"].pop("epoch"),
    "a sum is NaN": _set("sums", "sum_high")(float("nan")),
    "a sum is another's": _set("sums", "sum_high")(lambda value: value + 0.01),
    "a sum of squares is another's": _set("sums", "square_high")(lambda value: value * 1.01),
    "capacity 0": _set("capacity")(0),
    "a capacity too large": _set("capacity")(10**7),
    "a negative seed": _set("seed")(-1),
    "a configuration of nonsense": _set("config", "num_active_tasks")(-5),
    "a configuration with another field": _set("config", "later_field")(1),
    "no configuration": _set("config")(None),
    "a label twice": lambda state: state["labels"].append(state["labels"][-1]),
    "a label name twice": lambda state: _set("labels", 2, "name")(state["labels"][3]["name"])(state),
    "a label too long": _set("labels", 2, "name")("x" * 121),
    "half a surrogate pair": _set("labels", 2, "name")("\ud800"),
    "a label row too large": _set("labels", 2, "row")(4096),
    "no label for the unlabelled": lambda state: state["labels"].pop(0),
    "an inactive label of the future": _set("counters", "label_clock")(0),
    "a stream of zeros": _set("streams", 0, "words")([0, 0, 0, 0]),
    "a stream of three words": lambda state: state["streams"][0]["words"].pop(),
    "a stream word too large": _set("streams", 0, "words", 0)(2**64),
    "a stream twice": lambda state: state["streams"].append(state["streams"][0]),
    "a stream of the future": _set("streams", 0, "ordinal")(5),
    "too many streams": lambda state: state.update(
        streams=[{"ordinal": i, "words": [1, 1, 1, 1]} for i in range(4097)],
        counters=state["counters"] | {"next_stream": 5000},
    ),
}


@pytest.mark.parametrize("change", _CHANGES)
def test_a_state_with_anything_wrong_is_refused(change: str, running: lpcurr.Curriculum) -> None:
    before, state = whole(running), copy.deepcopy(running.get_state())
    assert state == running.get_state()
    _CHANGES[change](state)
    with pytest.raises(lpcurr.CheckpointError, match="the state is refused: "):
        running.load_state(state)
    assert whole(running) == before


@pytest.mark.parametrize("state", [None, [], 1, {}, {"format": "lpcurr-checkpoint"}])
def test_what_is_no_state_at_all(state: Any, running: lpcurr.Curriculum) -> None:
    with pytest.raises(lpcurr.CheckpointError, match="the state is refused: "):
        running.load_state(state)


def test_arrays_are_as_good_as_lists(running: lpcurr.Curriculum) -> None:
    state = running.get_state()
    arrays = {name: np.asarray(values) for name, values in state["columns"].items()}
    running.load_state(state | {"columns": arrays})
    assert running.get_state() == state


def test_scores_that_overflow_a_sum_do_not_keep_a_pool_from_being_saved(tmp_path: Path) -> None:
    config = lpcurr.CurriculumConfig(num_active_tasks=2, seed=1, use_shared_memory=False, defer_init=True)
    with config.make() as curriculum:
        curriculum.add_task(1, success_threshold=1e308)
        curriculum.add_task(2)
        for score in (1.7e308, 1.7e308, -1.7e308, -1.7e308, -1.7e308):
            curriculum.update_task_performance(1, score)
        curriculum.save(tmp_path / "huge.lpc")
        with lpcurr.Curriculum.load(tmp_path / "huge.lpc") as loaded:
            assert repr(loaded.get_state()) == repr(curriculum.get_state())  # NaN equals nothing
            assert loaded.find_violations() == []


def test_closed(tmp_path: Path) -> None:
    curriculum = make("reference", use_shared_memory=False)
    state = curriculum.get_state()
    curriculum.close()
    for call in (lambda: curriculum.save(tmp_path / "x"), curriculum.get_state, lambda: curriculum.load_state(state)):
        with pytest.raises(lpcurr.PoolClosedError):
            call()
    assert list(tmp_path.iterdir()) == []


def test_a_pool_that_contradicts_itself_does_not_replace_a_good_checkpoint(tmp_path: Path) -> None:
    with make("reference", use_shared_memory=False) as curriculum:
        play(curriculum, 100)
        curriculum.save(tmp_path / "pool.lpc")
        good = (tmp_path / "pool.lpc").read_bytes()
        curriculum._pool.state["header"]["completed"] += 1
        with pytest.raises(lpcurr.CheckpointError, match="completions"):
            curriculum.save(tmp_path / "pool.lpc")
    assert (tmp_path / "pool.lpc").read_bytes() == good
