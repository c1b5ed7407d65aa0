"""Environment configurations as a generator sees them: copy them, and change values in them by dotted path.

A configuration may be a dict, a dataclass, a pydantic model, or any mixture of them with lists and tuples. A path such
as ``"game.map.width"`` or ``"lanes.0.speed"`` names one value in it: a segment is a field, a key (an integer key by
its digits) or an index. A path must lead to something that is there: a misspelt one is an error, never a new key.
"""

import copy
import dataclasses
import functools
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import singledispatch
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from lpcurr.errors import ConfigError, shown

_SCALARS = frozenset((type(None), bool, int, float, str))


class InconsistentEnvError(ConfigError):
    """Values that are each valid alone, but that the configuration refuses together."""


def copied(value: Any) -> Any:
    """A deep copy, or a :class:`ConfigError` that says why there can be none."""
    if type(value) in _SCALARS:  # most bucket values, on the path of every new task: 0.1 µs instead of 0.4
        return value
    try:
        return copy.deepcopy(value)
    except Exception as error:
        raise ConfigError(
            f"an environment configuration of type {type(value).__name__} cannot be copied ({error}); "
            "give a callable task_id -> configuration instead, which builds it anew each time"
        ) from error


def check_paths(paths: Iterable[str]) -> None:
    """Raise :class:`ConfigError` for a malformed path, or for two of which one lies inside the other."""
    known: list[str] = []
    for path in paths:
        if not isinstance(path, str) or not all(path.split(".")):
            raise ConfigError(f"{shown(path)} is not a dotted path such as 'game.map.width'")
        if other := overlap([path], known):
            raise ConfigError(f"the paths {other[1]!r} and {path!r} set the same value; keep one of them")
        known.append(path)


def overlap(paths: Iterable[str], others: Iterable[str]) -> tuple[str, str] | None:
    """The first pair of which one path is the other or lies inside it.

    >>> overlap(["game.map"], ["game.size", "game.map.width"])
    ('game.map', 'game.map.width')
    >>> overlap(["game.map"], ["game.mapping"]) is None
    True
    """
    others = list(others)
    for path in paths:
        for other in others:
            if f"{path}.".startswith(f"{other}.") or f"{other}.".startswith(f"{path}."):
                return path, other
    return None


def value_at(env: Any, path: str) -> Any:
    """Return the value at a dotted path; None where it leads nowhere or through a class with rules of its own.

    >>> value_at({"lanes": [{"speed": 1.5}]}, "lanes.0.speed")
    1.5
    """
    for segment in path.split("."):
        if isinstance(env, Mapping):
            env = env.get(segment, env.get(int(segment)) if segment.isdecimal() else None)
        elif isinstance(env, Sequence) and segment.isdecimal():
            env = env[int(segment)] if int(segment) < len(env) else None
        else:
            env = getattr(env, segment, None)
    return env


@singledispatch
def apply_overrides(env: Any, overrides: Mapping[str, Any], where: str = "") -> Any:
    """Set values in an environment configuration by dotted path.

    This is the hook for configuration classes with rules of their own: an integration registers its function for the
    class (``apply_overrides.register(TheirConfig)``), and it is then called for such an object at any depth, with the
    paths that are left below it.

    Args:
        env: the configuration. It may be changed in place, so pass a copy.
        overrides: new values by dotted path, no path inside another. Values are copied in.
        where: the path that led to ``env`` from the outermost configuration; for error messages.

    Returns:
        The changed configuration: ``env`` itself where it could be changed in place, else its replacement.

    Raises:
        ConfigError: a path leads nowhere, or a value has the wrong type for a pydantic model or dataclass field.
        InconsistentEnvError: each value is fine, but the class's own check (a model validator, ``__post_init__``)
            refuses the result.

    >>> apply_overrides({"map": {"size": 4}, "lanes": [1, 2]}, {"map.size": 8, "lanes.1": 5})
    {'map': {'size': 8}, 'lanes': [1, 5]}
    >>> apply_overrides({"map": {"size": 4}}, {"map.siez": 8})
    Traceback (most recent call last):
    lpcurr.errors.ConfigError: 'map' has no 'siez'; valid here: size
    """
    if dataclasses.is_dataclass(env) and not isinstance(env, type):
        return _override_dataclass(env, overrides, where)
    raise ConfigError(
        f"{_name(where)} is of type {type(env).__name__}, which has no fields or keys: "
        f"{', '.join(_join(where, path) for path in overrides)} leads nowhere"
    )


@apply_overrides.register(dict)
def _override_dict(env: dict[Any, Any], overrides: Mapping[str, Any], where: str = "") -> dict[Any, Any]:
    for segment, inner in _by_segment(overrides):
        key = segment if segment in env else next((k for k in env if type(k) is int and str(k) == segment), None)
        if key is None:
            raise _no_such(segment, env, where)
        env[key] = _changed(env[key], inner, _join(where, segment))
    return env


@apply_overrides.register(list)
def _override_list(env: list[Any], overrides: Mapping[str, Any], where: str = "") -> list[Any]:
    for index, inner in _by_index(env, overrides, where):
        env[index] = _changed(env[index], inner, _join(where, str(index)))
    return env


@apply_overrides.register(tuple)
def _override_tuple(env: tuple[Any, ...], overrides: Mapping[str, Any], where: str = "") -> tuple[Any, ...]:
    make: Callable[[list[Any]], tuple[Any, ...]] = getattr(type(env), "_make", type(env))  # _make: a named tuple
    return make(_override_list(list(env), overrides, where))


@apply_overrides.register(BaseModel)
def _override_model(env: BaseModel, overrides: Mapping[str, Any], where: str = "") -> BaseModel:
    fields = type(env).model_fields
    extra = env.model_extra or {}
    changes: dict[str, Any] = {}
    for segment, inner in _by_segment(overrides):
        if segment not in fields and segment not in extra:
            raise _no_such(segment, [*fields, *extra], where)
        changes[segment] = _changed(getattr(env, segment), inner, _join(where, segment))
    frozen = env.model_config.get("frozen") or any(name in fields and fields[name].frozen for name in changes)
    try:
        if not frozen:
            # Field by field, because it runs the validators of the changed fields only: a validator that is not
            # idempotent (one that decodes, say) must not see a value a second time.
            for name, value in changes.items():
                env.__pydantic_validator__.validate_assignment(env, name, value)
            return env
    except ValidationError as error:
        if any(part["loc"] for part in error.errors()):
            raise _wrong_value(error, where) from error
        # A check across fields has refused the state between two assignments; all of them at once may pass.
    return _rebuilt_model(env, changes, where)


def _rebuilt_model(env: BaseModel, changes: Mapping[str, Any], where: str) -> BaseModel:
    values = {name: getattr(env, name) for name in type(env).model_fields}
    values.update(env.model_extra or {})
    values.update(changes)
    try:
        return type(env).model_validate(by_alias(type(env), values))
    except ValidationError as error:
        if any(part["loc"] for part in error.errors()):
            names = {alias: name for name, alias in zip(values, by_alias(type(env), values), strict=True)}
            raise _wrong_value(error, where, names) from error
        raise InconsistentEnvError(f"{_name(where)} refuses {_listed(changes)}: {error.errors()[0]['msg']}") from error


def by_alias(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The keys under which ``model`` takes the given field values as input."""

    def key(name: str) -> str:
        field = model.model_fields.get(name)
        return field.validation_alias if field and isinstance(field.validation_alias, str) else name

    return {key(name): value for name, value in values.items()}


def _override_dataclass(env: Any, overrides: Mapping[str, Any], where: str) -> Any:
    names = [field.name for field in dataclasses.fields(env) if field.init]
    changes: dict[str, Any] = {}
    for segment, inner in _by_segment(overrides):
        if segment not in names:
            raise _no_such(segment, names, where)
        value = _changed(getattr(env, segment), inner, _join(where, segment))
        changes[segment] = _typed(type(env), segment, value, where)
    try:
        # Not setattr: the constructor runs __post_init__, which checks the values and derives others from them.
        return dataclasses.replace(env, **changes)
    except Exception as error:
        raise InconsistentEnvError(f"{_name(where)} refuses {_listed(changes)}: {error}") from error


def _typed(owner: type, name: str, value: Any, where: str) -> Any:
    field = _field_model(owner, name)
    if field is None:
        return value
    try:
        return field(value=value).value  # type: ignore[attr-defined]
    except ValidationError as error:
        raise _wrong_value(error, where, {"value": name}) from error


@functools.lru_cache(maxsize=1024)
def _field_model(owner: type, name: str) -> type[BaseModel] | None:
    """A model with the one field ``value``, annotated as the dataclass field is; None where nobody can tell."""
    try:
        hint = typing.get_type_hints(owner, include_extras=True)[name]
        return create_model("Field", value=(hint, ...), __config__=ConfigDict(arbitrary_types_allowed=True))
    except Exception:
        # A dataclass never promised that its annotations mean anything: names that are imported for the type checker
        # only, strings of another syntax. Then there is nothing to check against.
        return None


def _by_segment(overrides: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Group by the first segment; inside a group the empty path means the value itself."""
    groups: dict[str, dict[str, Any]] = {}
    for path, value in overrides.items():
        segment, _, rest = path.partition(".")
        groups.setdefault(segment, {})[rest] = value
    return list(groups.items())


def _by_index(env: Sequence[Any], overrides: Mapping[str, Any], where: str) -> list[tuple[int, dict[str, Any]]]:
    valid = {str(index): index for index in range(len(env))}
    groups = _by_segment(overrides)
    for segment, _ in groups:
        if segment not in valid:
            raise _no_such(segment, valid, where)
    return [(valid[segment], inner) for segment, inner in groups]


def _changed(old: Any, inner: Mapping[str, Any], where: str) -> Any:
    return copied(inner[""]) if "" in inner else apply_overrides(old, inner, where)


def _join(where: str, path: str) -> str:
    return f"{where}.{path}" if where else path


def _name(where: str) -> str:
    return repr(where) if where else "the environment configuration"


def _listed(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={shown(value)}" for name, value in changes.items())


def _no_such(segment: str, valid: Iterable[Any], where: str) -> ConfigError:
    names = ", ".join(str(name) for name in valid) or "nothing"
    return ConfigError(f"{_name(where)} has no {segment!r}; valid here: {names}")


def _wrong_value(error: ValidationError, where: str, names: Mapping[Any, str] = MappingProxyType({})) -> ConfigError:
    part = error.errors()[0]
    first, *rest = part["loc"]
    path = _join(where, ".".join([str(names.get(first, first)), *map(str, rest)]))
    return ConfigError(f"{path} = {shown(part['input'])}: {part['msg']}")
