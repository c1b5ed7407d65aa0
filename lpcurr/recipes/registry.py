"""From a recipe's name to its configuration."""

import difflib
import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from lpcurr.errors import ConfigError
from lpcurr.recipes.config import TrainingConfig

Recipe = Callable[[], TrainingConfig]

DEFAULT = "frozen_lake"
_NAMES = (DEFAULT, "cartpole_physics", "sums_grpo", "mettagrid_arena")
PACKAGED = {name: f"lpcurr.recipes.{name}.config:{name}" for name in _NAMES}
"""``package.module:function`` of every packaged recipe, by name."""

_named: set[str] = set()  # what load_config was asked for in this process


def find_recipe(name: str) -> Recipe:
    """The function behind a recipe's name.

    Args:
        name: a packaged name, or ``package.module:function``; modules of the working directory are found too.

    Raises:
        ConfigError: there is no such recipe.

    >>> find_recipe("frozen_lake").__name__
    'frozen_lake'
    """
    place = PACKAGED.get(name, name)
    module_name, colon, function_name = place.partition(":")
    if not (colon and module_name and function_name):
        close = difflib.get_close_matches(name, PACKAGED, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigError(
            f"there is no recipe {name!r}; {hint}packaged: {', '.join(PACKAGED)}; your own: package.module:function"
        )
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise ConfigError(
            f"recipe {name!r}: {module_name!r} is no module: give it as package.module:function, from the folder that "
            "it is in"
        )
    module = _import(name, module_name, packaged=name in PACKAGED)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise ConfigError(f"recipe {name!r}: {module_name} has no function {function_name!r}")
    return function  # type: ignore[no-any-return]


def _import(name: str, module_name: str, *, packaged: bool) -> object:
    if not packaged and (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)  # a console script does not look in the working directory by itself
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not (module_name == error.name or module_name.startswith(error.name + ".")):
            raise  # the module is there, and imports something that is not
        raise ConfigError(f"recipe {name!r}: there is no module {module_name!r} ({error})") from None


def is_trusted(name: str) -> bool:
    """Tell whether a recipe that a file names may be called: a packaged one, or one that the caller named before.

    >>> is_trusted("frozen_lake"), is_trusted("somebodys.module:recipe")
    (True, False)
    """
    return name in PACKAGED or name in PACKAGED.values() or name in _named


def load_config(name: str) -> TrainingConfig:
    """Call a recipe.

    Raises:
        ConfigError: there is no such recipe, or it does not return a :class:`TrainingConfig`.

    >>> load_config("frozen_lake").curriculum.algorithm_config.type
    'frontier'
    """
    config = find_recipe(name)()
    _named.add(name)
    if not isinstance(config, TrainingConfig):
        raise ConfigError(
            f"recipe {name!r} returned a {type(config).__name__}: a recipe returns a lpcurr.recipes.TrainingConfig"
        )
    if not config.trained_by and type(config).train is TrainingConfig.train:
        raise ConfigError(f"recipe {name!r}: {type(config).__name__} says neither `train` nor `trained_by`")
    return config
