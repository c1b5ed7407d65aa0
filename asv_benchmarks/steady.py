"""A steady trainer: the frozen-lake recipe for 100 epochs of 5,000 episodes, with and without a curriculum.

``python -m asv_benchmarks.steady`` trains three learners at once, with the recipe's own loop, learner and environments:

* *learning progress*: the recipe as it is;
* *discrete random*: every episode calls a discrete random pool and reports to it;
* *none*: no pool, no curriculum wrapper; a ``deque`` of lakes.

The second and the third play, in each environment, the very lakes that learning progress chose there (their tape), and
all have the same seeds: so the three trainings are the same to the last bit (the end of the run compares the weights),
and what differs in time is the curriculum alone. The lakes on the tape are built already, so what the task generator
costs counts against learning progress.

The arms take turns in blocks of a few rollouts, in rotating order, so that a disturbance of the machine meets all of
them. Statistics at the end of an epoch count as time of the curriculum that makes them; held-out evaluation is left
out, as in the recipe's own figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from lpcurr import Curriculum
from lpcurr.recipes.config import randomised
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.recipes.frozen_lake.environment import LakeCurriculumEnv, LakeFleet, TileView, _FleetLakes
from lpcurr.recipes.frozen_lake.loop import _Loop

ARMS = ("learning progress", "discrete random", "none")
BLOCK = 4  # rollouts between two turns: about 0.1 s
EPISODES = 5_000
FILLED = 10  # epochs until the pool is full and scores are spread


class _TapedView(TileView):
    """The environment of the arm without a curriculum: the next lake of its tape at every reset."""

    tape: deque[Any]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.set_task(self.tape.popleft())
        return super().reset(seed=seed, options=options)


class _Fleet(LakeFleet):
    """A fleet of one arm; ``tape`` hands over the lakes that were begun, or takes the lakes that are to be played."""

    def __init__(self, arm: str, envs: int, curriculum: Curriculum | None, config: Any, table_bits: int) -> None:
        self._tapes: list[deque[Any]] = [deque() for _ in range(envs)]

        def make(number: int) -> gymnasium.Env[Any, Any]:
            tape = self._tapes[number]
            if curriculum is None:
                view = _TapedView(config, table_bits)
                view.tape = tape
                return view

            def record(env: Any, lake: Any) -> None:
                tape.append(lake)
                env.set_task(lake)

            def replay(env: Any, lake: Any) -> None:
                env.set_task(tape.popleft())

            apply_task = record if arm == ARMS[0] else replay
            return LakeCurriculumEnv(TileView(config, table_bits), curriculum, apply_task=apply_task)

        makers = [lambda number=number: make(number) for number in range(envs)]
        self._lakes = SyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
        self.action_space = self._lakes.action_space
        box = gymnasium.spaces.Box
        self.observation_space = gymnasium.spaces.Dict(
            tiles=self._lakes.observation_space,
            reward=box(-np.inf, np.inf, (envs,), np.float32),
            ended=box(0, 1, (envs,), np.int8),
        )

    def take_tape(self) -> list[list[Any]]:
        taken = [list(tape) for tape in self._tapes]
        for tape in self._tapes:
            tape.clear()
        return taken

    @property
    def tape(self) -> None:
        """Write-only: the lakes to append, by environment."""

    @tape.setter
    def tape(self, lakes: list[list[Any]]) -> None:
        for tape, more in zip(self._tapes, lakes, strict=True):
            tape.extend(more)


class Arm:
    """One training, in blocks of rollouts.

    Attributes:
        name: one of ``ARMS``.
        seconds: time of the current epoch so far.
        curriculum: None for the arm without one.
    """

    def __init__(self, name: str, config: FrozenLakeConfig, seed: int) -> None:
        self.name = name
        self.seconds = 0.0
        self._config, self._seed = config, seed
        chosen = config.curriculum if name == ARMS[0] else randomised(config.curriculum)
        self.curriculum = None if name == ARMS[2] else chosen.model_copy(update={"seed": seed}).make()
        generator = config.curriculum.task_generator
        assert generator is not None
        lake, bits, envs = generator.build(0).env_cfg, config.learner.table_bits, config.envs_per_worker
        curriculum = self.curriculum
        makers = [lambda: _Fleet(name, envs, curriculum, lake, bits)] * config.workers
        self.fleets = AsyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.DISABLED)
        self.loop: Any = None

    def start(self) -> None:
        """Begin the first episodes; a tape must have been given by now."""
        self.loop = _Loop(self._config, _FleetLakes(self.fleets, self._config.envs_per_worker), None, self._seed)  # type: ignore[arg-type]

    def play(self, epoch_ends: bool) -> None:
        """One block, and the statistics where an epoch ends."""
        began = time.perf_counter()
        for _ in range(BLOCK):
            self.loop._rollout()
        if epoch_ends and self.curriculum is not None:
            self.curriculum.stats()
            self.curriculum.on_epoch_end()
        self.seconds += time.perf_counter() - began

    def close(self) -> None:
        self.fleets.close()
        if self.curriculum is not None:
            self.curriculum.close()
            self.curriculum.unlink()


class Trial:
    """The three arms side by side; learning progress is one block ahead, since it writes the tape."""

    def __init__(self, seed: int) -> None:
        config = frozen_lake()
        self.arms = [Arm(name, config, seed) for name in ARMS]
        self.leader, self.followers = self.arms[0], self.arms[1:]
        self.leader.start()
        self._hand_over()
        for arm in self.followers:
            arm.start()
        self._block = 0
        self._episodes_at_epoch_end = 0
        self._step_count = 0

    def _hand_over(self) -> None:
        tapes = self.leader.fleets.call("take_tape")
        for arm in self.followers:
            arm.fleets.set_attr("tape", list(tapes))

    def epoch(self, episodes: int) -> dict[str, Any]:
        """Play until every arm has finished this epoch; environment steps a second by arm."""
        for arm in self.arms:
            arm.seconds = 0.0
        ended = self._lead(episodes)
        while not ended:
            pending = [self._follow(arm, False) for arm in self.followers]
            turn: list[Any] = [None, *pending]
            shift = self._block % len(turn)
            ended_here = False
            played = self.leader.loop._steps
            for run in turn[shift:] + turn[:shift]:
                if run is None:
                    ended_here = self._lead(episodes, hand_over=False)
                else:
                    run()
            assert self.leader.loop._steps > played
            self._hand_over()
            ended = ended_here
        for arm in self.followers:
            arm.play(True)
        steps = self.leader.loop._steps - self._step_count
        self._step_count = self.leader.loop._steps
        done = self.leader.loop._episodes - self._episodes_at_epoch_end
        self._episodes_at_epoch_end = self.leader.loop._episodes
        same = {(arm.loop._steps, arm.loop._episodes) for arm in self.arms}
        assert len(same) == 1, f"the arms have played differently: {same}"
        return {"steps": steps, "episodes": done, **{arm.name: steps / arm.seconds for arm in self.arms}}

    def _lead(self, episodes: int, hand_over: bool = True) -> bool:
        """One block of the leader; whether its epoch is over (then with its statistics)."""
        self._block += 1
        self.leader.play(False)
        ended = bool(self.leader.loop._episodes - self._episodes_at_epoch_end >= episodes)
        if ended:
            began = time.perf_counter()
            assert self.leader.curriculum is not None
            self.leader.curriculum.stats()
            self.leader.curriculum.on_epoch_end()
            self.leader.seconds += time.perf_counter() - began
        if hand_over:
            self._hand_over()
        return ended

    def _follow(self, arm: Arm, epoch_ends: bool) -> Any:
        return lambda: arm.play(epoch_ends)

    def identical(self) -> bool:
        """Whether all three learners have the same weights."""
        return all(np.array_equal(arm.loop._learner.weights, self.leader.loop._learner.weights) for arm in self.arms)

    def close(self) -> None:
        for arm in self.arms:
            arm.close()


def ratio_interval(ratios: np.ndarray[Any, Any], seed: int = 0) -> tuple[float, float, float]:
    """Median of ratios by epoch, and its 95 % bootstrap interval."""
    draws = np.random.default_rng(seed).choice(ratios, (4000, len(ratios)))
    low, high = np.quantile(np.median(draws, axis=1), [0.025, 0.975])
    return float(np.median(ratios)), float(low), float(high)


def verdicts(rows: list[dict[str, Any]]) -> dict[str, tuple[float, float, float]]:
    """The two promises, and random for comparison: ratios of steps a second with their 95 % intervals."""
    speed = {name: np.array([row[name] for row in rows]) for name in ARMS}
    result = {
        "learning progress / none": ratio_interval(speed[ARMS[0]] / speed[ARMS[2]]),
        "discrete random / none": ratio_interval(speed[ARMS[1]] / speed[ARMS[2]]),
    }
    if len(rows) >= FILLED + 20:
        # Against `none` in the same epochs: lakes and episode lengths change as the learner learns, for all arms.
        relative = speed[ARMS[0]] / speed[ARMS[2]]
        first, last = relative[FILLED : FILLED + 10], relative[-10:]
        result["last ten / first ten epochs, relative to none"] = ratio_interval(np.divide.outer(last, first).ravel())
        result["last ten / first ten epochs, steps/s as they are"] = ratio_interval(
            np.divide.outer(speed[ARMS[0]][-10:], speed[ARMS[0]][FILLED : FILLED + 10]).ravel()
        )
    return result


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Steps a second by epoch, and the ratio to no curriculum."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    epochs = np.arange(1, len(rows) + 1)
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(8, 6), sharex=True, height_ratios=(3, 2), layout="constrained")
    styles = (("#0072B2", "-"), ("#E69F00", "--"), ("#000000", ":"))
    for name, (colour, line) in zip(ARMS, styles, strict=True):
        speed = np.array([row[name] for row in rows])
        label = "no curriculum" if name == "none" else name
        top.plot(epochs, speed / 1000, line, color=colour, label=label)
        if name != "none":
            bottom.plot(epochs, speed / np.array([row["none"] for row in rows]), line, color=colour, label=label)
    bottom.axhspan(0.98, 1.02, color="#999999", alpha=0.25, label="within 2 %")
    top.set(ylabel="environment steps/s (thousands)", ylim=(0, None))
    top.set_title("The frozen-lake recipe: the same training, three ways to choose its tasks")
    bottom.set(xlabel="epoch (5,000 episodes)", ylabel="relative to\nno curriculum", ylim=(0.9, 1.1))
    for axes in (top, bottom):
        axes.legend(loc="lower left", ncols=3, frameon=False)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--episodes", type=int, default=EPISODES, help="episodes of an epoch, in each arm")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="end after the epoch in which these are over"
    )
    parser.add_argument("--output", type=Path, default=Path("steady.json"), help="written after every epoch")
    parser.add_argument("--picture", type=Path, default=Path("steady.png"))
    arguments = parser.parse_args()
    started, rows, trial = time.perf_counter(), [], Trial(arguments.seed)
    result: dict[str, Any] = {}
    try:
        for epoch in range(1, arguments.epochs + 1):
            rows.append(trial.epoch(arguments.episodes))
            speeds = ", ".join(f"{name} {rows[-1][name]:,.0f}" for name in ARMS)
            ratio = rows[-1][ARMS[0]] / rows[-1][ARMS[2]]
            print(f"epoch {epoch}/{arguments.epochs}  steps/s: {speeds}  (ratio {ratio:.3f})", flush=True)
            result = {"epochs": rows, "ratios": verdicts(rows), "identical_weights": trial.identical()}
            arguments.output.write_text(json.dumps(result, indent=1))
            if time.perf_counter() - started > 60 * arguments.minutes:
                break
    finally:
        trial.close()
    if len(rows) > 1:
        draw(rows, arguments.picture)
    print(f"the same weights in all three arms: {result['identical_weights']}")
    for name, (median, low, high) in result["ratios"].items():
        print(f"{name}: {median:.4f} (95 % {low:.4f} … {high:.4f})")
    print(f"written: {arguments.output}, {arguments.picture}")
    if not result["identical_weights"]:
        sys.exit("the arms differ: their times must not be compared")


if __name__ == "__main__":
    main()
