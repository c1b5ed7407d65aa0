"""The live view, by its keys, and in a real terminal."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lpcurr import Curriculum
from lpcurr.monitor.reading import SessionReader
from lpcurr.monitor.watching import Watch
from tests.checkpoint.pools import make, play

pytest.importorskip("textual")

from lpcurr.monitor.app import TopApp, _Picture
from lpcurr.monitor.drawing import View

ROOT = Path(__file__).parents[2]


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    with make("labels that come and go") as curriculum:
        play(curriculum, 2000)
        yield curriculum


def test_keys_sort_filter_scroll_pause_and_quit(curriculum: Curriculum) -> None:
    async def use() -> None:
        reader = SessionReader(str(curriculum.session_id))
        app = TopApp(Watch(reader), View(interval=0.05))

        def shown() -> str:
            return "\n".join(line.plain for line in app.query_one(_Picture)._lines)

        async with app.run_test(size=(110, 40)) as pilot:

            async def press(*keys: str) -> None:
                await pilot.press(*keys)
                await pilot.pause()

            async def until(condition: Callable[[], bool]) -> None:
                deadline = time.monotonic() + 300
                while not condition():
                    assert time.monotonic() < deadline, shown()
                    await pilot.pause(0.02)

            await until(lambda: str(curriculum.session_id) in shown())
            assert "DRAWN▼" in shown()
            for key, heading in (("p", "PROGRESS▼"), ("p", "PROGRESS▲"), ("e", "EPISODES▼"), ("s", "SCORE▼")):
                await press(key)
                assert heading in shown()
            await press("r")
            assert "SCORE▲" in shown()
            await press("slash", *"size=31", "enter")
            assert app.view.label == "size=31"
            await press("escape")
            assert app.view.label == ""
            await press("down", "down")
            assert app.view.scroll == 2
            await press("home")
            assert app.view.scroll == 0
            await press("question_mark")
            assert len(app.screen_stack) == 2
            await press("x")
            assert len(app.screen_stack) == 1
            await press("space")
            assert "paused" in shown()
            before = app.watch_session.counts
            play(curriculum, 10)
            await pilot.pause(0.2)
            assert app.watch_session.counts is before
            await press("space", "minus", "plus")
            await until(lambda: app.watch_session.counts is not before)
            await press("q")
        assert app.return_code == 0

    asyncio.run(use())


class Terminal:
    """``lpcurr top`` on a pseudo-terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._file, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        command = [sys.executable, "-m", "lpcurr", "top", *arguments]
        self.process = subprocess.Popen(
            command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.output = b""

    def read_until(self, text: str, seconds: float = 300.0) -> None:
        deadline = time.monotonic() + seconds
        while text.encode() not in self.output:
            assert time.monotonic() < deadline, self.output[-2000:]
            self._read(0.1)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._file], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self._file, 65536)
        except OSError:  # the other side has gone
            return False
        self.output += chunk
        return bool(chunk)

    def press(self, keys: str) -> None:
        os.write(self._file, keys.encode())

    def wait(self) -> int:
        deadline = time.monotonic() + 300
        while self._read(0.1):
            assert time.monotonic() < deadline
        os.close(self._file)
        return self.process.wait(timeout=300)


def test_in_a_terminal_it_shows_the_session_and_q_ends_it(curriculum: Curriculum) -> None:
    terminal = Terminal(str(curriculum.session_id))
    terminal.read_until(str(curriculum.session_id))
    terminal.read_until("episodes")
    terminal.press("q")
    assert terminal.wait() == 0
    assert b"\x1b[?1049l" in terminal.output  # the terminal is as it was


def test_in_a_terminal_it_says_when_the_session_ends(curriculum: Curriculum) -> None:
    terminal = Terminal(str(curriculum.session_id), "--interval", "0.1")
    terminal.read_until(str(curriculum.session_id))
    curriculum.close()
    curriculum.unlink()
    terminal.read_until("ended")
    terminal.press("q")
    assert terminal.wait() == 0
    assert b"closed by its creator" in terminal.output


def test_killed_in_mid_look_it_harms_nothing(curriculum: Curriculum) -> None:
    for _ in range(3):
        terminal = Terminal(str(curriculum.session_id), "--interval", "0.05")
        terminal.read_until(str(curriculum.session_id))
        terminal.process.kill()
        assert terminal.wait() == -signal.SIGKILL
        play(curriculum, 50)
    assert curriculum.find_violations() == []
    assert [each["alive"] for each in curriculum.process_counters()] == [True]


def test_an_unknown_session_is_one_clear_line() -> None:
    terminal = Terminal("nothing-here")
    terminal.read_until("no live session 'nothing-here'")
    assert terminal.wait() == 2
