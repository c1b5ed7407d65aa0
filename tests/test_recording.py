"""Recordings: the pool that is built again from one is the pool, bit by bit."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import struct
import sys
import threading
import zlib
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr.cli import main
from lpcurr.curriculum import recording
from lpcurr.errors import (
    ConfigError,
    DuplicateTaskError,
    InvalidBatchError,
    NotAFileError,
    PoolFullError,
    RecordingError,
    UnknownTaskError,
)
from lpcurr.kernels.calls.log import KIND_BITS
from lpcurr.memory import layout
from lpcurr.pool import log
from lpcurr.pool.log import PoolLog, is_read
from tests.stress.truth import shared_truth
from tests.stress.workers import SWITCHED, Labelled

_FORGED = 100  # recordings


def same_truth(one: lpcurr.Curriculum, other: lpcurr.Curriculum) -> bool:
    left, right = (shared_truth(curriculum._pool.snapshot()) for curriculum in (one, other))
    return left == right


def _config(**fields: Any) -> lpcurr.CurriculumConfig:
    lp = lpcurr.LearningProgressConfig(min_samples_for_lp=3, max_inactive_labels_retained=20, new_task_rate=0.3)
    defaults: dict[str, Any] = {"num_active_tasks": 50, "seed": 1, "log_entries": 1 << 17, "algorithm_config": lp}
    return lpcurr.CurriculumConfig(**defaults | fields)


def _play(curriculum: lpcurr.Curriculum, episodes: int, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for number in range(episodes):
        task = curriculum.get_task()
        curriculum.update_task_performance(task.task_id, rng.random(), rng.random(), 1.0 + rng.random())
        if number % 100 == 0:
            curriculum.update_many(curriculum.sample_ids(5, distinct=True), rng.random(5))
            curriculum.update_task_performance(2**53 - 1 - number, 0.5)
        if number % 500 == 0:
            curriculum.on_epoch_end()
            curriculum.use(SWITCHED[number // 500 % 2])
            curriculum.drop_task(curriculum.sample_ids(1)[0])
            with contextlib.suppress(UnknownTaskError):
                curriculum.evict(curriculum.sample_ids(1)[0])
            with contextlib.suppress(DuplicateTaskError, PoolFullError):  # another worker was first
                curriculum.add_task(rng.integers(2**50), f"ärger {number}", success_threshold=0.1)


def test_a_replayed_pool_is_the_pool_bit_by_bit(tmp_path: Path) -> None:
    with _config().make(Labelled(200)) as curriculum:
        _play(curriculum, 300)
        with curriculum.record(tmp_path / "played"):
            _play(curriculum, 3000, seed=1)
        again = lpcurr.Curriculum.replay(tmp_path / "played")
        assert same_truth(again, curriculum)
        assert again.find_violations() == []


def _worker(curriculum: lpcurr.Curriculum, seed: int) -> None:
    _play(curriculum, 10**9, seed)


def test_kills_leave_no_entry_of_what_was_undone(tmp_path: Path) -> None:
    episodes = int(os.environ.get("LPCURR_RECORDED_EPISODES", "3000"))  # 1000000 is the long form
    kills = max(episodes // 25_000, 6)
    context = multiprocessing.get_context("fork")
    with _config(log_entries=1 << 20).make(Labelled(200)) as curriculum:
        curriculum.record(tmp_path / "played")
        for seed in range(kills):
            worker = context.Process(target=_worker, args=(curriculum, seed))
            before = curriculum._pool.state["header"]["completed"][0]
            worker.start()
            while curriculum._pool.state["header"]["completed"][0] < before + episodes // kills:
                assert worker.is_alive()
            os.kill(worker.pid or 0, signal.SIGKILL)
            worker.join()
        curriculum._recording.close()
        assert same_truth(lpcurr.Curriculum.replay(tmp_path / "played"), curriculum)


def test_a_checkpoint_stands_in_where_the_log_has_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with _config(log_entries=64).make() as curriculum:
        curriculum.record(tmp_path / "played")
        curriculum.update_many(curriculum.sample_ids(5000), np.ones(5000))
        curriculum._recording.flush()
        assert "found no room" in caplog.text
        curriculum.sample_ids(3)
        curriculum._recording.close()
        assert same_truth(lpcurr.Curriculum.replay(tmp_path / "played"), curriculum)


def test_any_point_of_it_can_be_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _config(defer_init=True).make() as curriculum:
        recording = curriculum.record(tmp_path / "played")
        for task_id in range(10):
            curriculum.add_task(task_id, "even" if task_id % 2 == 0 else "odd")
        recording.close()
        recording.close()
    assert main(["replay", str(tmp_path / "played"), "--at", "7", "--save", str(tmp_path / "seven.lpc")]) == 0
    assert "7 of 50 tasks" in capsys.readouterr().out
    assert lpcurr.Curriculum.load(tmp_path / "seven.lpc", use_shared_memory=False).stats()["num_created"] == 7
    cut = (tmp_path / "played").read_bytes()[:-5]
    (tmp_path / "cut").write_bytes(cut)
    assert lpcurr.Curriculum.replay(tmp_path / "cut").stats()["num_created"] < 10


def test_a_disk_that_is_full_already_is_named_with_the_file(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with _config().make() as curriculum:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            with pytest.raises(OSError, match=r"File too large: .*played"):
                curriculum.record(tmp_path / "played")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        curriculum.record(tmp_path / "again").close()


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with _config().make() as curriculum:
        recording, credited = curriculum.record(tmp_path / "played"), 0
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "played").stat().st_size + 50_000, limits[1]))
        try:
            for _ in range(20):
                credited += curriculum.update_many(curriculum.sample_ids(500), np.ones(500))
                with contextlib.suppress(OSError):  # the thread may have met it first
                    recording.flush()
            recording._thread.join()
            following = curriculum.record(tmp_path / "again")
            with pytest.raises(RecordingError, match="ends before the recording does"):
                recording.close()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert "File too large" in caplog.text
        assert curriculum.stats()["num_completed"] == credited
        assert 0 < lpcurr.Curriculum.replay(tmp_path / "played").stats()["num_completed"] < credited
        curriculum.update_many(curriculum.sample_ids(50), np.ones(50))
        following.close()
        assert same_truth(lpcurr.Curriculum.replay(tmp_path / "again"), curriculum)


def test_a_signal_handler_that_raises_at_any_line_of_record_leaves_the_log_free(tmp_path: Path) -> None:
    class Interrupt(Exception):
        pass

    lines_left = 0

    def count(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines_left
        if frame.f_code is lpcurr.Curriculum.record.__code__:  # no signal handler runs between its lines
            return count
        code = frame.f_code
        if code.co_filename not in (recording.__file__, log.__file__, threading.__file__) or code.co_name == "RLock":
            return None  # least of all what weak references call, and zip files cut short, which swallow what is raised
        lines_left -= event == "line"
        if lines_left < 0:
            raise Interrupt
        return count

    with _config(num_active_tasks=5).make() as curriculum:
        for lines in range(10_000):
            lines_left, before = lines, sys.gettrace()
            sys.settrace(count)
            try:
                curriculum.record(tmp_path / "interrupted")
            except Exception:  # what the standard library makes of it
                sys.settrace(before)
                assert not is_read(curriculum._pool)
            else:
                break
            finally:
                sys.settrace(before)
        assert lines > 50
        assert curriculum._recording is not None
        curriculum._recording.close()
        curriculum.record(tmp_path / "played").close()


def test_a_close_that_is_interrupted_is_done_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with _config().make() as curriculum:
        begun = curriculum.record(tmp_path / "played")
        curriculum.update_many(curriculum.sample_ids(50), np.ones(50))
        monkeypatch.setattr(begun._thread, "join", interrupt)  # where a signal handler raises while it waits
        with pytest.raises(KeyboardInterrupt):
            begun.close()
        monkeypatch.undo()
        begun._thread.join()
        assert not is_read(curriculum._pool)
        assert same_truth(lpcurr.Curriculum.replay(tmp_path / "played"), curriculum)
        begun = curriculum.record(tmp_path / "again")
        curriculum.update_many(curriculum.sample_ids(50), np.ones(50))
        number, truth = curriculum.stats()["num_completed"], curriculum._pool.snapshot()
        monkeypatch.setattr(begun._thread, "join", interrupt)
        with pytest.raises(KeyboardInterrupt):
            curriculum.close()  # which leaves the pool before the rest is written
        monkeypatch.undo()
        begun._thread.join()
    again = lpcurr.Curriculum.replay(tmp_path / "again")
    assert again.stats()["num_completed"] == number
    assert shared_truth(again._pool.snapshot()) == shared_truth(truth)


def test_a_reader_that_was_dropped_reads_no_more(tmp_path: Path) -> None:
    with _config().make() as curriculum:
        reader = PoolLog(curriculum._pool)
        reader.begin()
        with pytest.raises(ConfigError, match="being read already"):
            curriculum.record(tmp_path / "played")
        del reader
        curriculum.record(tmp_path / "played").close()


def _record_and_wait(curriculum: lpcurr.Curriculum, path: Path, began: Any) -> None:
    try:
        curriculum.record(path)
    except ConfigError:
        return
    began.release()
    signal.pause()


def test_two_processes_that_begin_at_once_do_not_both_record(tmp_path: Path) -> None:
    """And the losers leave the winner's file as it is."""
    context = multiprocessing.get_context("fork")
    with _config().make() as curriculum:
        state, began = curriculum.get_state(), context.Semaphore(0)
        arguments = (curriculum, tmp_path / "played", began)
        workers = [context.Process(target=_record_and_wait, args=arguments) for _ in range(4)]
        for worker in workers:
            worker.start()
        assert began.acquire(timeout=300)
        while sum(worker.is_alive() for worker in workers) > 1:
            assert not began.acquire(timeout=0.01)
        assert lpcurr.Curriculum.replay(tmp_path / "played").stats()["num_completed"] == 0
        with pytest.raises(ConfigError, match="being recorded"):
            curriculum.load_state(state)
        winner = next(worker for worker in workers if worker.is_alive())
        with pytest.raises(ConfigError, match=f"by process {winner.pid}"):
            curriculum.record(tmp_path / "again")
        assert not (tmp_path / "again").exists()
        winner.kill()
        winner.join()
        curriculum.load_state(state)


def test_a_file_that_another_process_records_to_is_left_alone(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with _config().make() as curriculum, _config().make() as other:
        began = context.Semaphore(0)
        worker = context.Process(target=_record_and_wait, args=(curriculum, tmp_path / "played", began))
        worker.start()
        assert began.acquire(timeout=300)
        with pytest.raises(ConfigError, match="written by another recording"):
            other.record(tmp_path / "played")
        assert lpcurr.Curriculum.replay(tmp_path / "played").stats()["num_completed"] == 0
        worker.kill()
        worker.join()
        other.record(tmp_path / "played").close()


def test_the_next_recording_takes_over_from_one_whose_process_was_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = multiprocessing.get_context("fork")
    with _config().make() as curriculum:
        began = context.Semaphore(0)
        worker = context.Process(target=_record_and_wait, args=(curriculum, tmp_path / "played", began))
        worker.start()
        assert began.acquire(timeout=300)
        worker.kill()
        worker.join()
        _play(curriculum, 100)
        recording = curriculum.record(tmp_path / "again")
        assert f"process {worker.pid}, which read this pool's log, has died" in caplog.text
        _play(curriculum, 100)
        recording.close()
        assert same_truth(lpcurr.Curriculum.replay(tmp_path / "again"), curriculum)
        curriculum.record(tmp_path / "third").close()


def test_what_was_altered_is_refused(tmp_path: Path) -> None:
    with _config().make() as curriculum:
        curriculum.record(tmp_path / "played")
        curriculum.update_many(curriculum.sample_ids(50), np.ones(50))
        curriculum._recording.close()
    whole = (tmp_path / "played").read_bytes()
    rng = np.random.default_rng(0)
    for place in [8, 16, 24, 32, 40, len(whole) - 1, *rng.integers(8, len(whole), 40).tolist()]:
        altered = bytearray(whole)
        altered[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "altered").write_bytes(altered)
        try:
            again = lpcurr.Curriculum.replay(tmp_path / "altered")
        except RecordingError:
            continue
        assert again.stats()["num_completed"] == 0  # a size that reaches beyond the end: as if it was cut there


def test_what_is_forged_comes_to_a_sound_pool_or_is_refused(tmp_path: Path) -> None:
    with _config(num_active_tasks=12).make() as curriculum:
        curriculum.record(tmp_path / "played")
        _play(curriculum, 40)
        curriculum.use("plr")
        curriculum.evict(int(curriculum.sample_ids(1)[0]))
        curriculum.add_task(7, "by hand")
    whole, rng, refused = (tmp_path / "played").read_bytes(), np.random.default_rng(0), 0
    heads = [kind | size << KIND_BITS for kind in range(11) for size in (0, 2, 200, 3000, 1 << 20, 1 << 40, -1)]
    last = 8
    while (end := last + 32 + struct.unpack_from("<q", whole, last + 8)[0]) < len(whole):
        last = end
    for _ in range(_FORGED):
        words = np.frombuffer(whole[last + 32 :], np.int64).copy()
        values = [-1, -8, 0, 1, 2**31, 2**53, 2**62, -(2**63), 2**63 - 1, *heads]
        words[rng.integers(words.size)] = rng.choice(values)
        words[layout.RECORD_WORDS * rng.integers(words.size // layout.RECORD_WORDS)] = rng.choice(heads)
        head = whole[last : last + 24]
        forged = head + struct.pack("<q", zlib.crc32(words.tobytes(), zlib.crc32(head))) + words.tobytes()
        (tmp_path / "forged").write_bytes(whole[:last] + forged)
        try:
            again = lpcurr.Curriculum.replay(tmp_path / "forged")
        except RecordingError:
            refused += 1
            continue
        assert again.find_violations() == []
        again.get_state()
    assert 0 < refused < _FORGED


def test_a_recording_is_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with _config().make() as curriculum:
        for path in (tmp_path / "fifo", "/dev/null", tmp_path):
            with pytest.raises(NotAFileError, match="no regular file"):
                curriculum.record(path)
        curriculum.record(tmp_path / "played").close()
    for path in (tmp_path / "fifo", "/dev/zero", tmp_path):
        with pytest.raises(RecordingError, match="no recording"):
            lpcurr.Curriculum.replay(path)


def test_what_is_forged_takes_no_memory(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.write(b"LPCLOG2\n" + struct.pack("<qqqq", 2, 40 << 30, 0, 0))
        file.truncate((40 << 30) + 100)
    with pytest.raises(RecordingError, match="no recording"):
        lpcurr.Curriculum.replay(tmp_path / "sparse")


def test_at_is_any_number_of_entries(tmp_path: Path) -> None:
    with _config().make() as curriculum:
        curriculum.record(tmp_path / "played")
        curriculum.update_many(curriculum.sample_ids(50), np.ones(50))
        curriculum._recording.close()
        assert same_truth(lpcurr.Curriculum.replay(tmp_path / "played", at=10**30), curriculum)
    for at in (-1, "3", 1.5):
        with pytest.raises(InvalidBatchError, match="at is"):
            lpcurr.Curriculum.replay(tmp_path / "played", at=at)


def test_a_recording_is_not_replaced_by_what_is_made_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with _config().make() as curriculum:
        curriculum.record(tmp_path / "played")
    before = (tmp_path / "played").read_bytes()
    (tmp_path / "link").symlink_to("played")
    assert main(["replay", str(tmp_path / "played"), "--save", str(tmp_path / "link")]) == 2
    assert "would replace the recording" in capsys.readouterr().err
    assert (tmp_path / "played").read_bytes() == before


def test_what_cannot_be_recorded_or_replayed_says_why(tmp_path: Path) -> None:
    with _config(log_entries=0).make() as curriculum, pytest.raises(ConfigError, match="log_entries"):
        curriculum.record(tmp_path / "played")
    with _config().make() as curriculum:
        state = curriculum.get_state()
        curriculum.record(tmp_path / "played")
        with pytest.raises(ConfigError, match="already"):
            curriculum.record(tmp_path / "again")
        with pytest.raises(ConfigError, match="recorded"):
            curriculum.load_state(state)
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(RecordingError, match="no recording"):
        lpcurr.Curriculum.replay(tmp_path / "other")
