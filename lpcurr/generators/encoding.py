"""Environment configurations as plain JSON or YAML, and back with their Python type.

What JSON has is written as it is. Everything else is ``{"__type__": …, "data": …}``:

=======================  ==========================================================================
``__type__``             ``data``
=======================  ==========================================================================
``module:QualName``      of a dataclass (constructor arguments by name), a pydantic model (fields by
                         name), an enum (member name)
``tuple``                list of items; also ``set`` and ``frozenset``
``dict``                 list of [key, value]: for keys that are not strings, or one named ``__type__``
``float``                ``nan``, ``inf`` or ``-inf``, which strict JSON does not have
=======================  ==========================================================================

Reading imports nothing, since importing runs code: a class is found where its module was imported before, by whoever
reads the file. Nothing is ever pickled.
"""

import dataclasses
import enum
import math
import sys
from contextlib import suppress
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, PlainSerializer, RootModel

from lpcurr.errors import ConfigError, shown
from lpcurr.generators.environment import by_alias, copied

TAG = "__type__"
_COLLECTIONS: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def encode(value: Any) -> Any:
    """Write a value with what JSON has: dicts with string keys, lists, strings, finite numbers, booleans and None.

    It may be a scalar, dict, list, tuple, set, enum, dataclass or pydantic model, nested at will. numpy scalars become
    Python's.

    Raises:
        ConfigError: the value has no such form.

    >>> encode({"size": (4, 8), 1: float("inf")})  # doctest: +NORMALIZE_WHITESPACE
    {'__type__': 'dict', 'data': [['size', {'__type__': 'tuple', 'data': [4, 8]}],
                                  [1, {'__type__': 'float', 'data': 'inf'}]]}
    """
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)  # exact types: a subclass (OrderedDict, a named tuple, …) would come back as its base
    if kind in (type(None), bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {TAG: "float", "data": str(value)}
    if kind is list:
        return [encode(item) for item in value]
    if kind is dict:
        if all(type(key) is str for key in value) and TAG not in value:
            return {key: encode(item) for key, item in value.items()}
        return {TAG: "dict", "data": [[encode(key), encode(item)] for key, item in value.items()]}
    if kind is tuple:
        return {TAG: "tuple", "data": [encode(item) for item in value]}
    if kind in (set, frozenset):
        # A set's order changes from process to process; the same configuration has to give the same file.
        return {TAG: kind.__name__, "data": sorted((encode(item) for item in value), key=repr)}
    if isinstance(value, enum.Enum):
        return {TAG: _type_name(kind), "data": _member_name(value)}
    if isinstance(value, BaseModel):
        return {TAG: _type_name(kind), "data": _encode_model(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {TAG: _type_name(kind), "data": _encode_dataclass(value)}
    raise ConfigError(
        f"{shown(value)} of type {kind.__name__} cannot be written to JSON or YAML; use scalars, dicts, lists, tuples, "
        "sets, enums, dataclasses and pydantic models"
    )


def decode(value: Any, *, plain: bool = False) -> Any:
    """Undo :func:`encode`. What is no tagged dict comes back equal; objects come back as they are.

    Args:
        value: what ``encode`` gave, or what a JSON or YAML file gave, or Python objects.
        plain: whether it :func:`is_plain`, so that one that names a class is refused.

    Raises:
        ConfigError: a ``__type__`` that is malformed, is of a module that was not imported before, or is neither
            dataclass, pydantic model nor enum; or ``data`` that the type refuses.

    >>> decode({"size": {"__type__": "tuple", "data": [4, 8]}})
    {'size': (4, 8)}
    """
    value = without_omegaconf(value)
    if type(value) not in (list, dict):
        return value
    if type(value) is list:
        return [decode(item, plain=plain) for item in value]
    if TAG not in value:
        return {key: decode(item, plain=plain) for key, item in value.items()}
    if value.keys() != {TAG, "data"} or not isinstance(value[TAG], str):
        raise ConfigError(f"a dict with {TAG!r} has that, a string, and 'data', and nothing else; got {shown(value)}")
    tag, content = value[TAG], value["data"]
    try:
        if tag in _COLLECTIONS:
            return _COLLECTIONS[tag](decode(item, plain=plain) for item in content)
        if tag == "dict":
            return {decode(key, plain=plain): decode(item, plain=plain) for key, item in content}
        if tag == "float":
            return float(content)
        if plain:
            raise ConfigError(f"{tag!r} is not plain data")
        return _make(_find_type(tag), content)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{tag} cannot be made from {shown(content)}: {error}") from error


def without_omegaconf(value: Any) -> Any:
    """Return a configuration of OmegaConf's, as Hydra hands them out, as dicts and lists, resolved; others as they are.

    What stays OmegaConf's could be stored pickled only, which a process that attaches by name does not read.
    """
    omegaconf = sys.modules.get("omegaconf")  # who has one has imported it
    if omegaconf is None or not omegaconf.OmegaConf.is_config(value):
        return value
    return omegaconf.OmegaConf.to_container(value, resolve=True, throw_on_missing=True)


def is_plain(value: Any) -> bool:
    """Whether a value consists of what JSON has, tuples and sets, so that nothing is imported for reading it."""
    kind = type(value)
    if kind in (type(None), bool, int, float, str):
        return True
    if kind in (list, tuple, set, frozenset):
        return all(map(is_plain, value))
    return kind is dict and all(is_plain(key) and is_plain(item) for key, item in value.items())


def _encode_model(model: BaseModel) -> Any:
    if isinstance(model, RootModel):
        return encode(model.root)
    # pydantic's own form first: it is short, and knows how to write dates, paths and whatever else the fields declare.
    # But it drops the type of a value that is more than its field says (Any, a base class), so it has to prove itself.
    short: dict[str, Any] = {}
    with suppress(ValueError, TypeError):
        short = model.model_dump(mode="json", round_trip=True, warnings=False)
        if encode(short) == short and _restores(model, short):
            return short
    values = {name: getattr(model, name) for name in type(model).model_fields} | (model.model_extra or {})
    mixed = {}
    for name, value in values.items():
        try:
            mixed[name] = encode(value)
        except ConfigError:
            if name not in short:
                raise
            mixed[name] = short[name]
    try:
        if _restores(model, mixed):
            return mixed
    except ValueError as error:
        raise ConfigError(f"{shown(model)} cannot be made again from its fields: {error}") from error
    raise ConfigError(
        f"{shown(model)} would not come back equal: its validators change its own values, or it hides some"
    )


def _restores(model: BaseModel, content: dict[str, Any]) -> bool:
    restored = _make(type(model), content)
    # repr as well as ==, because an IntEnum equals its number; and NaN equals nothing.
    return (restored == model or "nan" in repr(model)) and repr(restored) == repr(model)


def _encode_dataclass(value: Any) -> dict[str, Any]:
    arguments = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    encoded = {name: encode(argument) for name, argument in arguments.items()}
    try:
        restored = type(value)(**arguments)
        equal = restored == value or repr(restored) == repr(value)
    except Exception as error:
        raise ConfigError(f"{shown(value)} cannot be made again from its fields: {error}") from error
    if not equal:
        raise ConfigError(
            f"{shown(value)} would not come back equal: __post_init__ changes its own values, or a field with "
            f"init=False was changed, or {type(value).__name__} has no =="
        )
    return encoded


def _make(kind: type, content: Any) -> Any:
    if issubclass(kind, enum.Enum):
        return kind[content]
    if issubclass(kind, RootModel):
        return kind.model_validate(decode(content))
    arguments = {name: decode(item) for name, item in content.items()}
    return kind.model_validate(by_alias(kind, arguments)) if issubclass(kind, BaseModel) else kind(**arguments)


def _type_name(kind: type) -> str:
    name = f"{kind.__module__}:{kind.__qualname__}"
    try:
        found = _find_type(name)
    except ConfigError as error:
        raise ConfigError(f"{name} cannot be found again by its name; define it at the top of a module") from error
    if found is not kind:
        raise ConfigError(f"{name} names another class by now; a configuration of the old one cannot be written")
    return name


def _member_name(member: enum.Enum) -> str:
    if member.name is None or member.name not in type(member).__members__:
        raise ConfigError(f"{shown(member)} is a combination of flags without a name of its own; it cannot be written")
    return member.name


def _find_type(name: str) -> type:
    module, _, qualname = name.partition(":")
    if not module or not qualname:
        raise ConfigError(f"{TAG} {name!r} is none of {', '.join(_COLLECTIONS)}, dict, float, nor 'module:QualName'")
    found: Any = sys.modules.get(module)
    if found is None:
        raise ConfigError(
            f"{TAG} {name!r} is of a module that has not been imported, which a file does not bring about, since it "
            f"runs the module's code: if you trust it, `import {module}` first (for lpcurr train, in your recipe)"
        )
    for attribute in qualname.split("."):
        if attribute not in getattr(found, "__dict__", ()):  # not getattr: a module may import when asked
            raise ConfigError(f"{TAG} {name!r}: there is no {attribute!r} in it")
        found = vars(found)[attribute]
    if isinstance(found, type) and (dataclasses.is_dataclass(found) or issubclass(found, (BaseModel, enum.Enum))):
        return found
    raise ConfigError(f"{TAG} {name!r} is neither a dataclass, a pydantic model nor an enum")


def read(value: Any) -> Any:
    """Decode, and copy, so that the value's former owner cannot change it.

    Raises:
        ConfigError: as for :func:`decode`, or the value cannot be copied, is nested too deeply or contains itself.
    """
    try:
        return copied(decode(value))
    except RecursionError:
        raise ConfigError(
            f"a {type(value).__name__} is nested too deeply, or contains itself: give a flat one"
        ) from None


EncodedValue = Annotated[Any, BeforeValidator(read), PlainSerializer(encode)]
"""A pydantic field type: any value, written with :func:`encode` and read with :func:`read`."""
