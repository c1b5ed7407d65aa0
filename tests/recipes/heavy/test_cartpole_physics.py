"""The cart-pole recipe with the real PPO and real worker processes, small enough for seconds; the one-file example."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from rich.console import Console
from stable_baselines3.common.env_checker import check_env

from lpcurr import ConfigError, CurriculumConfig
from lpcurr.recipes.cartpole_physics.config import CartPolePhysicsConfig, PoleConfig, cartpole_physics
from lpcurr.recipes.cartpole_physics.physics import MAX_STEPS, CartPolePhysics, HeldOutPoles, described
from lpcurr.recipes.examples import cleanrl_ppo
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.registry import load_config
from lpcurr.recipes.resuming import load_run
from lpcurr.recipes.training import run
from lpcurr.runs.metrics import METRICS

TINY = ["total_steps=768", "epoch_steps=256", "workers=2", "learner.n_steps=64", "learner.n_epochs=1"]
TINY += ["evaluation.num_tasks=6", "evaluation.episodes=2", "curriculum.num_active_tasks=8"]
QUIET = Console(quiet=True)


def tiny(*overrides: str) -> CartPolePhysicsConfig:
    return apply_overrides(cartpole_physics(), [*TINY, "vectorization=dummy", *overrides])


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def reported(row: dict[str, Any]) -> float:
    """How many scores the pool was told of; some come when their task has been evicted."""
    return float(row["curriculum/num_completed"] + row["curriculum/num_refused"])


def test_it_is_a_packaged_recipe() -> None:
    assert load_config("cartpole_physics") == cartpole_physics()


def test_both_curricula_in_worker_processes(tmp_path: Path) -> None:
    config = tiny("vectorization=subproc", "compare=true", f"run_dir={tmp_path / 'run'}")
    folder = run("cartpole_physics", config, QUIET).path
    found = rows(folder)
    assert [(row["curriculum"], row["steps"]) for row in found] == [
        (kind, steps) for kind in ("frontier", "discrete_random") for steps in (256, 512, 768)
    ]
    documented = {key.partition("<")[0] for key in METRICS}
    for row in found:
        assert {key for key in METRICS if key.startswith("eval/")} <= row.keys()
        assert all(key in documented or any(key.startswith(family) for family in documented) for key in row)
        assert reported(row) == row["episodes"] > 0
        assert 0.0 < row["score"] < 1.0
        assert 0.0 < row["eval/score"] < 1.0
        assert row["epoch_draws"] >= row["epoch_episodes"]
    result = json.loads((folder / "result.json").read_text())
    assert result["difference"]["seeds"] == 1
    assert {path.name for path in folder.iterdir()} >= {"report.html", "report.png", "tasks.jsonl", "checkpoints"}


def test_a_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    folder = run("cartpole_physics", tiny(f"run_dir={tmp_path / 'run'}"), QUIET).path
    before = rows(folder)
    name, config = load_run(folder, None, ["total_steps=1280"])
    run(name, config, QUIET)
    after = rows(folder)
    assert after[:3] == before
    assert [row["steps"] for row in after] == [256, 512, 768, 1024, 1280]
    assert after[3]["episodes"] == after[2]["episodes"] + after[3]["epoch_episodes"]
    assert reported(after[3]) == reported(after[2]) + after[3]["epoch_episodes"]


def test_what_is_saved_is_the_learner_and_its_random_streams(tmp_path: Path) -> None:
    """Weights, optimiser and streams of a checkpoint are those of the moment, and are back after loading."""
    seen: list[dict[str, Any]] = []

    def on_epoch(metrics: Any, save: Any) -> None:
        folder = tmp_path / f"{len(seen)}"
        folder.mkdir()
        save(folder)
        seen.append({"torch": torch.get_rng_state().clone(), "numpy": np.random.get_state()})  # noqa: NPY002

    config = tiny("total_steps=256")
    with config.curriculum.make() as curriculum:
        config.train(curriculum, 0, on_epoch)
        assert sum(each["steps"] for each in curriculum.process_counters()) == 256
        torch.manual_seed(99)
        np.random.seed(99)  # noqa: NPY002
        config.train(curriculum, 0, on_epoch, tmp_path / "0")  # reached already: nothing is trained
        assert len(seen) == 1
        assert torch.equal(torch.get_rng_state(), seen[0]["torch"])
        assert np.array_equal(np.random.get_state()[1], seen[0]["numpy"][1])  # noqa: NPY002
        again = apply_overrides(config, ["total_steps=512"])
        again.train(curriculum, 0, on_epoch, tmp_path / "0")
    first, second = (_optimiser(tmp_path / name / "model.zip") for name in ("0", "1"))
    assert first < second


def test_a_saved_model_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run("cartpole_physics", tiny(f"run_dir={tmp_path / 'run'}"), QUIET).path
    before = rows(folder)
    from stable_baselines3.common import save_util

    # What PPO.load would call on the pickles in model.zip.
    monkeypatch.setattr(save_util.cloudpickle, "loads", lambda *_: pytest.fail("a pickle was loaded"))
    name, config = load_run(folder, None, ["total_steps=1024"])
    run(name, config, QUIET)
    assert [row["steps"] for row in rows(folder)] == [*(row["steps"] for row in before), 1024]


def _optimiser(path: Path) -> float:
    from stable_baselines3 import PPO

    state = PPO.load(path, device="cpu").policy.optimizer.state_dict()["state"]
    return float(state[0]["step"])


def test_an_interrupted_run_ends_its_workers_and_goes_on(tmp_path: Path) -> None:
    overrides = [*TINY, "total_steps=1000000", f"run_dir={tmp_path / 'run'}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lpcurr", "train", "cartpole_physics", *overrides],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may run where it is ignored
    )
    deadline = time.monotonic() + 300
    while not (tmp_path / "run" / "checkpoints" / "frontier-seed0" / "epoch-000001").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)  # to it alone, as a scheduler does
    _, errors = process.communicate(timeout=300)
    assert "Traceback" not in errors
    reached = rows(tmp_path / "run")[-1]["steps"]
    name, config = load_run(tmp_path / "run", None, [f"total_steps={reached + 256}", "vectorization=dummy"])
    run(name, config, QUIET)
    assert rows(tmp_path / "run")[-1]["steps"] == reached + 256


def test_time_is_up(tmp_path: Path) -> None:
    config = tiny("total_steps=1000000", "epoch_steps=1000000", "max_seconds=0.5", f"run_dir={tmp_path / 'run'}")
    (row,) = rows(run("cartpole_physics", config, QUIET).path)
    assert 0 < row["steps"] < 100_000


def test_without_a_family_of_tasks() -> None:
    config = tiny()
    with (
        CurriculumConfig(num_active_tasks=4, use_shared_memory=False).make() as curriculum,
        pytest.raises(ConfigError, match="task_generator is null"),
    ):
        config.train(curriculum, 0, lambda metrics, save: None)


# -- the physics ----------------------------------------------------------------------------------------------------


def test_the_environment_is_one_that_sb3_accepts() -> None:
    check_env(CartPolePhysics(), warn=False)


def test_tasks_change_how_the_pole_falls_and_what_is_seen() -> None:
    env = CartPolePhysics()
    pole: Any = env.unwrapped
    fallen: dict[str, float] = {}
    for name, config in {"moon": PoleConfig(gravity=2.0), "jupiter": PoleConfig(gravity=80.0)}.items():
        env.set_task(config)
        observation, _ = env.reset(seed=0)
        assert observation[4:].tolist() == described([config])[0].tolist()
        pole.state = np.array([0.0, 0.0, 0.05, 0.0])
        fallen[name] = env.step(1)[0][3] + env.step(0)[0][3]
    assert fallen["jupiter"] > fallen["moon"]
    env.set_task(PoleConfig(length=1.0, masspole=2.0))
    assert (pole.total_mass, pole.polemass_length) == (3.0, 2.0)
    family = cartpole_physics().curriculum.task_generator
    assert family is not None
    seen = described([family.build(task_id).env_cfg for task_id in range(200)])
    assert -1.0 <= seen.min() < -0.95
    assert 0.95 < seen.max() <= 1.0


def test_evaluation_is_what_single_environments_say() -> None:
    """A constant action lets each pole fall: the same number of steps as in gymnasium.make's CartPole."""
    family = cartpole_physics().curriculum.task_generator
    assert family is not None
    held_out = HeldOutPoles(family, 5, 2, seed=3)
    scores = held_out.scores(lambda observations: np.ones(len(observations), np.int64))
    poles: Any = gymnasium.make_vec("CartPole-v1", num_envs=10, vectorization_mode="vector_entry_point").unwrapped
    poles.reset(seed=3)
    lengths = []
    for i, config in enumerate(config for config in held_out.configs for _ in range(2)):
        env = CartPolePhysics(config)
        env.reset()
        env.unwrapped.state = poles.state[:, i].copy()  # type: ignore[attr-defined]
        lengths.append(next(n for n in range(1, MAX_STEPS) if env.step(1)[2]))
    assert scores * MAX_STEPS == pytest.approx(np.reshape(lengths, (5, 2)).mean(axis=1))
    assert held_out.scores(lambda observations: np.ones(len(observations), np.int64)) == pytest.approx(scores)


# -- the one-file example -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use_lp", [True, False])
def test_the_one_file_example(use_lp: bool) -> None:
    args = cleanrl_ppo.Args(total_steps=2048, num_envs=16, num_steps=64, use_lp=use_lp)
    result = cleanrl_ppo.train(args)
    assert result["steps"] == 2048
    assert result["episodes"] > 20
    assert 0.0 < result["score"] < 1.0


def test_the_one_file_example_from_the_command_line() -> None:
    words = ["--total-steps", "1024", "--num-envs", "16", "--num-steps", "32"]
    done = subprocess.run(
        [sys.executable, "-m", "lpcurr.recipes.examples.cleanrl_ppo", *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.splitlines()[0].split()[:3] == ["512", "steps", "score"]
    assert "'steps': 1024" in done.stdout
