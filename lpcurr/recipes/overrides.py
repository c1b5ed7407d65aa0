"""``key.sub=value`` overrides of a configuration.

OmegaConf parses them (values are YAML: numbers, true/false, null, [lists], {dicts}); the recipe's own pydantic model
checks them. A wrong key or value is an error that names it and lists the keys that there are.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from lpcurr.errors import ConfigError, shown

Config = TypeVar("Config", bound=BaseModel)
_TAG = "type"  # the field that tells the members of a union apart
_MOST_BITS = 1024  # of an integer


def apply_overrides(config: Config, overrides: Iterable[str]) -> Config:
    """A configuration with overrides applied.

    Where an override changes a ``type``, the fields of the former type are dropped.

    Args:
        config: what to start from; it is left as it is.
        overrides: as ``"curriculum.num_active_tasks=64"``.

    Raises:
        ConfigError: an override that is no ``key=value``, an unknown key, or a value of the wrong type.

    Example:
        >>> from lpcurr import CurriculumConfig
        >>> apply_overrides(CurriculumConfig(), ["algorithm_config.type=discrete_random"]).algorithm_config.type
        'discrete_random'
    """
    overrides = list(overrides)
    if not overrides:
        return config
    values = _parse(overrides)
    _check(config, values, ())
    return _merged(config, values, ())


def _merged(config: Config, values: dict[str, Any], path: tuple[str, ...]) -> Config:
    where = f"{'.'.join(path)}: " if path else ""
    try:
        return type(config).model_validate(_merge(config.model_dump(), values))
    except ConfigError as error:
        raise ConfigError(f"{where}{error}") from None
    except ValidationError as error:
        raise ConfigError(f"{where}{_describe(error)}") from None


def _parse(overrides: list[str]) -> dict[str, Any]:
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
    return {str(key): value for key, value in parsed.items()}


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


# -- checks ---------------------------------------------------------------------------------------------------------


def _check(level: BaseModel | type[BaseModel], values: dict[str, Any], path: tuple[str, ...]) -> None:
    """Meet what is wrong where the user wrote it. What depends on several fields is left to the validation at the end.

    ``level`` is the model at ``path``, or its class where an override has just chosen it; ``values`` are the overrides
    below.
    """
    model = level if isinstance(level, type) else type(level)
    for key, value in values.items():
        field = model.model_fields.get(key)
        if field is None:
            raise ConfigError(_unknown_key((*path, str(key)), model))
        current = None if isinstance(level, type) else getattr(level, key)
        if get_origin(field.annotation) is dict and isinstance(value, dict):  # members by name, such as arms
            annotation = get_args(field.annotation)[1]
            for name, member in value.items():
                _check_member(annotation, (current or {}).get(name), member, (*path, key, str(name)))
        elif not _check_member(field.annotation, current, value, (*path, key)) and not isinstance(value, dict):
            _check_value(Annotated[field.annotation, *field.metadata, Field()], value, (*path, key), model)


def _check_member(annotation: Any, current: Any, value: Any, path: tuple[str, ...]) -> bool:
    """Check the overrides of a model inside another; False where there is none."""
    chosen = _chosen_type(annotation, value, path)
    if chosen is not None and type(current) is not chosen:
        _check(chosen, value, path)
    elif isinstance(current, BaseModel) and isinstance(value, dict):
        _check(current, value, path)
        _merged(current, value, path)  # the innermost model that objects has the shortest message
    else:
        return False
    return True


def _check_value(annotation: Any, value: Any, path: tuple[str, ...], model: type[BaseModel]) -> None:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ConfigError as error:
        raise ConfigError(f"{'.'.join(path)}={shown(value)}: {error}; {_siblings(path, model)}") from None
    except ValidationError as error:
        message = _reason(error.errors()[0])
        raise ConfigError(f"{'.'.join(path)}={shown(value)}: {message}; {_siblings(path, model)}") from None


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in an annotation, unions and ``Annotated`` opened."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _chosen_type(annotation: Any, value: Any, path: tuple[str, ...]) -> type[BaseModel] | None:
    """The member of a union that an override names by its ``type``; None where there is no such choice."""
    members = {model.model_fields[_TAG].default: model for model in _models(annotation) if _TAG in model.model_fields}
    if not isinstance(value, dict) or _TAG not in value or len(members) < 2:
        return None
    if value[_TAG] not in members:
        close = difflib.get_close_matches(str(value[_TAG]), map(str, members), n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigError(
            f"{'.'.join(path)}.{_TAG}={shown(value[_TAG])}: there is no such type; {hint}"
            f"the types are {', '.join(map(str, members))}"
        )
    return members[value[_TAG]]


def _unknown_key(path: tuple[str, ...], model: type[BaseModel]) -> str:
    close = difflib.get_close_matches(path[-1], model.model_fields, n=1)
    hint = f"did you mean {'.'.join((*path[:-1], close[0]))!r}? " if close else ""
    return f"there is no key {'.'.join(path)!r}; {hint}{_siblings(path, model)}"


def _siblings(path: tuple[str, ...], model: type[BaseModel]) -> str:
    where = ".".join(path[:-1])
    return f"the keys {f'of {where!r}' if where else 'at the top'} are {', '.join(model.model_fields)}"


def _describe(error: ValidationError) -> str:
    problems = []
    for each in error.errors():
        path = ".".join(str(part) for part in each["loc"])
        problems.append(f"{path}: {_reason(each)}" if path else _reason(each))
    return "; ".join(problems)


def _reason(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")
