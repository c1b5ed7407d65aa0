"""How the package hangs together: who imports whom, what an import costs, and that names and docstrings are there."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lpcurr

PACKAGE = Path(lpcurr.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a module imports from its own layer and those before it.
LAYERS: list[set[str]] = [
    {"errors", "processes"},
    {"layout", "arguments", "config", "scoring"},
    {"kernels", "segment", "streams", "statuses", "distribution"},
    {"pool", "generators"},
    {"invariants", "ranking", "stats", "counters"},
    {"task_builder", "task", "curriculum_config", "curriculum_queries", "curriculum_checkpoints", "checkpoint"},
    {"curriculum"},
    {"sessions"},
    {"integrations", "recipes", "reports", "monitor", "guides", "investigation", "cli"},
]
ANYWHERE = {"__init__", "__main__"}
EXTRAS = ["gymnasium", "rich", "matplotlib", "omegaconf", "yaml", "torch", "pygame", "scipy", "hypothesis", "asv"]
EXTRAS += ["pufferlib", "mettagrid", "textual", "stable_baselines3", "pettingzoo", "tensorboard", "wandb"]


def unit(dotted: str) -> str:
    """``lpcurr.kernels.draw`` belongs to ``kernels``, ``lpcurr.checkpoint_files`` to ``checkpoint``."""
    name = dotted.removeprefix("lpcurr").removeprefix(".").split(".")[0] or "__init__"
    return "checkpoint" if name.startswith("checkpoint") else name


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> Iterator[str]:
    """What a file imports of this package when it is imported itself: not inside functions, not for types alone."""
    for node in _executed(ast.parse(path.read_text()).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "lpcurr")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            if node.module == "lpcurr":
                yield from (f"lpcurr.{alias.name}" for alias in node.names)
            elif node.module and node.module.startswith("lpcurr."):
                yield node.module


def _executed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from _executed([each for each in getattr(node, field, []) if isinstance(each, ast.stmt)])
        for handler in getattr(node, "handlers", []):
            yield from _executed(handler.body)


def layer(name: str) -> int:
    found = [number for number, names in enumerate(LAYERS) if name in names]
    assert found, f"lpcurr.{name} has no layer: give it one in tests/test_architecture.py"
    return found[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    own = unit(module_of(path))
    if own in ANYWHERE:
        return
    for name in imported(path):
        target = unit(name)
        top = layer(own) == len(LAYERS) - 1
        if target in ANYWHERE or (top and not (PACKAGE / target).exists() and not (PACKAGE / f"{target}.py").exists()):
            assert top, f"{path.name} imports the package that it is a part of"
            continue  # the entry points use the public names: `from lpcurr import Curriculum`
        assert layer(target) <= layer(own), f"{path.name} imports lpcurr.{target}, which lies above it"


def test_no_two_modules_of_a_layer_import_each_other() -> None:
    needs: dict[str, set[str]] = {}
    for path in FILES:
        own = module_of(path)
        needs.setdefault(own, set()).update(imported(path))
    known = set(needs)
    # `from lpcurr.kernels import slots` names a package and means a module of it.
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in known:
                inner = {f"{node.module}.{alias.name}" for alias in node.names} & known
                needs[module_of(path)] |= inner if node.module in needs[module_of(path)] else set()
    visited: dict[str, str] = {}

    def visit(name: str, trail: list[str]) -> None:
        assert visited.get(name) != "open" or name not in trail, f"a circle: {' → '.join([*trail, name])}"
        if name in visited or name not in needs:
            return
        visited[name] = "open"
        # A package's __init__ gathers its modules, which is no circle.
        for other in sorted(needs[name] & known):
            if other != name and not name.startswith(f"{other}."):
                visit(other, [*trail, name])
        visited[name] = "done"

    for name in sorted(known):
        if name != "lpcurr":
            visit(name, [])


def test_kernels_know_neither_curricula_nor_processes() -> None:
    allowed = {"lpcurr.layout", "lpcurr.kernels"}
    for path in (PACKAGE / "kernels").glob("*.py"):
        for name in imported(path):
            assert ".".join(name.split(".")[:2]) in allowed, f"{path.name} imports {name}"
        assert "pydantic" not in path.read_text()


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
from lpcurr.kernels import Kernel
compiled = [kernel for kernel in Kernel.registry if kernel._entry is not None]
assert not compiled
import numba
assert not [kernel for kernel in Kernel.registry if kernel._dispatcher.overloads]
"""
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "NUMBA_CACHE_DIR": str(tmp_path)}
    environment["PYTHONWARNINGS"] = "error"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_looking_at_sessions_takes_neither_numba_nor_pydantic() -> None:
    code = """
import sys
import lpcurr.cli, lpcurr.sessions, lpcurr.monitor.watching
assert not {"numba", "pydantic"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
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
