"""Task generators: from a task id, used as the only seed, to an environment configuration and a label.

>>> small = bucketed({"size": 4, "slippery": False}).add_bucket("slippery", [False, True], label=True)
>>> large = single_task({"size": 16, "slippery": True}, label="large")
>>> generator = merge([small, large], weights=[2, 1])
>>> [generator.label_of(task_id) for task_id in range(4)]
['large', 'slippery', 'large', 'default']
"""

from lpcurr.generators.base import GeneratedTask, TaskGenerator
from lpcurr.generators.bucketed import BucketedTaskGenerator, bucketed
from lpcurr.generators.cache import TaskCache
from lpcurr.generators.encoding import without_omegaconf
from lpcurr.generators.environment import apply_overrides
from lpcurr.generators.listed import ListedTasks, StoredTasks, TaskList, rows_of
from lpcurr.generators.merged import TaskGeneratorSet, merge
from lpcurr.generators.nested import (
    AnyTaskGenerator,
    AnyTaskSource,
    CallableGenerator,
    TaskSource,
    as_generator,
    as_task_source,
)
from lpcurr.generators.single import SingleTaskGenerator, single_task
from lpcurr.generators.spans import Span

__all__ = [
    "AnyTaskGenerator",
    "AnyTaskSource",
    "BucketedTaskGenerator",
    "CallableGenerator",
    "GeneratedTask",
    "ListedTasks",
    "SingleTaskGenerator",
    "Span",
    "StoredTasks",
    "TaskCache",
    "TaskGenerator",
    "TaskGeneratorSet",
    "TaskList",
    "TaskSource",
    "apply_overrides",
    "as_generator",
    "as_task_source",
    "bucketed",
    "merge",
    "rows_of",
    "single_task",
    "without_omegaconf",
]
