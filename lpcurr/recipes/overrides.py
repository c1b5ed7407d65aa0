"""``key.sub=value`` overrides of a configuration.

OmegaConf parses them (values are YAML: numbers, true/false, null, [lists], {dicts}); the recipe's own pydantic model
checks them. A wrong key or value is an error that names it, and the limit or the keys that there are.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

from lpcurr.errors import ConfigError, shown
from lpcurr.schedulers.common import CheckedModel

Config = TypeVar("Config", bound=CheckedModel)
_TAG = "type"  # the field that tells the members of a union apart
_MOST_BITS = 1024  # of an integer


def apply_overrides(config: Config, overrides: Iterable[str]) -> Config:
    """A configuration with overrides applied.

    Where an override changes a ``type``, the fields of the former type are dropped.

    Raises:
        ConfigError: an override that is no ``key=value``, an unknown key, or a value of the wrong type.

    >>> from lpcurr import CurriculumConfig
    >>> apply_overrides(CurriculumConfig(), ["algorithm_config.type=discrete_random"]).algorithm_config.type
    'discrete_random'
    """
    overrides = list(overrides)
    if not overrides:
        return config
    return type(config).model_validate(_merge(config.model_dump(), _parse(overrides)))


def _parse(overrides: list[str]) -> dict[Any, Any]:
    from omegaconf import OmegaConf

    for each in overrides:
        key, equals, _ = each.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"override {shown(each)} is not of the form key.sub=value")
    try:
        parsed = OmegaConf.to_container(OmegaConf.from_dotlist(overrides), resolve=False)
    except Exception as error:  # of any class: what a tag such as !!timestamp is made by does not check its text
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(f"cannot read the overrides {shown(' '.join(overrides))}: {reason}") from None
    assert isinstance(parsed, dict)
    _check_numbers(parsed, ())
    return parsed


def _check_numbers(value: Any, path: tuple[str, ...]) -> None:
    """Refuse integers of thousands of digits, which no ``config.yaml`` can hold."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        _check_numbers(inner, (*path, str(key)))
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ConfigError(f"{'.'.join(path)}={shown(value)} is too large")


def _merge(old: Any, new: Any) -> Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    if _TAG in old and _TAG in new and old[_TAG] != new[_TAG]:
        return new
    return old | {key: _merge(old[key], value) if key in old else value for key, value in new.items()}
