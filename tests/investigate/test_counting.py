"""What a call does is counted exactly, and the same beside a busy machine."""

from __future__ import annotations

import multiprocessing
import sys
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from lpcurr.investigation.counting import count, watch, weigh
from lpcurr.investigation.parts import Parts, count_parts
from tests.investigate.quick import QUICK
from tests.investigate.slow_curricula import EvictionOfTheReference

pytestmark = pytest.mark.no_kernels

CONTEXT = multiprocessing.get_context("spawn")


def double(x: int) -> int:
    x += x
    return x


def add_up(n: int) -> int:
    total = 0
    for x in range(n):
        total += double(x)
    return total


def names(counted: dict[tuple[tuple[str, int, str], ...], int]) -> dict[str, int]:
    return {" ".join(name for _, _, name in path): number for path, number in counted.items()}


def test_lines_and_calls_are_counted_by_path() -> None:
    result, work = count(add_up, 5)
    assert result == 20
    assert names(work.calls) == {"add_up": 1, "add_up double": 5}
    assert names(work.lines) == {"add_up": 1 + 6 + 5 + 1, "add_up double": 2 * 5}


def test_a_generator_is_entered_each_time_that_it_goes_on() -> None:
    def squares(n: int) -> Iterator[int]:
        for x in range(n):
            yield x * x

    _, work = count(lambda: sum(squares(4)))
    assert names(work.calls) == {"<lambda>": 1, "<lambda> squares": 5}


def test_an_exception_passes_and_what_traced_before_traces_again() -> None:
    before = sys.gettrace()
    with pytest.raises(ZeroDivisionError):
        count(lambda: 1 // 0)
    assert sys.gettrace() is before


def test_memory_is_counted_at_its_peak() -> None:
    tracemalloc.start()
    try:
        _, taken = weigh(lambda: len(bytes(100_000)))
    finally:
        tracemalloc.stop()
    assert 100_000 <= taken < 110_000


def test_waits_are_counted_and_whether_a_lock_is_held() -> None:
    lock = CONTEXT.Lock()

    def sleeps_outside() -> None:
        time.sleep(0.001)
        with lock:
            double(1)

    def sleeps_inside() -> None:
        lock.acquire()
        time.sleep(0.001)
        lock.release()

    (_, outside), (_, inside) = watch(sleeps_outside), watch(sleeps_inside)
    assert outside.waits >= 1
    assert outside.holding_waits == 0
    assert inside.holding_waits >= 1
    assert outside.holding_calls >= 1
    assert [place.partition(",")[0] for place in outside.places + inside.places] == ["sleeps_outside", "sleeps_inside"]
    assert watch(add_up, 100)[1].waits == 0


def spin() -> None:
    while True:
        pass


def counts(parts: Parts) -> dict[str, dict[int, float]]:
    return {name: part.lines for name, part in parts.items()}


def test_counts_are_the_same_beside_busy_processes() -> None:
    quiet = counts(count_parts(EvictionOfTheReference, QUICK.sizes, QUICK))
    busy = [CONTEXT.Process(target=spin, daemon=True) for _ in range(2)]
    try:
        for process in busy:
            process.start()
        assert counts(count_parts(EvictionOfTheReference, QUICK.sizes, QUICK)) == quiet
    finally:
        for process in busy:
            process.kill()
            process.join()
