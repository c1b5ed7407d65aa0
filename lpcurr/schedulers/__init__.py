"""Schedulers, one file each: settings, formula, references. :data:`ALL` has them in the order of their numbers.

A new one is a file with one subclass of :class:`lpcurr.schedulers.common.SchedulerConfig`, and its name behind the
others in the lines below; ``lpcurr help contributing`` has an example.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import BeforeValidator, Field

from lpcurr.schedulers.common import SchedulerConfig


def _config_of(name: str, number: int) -> type[SchedulerConfig]:
    """Return the settings of the scheduler in a file of this package, and give it its number."""
    module = import_module(f"{__name__}.{name}")
    found = [
        thing
        for thing in vars(module).values()
        if isinstance(thing, type) and issubclass(thing, SchedulerConfig) and thing.__module__ == module.__name__
    ]
    found[0].number = number
    return found[0]


# append only: headers hold the number
_NAMES = (
    *("learning_progress", "score_deviation", "uniform", "learnability", "frontier", "plr"),
    *("label_progress", "staleness", "mixture"),
)

ALL: tuple[type[SchedulerConfig], ...] = tuple(_config_of(name, number) for number, name in enumerate(_NAMES))
"""Every scheduler, in the order of their numbers."""

_FORMULAS = ("priority", "exploring_weight", "acceptance", "retention", "draws_by", "rules")
_TYPES = {"random": "discrete_random"} | {
    name: config.model_fields["type"].default for name, config in zip(_NAMES, ALL, strict=True)
}


def _spelled_out(given: Any) -> Any:
    """Return settings for a word, such as ``frontier``, and the type for the name of a scheduler's file.

    Settings of a class of the user's are taken for those of the scheduler that it derives from; if it brings a formula
    of its own, they are refused: kernels have those of :data:`ALL`.
    """
    if isinstance(given, SchedulerConfig) and type(given) not in ALL:
        own = type(given)
        known = next((kind for kind in own.__mro__ if kind in ALL), None)
        if known is None or any(getattr(own, name) is not getattr(known, name) for name in _FORMULAS):
            raise ValueError(
                f"{type(given).__name__} is a scheduler of your own, whose formula is compiled where it stands in a "
                "file of lpcurr/schedulers, named in its __init__.py: lpcurr help contributing shows a whole one"
            )
        defaults = {name: field.default for name, field in known.model_fields.items()}
        changed = {name for name, field in own.model_fields.items() if field.default != defaults.get(name)}
        return known(**{name: getattr(given, name) for name in changed | given.model_fields_set})
    fields = {"type": given} if isinstance(given, str) else given
    if isinstance(fields, dict) and isinstance(fields.get("type"), str):
        return fields | {"type": _TYPES.get(fields["type"], fields["type"])}
    return fields


if TYPE_CHECKING:
    AnyScheduler = SchedulerConfig
else:
    AnyScheduler = Annotated[
        Annotated[Union[ALL], Field(discriminator="type")],  # noqa: UP007 - of a tuple
        BeforeValidator(_spelled_out),
    ]
"""Settings of any scheduler, told apart by ``type``; a word alone is a scheduler with its defaults."""


def __getattr__(name: str) -> Any:
    """Find a scheduler's settings by the name of their class."""
    for config in ALL:
        if config.__name__ == name:
            return config
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
