"""Train real agents by every scheduler at equal environment steps, and judge them by held-out tasks.

``python -m asv_benchmarks.agents frozen_lake results.jsonl`` trains each arm with each seed, in one process, and adds a
line a training to the file: the mean and the worst tenth of the held-out tasks' scores after the last step. Trainings
that the file has already are left out, so a run that was cut goes on; then the table is printed, with 95 % intervals
over the seeds and the difference to uniform draws, paired by seed::

    python -m asv_benchmarks.agents frozen_lake lakes.jsonl                    # six arms, five seeds
    python -m asv_benchmarks.agents minigrid grid.jsonl --arms uniform frontier --seeds 3
    python -m asv_benchmarks.agents cartpole_physics poles.jsonl --seeds 0     # the table only

``quick_poles`` is ``cartpole_physics`` with its PPO written in NumPy: half a minute a training, not six.
``frozen_lake``, ``cartpole_physics`` and ``mettagrid_arena`` are the packaged recipes (the latter two need lpcurr[sb3]
and lpcurr[metta]), with their environments in this process. ``minigrid`` needs ``pip install minigrid``
as well: Stable-Baselines3's PPO on fourteen levels of MiniGrid (empty rooms, doors with keys, lava, crossings), a map a
task; a score is whether the goal was reached.
Prioritized level replay goes by the learner's own value loss: the mean absolute advantage over an episode's steps. The
arena has no such arm: PufferLib's trainer does not say which of its advantages were of which episode.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

import lpcurr
from lpcurr.generators import CallableGenerator
from lpcurr.recipes.config import with_algorithm
from lpcurr.recipes.epochs import held_out_figures
from lpcurr.reports.series import interval
from lpcurr.schedulers import AnyScheduler

ENDLESS = 10**6  # a pool that no training fills

ARMS: dict[str, dict[str, Any]] = {
    "uniform": {"type": "discrete_random"},
    "new task every episode": {"type": "discrete_random", "num_active_tasks": ENDLESS},
    "frontier": {"type": "frontier"},
    "learning_progress": {"type": "learning_progress"},
    "learnability": {"type": "learnability"},
    "plr": {"type": "plr"},
}
"""Settings by arm; *uniform* keeps its first tasks for ever."""

Figures = dict[str, Any]


class ValueLoss:
    """Holds scores back until the learner has said what it makes of their episodes, and reports both.

    Args:
        curriculum: whose ``update_task_performance`` is held back.
        environments: how many there are; all in this process, stepped in turn.
    """

    def __init__(self, curriculum: lpcurr.Curriculum, environments: int) -> None:
        self._curriculum = curriculum
        self._scores: list[tuple[int, float]] = []
        self._sums, self._lengths = np.zeros(environments), np.zeros(environments)
        curriculum.update_task_performance = self._hold  # type: ignore[method-assign]

    def _hold(self, task_id: int, score: float, signal: float | None = None, cost: float = 1.0) -> bool:
        self._scores.append((task_id, score))
        return True

    def report(self, advantages: np.ndarray[Any, Any], ended: np.ndarray[Any, Any]) -> None:
        """Report the episodes of a rollout: its advantages, float[steps, envs], and its ends, bool[steps, envs]."""
        signals = []
        for errors, ends in zip(np.abs(advantages), ended, strict=True):
            self._sums += errors
            self._lengths += 1
            signals += (self._sums[ends] / self._lengths[ends]).tolist()
            self._sums[ends] = self._lengths[ends] = 0.0
        if signals:
            ids, scores = zip(*self._scores, strict=True)
            self._curriculum.update_many(np.array(ids), np.array(scores), np.array(signals))
        self._scores.clear()


def frozen_lake(algorithm: dict[str, Any], seed: int, steps: int) -> Figures:
    """Train the frozen-lake recipe's learner; a new lake takes as long as forty episodes: one in ten draws at most."""
    from lpcurr.recipes.frozen_lake import config as recipe
    from lpcurr.recipes.frozen_lake.environment import make_lakes
    from lpcurr.recipes.frozen_lake.lakes import HeldOutLakes
    from lpcurr.recipes.frozen_lake.learner import Learner
    from lpcurr.recipes.frozen_lake.loop import LakeTrainee

    config = recipe.frozen_lake()
    if algorithm["type"] != "discrete_random":
        algorithm = {"new_task_rate": 0.1, **algorithm}

    class Listener(Learner):
        def learn(self, batch: Any) -> None:
            super().learn(batch)
            if losses is not None:
                losses.report(batch.advantages.reshape(-1, lakes.num_envs), np.array(ended))
                ended.clear()

    ended: list[Any] = []
    with _curriculum(config.curriculum, algorithm, seed) as curriculum:
        lakes = make_lakes(config.model_copy(update={"vectorization": "sync"}), curriculum)
        losses = ValueLoss(curriculum, lakes.num_envs) if algorithm["type"] == "plr" else None
        step = lakes.step

        def watched(actions: Any) -> Any:
            result = step(actions)
            ended.append(result[2])
            return result

        if losses is not None:
            lakes.step = watched  # type: ignore[method-assign]
        held_out = HeldOutLakes(
            config.curriculum.task_generator, config.evaluation.num_tasks, config.evaluation.seed,
            config.learner.table_bits)  # fmt: skip
        trainee = LakeTrainee(config, lakes, held_out, seed, curriculum.count_steps)
        trainee.learner = Listener(config.learner, seed)
        trainee.play(steps, np.inf)
        return trainee.evaluate() | _turnover(curriculum)


def cartpole_physics(algorithm: dict[str, Any], seed: int, steps: int) -> Figures:
    """Train the cart-pole recipe's PPO."""
    import torch
    from stable_baselines3.common.vec_env import DummyVecEnv

    from lpcurr.recipes.cartpole_physics import config as recipe
    from lpcurr.recipes.cartpole_physics.loop import PoleTrainee, make_pole
    from lpcurr.recipes.cartpole_physics.physics import HeldOutPoles

    torch.set_num_threads(1)
    config = recipe.cartpole_physics().model_copy(update={"total_steps": steps})
    own = config.curriculum.algorithm_config
    algorithm = {"task_default_success_threshold": own.task_default_success_threshold, **algorithm}
    with _curriculum(config.curriculum, algorithm, seed) as curriculum:
        poles = DummyVecEnv([lambda: make_pole(curriculum)] * config.workers)
        losses = ValueLoss(curriculum, config.workers) if algorithm["type"] == "plr" else None

        def rollout_ended(steps: int) -> None:
            curriculum.count_steps(steps)
            if losses is not None:
                losses.report(*_rollout(trainee._model))

        held_out = HeldOutPoles(config.curriculum.task_generator, config.evaluation.num_tasks, 10, 20_000)
        trainee = PoleTrainee(config, poles, held_out, seed, rollout_ended, None)
        trainee.play(steps, np.inf)
        return trainee.evaluate() | _turnover(curriculum)


def quick_poles(algorithm: dict[str, Any], seed: int, steps: int) -> Figures:
    """Train the cart-pole recipe's PPO as :mod:`asv_benchmarks.quick_poles` has it; needs nothing."""
    from asv_benchmarks.quick_poles import train
    from lpcurr.recipes.cartpole_physics import config as recipe
    from lpcurr.recipes.cartpole_physics.physics import HeldOutPoles

    config = recipe.cartpole_physics().model_copy(update={"total_steps": steps})
    own = config.curriculum.algorithm_config
    algorithm = {"task_default_success_threshold": own.task_default_success_threshold, **algorithm}
    with _curriculum(config.curriculum, algorithm, seed) as curriculum:
        held_out = HeldOutPoles(config.curriculum.task_generator, config.evaluation.num_tasks, 10, 20_000)
        scores = train(config, curriculum, seed, held_out)
        return held_out_figures(scores, config.evaluation.mastered_from) | _turnover(curriculum)


def _rollout(model: Any) -> tuple[Any, Any]:
    """Return the advantages and the ends of the rollout that SB3's PPO has just made, float and bool [steps, envs]."""
    starts = model.rollout_buffer.episode_starts.astype(bool)
    return model.rollout_buffer.advantages, np.vstack([starts[1:], model._last_episode_starts[None].astype(bool)])


LEVELS = [
    "Empty-5x5", "Empty-8x8", "Empty-16x16", "FourRooms", "DoorKey-5x5", "DoorKey-6x6", "DoorKey-8x8", "LavaGapS5",
    "LavaGapS6", "LavaGapS7", "SimpleCrossingS9N1", "SimpleCrossingS9N3", "LavaCrossingS9N1", "MultiRoom-N2-S4",
]  # fmt: skip


class Maps:
    """A level and the seed of its map, from a task id."""

    def __call__(self, task_id: int) -> dict[str, Any]:
        return {"level": self.label_of(task_id), "seed": task_id % 2**31}

    def label_of(self, task_id: int) -> str:
        return LEVELS[task_id % len(LEVELS)]


def mettagrid_arena(algorithm: dict[str, Any], seed: int, steps: int) -> Figures:
    """Train the arena recipe's PPO; four episodes of each held-out arena."""
    from functools import partial

    from lpcurr.recipes.mettagrid_arena import config as recipe
    from lpcurr.recipes.mettagrid_arena.loop import ArenaTrainee, HeldOutArenas, MakeArena

    config = recipe.mettagrid_arena().model_copy(update={"total_steps": steps, "vectorization": "serial"})
    with _curriculum(config.curriculum, algorithm, seed) as curriculum:
        any_task = config.curriculum.task_generator.build(0).env_cfg
        make_env = partial(MakeArena, config=any_task)
        held_out = HeldOutArenas(curriculum, make_env, config.evaluation.num_tasks, 4, config.evaluation.seed)
        trainee = ArenaTrainee(config, make_env(curriculum), held_out, seed, None)
        try:
            trainee.play(steps, np.inf)
            return trainee.evaluate() | _turnover(curriculum)
        finally:
            trainee.close()


def minigrid(algorithm: dict[str, Any], seed: int, steps: int) -> Figures:
    """Train SB3's PPO on MiniGrid's levels."""
    import gymnasium
    import minigrid  # noqa: F401 - registers its environments
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import DummyVecEnv

    torch.set_num_threads(1)

    class View(gymnasium.ObservationWrapper[Any, Any, Any]):
        """What the agent sees, 7 x 7 tiles, each with kind, colour and state one-hot."""

        def __init__(self, env: Any) -> None:
            super().__init__(env)
            self.observation_space = gymnasium.spaces.Box(0, 1, (7 * 7 * 20,), np.uint8)

        def observation(self, observation: Any) -> Any:
            shifted = observation["image"].reshape(-1, 3) + np.array([0, 11, 17])
            seen = np.zeros((49, 20), np.uint8)
            np.put_along_axis(seen, shifted, 1, axis=1)
            return seen.ravel()

    def player() -> Callable[[Any, Any], Any]:
        kept: dict[str, Any] = {}

        def play(env: Any, config: Any) -> Any:
            level = config["level"]
            if level not in kept:
                kept[level] = View(gymnasium.make(f"MiniGrid-{level}-v0", max_steps=100, disable_env_checker=True))
            return kept[level]

        return play

    def make_env(source: Any) -> Any:
        play = player()
        return lpcurr.CurriculumEnv(
            play(None, {"level": LEVELS[0]}), source, apply_task=play,
            reset_with=lambda config: {"seed": config["seed"]},
            score=lambda episode: float(episode.total_reward > 0.0))  # fmt: skip

    class Rollouts(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            if losses is not None:
                losses.report(*_rollout(self.model))

    pool = lpcurr.CurriculumConfig(num_active_tasks=128, task_generator=CallableGenerator(function=Maps()))
    with _curriculum(pool, algorithm, seed) as curriculum:
        envs = DummyVecEnv([lambda: make_env(curriculum)] * 16)
        losses = ValueLoss(curriculum, 16) if algorithm["type"] == "plr" else None
        model = PPO("MlpPolicy", envs, learning_rate=lambda left: 1e-3 * left, n_steps=128, batch_size=512, n_epochs=4,
                    ent_coef=0.01, seed=seed, device="cpu")  # fmt: skip
        model.learn(steps, callback=Rollouts())
        return held_out_figures(_held_out_levels(model, player()), 0.9) | _turnover(curriculum)


def _held_out_levels(model: Any, play: Any, maps: int = 10, episodes: int = 4) -> Any:
    """Return the success of a policy's own random actions on held-out maps of every level, float64[levels · maps]."""
    ids = np.random.default_rng(20_000).integers(2**40, size=maps) * len(LEVELS)
    scores = []
    for task_id in (ids[:, None] + np.arange(len(LEVELS))).ravel().tolist():
        config = Maps()(task_id)
        env, reached = play(None, config), 0
        for _ in range(episodes):
            observation, ended = env.reset(seed=config["seed"])[0], False
            while not ended:
                action, _ = model.predict(observation)
                observation, reward, terminated, truncated, _ = env.step(int(action))
                ended = terminated or truncated
            reached += reward > 0.0
        scores.append(reached / episodes)
    return np.array(scores)


TRAININGS: dict[str, tuple[Callable[[dict[str, Any], int, int], Figures], int]] = {
    "frozen_lake": (frozen_lake, 1_000_000),
    "cartpole_physics": (cartpole_physics, 307_200),
    "quick_poles": (quick_poles, 307_200),
    "mettagrid_arena": (mettagrid_arena, 2_000_000),
    "minigrid": (minigrid, 262_144),
}
"""By recipe: the training, and its environment steps."""


@contextmanager
def _curriculum(config: lpcurr.CurriculumConfig, algorithm: dict[str, Any], seed: int) -> Iterator[lpcurr.Curriculum]:
    """Make a recipe's curriculum with another algorithm; it is closed behind."""
    chosen = with_algorithm(config, TypeAdapter(AnyScheduler).validate_python(algorithm))
    with chosen.model_copy(update={"seed": seed, "use_shared_memory": False}).make() as curriculum:
        yield curriculum


def _turnover(curriculum: lpcurr.Curriculum) -> Figures:
    """Return how many episodes were played, and how many tasks they were of."""
    stats = curriculum.stats()
    return {"episodes": int(stats["num_completed"]), "tasks": int(stats["num_created"])}


def compare(lines: Sequence[Figures]) -> None:
    """Print a recipe's table: each arm's mean and worst tenth, and the differences to uniform draws."""
    arms: dict[str, dict[int, Figures]] = {}
    for line in lines:
        arms.setdefault(line["arm"], {})[line["seed"]] = line
    print(f"{'':24}{'mean':>15}{'worst tenth':>16}{'mean − uniform':>18}{'tail − uniform':>18}{'tasks':>8}{'min':>6}")
    for arm in [arm for arm in ARMS if arm in arms] + [arm for arm in arms if arm not in ARMS]:
        of, base = arms[arm], arms.get("uniform", {})
        both = sorted(of.keys() & base.keys()) if arm != "uniform" else []
        cells = [interval([line[name] for line in of.values()]) for name in ("eval/score", "eval/worst_tenth")]
        if both:
            cells += [
                interval([of[s][name] - base[s][name] for s in both]) for name in ("eval/score", "eval/worst_tenth")
            ]
        tasks = np.mean([line["tasks"] for line in of.values()])
        minutes = np.mean([line["seconds"] for line in of.values()]) / 60
        text = "".join(f"{mean:10.3f} ± {half if half is not None else np.nan:.3f}" for mean, half in cells)
        print(f"{arm:24}{text:68}{tasks:8.0f}{minutes:6.1f}  {len(of)} seeds")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=TRAININGS)
    parser.add_argument("results", type=Path, help="a file of JSON lines, which is added to")
    parser.add_argument("--arms", nargs="+", help=f"of {', '.join(ARMS)}, or NAME={{settings}}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="environment steps of a training")
    given = parser.parse_args(arguments)
    training, steps = TRAININGS[given.recipe]
    steps = given.steps or steps
    silent = given.recipe in ("mettagrid_arena", "quick_poles")  # its trainer tells no value loss
    arms = given.arms or [arm for arm in ARMS if not (silent and arm == "plr")]
    lines = [json.loads(line) for line in given.results.read_text().splitlines()] if given.results.exists() else []
    done = {(line["arm"], line["seed"]) for line in lines}
    for seed in range(given.seeds):
        for named in arms:
            arm, _, settings = named.partition("=")
            if (arm, seed) in done:
                continue
            began = time.perf_counter()
            figures = training(json.loads(settings) if settings else ARMS[arm], seed, steps)
            line = {"arm": arm, "seed": seed, "steps": steps, **figures, "seconds": time.perf_counter() - began}
            lines.append(line)
            with given.results.open("a") as file:
                file.write(json.dumps(line) + "\n")
    compare(lines)


if __name__ == "__main__":
    main()
