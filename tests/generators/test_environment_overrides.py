"""Overrides by dotted path, in every kind of environment configuration."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import pytest
import sample_envs as envs

from lpcurr.errors import ConfigError
from lpcurr.generators import apply_overrides, single_task
from lpcurr.generators.environment import InconsistentEnvError, check_paths, copied, overlap

pytestmark = pytest.mark.no_kernels


def read(env: Any, path: str) -> Any:
    for segment in path.split("."):
        if isinstance(env, dict):
            env = env[segment] if segment in env else env[int(segment)]
        elif isinstance(env, list | tuple):
            env = env[int(segment)]
        else:
            env = getattr(env, segment)
    return env


PATHS = {"maze.width": 9, "lanes.1.speed": 7.5, "rewards.2": 3.0, "start.0": 8}


@pytest.mark.parametrize("make", envs.GAMES)
@pytest.mark.parametrize("path", PATHS)
def test_one_path_changes_that_value_and_no_other(make: Any, path: str) -> None:
    changed = apply_overrides(make(), {path: PATHS[path]})
    assert type(changed) is type(make())
    for other in PATHS:
        assert read(changed, other) == (PATHS[path] if other == path else read(make(), other))
    assert read(changed, "maze.height") == 4


@pytest.mark.parametrize("make", envs.GAMES)
def test_many_paths_at_once(make: Any) -> None:
    changed = apply_overrides(make(), PATHS)
    assert {path: read(changed, path) for path in PATHS} == PATHS


@pytest.mark.parametrize("make", envs.GAMES)
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("mazes.width", "mazes.*valid here: maze, lanes, rewards, start"),
        ("maze.wdith", r"'maze' has no 'wdith'; valid here: width, height"),
        ("lanes.2.speed", r"'lanes' has no '2'; valid here: 0, 1"),
        ("lanes.-1.speed", r"'lanes' has no '-1'"),
        ("lanes.01.speed", r"'lanes' has no '01'"),
        ("rewards.3", r"'rewards' has no '3'; valid here: 1, 2"),
        ("maze.width.x", r"'maze.width' is of type int.*maze.width.x leads nowhere"),
    ],
)
def test_a_path_that_leads_nowhere_names_what_is_there(make: Any, path: str, named: str) -> None:
    env = make()
    with pytest.raises(ConfigError, match=named):
        apply_overrides(env, {path: 1})
    assert env == make()


@pytest.mark.parametrize("make", [envs.Game, envs.GameModel])
@pytest.mark.parametrize(
    ("path", "value"),
    [("maze.width", "wide"), ("lanes.0.speed", [1]), ("rewards.1", "x"), ("maze", 3), ("start", (1,))],
)
def test_a_wrong_type_is_refused_with_its_path(make: Any, path: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=path.rpartition(".")[2]) as caught:
        apply_overrides(make(), {path: value})
    assert not isinstance(caught.value, InconsistentEnvError)


def test_a_constraint_of_a_model_field_is_kept() -> None:
    with pytest.raises(ConfigError, match=r"^maze.width = 0: .*greater than or equal to 1"):
        apply_overrides(envs.GameModel(), {"maze.width": 0})


@pytest.mark.parametrize("make", [envs.Game, envs.GameModel])
def test_a_value_is_converted_as_pydantic_converts_it(make: Any) -> None:
    assert read(apply_overrides(make(), {"maze.width": "12"}), "maze.width") == 12
    assert read(apply_overrides(make(), {"maze.tile": "lava"}), "maze.tile") is envs.Tile.LAVA


def test_a_dataclass_runs_its_own_checks_and_derives_again() -> None:
    assert apply_overrides(envs.Maze(), {"width": 5, "height": 6}).area == 30
    with pytest.raises(InconsistentEnvError, match=r"refuses width=101: wider than 100"):
        apply_overrides(envs.Maze(), {"width": 101})
    with pytest.raises(ConfigError, match="no 'area'; valid here: width, height, tile"):
        apply_overrides(envs.Maze(), {"area": 3})


def test_a_dataclass_whose_annotations_cannot_be_resolved_is_not_checked() -> None:
    assert apply_overrides(envs.Unresolvable(), {"thing": "anything"}).thing == "anything"


def test_a_check_across_fields_sees_all_the_new_values_at_once() -> None:
    assert apply_overrides(envs.SquareModel(), {"width": 8, "height": 8}) == envs.SquareModel(width=8, height=8)
    with pytest.raises(InconsistentEnvError, match=r"refuses width=8: .*not a square"):
        apply_overrides(envs.SquareModel(), {"width": 8})


def test_a_model_validates_only_what_changes() -> None:
    assert apply_overrides(envs.DoublingModel(doubled=3), {"other": 5}).doubled == 6


def test_a_frozen_model_is_replaced() -> None:
    frozen = envs.AliasModel(w=5)
    changed = apply_overrides(frozen, {"width": 7})
    assert (changed.width, changed.height, frozen.width) == (7, 4, 5)
    with pytest.raises(ConfigError, match="valid integer"):
        apply_overrides(frozen, {"width": "x"})


def test_extra_fields_of_a_model() -> None:
    assert apply_overrides(envs.LooseModel(more={"a": 1}), {"more.a": 2}).more == {"a": 2}


def test_a_named_tuple_keeps_its_type() -> None:
    class Point(NamedTuple):
        x: int
        y: int

    changed = apply_overrides({"at": Point(1, 2)}, {"at.1": 5})
    assert changed == {"at": Point(1, 5)}
    assert type(changed["at"]) is Point


def test_a_string_key_of_digits_comes_before_an_integer_key() -> None:
    assert apply_overrides({"1": "text", 1: "number"}, {"1": "new"}) == {"1": "new", 1: "number"}


def test_values_are_copied_in() -> None:
    value = {"a": [1]}
    changed = apply_overrides({"x": None}, {"x": value})
    changed["x"]["a"].append(2)
    assert value == {"a": [1]}


def test_a_class_with_rules_of_its_own_registers_them() -> None:
    class Own:
        def __init__(self) -> None:
            self.seen: dict[str, Any] = {}

    @apply_overrides.register(Own)
    def _(env: Own, overrides: dict[str, Any], where: str = "") -> Own:
        env.seen = {where: dict(overrides)}
        return env

    changed = apply_overrides({"inside": Own()}, {"inside.any.path": 1, "inside.other": 2})
    assert changed["inside"].seen == {"inside": {"any.path": 1, "other": 2}}


@pytest.mark.parametrize("path", ["", ".a", "a.", "a..b", 3])
def test_malformed_paths(path: Any) -> None:
    with pytest.raises(ConfigError, match="not a dotted path"):
        check_paths([path])


@pytest.mark.parametrize(("one", "other"), [("a", "a"), ("a.b", "a"), ("a", "a.b.c")])
def test_paths_inside_one_another_overlap(one: str, other: str) -> None:
    assert overlap([one], [other]) == (one, other)
    with pytest.raises(ConfigError, match="same value"):
        check_paths([other, one])


def test_neighbours_do_not_overlap() -> None:
    assert overlap(["a.b", "ab"], ["a.bc", "a.c", "abc"]) is None


def test_what_cannot_be_copied_says_so() -> None:
    with pytest.raises(ConfigError, match=r"generator cannot be copied.*callable"):
        copied(x for x in "abc")


@pytest.mark.parametrize("make", envs.GAMES)
def test_a_generator_overrides_each_configuration_and_keeps_its_own(make: Any) -> None:
    env = make()
    before = copy.deepcopy(env)
    generator = single_task(env).model_copy(update={"overrides": PATHS})
    for task_id in range(3):
        built = generator(task_id)
        assert {path: read(built, path) for path in PATHS} == PATHS
    assert env == generator.env == before


@pytest.mark.parametrize("make", envs.GAMES)
def test_a_configuration_is_a_snapshot(make: Any) -> None:
    env = make()
    generator = single_task(env)
    env.clear() if isinstance(env, dict) else setattr(env, "maze", None)
    assert generator(0) == make()
    first = generator(0)
    first.clear() if isinstance(first, dict) else setattr(first, "maze", None)
    assert generator(0) == make()
