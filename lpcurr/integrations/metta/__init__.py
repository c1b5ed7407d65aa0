"""Drop-in for ``metta.cogworks.curriculum``: a recipe changes its import, and nothing else.

``import lpcurr.integrations.metta as cc`` takes the place of ``import metta.cogworks.curriculum as cc``; the modules
inside have their names too (``from lpcurr.integrations.metta.task_generator import Span``).

>>> from mettagrid.builder.envs import make_arena
>>> arena_tasks = bucketed(make_arena(num_agents=4))
>>> arena_tasks = arena_tasks.add_bucket("game.actions.attack.consumed_resources.laser", [1, 100])
>>> arena_tasks = arena_tasks.add_bucket("game.agent.inventory.initial.ore_red", [0, Span(1, 3)])
>>> config = arena_tasks.to_curriculum(num_active_tasks=64, algorithm_config=LearningProgressConfig(ema_timescale=0.01))
>>> CurriculumConfig.model_validate_json(config.model_dump_json()) == config
True
>>> with config.make() as curriculum:
...     task = curriculum.get_task()
...     accepted = curriculum.update_task_performance(task._task_id, 0.5)
...     active = curriculum.stats()["num_active_tasks"]
>>> sorted(task.get_slice_values()), accepted, active
(['game.actions.attack.consumed_resources.laser', 'game.agent.inventory.initial.ore_red'], True, 64.0)

What differs from metta: some rules (``lpcurr help migrating``; ``LearningProgressConfig.reference()`` has
metta's); a score for a task that has left the pool is refused, not credited to another; a task id gives another
task than there, since its draws no longer depend on one another; ``load_state`` takes what lpcurr's ``get_state`` gave.
"""

from lpcurr.integrations import needs

with needs("mettagrid", 'lpcurr.integrations.metta needs MettaGrid: pip install "lpcurr[metta]"'):
    from mettagrid.config.mettagrid_config import MettaGridConfig

from lpcurr.integrations.metta.curriculum import (
    Curriculum,
    CurriculumConfig,
    CurriculumTask,
    DiscreteRandomCurriculumConfig,
)
from lpcurr.integrations.metta.curriculum_env import CurriculumEnv
from lpcurr.integrations.metta.learning_progress_algorithm import (
    CurriculumAlgorithmConfig,
    LearningProgressAlgorithm,
    LearningProgressConfig,
)
from lpcurr.integrations.metta.stats import NullStatsLogger, StatsLogger
from lpcurr.integrations.metta.task_generator import (
    AnyTaskGeneratorConfig,
    BucketedTaskGenerator,
    SingleTaskGenerator,
    Span,
    TaskGenerator,
    TaskGeneratorConfig,
    TaskGeneratorSet,
    TaskInvariantError,
)
from lpcurr.integrations.metta.task_tracker import TaskTracker

__all__ = [
    "AnyTaskGeneratorConfig",
    "BucketedTaskGenerator",
    "Curriculum",
    "CurriculumAlgorithmConfig",
    "CurriculumConfig",
    "CurriculumEnv",
    "CurriculumTask",
    "DiscreteRandomCurriculumConfig",
    "LearningProgressAlgorithm",
    "LearningProgressConfig",
    "NullStatsLogger",
    "SingleTaskGenerator",
    "Span",
    "StatsLogger",
    "TaskGenerator",
    "TaskGeneratorConfig",
    "TaskGeneratorSet",
    "TaskInvariantError",
    "TaskTracker",
    "bucketed",
    "env_curriculum",
    "merge",
    "single_task",
]


def single_task(mg_config: MettaGridConfig) -> SingleTaskGenerator.Config:
    """The same configuration for every task; it is copied."""
    return SingleTaskGenerator.Config(env=mg_config.model_copy(deep=True))


def bucketed(mg_config: MettaGridConfig) -> BucketedTaskGenerator.Config:
    """A generator to add buckets to, over a copy of a configuration."""
    return BucketedTaskGenerator.Config.from_mg(mg_config.model_copy(deep=True))


def merge(task_generator_configs: list[TaskGeneratorConfig]) -> TaskGeneratorSet.Config:
    """One of several generators for each task, each as likely as the others."""
    weights = [1.0] * len(task_generator_configs)
    return TaskGeneratorSet.Config(task_generators=task_generator_configs, weights=weights)


def env_curriculum(mg_config: MettaGridConfig) -> CurriculumConfig:
    """The configuration of a curriculum with one task."""
    return CurriculumConfig.from_mg(mg_config)
