"""A save that is killed leaves the old file or the new one, complete; and whatever else a save meets."""

from __future__ import annotations

import errno
import os
import random
import select
import signal
import stat
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import lpcurr
from lpcurr.checkpoint import read_checkpoint
from tests.checkpoint.pools import make, play
from tests.interrupts import interrupted

KILLS = int(os.environ.get("LPCURR_KILLED_SAVES", "20"))
"""How many saves are killed: 20, or 1,000 by ``LPCURR_KILLED_SAVES=1000``."""

TASKS = 3_000


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_save_is_an_interrupt(tmp_path: Path) -> None:
    with make("discrete random") as curriculum:
        curriculum.save(tmp_path / "pool.lpc")
        for call in range(1, 400):  # and no error of the zip file's, which is cut short
            if not interrupted(lambda: curriculum.save(tmp_path / "pool.lpc"), 7 * call):
                break
        read_checkpoint(tmp_path / "pool.lpc")


def _save_for_ever(path: Path, wire: int) -> None:
    """One more epoch, a save, a byte to tell that it is done; the epochs number the checkpoints."""
    curriculum = lpcurr.CurriculumConfig(num_active_tasks=TASKS, seed=0, use_shared_memory=False).make()
    curriculum.sample_ids(TASKS)
    while True:
        curriculum.on_epoch_end()
        curriculum.save(path)
        os.write(wire, b"!")


def _start_saving(path: Path) -> tuple[int, int]:
    """A process that saves, and where it tells of it."""
    told, wire = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _save_for_ever(path, wire)
        finally:
            os._exit(1)
    os.close(wire)
    return child, told


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_save_killed_at_any_moment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, rng = tmp_path / "pool.lpc", random.Random(0)
    landed = dict.fromkeys(("while writing", "after the file was replaced", "elsewhere"), 0)
    for _ in range(KILLS):
        path.unlink(missing_ok=True)
        child, told = _start_saving(path)
        assert select.select([told], [], [], 300)[0]
        first = time.monotonic()
        os.read(told, 1)
        time.sleep(rng.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        finished = 1 + len(os.read(told, 10_000)) if time.monotonic() - first < 60 else 0
        os.close(told)
        checkpoint = read_checkpoint(path)
        assert checkpoint.columns["slot"].size == TASKS
        assert checkpoint.description.counters.epoch in (finished, finished + 1)
        leftovers = [entry for entry in tmp_path.iterdir() if entry != path]
        assert len(leftovers) <= 1  # each save removed what the killed one before had left
        where = "while writing" if leftovers else "elsewhere"
        if checkpoint.description.counters.epoch == finished + 1:
            where = "after the file was replaced"
        landed[where] += 1
    with capsys.disabled():
        print(f"\n{KILLS} saves killed: {landed}")


def test_what_a_killed_save_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "pool.lpc"
    leftovers = [tmp_path / f".pool.lpc.{number:012x}.tmp" for number in range(3)]
    others = [tmp_path / name for name in (".pool.lpc.tmp", ".other.lpc.0123456789ab.tmp", "pool.lpc.1.tmp")]
    for each in (*leftovers, *others):
        each.write_bytes(b"half a file")
    with make("reference", use_shared_memory=False) as curriculum:
        curriculum.save(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_many_save_to_one_path_at_once(tmp_path: Path) -> None:
    path = tmp_path / "pool.lpc"
    failures: list[BaseException] = []
    with make("learning progress") as curriculum:

        def save_often() -> None:
            try:
                for _ in range(15):
                    curriculum.save(path)
                    read_checkpoint(path)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=save_often) for _ in range(4)]
        for thread in threads:
            thread.start()
        play(curriculum, 2_000)
        for thread in threads:
            thread.join()
    assert failures == []
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pool.lpc"
    with make("reference", use_shared_memory=False) as curriculum:
        curriculum.save(path)
        before = path.read_bytes()
        play(curriculum, 10)

        def no_space(_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", no_space)
            with pytest.raises(OSError, match="No space left"):
                curriculum.save(path)
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]
        curriculum.save(path)
        assert path.read_bytes() != before


def test_odd_targets(tmp_path: Path) -> None:
    with make("reference", use_shared_memory=False) as curriculum:
        with pytest.raises(FileNotFoundError):
            curriculum.save(tmp_path / "no such folder" / "pool.lpc")
        (tmp_path / "folder").mkdir()
        with pytest.raises(OSError, match="folder"):
            curriculum.save(tmp_path / "folder")
        assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
        (tmp_path / "link.lpc").symlink_to(tmp_path / "folder" / "real.lpc")
        curriculum.save(str(tmp_path / "link.lpc"))
        assert (tmp_path / "link.lpc").is_symlink()
        assert (tmp_path / "folder" / "real.lpc").is_file()
        mode = stat.S_IMODE((tmp_path / "folder" / "real.lpc").stat().st_mode)
        (tmp_path / "plain").touch()
        assert mode == stat.S_IMODE((tmp_path / "plain").stat().st_mode)
