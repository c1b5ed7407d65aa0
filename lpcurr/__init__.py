"""lpcurr: a curriculum backend with exact draws, fresh to the last episode, at about a microsecond each."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lpcurr.errors import *
from lpcurr.errors import __all__ as _ERRORS
from lpcurr.memory.undisturbed import forks_put_off

if TYPE_CHECKING:
    from lpcurr.curriculum.attach import attach as attach
    from lpcurr.curriculum.config import CurriculumConfig as CurriculumConfig
    from lpcurr.curriculum.curriculum import Curriculum as Curriculum
    from lpcurr.curriculum.ledger import TaskLedger as TaskLedger
    from lpcurr.curriculum.task import CurriculumTask as CurriculumTask
    from lpcurr.generators import BucketedTaskGenerator as BucketedTaskGenerator
    from lpcurr.generators import GeneratedTask as GeneratedTask
    from lpcurr.generators import SingleTaskGenerator as SingleTaskGenerator
    from lpcurr.generators import Span as Span
    from lpcurr.generators import TaskGenerator as TaskGenerator
    from lpcurr.generators import TaskGeneratorSet as TaskGeneratorSet
    from lpcurr.generators import bucketed as bucketed
    from lpcurr.generators import merge as merge
    from lpcurr.generators import single_task as single_task
    from lpcurr.integrations.gymnasium import CurriculumEnv as CurriculumEnv
    from lpcurr.schedulers.frontier import FrontierConfig as FrontierConfig
    from lpcurr.schedulers.label_progress import LabelProgressConfig as LabelProgressConfig
    from lpcurr.schedulers.learnability import LearnabilityConfig as LearnabilityConfig
    from lpcurr.schedulers.learning_progress import LearningProgressConfig as LearningProgressConfig
    from lpcurr.schedulers.mixture import MixtureConfig as MixtureConfig
    from lpcurr.schedulers.plr import PrioritizedReplayConfig as PrioritizedReplayConfig
    from lpcurr.schedulers.score_deviation import ScoreDeviationConfig as ScoreDeviationConfig
    from lpcurr.schedulers.staleness import StalenessConfig as StalenessConfig
    from lpcurr.schedulers.uniform import DiscreteRandomConfig as DiscreteRandomConfig

__version__ = "0.2.0"

# Names are imported when they are asked for: numba and pydantic take a third of a second, for which a command that only
# looks at a session, or prints help, need not wait. `CurriculumEnv` needs an extra besides.
_HOMES = {
    "curriculum.attach": ("attach",),
    "curriculum.config": ("CurriculumConfig",),
    "curriculum.curriculum": ("Curriculum",),
    "curriculum.ledger": ("TaskLedger",),
    "curriculum.task": ("CurriculumTask",),
    "generators": (
        *("BucketedTaskGenerator", "GeneratedTask", "SingleTaskGenerator", "Span", "TaskGenerator", "TaskGeneratorSet"),
        *("bucketed", "merge", "single_task"),
    ),
    "integrations.gymnasium": ("CurriculumEnv",),
    "schedulers": (
        "DiscreteRandomConfig",
        "FrontierConfig",
        "LabelProgressConfig",
        "LearnabilityConfig",
        "LearningProgressConfig",
        "MixtureConfig",
        "PrioritizedReplayConfig",
        "ScoreDeviationConfig",
        "StalenessConfig",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {"generators": "generators", "sessions": "memory.sessions"}  # `import lpcurr` alone is enough for these

__all__ = sorted((*_ERRORS, *_HOME_OF, "__version__"))


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with forks_put_off():  # a child forked amid a first import waits for ever for the end of it
        module = import_module(f"lpcurr.{_HOME_OF.get(name) or _MODULES[name]}")
    thing = getattr(module, name) if name in _HOME_OF else module
    globals()[name] = thing
    return thing


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
