"""The README's calls, as a typed program makes them: they run here, and `mypy`, which checks this file too, takes them.

Nothing here may be ignored or cast: what mypy says of a user's program, it says of this one.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

import lpcurr
from lpcurr.curriculum import config as config_module
from lpcurr.integrations.gymnasium import Episode


def make_maze(task_id: int) -> dict[str, int]:
    return {"size": 4 + task_id % 13}


def play(config: dict[str, Any]) -> np.float32:
    return np.float32(config["size"] / 16)


def test_the_loop_of_the_readme() -> None:
    lakes = lpcurr.bucketed({"size": 4, "slip": 0.0}).add_bucket("size", [4, 8, 16], label=True)
    config = lpcurr.CurriculumConfig(
        num_active_tasks=10, seed=0, task_generator=lakes.add_bucket("slip", lpcurr.Span(0.0, 0.7))
    )
    with config.make() as curriculum:
        task: lpcurr.CurriculumTask = curriculum.get_task()
        accepted: bool = curriculum.update_task_performance(
            task.task_id, play(task.get_env_cfg()), np.float64(0.5), np.int64(3)
        )
        ids: NDArray[np.int64] = curriculum.sample_ids(4)
        credited: int = curriculum.update_many(ids, np.ones(4))
        figures: dict[str, float] = curriculum.stats()
        assert (accepted, credited, figures["num_completed"]) == (True, 4, 5.0)
        with curriculum.evaluation(range(3)) as evaluation:
            while not evaluation.done:
                task = evaluation.get_task()
                evaluation.update_task_performance(task.task_id, 0.5)
            mean: float = evaluation.result().mean
        assert mean == 0.5


def test_functions_words_dicts_and_lists(tmp_path: Path) -> None:
    with lpcurr.CurriculumConfig(task_generator=make_maze, algorithm_config="learnability").make() as curriculum:
        curriculum.use("plr")
        curriculum.use({"type": "frontier", "new_task_rate": 0.0})
    stages = [{"unlock": "b", "after": "a"}]
    staged = lpcurr.CurriculumConfig(tasks=["x", "y"], task_labels=["a", "b"], stages=stages)
    assert staged.stages[0].mastered == 0.8
    groups = lpcurr.CurriculumConfig(num_active_tasks=3, algorithm_config={"type": "learnability", "attempts": 8})
    assert groups.algorithm_config.type == "learnability"
    lpcurr.Curriculum(lpcurr.CurriculumConfig(num_active_tasks=10), task_generator=make_maze).close()
    lpcurr.Curriculum(task_generator=["x"]).close()
    with groups.make(["x", "y"]) as curriculum:
        curriculum.save(tmp_path / "pool.lpc")
        assert curriculum.session_id is not None
        lpcurr.attach(curriculum.session_id, task_generator=["x", "y"]).close()


def test_environments() -> None:
    def set_gravity(env: gymnasium.Env[Any, Any], config: dict[str, float]) -> None:
        assert config["gravity"] > 0.0

    def score(episode: Episode) -> np.float64:
        return np.float64(episode.length / 500)

    tasks = lpcurr.bucketed({"gravity": 9.8}).add_bucket("gravity", lpcurr.Span(1.0, 25.0))
    with lpcurr.CurriculumConfig(num_active_tasks=4, task_generator=tasks).make() as curriculum:
        env = lpcurr.CurriculumEnv(gymnasium.make("CartPole-v1"), curriculum, apply_task=set_gravity, score=score)
        env.reset(seed=0)
        assert env.task is not None
        env.close()


def test_a_configuration_s_signature_for_type_checkers_has_its_fields() -> None:
    source = ast.parse(textwrap.dedent(inspect.getsource(config_module.CurriculumConfig)))
    (signature,) = (each for each in ast.walk(source) if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    names = [argument.arg for argument in signature.args.kwonlyargs]
    assert names == list(lpcurr.CurriculumConfig.model_fields)
