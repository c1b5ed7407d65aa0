"""lpcurr: a learning-progress curriculum with exact scores, fresh to the last episode, at about a microsecond each."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from lpcurr.integrations.gymnasium import CurriculumEnv
    from lpcurr.sessions import attach
    from lpcurr.task import CurriculumTask

__version__ = "0.1.0"

# Names are imported when they are asked for: numba and pydantic take a third of a second, for which a command that only
# looks at a session, or prints help, need not wait. `CurriculumEnv` needs an extra besides.
_HOMES = {
    "config": ("DiscreteRandomConfig", "LearningProgressConfig"),
    "curriculum": ("Curriculum",),
    "curriculum_config": ("CurriculumConfig",),
    "errors": (
        "AttachLimitError",
        "CheckpointError",
        "CheckpointNotFoundError",
        "ConfigError",
        "DuplicateTaskError",
        "InvalidBatchError",
        "InvalidLabelError",
        "InvalidScoreError",
        "InvalidTaskIdError",
        "LpcurrError",
        "PoolClosedError",
        "PoolEmptyError",
        "PoolFullError",
        "PoolLostError",
        "SegmentSpaceError",
        "SessionIncompatibleError",
        "SessionNotFoundError",
        "TaskGenerationError",
        "UnknownTaskError",
    ),
    "generators": (
        "BucketedTaskGenerator",
        "GeneratedTask",
        "SingleTaskGenerator",
        "Span",
        "TaskGenerator",
        "TaskGeneratorSet",
        "bucketed",
        "merge",
        "single_task",
    ),
    "integrations.gymnasium": ("CurriculumEnv",),
    "sessions": ("attach",),
    "task": ("CurriculumTask",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        thing = getattr(import_module(f"lpcurr.{_HOME_OF[name]}"), name)
    elif name in _HOMES:  # `import lpcurr` alone has always been enough for lpcurr.generators and the like
        thing = import_module(f"lpcurr.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = thing
    return thing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


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
