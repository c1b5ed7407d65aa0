"""Kernels on disk: files that are cut or altered, no folder, another numba, and interrupts while code is loaded."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lpcurr.kernels import JIT
from lpcurr.kernels.calls import upkeep
from lpcurr.kernels.machine import cache
from tests.memory.programs import CLOSED_BY_COUNTING, ROOT, run_code, run_program

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is compiled here")

PLAY = """
import lpcurr
with lpcurr.CurriculumConfig(num_active_tasks=8, seed=0).make() as curriculum:
    print(curriculum.update_task_performance(curriculum.get_task().task_id, 1.0), curriculum.find_violations())
    curriculum.on_epoch_end()
"""


def run(code: str, **environment: str) -> tuple[str, list[str]]:
    """What a program printed, and the lines that it wrote to stderr."""
    done = run_code(code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr.splitlines()


# -- damaged files --------------------------------------------------------------------------------------------------


def empty(content: bytes) -> bytes:
    return b""


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def alter(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes(byte ^ 0xFF for byte in content[middle : middle + 64]) + content[middle + 64 :]


@pytest.fixture
def cache_of_tests(tmp_path: Path) -> Path:
    """A copy of the folder in which these tests' kernels are."""
    return shutil.copytree(os.environ["NUMBA_CACHE_DIR"], tmp_path / "cache")


PYTHON = f"{sys.version_info.major}{sys.version_info.minor}"
# Of kernels that are quickly compiled; machine code that is cut or altered is noticed when it is used.
DAMAGED: list[tuple[str, str, Callable[[bytes], bytes]]] = [
    ("read_label", "nbi", empty),
    ("epoch_evictions", "nbi", alter),
    ("end_epoch", "nbc", cut),
    ("snapshot", "nbc", alter),
]


@pytest.mark.heavy
def test_damaged_files_are_compiled_anew_once(cache_of_tests: Path) -> None:
    of_this_checkout = Path(str(upkeep.end_epoch._cache().folder)).relative_to(os.environ["NUMBA_CACHE_DIR"])
    damaged = {}
    for name, kind, damage in DAMAGED:
        pattern = f"upkeep.{name}-*.py{PYTHON}*{cache.source_fingerprint()[:8]}*.{kind}"  # beside other Pythons' files
        (path,) = (cache_of_tests / of_this_checkout).glob(pattern)
        damaged[path] = damage(path.read_bytes())
        path.write_bytes(damaged[path])
    printed, said = run(PLAY, NUMBA_CACHE_DIR=str(cache_of_tests))
    assert printed == "True []"
    assert any("compiling" in line for line in said)
    assert [path.name for path, content in damaged.items() if path.read_bytes() == content] == []
    assert run(PLAY, NUMBA_CACHE_DIR=str(cache_of_tests)) == ("True []", [])


# -- code that is out of date ---------------------------------------------------------------------------------------


def sources_of_the_layout(name: str = "layout") -> set[str]:
    """The modules of ``lpcurr.memory`` that say where in a segment anything lies."""
    text = (ROOT / "lpcurr" / "memory" / f"{name}.py").read_text()
    imported = re.findall(r"^from lpcurr\.memory\.(\w+) import", text, re.MULTILINE)
    return {name}.union(*map(sources_of_the_layout, imported))


def test_code_for_another_layout_is_not_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = shutil.copytree(ROOT / "lpcurr", tmp_path / "lpcurr", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "__file__", str(package / "kernels" / "machine" / "cache.py"))
    seen = {cache.source_fingerprint.__wrapped__()}
    names = sources_of_the_layout()
    for name in names:
        with (package / "memory" / f"{name}.py").open("a") as source:
            source.write("# changed\n")
        seen.add(cache.source_fingerprint.__wrapped__())
    assert "header" in names
    assert len(seen) == 1 + len(names)


# -- nothing can be kept --------------------------------------------------------------------------------------------

ONE_KERNEL = """
import numpy
import lpcurr
from lpcurr.kernels.machine.compiling import kernel
from numba.core.caching import CompileResultCacheImpl, FunctionCache

{change}

@kernel("int64(int64)")
def double(number):
    return 2 * number

double.registry[:] = [double]
print(double.entry(21))
"""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("CompileResultCacheImpl._locator_classes = []", "no folder"),
        ("FunctionCache._index_key = None", "other inner names"),
        ("FunctionCache._load_overload = None", "other inner names"),
    ],
)
def test_where_nothing_can_be_kept_that_is_said_once_and_kernels_are_compiled(
    change: str, reason: str, tmp_path: Path
) -> None:
    module = tmp_path / "one_kernel.py"  # numba keeps nothing of what has no file
    module.write_text(ONE_KERNEL.format(change=change))
    printed, said = run(f"import runpy; runpy.run_path({str(module)!r})", PYTHONWARNINGS="error")
    assert printed == "42"
    (line,) = (line for line in said if "NUMBA_CACHE_DIR" in line)
    assert reason in line


ANOTHER = """
from lpcurr.kernels.machine.compiling import Kernel, kernel

@kernel("int64(int64)")
def double(number):
    return 2 * number

Kernel.registry[:] = [double]  # all others take ten seconds to compile
"""

READ_ONLY = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: root obeys permissions, too
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a home in /proc cannot be written on Linux alone")
def test_a_read_only_package_without_a_home_starts_and_says_what_to_set(tmp_path: Path) -> None:
    package = shutil.copytree(ROOT / "lpcurr", tmp_path / "lpcurr", ignore=shutil.ignore_patterns("__pycache__"))
    (package / "another.py").write_text(ANOTHER)
    for path in [package, *package.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    environment = {"HOME": "/proc/nonexistent", "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", READ_ONLY, "from lpcurr.another import double; print(double.entry(21))"],
        env={"PATH": os.environ["PATH"]} | environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
    )
    for path in [package, *package.rglob("*")]:
        path.chmod(0o755)
    assert (done.returncode, done.stdout.strip()) == (0, "42"), done.stderr
    assert done.stderr.count("NUMBA_CACHE_DIR") == 1


# -- interrupts -----------------------------------------------------------------------------------------------------

INTERRUPTED = """
import random, signal, sys
import lpcurr
from lpcurr.kernels.machine.compiling import Kernel, compile_all
class Interrupt(BaseException):
    pass
def interrupt(*_):
    raise Interrupt
signal.signal(signal.SIGALRM, interrupt)
random.seed(int(sys.argv[1]))
curriculum = lpcurr.CurriculumConfig(num_active_tasks=50, seed=0).make()
interrupted = 0
for kernel in Kernel.registry:
    loaded = None
    while loaded is None:
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, random.random() * 0.01 + 1e-5)
                loaded = kernel.entry
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupt:  # also just before the timer is stopped
            interrupted += 1
curriculum.update_many(curriculum.sample_ids(100), [0.5] * 100)
print(curriculum.find_violations(), interrupted > 3)
curriculum.close(); curriculum.unlink()
"""


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.heavy) for seed in (1, 2))])
def test_interrupts_while_kernels_are_loaded_cost_nothing(seed: int) -> None:
    assert run_program(INTERRUPTED, str(seed), **CLOSED_BY_COUNTING) == "[] True"


FORKED = """
import os, threading, time, warnings
warnings.simplefilter("ignore")
import lpcurr
from lpcurr.kernels.machine.compiling import Kernel
curriculum = lpcurr.CurriculumConfig(num_active_tasks=50, seed=0).make()
def load():
    for kernel in Kernel.registry:
        kernel.entry
thread = threading.Thread(target=load)
thread.start()
children = 0
while thread.is_alive() and children < 20:
    child = os.fork()
    if child == 0:
        load()
        curriculum.get_task()
        os._exit(0)
    children += 1
    deadline = time.monotonic() + 300
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
        time.sleep(0.001)
    assert ended[1] == 0, ended
thread.join()
print(curriculum.find_violations(), children > 0)
curriculum.close(); curriculum.unlink()
"""


def test_children_forked_while_a_thread_loads_kernels_load_theirs() -> None:
    assert run_program(FORKED) == "[] True"


# -- warming up -----------------------------------------------------------------------------------------------------

REGISTRY = """
import importlib, pkgutil
import lpcurr.kernels
known = len(lpcurr.kernels.Kernel.registry)
for found in pkgutil.walk_packages(lpcurr.kernels.__path__, "lpcurr.kernels."):
    importlib.import_module(found.name)
print(known > 0, len(lpcurr.kernels.Kernel.registry) - known)
"""


def test_warming_up_knows_every_kernel() -> None:
    assert run_program(REGISTRY) == "True 0"
