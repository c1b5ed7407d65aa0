"""Environment configurations to JSON and YAML and back, with their Python type."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_envs as envs
import yaml
from pydantic import BaseModel

from lpcurr.errors import ConfigError
from lpcurr.generators.encoding import decode, encode

pytestmark = pytest.mark.no_kernels

VALUES = [
    None,
    True,
    0,
    2**70,
    1.0,
    -0.5,
    "text",
    [],
    [1, [2.0, "x"]],
    {},
    {"a": {"b": [1]}},
    {1: "a", "1": "b"},
    {(1, 2): {3: 4}},
    {"__type__": "looks like one of ours"},
    {"__type__": "tuple", "data": [1]},
    (),
    (1, ("a", [2])),
    {1, 2},
    frozenset({"a", "b"}),
    math.inf,
    -math.inf,
    envs.Tile.LAVA,
    envs.Level.HIGH,
    {envs.Tile.ICE: 1},
    envs.Maze(width=7, tile=envs.Tile.LAVA),
    envs.Game(maze=envs.Maze(9), lanes=[envs.Lane(3.0)]),
    envs.MazeModel(width=7),
    envs.GameModel(maze=envs.MazeModel(width=9), rewards={5: 0.25}),
    envs.AliasModel(w=9),
    envs.LooseModel(folder=Path("/maps/a")),
    envs.LooseModel(anything=(1, envs.Maze()), base=envs.MazeModel(width=2), folder=Path("maps")),
    envs.LooseModel(anything=envs.Level.HIGH),
    envs.LooseModel(extra_one=3),
    envs.Lengths([1, 2]),
    envs.LooseModel(anything=envs.Lengths([3])),
    {"mixed": envs.Game(), "list": [envs.MazeModel(), (envs.Lane(),)]},
]


def same(one: Any, other: Any) -> bool:
    """Equal, and of equal types all the way down: a list is no tuple, 1 is not 1.0, an IntEnum is no int."""
    return type(one) is type(other) and one == other and repr(one) == repr(other)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("through", [json, yaml])
def test_round_trip(value: Any, through: Any) -> None:
    encoded = encode(value)
    if through is json:
        restored = decode(json.loads(json.dumps(encoded, allow_nan=False)))
    else:
        restored = decode(yaml.safe_load(yaml.safe_dump(encoded, sort_keys=False)))
    assert same(restored, value)


def test_nan() -> None:
    assert math.isnan(decode(json.loads(json.dumps(encode(math.nan), allow_nan=False))))
    assert math.isnan(decode(encode(envs.LaneModel(speed=math.nan))).speed)
    assert math.isnan(decode(encode(envs.Lane(math.nan))).speed)


def test_what_json_has_is_written_as_it_is() -> None:
    plain = {"a": [1, 2.5, None, True, "x"], "b": {}}
    assert encode(plain) == decode(plain) == plain
    assert encode(envs.MazeModel(width=7)) == {
        "__type__": "sample_envs:MazeModel",
        "data": {"width": 7, "height": 4, "tile": "ice"},
    }


def test_numpy_scalars_become_numbers() -> None:
    assert same(encode([np.int64(3), np.float64(0.5), np.bool_(True)]), [3, 0.5, True])


def test_a_hand_written_file_may_leave_defaults_out() -> None:
    assert decode({"__type__": "sample_envs:Maze", "data": {"width": 9}}) == envs.Maze(width=9)
    assert decode({"__type__": "sample_envs:AliasModel", "data": {"width": 9}}) == envs.AliasModel(w=9)


@dataclass
class Outer:
    @dataclass
    class Inner:
        x: int = 1


def test_a_class_inside_a_class() -> None:
    assert decode(encode(Outer.Inner(5))) == Outer.Inner(5)


def test_sets_are_written_in_one_order() -> None:
    names = {f"name{i}" for i in range(50)}
    assert encode(names) == {"__type__": "set", "data": sorted(names)}


def local_class() -> Any:
    class Local(BaseModel):
        x: int = 1

    return Local()


class Kinds(enum.Flag):
    A = 1
    B = 2


@dataclass
class Growing:
    size: int

    def __post_init__(self) -> None:
        self.size += 1


def changed_derived_field() -> envs.Maze:
    maze = envs.Maze()
    maze.area = -1
    return maze


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "of type object cannot be written"),
        (envs.Maze, "of type type cannot be written"),
        (OrderedDict(a=1), "OrderedDict"),
        (np.zeros(2), "ndarray"),
        ({"deep": [b"bytes"]}, "bytes"),
        (local_class(), "top of a module"),
        (Kinds.A | Kinds.B, "combination of flags"),
        (envs.DoublingModel(doubled=3), "not come back equal: its validators"),
        (Growing(1), "not come back equal: __post_init__"),
        (changed_derived_field(), "init=False was changed"),
        (envs.MazeModel.model_construct(width=-1), "cannot be made again from its fields"),
        (envs.LooseModel(anything=object()), "of type object cannot be written"),
    ],
)
def test_what_has_no_form_is_refused(value: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        encode(value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"__type__": "os:system", "data": {"command": "true"}}, "neither a dataclass, a pydantic model nor an enum"),
        ({"__type__": "lpcurr:checkpoint.X", "data": {}}, "there is no"),
        ({"__type__": "sample_envs:not_a_config", "data": {}}, "neither a dataclass"),
        ({"__type__": "sample_envs:Untyped", "data": {}}, "neither a dataclass"),
        ({"__type__": "sample_envs:Missing", "data": {}}, "there is no 'Missing'"),
        ({"__type__": "no_such_module:X", "data": {}}, "not been imported.*`import no_such_module` first"),
        ({"__type__": "Maze", "data": {}}, "nor 'module:QualName'"),
        ({"__type__": ":Maze", "data": {}}, "nor 'module:QualName'"),
        ({"__type__": "sample_envs:Maze"}, "and nothing else"),
        ({"__type__": 3, "data": {}}, "and nothing else"),
        ({"__type__": "tuple", "data": [], "more": 1}, "and nothing else"),
        ({"__type__": "sample_envs:Maze", "data": {"wdith": 3}}, "wdith"),
        ({"__type__": "sample_envs:Maze", "data": [3]}, "sample_envs:Maze cannot be made from"),
        ({"__type__": "sample_envs:MazeModel", "data": {"width": "x"}}, "valid integer"),
        ({"__type__": "sample_envs:Tile", "data": "FIRE"}, "FIRE"),
        ({"__type__": "float", "data": "many"}, "many"),
        ({"__type__": "dict", "data": [[1]]}, "dict cannot be made"),
        ({"__type__": "tuple", "data": 3}, "tuple cannot be made"),
    ],
)
def test_a_malformed_file_is_refused(content: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        decode({"env": [content]})
