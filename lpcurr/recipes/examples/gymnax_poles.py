"""Thousands of gymnax CartPoles on an accelerator, with a curriculum: ids and scores cross once a rollout.

    python -m lpcurr.recipes.examples.gymnax_poles                 plays, and measures what it costs
    python -m lpcurr.recipes.examples.gymnax_poles --num-envs 8192 --rollouts 50

Needs ``lpcurr[jax]``. The lines that are there for the curriculum end in ``# curriculum``.

A rollout is one compiled program, and its episodes begin within the step in which others end. So each environment is
given its next task ahead: where an episode ends, the next is of that task (and of the same once more if several end in
one rollout). What was played comes back with each ending, so scores are credited to it whatever the host has drawn in
the meantime: they are reported while the device plays the next rollout already, which therefore costs it no time. Tasks
are a list, whose ids fit into the 32 bits that JAX has; their parameters lie on the device.

The policy here only acts; a learner takes what the rollout returns as it would without a curriculum.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import gymnax
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from lpcurr import Curriculum, CurriculumConfig

Rollout = Callable[[Any, Any, Any], tuple[Any, dict[str, Any]]]


@dataclass(frozen=True)
class Args:
    """What the command line sets."""

    num_envs: int = 4096
    num_steps: int = 64
    rollouts: int = 20
    hidden: int = 64
    num_tasks: int = 10_000
    seed: int = 0


def make_tasks(count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Make the parameters of tasks, by name: poles from 6 cm to 2 m, under Moon's to twice Jupiter's gravity."""
    random = np.random.default_rng(seed)
    length = random.uniform(0.03, 1.0, count).astype(np.float32)
    gravity = random.uniform(1.6, 50.0, count).astype(np.float32)
    return {"length": length, "gravity": gravity, "polemass_length": np.float32(0.1) * length}


def make_rollout(table: dict[str, NDArray[Any]], num_envs: int, num_steps: int, hidden: int) -> tuple[Any, Rollout]:
    """Make the two compiled programs.

    Args:
        table: the parameters of all tasks, an array [tasks] each; names are those of gymnax's ``EnvParams``.
        num_envs: environments.
        num_steps: steps of each in a rollout.
        hidden: units of both layers of the policy.

    Returns:
        ``begin(key, task)``, what is carried on, and ``rollout(carried, following, key)``: the same after the steps,
        and arrays [num_steps, num_envs]: ``ended``, ``task``, which was played, ``score``, the share of 500 steps.
    """
    env, default = gymnax.make("CartPole-v1")
    on_device = {name: jnp.asarray(column) for name, column in table.items()}
    shapes = ((4, hidden), (hidden, hidden), (hidden, env.num_actions))
    weights = [jax.random.normal(jax.random.key(i), shape) / shape[0] ** 0.5 for i, shape in enumerate(shapes)]

    def params_of(task: Any) -> Any:
        return default.replace(**{name: column[task] for name, column in on_device.items()})

    def act(key: Any, observation: Any) -> Any:
        first, second, last = weights
        return jax.random.categorical(key, jnp.tanh(jnp.tanh(observation @ first) @ second) @ last)

    def begin_one(key: Any, task: Any) -> Any:
        return env.reset_env(key, params_of(task))

    def step_one(key: Any, state: Any, action: Any, task: Any, following: Any) -> tuple[Any, ...]:
        acting, resetting = jax.random.split(key)
        params = params_of(task)
        observation, state, reward, terminated, _ = env.step_env(acting, state, action, params)
        ended = terminated | env.is_truncated(state, params)
        task = jnp.where(ended, following, task)  # curriculum
        begun = begin_one(resetting, task)
        observation, state = jax.tree.map(lambda new, old: jnp.where(ended, new, old), begun, (observation, state))
        return observation, state, task, reward, ended

    def begin(key: Any, task: Any) -> Any:
        observation, state = jax.vmap(begin_one)(jax.random.split(key, num_envs), task)
        return observation, state, task, jnp.zeros(num_envs)

    def rollout(carried: Any, following: Any, key: Any) -> Any:
        def step(carried: Any, key: Any) -> Any:
            observation, state, task, length = carried
            acting, stepping = jax.random.split(key)
            action = act(acting, observation)
            keys = jax.random.split(stepping, num_envs)
            observation, state, next_task, _, ended = jax.vmap(step_one)(keys, state, action, task, following)
            length = length + 1
            told = {"ended": ended, "task": task, "score": length / 500}
            return (observation, state, next_task, jnp.where(ended, 0, length)), told

        return jax.lax.scan(step, carried, jax.random.split(key, num_steps))

    return jax.jit(begin), jax.jit(rollout)


def play(curriculum: Curriculum | None, begin: Any, rollout: Rollout, args: Args) -> dict[str, float]:
    """Play so many rollouts, with a curriculum or without one.

    Returns:
        The episodes that ended, and the steps of all environments a second, without the first rollout.
    """
    random = np.random.default_rng(args.seed)
    key = jax.random.key(args.seed)

    def draw() -> Any:
        if curriculum is None:
            return random.integers(args.num_tasks, size=args.num_envs, dtype=np.int32)
        return curriculum.sample_ids(args.num_envs).astype(np.int32)  # curriculum

    def report(told: dict[str, Any]) -> int:
        ended, task, score = (np.asarray(told[name]) for name in ("ended", "task", "score"))
        if curriculum is not None:
            curriculum.update_many(task[ended], score[ended])  # curriculum
        return int(ended.sum())

    carried, told = rollout(begin(key, draw()), draw(), jax.random.fold_in(key, args.rollouts))
    jax.block_until_ready(told)  # it is compiled
    episodes, began, following = 0, time.perf_counter(), draw()
    for number in range(args.rollouts):
        carried, playing = rollout(carried, following, jax.random.fold_in(key, number))
        episodes += report(told)  # curriculum: of the rollout before, while the device plays
        following, told = draw(), playing  # curriculum
    episodes += report(told)
    seconds = time.perf_counter() - began
    return {"episodes": episodes, "steps_per_second": args.rollouts * args.num_steps * args.num_envs / seconds}


def measure(args: Args, repeats: int = 5) -> float:
    """Compare steps per second with a curriculum and without one, in turns; the median of the ratios."""
    table = make_tasks(args.num_tasks, args.seed)
    begin, rollout = make_rollout(table, args.num_envs, args.num_steps, args.hidden)
    ratios = []
    with CurriculumConfig(tasks=list(range(args.num_tasks)), seed=args.seed).make() as curriculum:  # curriculum
        for _ in range(repeats):
            without, with_one = (play(each, begin, rollout, args) for each in (None, curriculum))
            ratios.append(with_one["steps_per_second"] / without["steps_per_second"])
            print(f"{with_one['steps_per_second']:>12,.0f} steps a second, {ratios[-1]:.3f} of those without")
    return float(np.median(ratios))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="gymnax CartPoles with a curriculum, and what it costs")
    for field in fields(Args):
        parser.add_argument("--" + field.name.replace("_", "-"), type=int, default=field.default)
    print(f"median {measure(Args(**vars(parser.parse_args()))):.3f}")
