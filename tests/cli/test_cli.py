"""The command line: help, exit codes, one clear line for each error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import lpcurr
from lpcurr.cli import COMMANDS, main
from lpcurr.recipes import PACKAGED
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig
from tests.memory.programs import run_code, run_program

SHORT = [
    *("total_steps=256", "epoch_steps=256", "workers=1", "envs_per_worker=4", "learner.rollout_steps=16"),
    *("learner.table_bits=10", "evaluation.num_tasks=2", "curriculum.num_active_tasks=4", "vectorization=sync"),
    "curriculum.task_generator.buckets.size=[4]",
]


def exit_of(arguments: Sequence[str]) -> int:
    try:
        return main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)
    assert "examples:" in shown


def test_help_of_train_has_recipes_keys_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of(["train", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in PACKAGED)
    assert all(f"  {key} " in shown for key in FrozenLakeConfig.model_fields)
    assert "None" not in shown  # every key has a description
    assert "lpcurr train compare=true" in shown


def test_help_of_warmup(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of(["warmup", "--help"]) == 0
    assert "cache" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of(["--version"]) == 0
    assert capsys.readouterr().out == f"lpcurr {lpcurr.__version__}\n"


def test_warmup(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["warmup"]) == 0
    assert "kernels ready" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["no_such_command"]])
def test_without_a_command_it_says_how(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_of(arguments) == 2
    assert "usage: lpcurr" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no_such_recipe"], "there is no recipe 'no_such_recipe'"),
        (["./my_recipe:f"], "'./my_recipe' is no module"),
        (["total_stps=1"], "did you mean 'total_steps'"),
        (["frozen_lake", "total_steps=abc"], "total_steps='abc'"),
        (["frozen_lake", "loose"], "'loose' is not of the form"),
        (["[=1"], "cannot read the overrides '[=1'"),
        (["seed=!!timestamp 2001"], "cannot read the overrides"),
        (["log=!!float x"], "cannot read the overrides"),
    ],
)
def test_an_error_is_one_line_on_stderr_and_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


def test_training_writes_where_it_is_told_and_asks_for_no_plotting_backend_that_there_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run_lpcurr("train", *SHORT, f"run_dir={tmp_path}/run", cwd=tmp_path, MPLBACKEND="rubbish")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "report.png").stat().st_size > 1000
    assert f"{tmp_path}/run" in done.stdout
    assert main(["train", *SHORT, f"run_dir={tmp_path}/run"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_ctrl_c_exits_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FrozenLakeConfig, "train", interrupt)
    assert main(["train", *SHORT, f"run_dir={tmp_path}/run"]) == 130
    assert "interrupted" in capsys.readouterr().err


def _heed_ctrl_c() -> None:
    """Whoever runs these tests in the background may have it ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_at_a_real_training_leaves_what_there_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lpcurr", "train", *SHORT, "total_steps=100_000_000", "vectorization=async"]
    training = subprocess.Popen(
        [*command, "workers=2", f"run_dir={tmp_path}/run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_ctrl_c,
    )
    assert training.stdout is not None
    try:
        while "steps/s" not in training.stdout.readline():
            assert training.poll() is None
        os.killpg(training.pid, signal.SIGINT)  # as a terminal does: to the workers as well
        _, errors = training.communicate(timeout=120)
    finally:
        if training.poll() is None:
            os.killpg(training.pid, signal.SIGKILL)
    assert training.returncode == 130
    assert errors == "lpcurr train: interrupted\n"
    files = {path.name for path in (tmp_path / "run").iterdir()}
    assert files == {
        "config.yaml",
        "metrics.jsonl",
        "tasks.jsonl",
        "result.json",
        "report.png",
        "report.html",
        "checkpoints",
    }
    assert _ends(training.pid)


def _ends(group: int) -> bool:
    """Whether nobody is left of a process group; the resource tracker takes a moment."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    print(subprocess.run(["ps", "-eo", "pid,ppid,pgid,stat,args"], capture_output=True, text=True, check=False).stdout)
    return False


@pytest.mark.parametrize("package", ["gymnasium", "rich", "matplotlib", "omegaconf"])
def test_a_missing_extra_is_said_before_anything_is_written(package: str, tmp_path: Path) -> None:
    # in a process of its own: here the packages are imported already
    code = (
        f"import sys\nsys.modules[{package!r}] = None\n"
        f"from lpcurr.cli import main\nsys.exit(main({['train', *SHORT]!r}))\n"
    )
    done = run_code(code, cwd=tmp_path)
    assert done.stderr == f'lpcurr train: this needs {package}: pip install "lpcurr[train]"\n'
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_what_a_recipe_needs_besides_is_said_too(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.modules['mettagrid'] = None\n"
        "from lpcurr.cli import main\nsys.exit(main(['train', 'mettagrid_arena']))\n"
    )
    done = run_code(code, cwd=tmp_path)
    assert done.stderr.startswith('lpcurr train: this needs mettagrid: pip install "lpcurr[metta]" (Python 3.11 or ')
    assert done.returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_python_m_and_no_extra_for_help() -> None:
    code = (
        "import sys\n"
        "for name in ('gymnasium', 'rich', 'matplotlib', 'omegaconf', 'yaml'): sys.modules[name] = None\n"
        "import runpy\n"
        "sys.argv = ['lpcurr', 'train', '--help']\n"
        "runpy.run_module('lpcurr', run_name='__main__')\n"
    )
    assert "frozen_lake" in run_program(code)


def test_a_recipe_needs_a_training(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "lpcurr.recipes:TrainingConfig"]) == 2
    assert "says neither `train` nor `trained_by`" in capsys.readouterr().err


def run_lpcurr(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lpcurr", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(lpcurr.__file__).parents[1])} | environment
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 300}
    return subprocess.run(command, env=environment, cwd=cwd, check=False, **options)


def test_a_setting_of_numbas_that_it_refuses_is_a_sentence(tmp_path: Path) -> None:
    done = run_lpcurr("warmup", cwd=tmp_path, NUMBA_NUM_THREADS="0")
    assert done.returncode == 2
    assert done.stderr.startswith("lpcurr warmup: numba cannot be imported with its settings in the environment")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["help concepts", "help", "sessions", "top"])
def test_closed_streams_are_no_error_and_no_files(command: str, tmp_path: Path) -> None:
    line = f"exec {sys.executable} -m lpcurr {command} <&- >&- 2>&-"
    environment = os.environ | {"PYTHONPATH": str(Path(lpcurr.__file__).parents[1])}
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, timeout=300, check=False)
    assert done.returncode == (2 if command == "top" else 0)  # there is no session, or no terminal
    assert list(tmp_path.iterdir()) == []


def test_a_working_directory_that_was_removed_is_a_sentence(tmp_path: Path) -> None:
    line = f"mkdir gone; cd gone; rmdir ../gone; exec {sys.executable} -m lpcurr train total_steps=1"
    environment = os.environ | {"PYTHONPATH": str(Path(lpcurr.__file__).parents[1])}
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, check=False, **options)
    assert done.returncode == 2
    assert done.stderr.startswith("lpcurr train: ")
    assert done.stderr.count("\n") == 1


def test_a_lack_of_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        raise MemoryError

    monkeypatch.setattr(lpcurr.sessions, "list_sessions", fails)
    assert main(["sessions"]) == 2
    assert capsys.readouterr().err == "lpcurr sessions: there is not enough memory (`ulimit -v`, the container's)\n"


def test_texts_of_the_package_are_read_whatever_the_locale(tmp_path: Path) -> None:
    done = run_lpcurr("help", "contributing", cwd=tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, "")  # the site: see test_site


def test_an_ascii_terminal_gets_what_it_can_show(tmp_path: Path) -> None:
    done = run_lpcurr("help", "concepts", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "?" in done.stdout


def test_top_needs_a_terminal(tmp_path: Path) -> None:
    pytest.importorskip("textual")
    with lpcurr.CurriculumConfig(num_active_tasks=2).make() as curriculum:
        done = run_lpcurr("top", str(curriculum.session_id), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("this is no terminal to draw on: --once prints one frame, --json numbers\n")


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "from lpcurr.cli import main\n"
        "from lpcurr.kernels import compile_all\n"
        "compile_all()\n"  # which may write to numba's cache
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"  # as little as the configuration needs
        f"sys.exit(main({['train', *SHORT, 'checkpoint_every=0', 'epoch_steps=64']!r} + sys.argv[1:]))\n"
    )
    words = ["curriculum.use_shared_memory=false", f"run_dir={tmp_path / 'run'}"]
    done = run_code(code, *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "File too large" in done.stderr


@pytest.mark.parametrize("streams", [">/dev/full", "2>/dev/full", ">/dev/full 2>&1", "2>&1 | true"])
@pytest.mark.parametrize(("command", "unbuffered"), [("--version", ""), ("sessions", "1"), ("inspect nothing", "")])
def test_streams_that_take_nothing_more_are_said_where_that_can_be(
    command: str, streams: str, unbuffered: str, tmp_path: Path
) -> None:
    line = f"({sys.executable} -m lpcurr {command}; echo $? >code) {streams}"
    environment = os.environ | {"PYTHONPATH": str(Path(lpcurr.__file__).parents[1]), "PYTHONUNBUFFERED": unbuffered}
    options: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 300}
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, env=environment, check=True, **options)
    fails = command == "inspect nothing" or streams != "2>/dev/full"
    assert (tmp_path / "code").read_text() == ("2\n" if fails else "0\n")
    if streams == ">/dev/full" and command != "inspect nothing":
        assert done.stderr == f"lpcurr {command}: No space left on device\n"
