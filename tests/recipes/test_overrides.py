"""``key.sub=value``: parsed, checked, applied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lpcurr import ConfigError, DiscreteRandomConfig, LearningProgressConfig
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake
from lpcurr.recipes.overrides import apply_overrides

pytestmark = pytest.mark.no_kernels

BASE = apply_overrides(frozen_lake(), ["curriculum.algorithm_config.type=learning_progress"])


def overridden(*overrides: str) -> FrozenLakeConfig:
    return apply_overrides(BASE, overrides)


def test_values_get_the_types_of_their_fields() -> None:
    config = overridden("total_steps=1e6", "run_dir=a/b", "learner.discount=1", "compare=true", "start_method=null")
    assert (config.total_steps, config.run_dir, config.learner.discount) == (1_000_000, Path("a/b"), 1.0)
    assert config.compare is True
    assert config.start_method is None


def test_the_rest_stays_as_it_was() -> None:
    changed = overridden("curriculum.algorithm_config.ema_timescale=0.02")
    before = BASE.curriculum.algorithm_config.ema_timescale
    restored = apply_overrides(changed, [f"curriculum.algorithm_config.ema_timescale={before}"])
    assert changed != BASE
    assert restored == BASE


def test_a_word_names_an_algorithm_as_everywhere() -> None:
    assert overridden("curriculum.algorithm_config=discrete_random") == overridden(
        "curriculum.algorithm_config.type=discrete_random"
    )
    with pytest.raises(ConfigError, match=r"algorithm_config\.type='randm'"):
        overridden("curriculum.algorithm_config=randm")


def test_no_overrides_change_nothing() -> None:
    assert overridden() == BASE


def test_the_configuration_given_is_left_alone() -> None:
    config = frozen_lake()
    apply_overrides(config, ["curriculum.num_active_tasks=9", "curriculum.task_generator.buckets.size=[4]"])
    assert config == frozen_lake()


def test_a_list_replaces_a_bucket() -> None:
    generator = overridden("curriculum.task_generator.buckets.size=[5,7]").curriculum.task_generator
    assert {generator.build(task_id).env_cfg.size for task_id in range(20)} == {5, 7}


@pytest.mark.parametrize(
    ("override", "key", "near", "listed"),
    [
        ("total_stps=3", " total_stps=3:", "'total_steps'", "max_seconds"),
        ("learner.discont=1", " learner.discont=1:", "'discount'", "trace_decay"),
        ("curriculum.algorithm_config.ema=1", " curriculum.algorithm_config.ema=1:", "", "new_task_rate"),
        ("curriculum.task_generator.bukets=1", " curriculum.task_generator.bukets=1:", "'buckets'", "label_by"),
        ("arms={a: {type: plr, x: 3}}", " arms.a.x=3:", "", "staleness_share"),
        ("curriculum.schedule=[{at: 0.5, us: 3}]", " curriculum.schedule.0.us=3:", "'use'", "at, use"),
        ("evaluation.x.y=1", " evaluation.x={'y': 1}:", "", "mastered_from"),
    ],
)
def test_an_unknown_key_is_named_with_those_that_there_are(override: str, key: str, near: str, listed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        overridden(override)
    message = str(caught.value)
    assert key in message
    assert near in message
    assert listed in message


@pytest.mark.parametrize(
    ("override", "reason"),
    [
        ("total_steps=abc", "valid integer"),
        ("total_steps=0", "greater than or equal to 1"),
        ("learner.clip=2", "less than or equal to 1"),
        ("compare=perhaps", "valid boolean"),
        ("vectorization=threads", "'async' or 'sync'"),
        ("curriculum.num_active_tasks=2.5", "valid integer"),
        ("learner=3", "LearnerConfig"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_should_be(override: str, reason: str) -> None:
    key, _, value = override.partition("=")
    with pytest.raises(ConfigError, match=re.escape(f"{key}=")) as caught:
        overridden(override)
    assert value in str(caught.value)
    assert reason in str(caught.value)


def test_a_bucket_value_that_no_lake_can_have_is_refused_before_training() -> None:
    with pytest.raises(
        ConfigError, match=r" curriculum\.task_generator: .*holes.*0\.9.*less than or equal to 0\.5"
    ) as caught:
        overridden("curriculum.task_generator.buckets.holes=[0.9]")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("override", ["total_steps", "=3", "a.b=[1", "learner={"])
def test_what_cannot_be_read_is_named(override: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(repr(override))):
        overridden(override)


# -- the union of algorithms ----------------------------------------------------------------------------------------


def test_switching_the_type_drops_the_fields_of_the_other_kind() -> None:
    algorithm = overridden("curriculum.algorithm_config.type=discrete_random").curriculum.algorithm_config
    assert algorithm == DiscreteRandomConfig(num_active_tasks=256)


def test_switching_the_type_takes_fields_of_the_new_kind() -> None:
    switched = overridden(
        "curriculum.algorithm_config.type=discrete_random", "curriculum.algorithm_config.task_tracker_ema_alpha=0.5"
    )
    assert switched.curriculum.algorithm_config.task_tracker_ema_alpha == 0.5
    back = apply_overrides(
        switched,
        ["curriculum.algorithm_config.type=learning_progress", "curriculum.algorithm_config.ema_timescale=0.3"],
    )
    assert isinstance(back.curriculum.algorithm_config, LearningProgressConfig)
    assert back.curriculum.algorithm_config.ema_timescale == 0.3
    assert back.curriculum.algorithm_config.task_tracker_ema_alpha == 0.02


def test_a_field_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match=r" curriculum\.algorithm_config\.ema_timescale=0\.1: there is no such field"):
        overridden("curriculum.algorithm_config.type=discrete_random", "curriculum.algorithm_config.ema_timescale=0.1")


def test_an_unknown_type_is_named_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match=r"'discrete'.*did you mean 'discrete_random'.*learning_progress"):
        overridden("curriculum.algorithm_config.type=discrete")


def test_repeating_the_type_keeps_the_fields() -> None:
    config = overridden("curriculum.algorithm_config.ema_timescale=0.02")
    again = apply_overrides(config, ["curriculum.algorithm_config.type=learning_progress"])
    assert again.curriculum.algorithm_config.ema_timescale == 0.02


# -- use_lp ---------------------------------------------------------------------------------------------------------


def test_use_lp_false_selects_random_and_keeps_the_pool() -> None:
    config = overridden("use_lp=false", "curriculum.num_active_tasks=77")
    assert isinstance(config.curriculum.algorithm_config, DiscreteRandomConfig)
    assert config.curriculum.num_active_tasks == 77
    assert config.curriculum.task_generator == frozen_lake().curriculum.task_generator


def test_use_lp_keeps_the_settings_that_both_kinds_have() -> None:
    config = overridden("use_lp=false", "curriculum.algorithm_config.task_tracker_ema_alpha=0.5")
    assert config.curriculum.algorithm_config.task_tracker_ema_alpha == 0.5


def test_use_lp_true_contradicts_the_random_type() -> None:
    with pytest.raises(ConfigError, match="use_lp=true contradicts"):
        overridden("use_lp=true", "curriculum.algorithm_config.type=discrete_random")


def test_use_lp_true_is_the_default_curriculum() -> None:
    assert overridden("use_lp=true").curriculum == BASE.curriculum


@pytest.mark.parametrize("key", ["curriculum", "curriculum.task_generator", "arms"])
def test_keys_that_are_numbers_are_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{key}.1")):
        overridden(f"{key}={{1: 2, a: b}}")


@pytest.mark.parametrize("value", ["{}", "[1, {}]", "{{a: {}}}"])
def test_integers_that_no_file_can_hold_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="<int of 24000 bits> is too large"):
        overridden("total_steps=" + value.format("0x" + "F" * 6000))
