"""lpcurr: a learning-progress curriculum with exact scores, fresh to the last episode, at about a microsecond each."""

from typing import Any

from lpcurr.config import DiscreteRandomConfig, LearningProgressConfig
from lpcurr.curriculum import Curriculum
from lpcurr.curriculum_config import CurriculumConfig
from lpcurr.errors import (
    AttachLimitError,
    CheckpointError,
    CheckpointNotFoundError,
    ConfigError,
    DuplicateTaskError,
    InvalidBatchError,
    InvalidLabelError,
    InvalidScoreError,
    InvalidTaskIdError,
    LpcurrError,
    PoolClosedError,
    PoolEmptyError,
    PoolFullError,
    PoolLostError,
    SegmentSpaceError,
    SessionIncompatibleError,
    SessionNotFoundError,
    TaskGenerationError,
    UnknownTaskError,
)
from lpcurr.generators import (
    BucketedTaskGenerator,
    GeneratedTask,
    SingleTaskGenerator,
    Span,
    TaskGenerator,
    TaskGeneratorSet,
    bucketed,
    merge,
    single_task,
)
from lpcurr.sessions import attach
from lpcurr.task import CurriculumTask

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Needs an extra: imported when it is asked for, so that `import lpcurr` needs none.
    if name == "CurriculumEnv":
        from lpcurr.integrations.gymnasium import CurriculumEnv

        return CurriculumEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AttachLimitError",
    "BucketedTaskGenerator",
    "CheckpointError",
    "CheckpointNotFoundError",
    "ConfigError",
    "Curriculum",
    "CurriculumConfig",
    "CurriculumEnv",
    "CurriculumTask",
    "DiscreteRandomConfig",
    "DuplicateTaskError",
    "GeneratedTask",
    "InvalidBatchError",
    "InvalidLabelError",
    "InvalidScoreError",
    "InvalidTaskIdError",
    "LearningProgressConfig",
    "LpcurrError",
    "PoolClosedError",
    "PoolEmptyError",
    "PoolFullError",
    "PoolLostError",
    "SegmentSpaceError",
    "SessionIncompatibleError",
    "SessionNotFoundError",
    "SingleTaskGenerator",
    "Span",
    "TaskGenerationError",
    "TaskGenerator",
    "TaskGeneratorSet",
    "UnknownTaskError",
    "__version__",
    "attach",
    "bucketed",
    "merge",
    "single_task",
]
