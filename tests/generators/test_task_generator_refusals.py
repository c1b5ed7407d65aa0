"""What task generators refuse, when and with which words."""

from __future__ import annotations

from typing import Any

import pytest
import sample_envs as envs
from sample_generators import ENV

from lpcurr.errors import ConfigError
from lpcurr.generators import (
    BucketedTaskGenerator,
    SingleTaskGenerator,
    Span,
    TaskGeneratorSet,
    bucketed,
    merge,
    single_task,
)

pytestmark = pytest.mark.no_kernels


@pytest.mark.parametrize(
    ("path", "values", "named"),
    [
        ("siez", [1], "the environment configuration has no 'siez'; valid here: size, slippery, holes, map"),
        ("map.knd", [1], "'map' has no 'knd'; valid here: kind"),
        ("size.x", [1], "'size' is of type int"),
        ("a..b", [1], "not a dotted path"),
        ("size", [], "at least one value"),
        ("size", 4, "a list of values and Spans, or one Span; got 4"),
        ("size", "48", "a list of values"),
        ("size", {"low": 1}, "a list of values"),
        ("size", [(x for x in "a")], "cannot be copied"),
    ],
)
def test_a_bucket_that_cannot_work_is_refused_at_once(path: str, values: Any, named: str) -> None:
    generator = bucketed(ENV).add_bucket("slippery", [True])
    before = generator.model_copy(deep=True)
    with pytest.raises(ConfigError, match=named):
        generator.add_bucket(path, values, label=True)
    assert generator == before
    with pytest.raises(ConfigError, match=named):
        BucketedTaskGenerator(base=ENV, buckets={"slippery": [True], path: values})


@pytest.mark.parametrize("path", ["map", "map.kind"])
def test_one_bucket_a_value(path: str) -> None:
    generator = bucketed(ENV).add_bucket("map.kind", ["open"])
    with pytest.raises(ConfigError, match=f"'map.kind' and '{path}' set the same value"):
        generator.add_bucket(path, ["maze"])
    assert list(generator.buckets) == ["map.kind"]


@pytest.mark.parametrize(
    ("env", "path", "values"),
    [
        (envs.GameModel(), "maze.width", [4, 0]),
        (envs.GameModel(), "maze.width", Span(0, 4)),
        (envs.GameModel(), "maze.width", Span(1.0, 3.0)),
        (envs.Game(), "maze.width", [4, "wide"]),
        (envs.Game(), "maze.width", Span(1.0, 3.0)),
        (envs.AliasModel(), "width", ["wide"]),
    ],
)
def test_a_bucket_value_of_the_wrong_type_is_refused_at_once(env: Any, path: str, values: Any) -> None:
    with pytest.raises(ConfigError, match=r"width = .*(valid integer|greater than or equal)"):
        bucketed(env).add_bucket(path, values)
    with pytest.raises(ConfigError, match=r"width = .*(valid integer|greater than or equal)"):
        BucketedTaskGenerator(base=env, buckets={path: values})


def test_a_path_has_to_be_there_in_every_generator_of_a_set() -> None:
    with pytest.raises(ConfigError, match="no 'size'; valid here: width"):
        bucketed(merge([single_task(ENV), single_task({"width": 3})])).add_bucket("size", [1])


def test_a_bucket_over_a_callable_is_checked_when_a_task_is_built() -> None:
    generator = bucketed(lambda task_id: {"size": 1}).add_bucket("siez", [1])
    with pytest.raises(ConfigError, match="no 'siez'"):
        generator.build(0)


def test_nothing_may_undo_a_bucket() -> None:
    inner = bucketed(ENV).add_bucket("map.kind", ["open", "maze"])
    for wrong in (
        lambda: BucketedTaskGenerator(base=ENV, buckets={"size": [1]}, overrides={"size": 3}),
        lambda: BucketedTaskGenerator(base=inner, overrides={"map": {"kind": "x"}}),
        lambda: BucketedTaskGenerator(base=merge([inner]), buckets={"map": [{"kind": "x"}]}),
        lambda: TaskGeneratorSet(generators=[inner], overrides={"map.kind": "x"}),
        lambda: TaskGeneratorSet(overrides={"map.kind": "x"}).add(inner),
        lambda: bucketed(inner).add_bucket("map.kind", ["x"]),
        lambda: BucketedTaskGenerator(base=ENV, overrides={"size": 3}).add_bucket("size", [1]),
    ):
        with pytest.raises(ValueError, match="would undo the bucket"):
            wrong()


@pytest.mark.parametrize(
    ("overrides", "named"),
    [({"siez": 1}, "no 'siez'"), ({"map": {}, "map.kind": 1}, "set the same value"), ({"": 1}, "not a dotted path")],
)
def test_overrides_that_cannot_work(overrides: Any, named: str) -> None:
    for make in (
        lambda: SingleTaskGenerator(env=ENV, overrides=overrides),
        lambda: BucketedTaskGenerator(base=ENV, overrides=overrides),
        lambda: TaskGeneratorSet(generators=[single_task(ENV)], overrides=overrides),
    ):
        with pytest.raises(ConfigError, match=named):
            make()


@pytest.mark.parametrize(
    ("weights", "named"),
    [
        ([1], "1 weights for 2 generators"),
        ([], "0 weights for 2 generators"),
        ([1, 2, 3], "3 weights"),
        ([1, 0], "the weight 0.0 is not positive"),
        ([1, -1], "the weight -1.0"),
        ([float("nan"), 1], "the weight nan"),
        ([1, float("inf")], "the weight inf"),
        (["much", 1], "valid number"),
    ],
)
def test_weights_that_cannot_work(weights: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        merge([single_task(ENV), single_task(ENV)], weights=weights)


def test_a_refused_addition_leaves_the_set_as_it_was() -> None:
    generator = TaskGeneratorSet(overrides={"size": 9}).add(single_task(ENV), weight=2)
    for added, weight, error in [
        (single_task(ENV), 0, "the weight 0 is not positive"),
        (single_task(ENV), "much", "the weight 'much'"),
        (single_task({"width": 1}), 1, "no 'size'"),
        ({"size": 1}, 1, "single_task"),
    ]:
        with pytest.raises(ConfigError, match=error):
            generator.add(added, weight)
    assert (len(generator.generators), generator.weights) == (1, [2])


def test_a_set_inside_itself_is_refused() -> None:
    generator = merge([single_task(ENV)])
    with pytest.raises(RecursionError):
        generator.add(generator)
    assert generator(0) == ENV


def test_other_refusals() -> None:
    with pytest.raises(ConfigError, match="at least one generator"):
        merge([])
    with pytest.raises(ConfigError, match="the set of generators is empty"):
        TaskGeneratorSet().build(0)
    with pytest.raises(ConfigError, match="label_by names 'slippery', but the buckets are size"):
        BucketedTaskGenerator(base=ENV, buckets={"size": [1]}, label_by=["slippery"])
    with pytest.raises(ConfigError, match="a generator needs no wrapping"):
        single_task(single_task(ENV))
    with pytest.raises(ConfigError, match="cannot be copied"):
        single_task(x for x in "a")
    with pytest.raises(ConfigError, match="frozen"):
        single_task(ENV).label = "other"  # type: ignore[misc]
    with pytest.raises(ConfigError, match="bukets"):
        BucketedTaskGenerator(base=ENV, bukets={})  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match="at least 1 character"):
        single_task(ENV, label="")
