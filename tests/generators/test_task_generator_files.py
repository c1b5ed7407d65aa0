"""Task generators as fields of other configurations, and as JSON and YAML."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import sample_envs as envs
import yaml
from pydantic import BaseModel, ValidationError
from sample_generators import ENV, MappedGenerator, nested

from lpcurr.generators import (
    AnyTaskGenerator,
    BucketedTaskGenerator,
    SingleTaskGenerator,
    Span,
    TaskGenerator,
    TaskGeneratorSet,
    bucketed,
    single_task,
)
from lpcurr.guides import guide

pytestmark = pytest.mark.no_kernels


class Recipe(BaseModel):
    steps: int = 10
    generator: AnyTaskGenerator


def restored(recipe: Recipe, through: str, **options: Any) -> Recipe:
    if through == "python":
        return Recipe.model_validate(recipe.model_dump(**options))
    if through == "pydantic json":
        return Recipe.model_validate_json(recipe.model_dump_json(**options))
    plain = recipe.model_dump(mode="json", **options)
    if through == "json":
        return Recipe.model_validate(json.loads(json.dumps(plain, allow_nan=False)))
    return Recipe.model_validate(yaml.safe_load(yaml.safe_dump(plain)))  # which sorts the keys


@pytest.mark.parametrize("through", ["python", "pydantic json", "json", "yaml"])
@pytest.mark.parametrize("options", [{}, {"exclude_defaults": True}, {"exclude_unset": True}], ids=str)
def test_files_bring_back_the_same_generator(through: str, options: Any) -> None:
    recipe = Recipe(generator=nested())
    again = restored(recipe, through, **options)
    assert again == recipe
    for task_id in range(200):
        one, other = recipe.generator.build(task_id), again.generator.build(task_id)
        assert one == other
        assert type(one.env_cfg) is type(other.env_cfg)
        assert one.slice_values == other.slice_values


@pytest.mark.parametrize("env", [ENV, envs.Game(), envs.GameModel(), 3, "map", None, [1, (2, 3)]], ids=repr)
@pytest.mark.parametrize("through", ["python", "pydantic json", "json", "yaml"])
def test_files_bring_back_the_type_of_the_configuration(env: Any, through: str) -> None:
    again = restored(Recipe(generator=single_task(env)), through).generator(0)
    assert type(again) is type(env)
    assert again == env
    if isinstance(env, envs.Game | envs.GameModel):
        assert type(again.maze) is type(env.maze)
        assert type(again.start) is tuple


def test_a_generator_of_ones_own_comes_back() -> None:
    generator = MappedGenerator(factor=2, label="mine")
    assert restored(Recipe(generator=generator), "yaml").generator == generator


@pytest.mark.parametrize("options", [{}, {"exclude_defaults": True}, {"exclude_unset": True}], ids=str)
def test_what_was_added_after_the_start_is_in_the_file(options: Any) -> None:
    generator = TaskGeneratorSet().add(single_task(ENV, "a"), 2).add(bucketed(ENV).add_bucket("size", [8], label=True))
    assert restored(Recipe(generator=generator), "json", **options).generator == generator


def test_infinite_numbers_survive_json() -> None:
    generator = single_task({"limit": float("inf")})
    assert SingleTaskGenerator.model_validate_json(generator.model_dump_json()) == generator


def test_a_hand_written_file() -> None:
    text = """
    generator:
      type: set
      weights: [3, 1]
      generators:
        - type: bucketed
          base: {size: 4, holes: 0.1}
          buckets:
            size: [4, 8]
            holes: {low: 0.0, high: 0.3}
          label_by: [size]
        - type: single
          env: {__type__: "sample_envs:MazeModel", data: {width: 9}}
          label: maze
    """
    generator = Recipe.model_validate(yaml.safe_load(text)).generator
    assert generator == TaskGeneratorSet(
        generators=[
            BucketedTaskGenerator(
                base=single_task({"size": 4, "holes": 0.1}),
                buckets={"size": [4, 8], "holes": Span(0.0, 0.3)},
                label_by=["size"],
            ),
            single_task(envs.MazeModel(width=9), "maze"),
        ],
        weights=[3, 1],
    )


def test_a_span_among_values_comes_back_as_a_span() -> None:
    generator = bucketed(ENV).add_bucket("size", [Span(1, 2), 9, Span(0.5, 1.5)])
    again = BucketedTaskGenerator.model_validate(json.loads(generator.model_dump_json()))
    assert again.buckets == {"size": [Span(1, 2), 9, Span(0.5, 1.5)]}


def test_a_configuration_that_looks_like_a_generator() -> None:
    env = {"type": "single", "size": 4}
    generator = bucketed(env).add_bucket("size", [5])
    assert generator(0) == {"type": "single", "size": 5}
    assert restored(Recipe(generator=generator), "yaml").generator == generator


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"type": "sigle", "env": {}}, "type is one of .*single, .*not 'sigle'"),
        ({"env": {}}, "type is one of .*single, .*not None"),
        ({"type": ["single"]}, "type is one of"),
        ({"type": "single"}, r"generator\.env"),
        ({"type": "single", "env": {}, "lable": "x"}, r"generator\.lable"),
        ({"type": "single", "env": {"__type__": "os:system", "data": {}}}, "neither a dataclass"),
        ({"type": "set", "generators": [{"type": "single"}]}, r"generator\.generators\.0\.env"),
        ({"type": "bucketed", "base": {"size": 4}, "buckets": {"size": {"low": 2, "high": 1}}}, "low is above high"),
        ({"type": "callable", "function": "os:getcwd"}, "is not read from a file"),
        (3, "not 3 of type int"),
        ("single", "not 'single' of type str"),
    ],
)
def test_a_malformed_generator_is_refused_with_its_place(content: Any, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        Recipe.model_validate({"generator": content})


def test_a_recipe_takes_a_callable() -> None:
    recipe = Recipe(generator=envs.not_a_config)
    assert recipe.generator(7) == 7
    dumped = recipe.model_dump(mode="json")
    assert dumped["generator"]["function"] == "sample_envs:not_a_config"
    with pytest.raises(ValidationError, match="is not read from a file"):
        Recipe.model_validate(dumped)


def test_a_configuration_that_cannot_be_written_says_so() -> None:
    with pytest.raises(ValueError, match="of type bytes cannot be written"):
        Recipe(generator=single_task({"map": b"raw"})).model_dump(mode="json")


@pytest.mark.parametrize("kind", ["single", "bucketed", "set", "list"])
def test_the_guide_lists_every_key(kind: str) -> None:
    table = guide("tasks").partition("with these keys")[2].partition(">>>")[0]
    assert f"type: {kind}" in table
    assert {*TaskGenerator.kinds[kind].model_fields} - {"type"} <= set(re.findall(r"\w+", table))


def test_a_schema_can_be_made() -> None:
    assert "generator" in Recipe.model_json_schema()["properties"]
