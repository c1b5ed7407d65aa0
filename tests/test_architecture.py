"""How the package hangs together: who imports whom, what an import costs, and that names and docstrings are there."""

from __future__ import annotations

import ast
import graphlib
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import lpcurr
from lpcurr.guides import contributing

PACKAGE = Path(lpcurr.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a file imports from its own room and from those before it, and two rooms of one line not at all.
# Every import counts: at the top, inside functions, for types alone.
ROOMS: list[set[str]] = [
    {"errors"},
    {"memory"},
    {"schedulers"},
    {"kernels"},
    {"pool"},
    {"statistics"},
    {"checkpoint", "generators"},
    {"curriculum"},
    {"integrations", "monitor", "distributed"},
    {"runs"},
    {"reports"},
    {"recipes"},
    {"investigation"},
    {"guides"},
    {"cli"},
]
CONFIG_MAKES_A_CURRICULUM = ("lpcurr.curriculum.config", "lpcurr.curriculum.curriculum")  # the one arrow back
EXTRAS = ["gymnasium", "rich", "matplotlib", "omegaconf", "yaml", "torch", "pygame", "scipy", "hypothesis", "asv"]
EXTRAS += ["pufferlib", "mettagrid", "textual", "stable_baselines3", "pettingzoo", "tensorboard", "wandb", "jax"]
EXTRAS += ["slime", "verl", "transfer_queue", "trl", "datasets", "transformers", "tokenizers", "accelerate", "ray"]
EXTRAS += ["gymnax"]


def module_of(path: Path) -> str:
    """``lpcurr/pool/pool.py`` is ``lpcurr.pool.pool``."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path) for path in FILES}


def imported(path: Path) -> set[str]:
    """Return the modules of this package that a file imports anywhere; a public name of `lpcurr` counts as none."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES) or {str(node.module)}
    return (found & MODULES) - {"lpcurr", module_of(path)}


@cache
def arrows() -> dict[str, set[str]]:
    """Return what each file imports; not when tests are collected, which every process does."""
    found = {module_of(path): imported(path) for path in FILES if module_of(path) != "lpcurr"}
    found[CONFIG_MAKES_A_CURRICULUM[0]].discard(CONFIG_MAKES_A_CURRICULUM[1])
    return found


def room(module: str) -> int:
    name = module.split(".")[1]
    found = [number for number, names in enumerate(ROOMS) if name in names]
    assert found, f"lpcurr.{name} has no room: give it one in tests/test_architecture.py"
    return found[0]


def test_the_guide_for_contributors_lists_the_rooms_from_the_bottom_up() -> None:
    numbers = [room(f"lpcurr.{name}") for name in contributing.ROOMS]
    assert numbers == sorted(numbers)
    assert set(contributing.ROOMS) == set().union(*ROOMS)


@pytest.mark.parametrize("module", sorted(MODULES - {"lpcurr", "lpcurr.__main__"}))
def test_imports_run_one_way(module: str) -> None:
    for other in arrows()[module]:
        assert room(other) <= room(module), f"{module} imports {other}, which lies above it"
        same = module.split(".")[1] == other.split(".")[1]
        assert same or room(other) < room(module), f"{module} imports {other}, which lies beside it"


def test_no_file_imports_itself_by_way_of_others() -> None:
    order = graphlib.TopologicalSorter({module: sorted(others) for module, others in arrows().items()})
    order.prepare()  # CycleError names the circle


def test_nothing_lies_loose_beside_the_rooms() -> None:
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "errors.py"}


def test_memory_and_schedulers_need_no_numba() -> None:
    for name in ("memory", "schedulers"):
        for path in (PACKAGE / name).glob("*.py"):
            text = path.read_text()
            assert "import numba" not in text
            assert "from numba" not in text
            assert name == "schedulers" or "from pydantic" not in text


def test_kernels_know_neither_curricula_nor_pydantic() -> None:
    for path in (PACKAGE / "kernels").rglob("*.py"):
        assert "from pydantic" not in path.read_text()


def test_importing_the_package_takes_no_extra_and_compiles_nothing(tmp_path: Path) -> None:
    code = f"""
import sys
import numba, numpy, pydantic  # numba itself imports yaml and SciPy where they are installed
before = set(sys.modules)
import lpcurr
for name in set(lpcurr.__all__) - {{"CurriculumEnv"}}:
    getattr(lpcurr, name)
taken = [name for name in {EXTRAS!r} if name in set(sys.modules) - before]
assert not taken, taken
from lpcurr.kernels.machine.compiling import Kernel
compiled = [kernel for kernel in Kernel.registry if kernel._entry is not None]
assert not compiled
import numba
assert not [kernel for kernel in Kernel.registry if kernel._dispatcher.overloads]
"""
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "NUMBA_CACHE_DIR": str(tmp_path)}
    environment["PYTHONWARNINGS"] = "error"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_looking_at_sessions_takes_neither_numba_nor_pydantic() -> None:
    code = """
import sys
import lpcurr.cli, lpcurr.memory.sessions
assert not {"numba", "pydantic"} & set(sys.modules)
import lpcurr.monitor.watching  # the schedulers' formulas stand beside their settings
assert "numba" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_has_more_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


# -- public names ---------------------------------------------------------------------------------------------------

CURRICULUM_NAMES = [
    "get_task",
    "update_task_performance",
    "sample_ids",
    "update_many",
    "add_task",
    "evict",
    "recommend_eviction",
    "get_task_score",
    "score_tasks",
    "probabilities",
    "get_task_stats",
    "get_episode_stats",
    "on_epoch_end",
    "stats",
    "performance_mode",
    "calculate_gini_coefficients",
    "calculate_per_label_mean_lp_stats",
    "calculate_raw_lp_debug_stats",
    "close",
    "unlink",
    "get_state",
    "load_state",
    "save",
    "load",
    "__enter__",
    "__exit__",
]


def test_every_public_name_of_the_design_is_there() -> None:
    for name in ("Curriculum", "CurriculumConfig", "LearningProgressConfig", "DiscreteRandomConfig", "attach"):
        assert name in lpcurr.__all__
    for name in ("default", "stable", "fast_learning", "arena_legacy", "reference"):
        assert callable(getattr(lpcurr.LearningProgressConfig, name))
    assert callable(lpcurr.CurriculumConfig.make)
    for name in ("task_id", "label", "get_env_cfg", "get_label", "get_slice_values"):
        assert hasattr(lpcurr.CurriculumTask, name)
    generators = importlib.import_module("lpcurr.generators")
    for name in [
        "SingleTaskGenerator",
        "BucketedTaskGenerator",
        "TaskGeneratorSet",
        "Span",
        "single_task",
        "bucketed",
        "merge",
    ]:
        assert hasattr(generators, name)


@pytest.mark.parametrize("name", CURRICULUM_NAMES)
def test_a_curriculum_has(name: str) -> None:
    with lpcurr.CurriculumConfig(num_active_tasks=2, use_shared_memory=False).make() as curriculum:
        assert hasattr(curriculum, name)


def test_all_names_that_are_promised_exist_and_nothing_else_is_on_offer() -> None:
    for name in lpcurr.__all__:
        assert getattr(lpcurr, name) is not None
    assert lpcurr.__all__ == sorted(lpcurr.__all__)
    with pytest.raises(AttributeError, match="Curiculum"):
        lpcurr.Curiculum  # noqa: B018


def test_curriculum_env_is_imported_when_it_is_asked_for() -> None:
    pytest.importorskip("gymnasium")
    assert issubclass(lpcurr.CurriculumEnv, importlib.import_module("gymnasium").Wrapper)


def _public_things() -> Iterator[tuple[str, Any]]:
    for found in pkgutil.walk_packages([str(PACKAGE)], "lpcurr."):
        if found.name.split(".")[-1].startswith("__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError as error:
            if error.name in EXTRAS:  # not installed here
                continue
            raise
        yield found.name, module
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != found.name:
                continue
            if not (inspect.isclass(thing) or inspect.isfunction(thing)):
                continue
            yield f"{found.name}.{name}", thing
            for inner in vars(thing) if inspect.isclass(thing) else ():
                # getattr: a property itself, a function for a method, and getdoc() finds what a base class says
                member = getattr(thing, inner)
                if not inner.startswith("_") and (inspect.isroutine(member) or isinstance(member, property)):
                    yield f"{found.name}.{name}.{inner}", member


def test_everything_public_has_a_docstring() -> None:
    missing = [name for name, thing in _public_things() if not inspect.getdoc(thing)]
    assert missing == [], "\n".join(missing)
