"""Comparing Gymnasium's spaces, so that an error can name what differs."""

from typing import Any

from gymnasium.spaces import Dict, Space, Tuple

from lpcurr.errors import ConfigError

_LONGEST = 200  # characters of a space in a message


def check_space(played: str, name: str, space: Space[Any], first: Space[Any], instead: str = "") -> None:
    """Raise ``ConfigError`` where what is played has another space than the environment began with, with a way out."""
    if space is not first and _differ(space, first):
        where, ours, theirs = difference(space, first)
        raise ConfigError(
            f"{played} has {name}{where} {ours}, the environment began with {theirs}: all tasks must share their "
            f"spaces, so bring them to one in a wrapper inside{instead}"
        )


def difference(space: Space[Any], expected: Space[Any]) -> tuple[str, str, str]:
    """Name where two spaces differ: the keys that lead there, and what is there in each.

    >>> from gymnasium.spaces import Discrete
    >>> difference(Dict(door=Discrete(2), key=Discrete(3)), Dict(door=Discrete(2), key=Discrete(5)))
    ("['key']", 'Discrete(3)', 'Discrete(5)')
    """
    where = ""
    while True:
        parts, others = _parts(space), _parts(expected)
        if type(space) is not type(expected) or not parts or parts.keys() != others.keys():
            break
        key = next((key for key in parts if _differ(parts[key], others[key])), None)
        if key is None:
            break
        where += f"[{key!r}]"
        space, expected = parts[key], others[key]
    if isinstance(space, Dict) and isinstance(expected, Dict) and space.keys() != expected.keys():
        return where, f"with the keys {', '.join(space)}", f"the keys {', '.join(expected)}"
    ours, theirs = repr(space), repr(expected)
    if max(len(ours), len(theirs)) > _LONGEST:  # texts above all, whose characters are a set in no order
        ours, theirs = _differing_attributes(space, expected) or (ours[:_LONGEST], theirs[:_LONGEST])
    return where, ours, theirs


def _differ(space: Space[Any], expected: Space[Any]) -> bool:
    try:
        return bool(space != expected)
    except Exception:  # MiniGrid's MissionSpace fails on one of another kind of mission
        return True


def _parts(space: Space[Any]) -> dict[Any, Space[Any]]:
    if isinstance(space, Dict):
        return dict(space.items())
    return dict(enumerate(space.spaces)) if isinstance(space, Tuple) else {}


def _differing_attributes(space: Space[Any], expected: Space[Any]) -> tuple[str, str] | None:
    ours, theirs = vars(space), vars(expected)
    names = [name for name in ours if not name.startswith("_np") and str(ours[name]) != str(theirs.get(name))]

    def shown(values: dict[str, Any]) -> str:
        listed = ", ".join(f"{name.strip('_')}={values.get(name)!r:.60}" for name in names)
        return f"{type(space).__name__}({listed:.{_LONGEST}})"

    return (shown(ours), shown(theirs)) if names else None
