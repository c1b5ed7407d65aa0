"""The example of a simulator that resets within the step: gymnax's CartPole, with tasks that scores tell apart."""

from __future__ import annotations

import numpy as np

from lpcurr import CurriculumConfig
from lpcurr.recipes.examples.gymnax_poles import Args, make_rollout, measure, play


def test_no_score_of_100_000_episodes_is_credited_to_another_task() -> None:
    args = Args(num_envs=2048, num_steps=16, rollouts=30, hidden=8, num_tasks=500)
    # No pole falls within seven steps, so each episode is as long as its task says.
    limits = 1 + np.arange(args.num_tasks, dtype=np.int32) % 7
    begin, rollout = make_rollout({"max_steps_in_episode": limits}, args.num_envs, args.num_steps, args.hidden)
    with CurriculumConfig(tasks=list(range(args.num_tasks)), seed=0).make() as curriculum:
        episodes = play(curriculum, begin, rollout, args)["episodes"]
        assert episodes > 100_000
        found = curriculum.columns()
        assert found["completion_count"].sum() == episodes
        expected = found["completion_count"] * limits[found["task_id"]] / 500
        assert np.allclose(found["total_score"], expected, rtol=1e-5, atol=0)


def test_it_is_measured_beside_none() -> None:
    assert measure(Args(num_envs=64, num_steps=8, rollouts=2, hidden=8, num_tasks=50), repeats=1) > 0
