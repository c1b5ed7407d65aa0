"""What task generators draw, how it is labelled, and how overrides meet it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_envs as envs
from sample_generators import ENV, IDS, LARGE_IDS, labels, nested
from scipy import stats

from lpcurr.generators import (
    BucketedTaskGenerator,
    SingleTaskGenerator,
    Span,
    TaskGeneratorSet,
    as_generator,
    bucketed,
    merge,
    single_task,
)

pytestmark = pytest.mark.no_kernels


def chi_square(observed: Counter[Any], expected: dict[Any, float]) -> float:
    """The p-value of counts against exact probabilities, over every value that occurs or should."""
    assert set(observed) <= set(expected)
    total = sum(observed.values())
    return stats.chisquare([observed[value] for value in expected], [p * total for p in expected.values()]).pvalue


def test_label_and_slice_values_are_those_of_the_built_task() -> None:
    generator = nested()
    for task_id in [*range(300), *LARGE_IDS[:300]]:
        task = generator.build(task_id)
        assert (task.label, task.slice_values) == (generator.label_of(task_id), generator.slice_values_of(task_id))


def test_the_slice_values_are_in_the_configuration() -> None:
    generator = bucketed(ENV).add_bucket("size", [4, 8]).add_bucket("map.kind", ["open", "maze"])
    for task_id in range(50):
        task = generator.build(task_id)
        assert task.slice_values == {"size": task.env_cfg["size"], "map.kind": task.env_cfg["map"]["kind"]}


def test_building_is_repeatable_and_gives_a_new_object() -> None:
    generator = nested()
    for task_id in range(100):
        one, other = generator.build(task_id), generator.build(task_id)
        assert one == other
        assert one.env_cfg is not other.env_cfg
    assert generator(5) == generator.build(5).env_cfg == generator(np.int64(5))


def test_changing_a_built_configuration_changes_no_later_one() -> None:
    generator = bucketed({"map": None}).add_bucket("map", [{"rows": [1]}, {"rows": [2]}])
    before = [generator.build(task_id) for task_id in range(10)]
    for task_id in range(10):
        task = generator.build(task_id)
        task.env_cfg["map"]["rows"].append("changed")
        generator.slice_values_of(task_id)["map"]["rows"].append("changed")
    assert [generator.build(task_id) for task_id in range(10)] == before


SCRIPT = """
import sys, yaml
import sample_generators as tests
from lpcurr.generators import TaskGenerator
generator = tests.nested()
for task_id in [*range(200), *tests.LARGE_IDS[:200]]:
    print(generator.build(task_id), generator.label_of(task_id))
print(generator.model_dump_json())
"""


def test_every_process_makes_the_same_tasks_whatever_its_hash_seed() -> None:
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parents[1])])
    outputs = []
    for seed in ("0", "12345"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        )
        outputs.append(run.stdout)
    generator = nested()
    mine = [f"{generator.build(i)} {generator.label_of(i)}" for i in [*range(200), *LARGE_IDS[:200]]]
    assert outputs[0].splitlines() == [*mine, generator.model_dump_json()]
    assert outputs[0] == outputs[1]


def test_tasks_are_those_of_earlier_releases() -> None:
    # Ids are stored in checkpoints and logs: if this fails, they name other tasks than they did.
    generator = merge([bucketed(ENV).add_bucket("size", Span(1, 100)).add_bucket("holes", Span(0.0, 1.0))], [2.0])
    assert [tuple(generator.slice_values_of(task_id).values()) for task_id in (0, 1, 2**53 - 1)] == [
        (0.5110956290171896, 27),
        (0.9303279834540673, 1),
        (0.22205867933451218, 24),
    ]


def test_pickling_keeps_the_tasks() -> None:
    generator = nested()
    copy = pickle.loads(pickle.dumps(generator))
    assert copy == generator
    assert [copy.build(i) for i in range(100)] == [generator.build(i) for i in range(100)]


@pytest.mark.parametrize("ids", [IDS, LARGE_IDS], ids=["consecutive", "large"])
def test_bucket_values_are_uniform_and_independent(ids: Any) -> None:
    generator = bucketed(ENV).add_bucket("size", [4, 8, 16]).add_bucket("slippery", [True, False])
    drawn = Counter(tuple(generator.slice_values_of(i).values()) for i in ids)
    assert chi_square(drawn, {(size, slip): 1 / 6 for size in (4, 8, 16) for slip in (True, False)}) > 0.001


@pytest.mark.parametrize("ids", [IDS, LARGE_IDS], ids=["consecutive", "large"])
def test_integer_spans_are_uniform(ids: Any) -> None:
    generator = bucketed(ENV).add_bucket("size", Span(3, 12))
    assert (
        chi_square(Counter(generator.slice_values_of(i)["size"] for i in ids), dict.fromkeys(range(3, 13), 0.1)) > 0.001
    )


def test_float_spans_are_uniform() -> None:
    generator = bucketed(ENV).add_bucket("holes", Span(0.25, 0.75))
    values = [generator.slice_values_of(i)["holes"] for i in IDS]
    assert stats.kstest(values, stats.uniform(0.25, 0.5).cdf).pvalue > 0.001


def test_a_span_in_a_list_is_as_likely_as_each_value() -> None:
    generator = bucketed(ENV).add_bucket("size", [Span(1, 2), 10, 20])
    drawn = Counter(generator.slice_values_of(i)["size"] for i in IDS)
    assert chi_square(drawn, {1: 1 / 6, 2: 1 / 6, 10: 1 / 3, 20: 1 / 3}) > 0.001


@pytest.mark.parametrize("ids", [IDS, LARGE_IDS], ids=["consecutive", "large"])
def test_a_set_chooses_by_weight(ids: Any) -> None:
    generator = merge([single_task(ENV, label) for label in "abc"], weights=[5, 3.5, 1.5])
    assert chi_square(Counter(map(generator.label_of, ids)), {"a": 0.5, "b": 0.35, "c": 0.15}) > 0.001


def test_without_weights_all_are_alike() -> None:
    generator = merge(single_task(ENV, label) for label in "abc")
    assert chi_square(Counter(map(generator.label_of, IDS)), dict.fromkeys("abc", 1 / 3)) > 0.001


@pytest.mark.parametrize("ids", [IDS, LARGE_IDS], ids=["consecutive", "large"])
def test_nested_choices_and_values_are_independent(ids: Any) -> None:
    # With one stream for all levels, or the same id handed on, the inner draws would repeat the outer one.
    leaf = bucketed(ENV).add_bucket("size", [1, 2])
    inner = merge([leaf, bucketed(ENV).add_bucket("size", [3, 4])])
    generator = bucketed(merge([inner, merge([leaf, leaf])])).add_bucket("holes", [0.1, 0.2])
    drawn = Counter((task["size"], task["holes"]) for task in map(generator.slice_values_of, ids))
    sizes = {1: 3 / 8, 2: 3 / 8, 3: 1 / 8, 4: 1 / 8}
    assert chi_square(drawn, {(size, holes): p / 2 for size, p in sizes.items() for holes in (0.1, 0.2)}) > 0.001


def test_a_callable_in_a_set_gets_ids_of_53_bits() -> None:
    generator = merge([as_generator(envs.not_a_config)])
    ids = [generator(i) for i in range(2000)]
    assert len(set(ids)) == 2000
    assert 0 <= min(ids) < max(ids) < 2**53
    assert stats.kstest(np.array(ids) / 2**53, "uniform").pvalue > 0.001


def test_the_order_in_which_buckets_are_given_does_not_matter() -> None:
    one = bucketed(ENV).add_bucket("size", [4, 8]).add_bucket("holes", Span(0.0, 1.0))
    other = bucketed(ENV).add_bucket("holes", Span(0.0, 1.0)).add_bucket("size", [4, 8])
    assert [one.build(i) for i in range(50)] == [other.build(i) for i in range(50)]


def test_labels_of_the_plain_kinds() -> None:
    assert labels(single_task(ENV)) == {"default"}
    assert labels(single_task(ENV, "a")) == {"a"}
    assert labels(bucketed(ENV)) == {"default"}
    assert labels(bucketed(single_task(ENV, "a")).add_bucket("size", [4, 8])) == {"a"}
    assert labels(bucketed(single_task(ENV, "a"), label="b")) == {"b"}
    assert labels(bucketed(merge([single_task(ENV, "a"), single_task(ENV, "b")]))) == {"a", "b"}
    assert labels(TaskGeneratorSet(generators=[single_task(ENV, "a"), single_task(ENV, "b")], label="c")) == {"c"}


def test_labels_by_bucket() -> None:
    lake = bucketed(ENV).add_bucket("size", [4, 8], label=True).add_bucket("slippery", [True, False], label=True)
    assert labels(lake) == {"size=4", "size=8", "size=4,slippery", "size=8,slippery"}
    assert labels(bucketed(ENV).add_bucket("slippery", [True, False], label=True)) == {"default", "slippery"}
    assert labels(bucketed(ENV, "lake").add_bucket("size", [4, 8], label=True)) == {"lake,size=4", "lake,size=8"}
    assert labels(bucketed(single_task(ENV, "a")).add_bucket("size", [4], label=True)) == {"a,size=4"}


def test_labels_stay_few_and_short() -> None:
    rows = [["SF", "FG"], ["SH", "FG"]]
    generator = bucketed({"size": 1, "holes": 0.0, "map": None, "tile": None, "a": {"n": 1}, "b": {"n": 1}})
    spans = generator.model_copy(deep=True).add_bucket("size", Span(1, 8), label=True)
    assert labels(spans) == {"size=1..2", "size=3..4", "size=5..6", "size=7..8"}
    assert labels(generator.model_copy(deep=True).add_bucket("map", rows, label=True)) == {"map#0", "map#1"}
    assert labels(generator.model_copy(deep=True).add_bucket("map", ["x" * 25], label=True)) == {"map#0"}
    assert labels(generator.model_copy(deep=True).add_bucket("map", ["x", None], label=True)) == {"map=x", "map=None"}
    assert labels(generator.model_copy(deep=True).add_bucket("tile", [envs.Tile.ICE], label=True)) == {"tile=ICE"}
    alike = generator.model_copy(deep=True).add_bucket("a.n", [1], label=True).add_bucket("b.n", [2], label=True)
    assert labels(alike) == {"a.n=1,b.n=2"}


def test_overrides_apply_at_every_level_and_the_outermost_last() -> None:
    inner = SingleTaskGenerator(env=ENV, overrides={"size": 5, "holes": 0.5})
    middle = BucketedTaskGenerator(base=inner, buckets={"slippery": [True]}, overrides={"holes": 0.6})
    outer = TaskGeneratorSet(generators=[middle], overrides={"map.kind": "maze"})
    assert outer(0) == {"size": 5, "slippery": True, "holes": 0.6, "map": {"kind": "maze"}}


def test_a_bucket_varies_what_an_override_inside_has_set() -> None:
    generator = BucketedTaskGenerator(
        base=SingleTaskGenerator(env={"a": None}, overrides={"a": {"b": 1}}), buckets={"a.b": [7]}
    )
    assert generator(0) == {"a": {"b": 7}}


def test_values_that_only_fit_together() -> None:
    generator = BucketedTaskGenerator(
        base=SingleTaskGenerator(env=envs.SquareModel(), overrides={"width": 8, "height": 8}),
        buckets={"width": [6], "height": [6]},
    )
    assert generator(0) == envs.SquareModel(width=6, height=6)
