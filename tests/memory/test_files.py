"""Files that are written whole or not at all, and only where a file may be."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from lpcurr import Curriculum, CurriculumConfig, LpcurrError
from lpcurr.errors import ConfigError, NotAFileError
from lpcurr.memory.files import write_atomically


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in ("first", b"second", [b"thi", b"rd"]):
        write_atomically(path, content)
    assert path.read_bytes() == b"third"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("length", [1, 200, 240, 255])
def test_the_longest_name_that_a_file_can_have_will_do(length: int, tmp_path: Path) -> None:
    path = tmp_path / ("n" * length)
    write_atomically(path, "text")
    write_atomically(path, "again")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["again"]


def test_a_name_that_is_too_long_is_named_as_it_was_given(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="too long") as caught:
        write_atomically(tmp_path / ("n" * 256), "text")
    assert caught.value.filename == str(tmp_path / ("n" * 256))
    assert str(caught.value).endswith("nn'")  # and no word of another file
    assert list(tmp_path.iterdir()) == []


def test_a_name_may_be_bytes(tmp_path: Path) -> None:
    write_atomically(os.fsencode(tmp_path / "a"), "text")  # type: ignore[arg-type]
    assert (tmp_path / "a").read_text() == "text"


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", "text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "text"


def test_a_link_that_the_system_does_not_follow_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that leads to itself, nor somebody else's in a folder such as /tmp (`fs.protected_symlinks`)."""
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="Too many levels"):
        write_atomically(tmp_path / "loop", "text")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    look = os.stat

    def protected(path: Any, **options: Any) -> os.stat_result:
        if Path(path).name == "link":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, **options)

    monkeypatch.setattr(os, "stat", protected)
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "link", "text")
    assert not (tmp_path / "target").exists()


def test_a_private_file_stays_private(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "first")
    (tmp_path / "a").chmod(0o600)
    write_atomically(tmp_path / "a", "second")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    def parts() -> object:
        yield b"new"
        raise OSError(28, "No space left on device")

    write_atomically(tmp_path / "a", "old")
    with pytest.raises(OSError, match=r"No space left on device: '.*/a'$"):
        write_atomically(tmp_path / "a", parts())  # type: ignore[arg-type]
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize("kind", ["a FIFO", "a directory", "a device"])
def test_what_is_no_file_is_refused_and_stays(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    if kind == "a FIFO":
        os.mkfifo(path)
    elif kind == "a directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/null")  # what the link leads to is what would be replaced
    mode = stat.S_IFMT(os.stat(path).st_mode)
    with pytest.raises(NotAFileError, match=f"is {kind}, no regular file"):
        write_atomically(path, "text")
    config = CurriculumConfig(num_active_tasks=2, use_shared_memory=False)
    with config.make() as curriculum, pytest.raises(LpcurrError, match=f"is {kind}"):
        curriculum.save(path)
    assert stat.S_IFMT(os.stat(path).st_mode) == mode
    assert len(list(tmp_path.iterdir())) == 1


def test_writers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    def write(text: str) -> None:
        for _ in range(50):
            write_atomically(tmp_path / "a", text * 1000)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = (tmp_path / "a").read_text()
    assert len(set(content)) == 1
    assert len(content) == 1000
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("path", [True, 7, None, "a\0b", "\ud800", 1.5, ["a"]], ids=repr)
def test_what_is_no_name_of_a_file_is_refused_and_no_descriptor_is_taken_for_one(path: Any) -> None:
    with CurriculumConfig(num_active_tasks=4, log_entries=100, use_shared_memory=False).make() as curriculum:
        for call in (curriculum.save, curriculum.record, Curriculum.load, Curriculum.replay):
            with pytest.raises(ConfigError, match="is no name of a file"):
                call(path)
    with pytest.raises(ConfigError, match="is no name of a file"):
        write_atomically(path, "text")


def test_an_empty_name_is_not_the_folder_that_one_is_in() -> None:
    with pytest.raises(NotAFileError, match="is a directory"):
        write_atomically("", "text")
