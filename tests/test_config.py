"""Configurations: presets, defaults, what wins over what, and the way to JSON or YAML and back."""

from __future__ import annotations

import inspect
import signal
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import SerializerFunctionWrapHandler, model_serializer

from lpcurr import (
    ConfigError,
    Curriculum,
    CurriculumConfig,
    DiscreteRandomConfig,
    FrontierConfig,
    LearningProgressConfig,
    PrioritizedReplayConfig,
)
from lpcurr.generators import GeneratedTask, Span, TaskGenerator, bucketed, merge, single_task
from lpcurr.memory import layout
from lpcurr.schedulers.common import CheckedModel, SchedulerConfig

# τ, bonus, min_samples, amplification, rand rate
PRESETS: dict[str, tuple[float, float, int, float, float]] = {
    "default": (0.2, 0.1, 10, 100.0, 0.7),
    "stable": (0.1, 0.15, 20, 3.0, 0.8),
    "fast_learning": (0.3, 0.05, 5, 15.0, 0.7),
    "arena_legacy": (0.001, 0.1, 10, 10.0, 0.01),
}
DEFAULTS: dict[str, Any] = {
    "num_active_tasks": 1000,
    "use_bidirectional": True,
    "use_baseline_normalization": False,
    "ema_timescale": 0.2,
    "slow_timescale_factor": 0.1,
    "exploration_bonus": 0.1,
    "progress_smoothing": 0.0,
    "performance_bonus_weight": 0.0,
    "lp_score_temperature": 0.0,
    "z_score_amplification": 100.0,
    "early_progress_amplification": 0.5,
    "rand_task_rate": 0.7,
    "eviction_threshold_percentile": 0.4,
    "max_inactive_labels_retained": 100,
    "min_samples_for_lp": 10,
    "task_tracker_ema_alpha": 0.02,
    "task_default_success_threshold": 0.5,
    "use_shared_memory": True,
    "new_task_rate": 0.1,
}


def test_the_defaults() -> None:
    config = LearningProgressConfig()
    assert {name: getattr(config, name) for name in DEFAULTS} == DEFAULTS
    assert CurriculumConfig().min_presentations_for_eviction is None
    assert LearningProgressConfig.presentations_needed == 5
    assert CurriculumConfig().num_active_tasks == 1000


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_the_values_of_the_table_and_all_else_by_default(name: str) -> None:
    preset = getattr(LearningProgressConfig, name)()
    tau, bonus, samples, amplification, rate = PRESETS[name]
    expected = DEFAULTS | {
        "num_active_tasks": 256,
        "ema_timescale": tau,
        "exploration_bonus": bonus,
        "min_samples_for_lp": samples,
        "slow_timescale_factor": 0.1 if name == "default" else 0.2,
        "z_score_amplification": amplification,
        "rand_task_rate": rate,
        "use_baseline_normalization": name == "arena_legacy",
    }
    assert {field: getattr(preset, field) for field in DEFAULTS} == expected


@pytest.mark.parametrize("name", [*PRESETS, "reference"])
def test_overrides_win_over_a_preset(name: str) -> None:
    preset = getattr(LearningProgressConfig, name)(ema_timescale=0.3, num_active_tasks=7, rand_task_rate=0.5)
    assert (preset.ema_timescale, preset.num_active_tasks, preset.rand_task_rate) == (0.3, 7, 0.5)


def test_reference_is_the_default_with_the_old_rules() -> None:
    changed = (
        LearningProgressConfig.reference().model_dump().items() - LearningProgressConfig.default().model_dump().items()
    )
    assert dict(changed) == {
        "ema_timescale": 0.1,
        "slow_timescale_factor": 0.2,
        "z_score_amplification": 10.0,
        "use_baseline_normalization": True,
        "rand_task_rate": 0.0,
        "new_task_rate": 1.0,
        "exploration": "absolute",
        "eviction_among": "all",
        "zero_is_unset": True,
        "unbiased_averages": False,
    }


def test_every_field_is_described_or_named_as_in_the_specification() -> None:
    for model in (LearningProgressConfig, DiscreteRandomConfig, CurriculumConfig):
        for name, field in model.model_fields.items():
            assert field.description or name in {*DEFAULTS, "type", "seed", "algorithm_config"}, (
                f"{model.__name__}.{name}"
            )


# -- num_active_tasks and use_shared_memory, which stand in two places ----------------------------------------------


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (CurriculumConfig(num_active_tasks=5), 5),
        (CurriculumConfig(algorithm_config=LearningProgressConfig(num_active_tasks=6)), 6),
        (CurriculumConfig(num_active_tasks=6, algorithm_config=DiscreteRandomConfig(num_active_tasks=6)), 6),
        (CurriculumConfig(algorithm_config=LearningProgressConfig.stable()), 256),
        (CurriculumConfig(num_active_tasks=64, algorithm_config=LearningProgressConfig.stable()), 64),
        (CurriculumConfig(algorithm_config={"type": "discrete_random", "num_active_tasks": 8}), 8),
        (CurriculumConfig(), 1000),
        (CurriculumConfig(num_active_tasks=5, algorithm_config=DiscreteRandomConfig), 5),  # type: ignore[arg-type]
        (CurriculumConfig(num_active_tasks=5, algorithm_config=DiscreteRandomConfig().model_dump()), 5),
        (CurriculumConfig(num_active_tasks=1000, algorithm_config=DiscreteRandomConfig(num_active_tasks=6)), 6),
    ],
)
def test_the_size_is_what_was_given_wherever_that_was(config: CurriculumConfig, size: int) -> None:
    assert config.num_active_tasks == config.algorithm_config.num_active_tasks == size


def test_a_default_that_a_parser_of_the_command_line_fills_in_gives_way() -> None:
    filled_in = {name: field.get_default() for name, field in DiscreteRandomConfig.model_fields.items()}
    config = CurriculumConfig(use_shared_memory=False, algorithm_config=filled_in)
    assert config.use_shared_memory is config.algorithm_config.use_shared_memory is False


def test_the_size_of_the_pool_can_be_assigned_later() -> None:
    config = CurriculumConfig(algorithm_config=LearningProgressConfig.stable())
    config.num_active_tasks = 9
    assert config.algorithm_config.num_active_tasks == 9
    with CurriculumConfig(num_active_tasks=3, use_shared_memory=False).make() as curriculum:
        assert curriculum.stats()["algorithm/num_tasks"] == 3


def test_the_configuration_of_a_live_curriculum_is_changed_by_use_alone() -> None:
    config = CurriculumConfig(num_active_tasks=3, use_shared_memory=False, seed=1)
    with config.make() as curriculum:
        config.num_active_tasks = 99
        config.algorithm_config.task_tracker_ema_alpha = 0.5
        for scheduler in ("uniform", "plr"):
            assert (curriculum.config.num_active_tasks, curriculum.config.seed) == (3, 1)
            assert curriculum.config.algorithm_config.task_tracker_ema_alpha != 0.5
            with pytest.raises(ConfigError, match=r"seed of a live .*curriculum\.use"):
                curriculum.config.seed = 7
            with pytest.raises(ConfigError, match=r"task_tracker_ema_alpha of a live .*curriculum\.use"):
                curriculum.config.algorithm_config.task_tracker_ema_alpha = 0.5
            with pytest.raises(ConfigError, match=r"curriculum\.use"):
                curriculum.config = config  # type: ignore[assignment]
            curriculum.use(scheduler)
        again = curriculum.config.model_copy()
        assert again == curriculum.config
        again.seed = 7
        again.algorithm_config.task_tracker_ema_alpha = 0.5
        assert curriculum.config.algorithm_config.task_tracker_ema_alpha != 0.5
    with pytest.raises(ConfigError, match=r"a dict, not a CurriculumConfig: CurriculumConfig\.model_validate"):
        Curriculum({"num_active_tasks": 3})  # type: ignore[arg-type]


def test_a_copy_takes_a_scheduler_as_a_configuration_does() -> None:
    config = CurriculumConfig(num_active_tasks=64)
    for scheduler in ("plr", {"type": "plr"}, PrioritizedReplayConfig):
        copy = config.model_copy(update={"algorithm_config": scheduler})
        assert copy == CurriculumConfig(num_active_tasks=64, algorithm_config="plr")


@pytest.mark.parametrize(
    "update", [{"num_active_task": 3}, {"num_active_tasks": -5}, {"seed": "x"}, {"stages": ["b"]}], ids=str
)
def test_a_copy_is_checked_as_a_new_configuration_is(update: dict[str, Any]) -> None:
    config = CurriculumConfig(num_active_tasks=50, seed=1)
    with pytest.raises(ConfigError, match=next(iter(update))):
        config.model_copy(update=update)
    assert config == CurriculumConfig(num_active_tasks=50, seed=1)
    copy = config.model_copy(update={"num_active_tasks": "60"})  # as a command line has it
    assert (copy.num_active_tasks, copy.algorithm_config.num_active_tasks) == (60, 60)


# -- to text and back -----------------------------------------------------------------------------------------------

CONFIGS: dict[str, CurriculumConfig] = {
    "default": CurriculumConfig(),
    "preset": CurriculumConfig(seed=7, algorithm_config=LearningProgressConfig.fast_learning(rand_task_rate=0.25)),
    "reference": CurriculumConfig(num_active_tasks=12, algorithm_config=LearningProgressConfig.reference()),
    "random": CurriculumConfig(defer_init=True, session_id="some-1", algorithm_config=DiscreteRandomConfig()),
    "generator": CurriculumConfig(
        use_shared_memory=False,
        task_generator=merge(
            [bucketed({"size": 4}).add_bucket("size", [4, Span(8, 16)], label=True), single_task({"size": 2}, "small")]
        ),
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_comes_back_from_json_and_from_python_objects(name: str) -> None:
    config = CONFIGS[name]
    assert CurriculumConfig.model_validate_json(config.model_dump_json()) == config
    assert CurriculumConfig(**config.model_dump()) == config
    assert type(CurriculumConfig.model_validate_json(config.model_dump_json()).algorithm_config) is type(
        config.algorithm_config
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_comes_back_from_what_differs_from_the_defaults(name: str) -> None:
    config = CONFIGS[name]
    assert CurriculumConfig(**config.model_dump(exclude_defaults=True)) == config


@pytest.mark.parametrize("name", CONFIGS)
def test_a_configuration_comes_back_from_yaml(name: str) -> None:
    yaml = pytest.importorskip("yaml")
    config = CONFIGS[name]
    text = yaml.safe_dump(config.model_dump(mode="json"))
    assert CurriculumConfig(**yaml.safe_load(text)) == config


def test_json_that_is_wrong_is_a_config_error_too() -> None:
    with pytest.raises(ValueError, match="num_active_tasks"):
        CurriculumConfig.model_validate_json('{"num_active_tasks": 0}')


# -- every option has a reader --------------------------------------------------------------------------------------


def test_every_option_of_the_algorithm_reaches_the_pool() -> None:
    """A value of its own for each field ends up in the header."""
    read_in_python = {"type", "num_active_tasks", "use_shared_memory", "show_curriculum_troubleshooting_logging"}
    others: dict[str, Any] = {"exploration": "absolute", "eviction_among": "all"}
    for name, field in LearningProgressConfig.model_fields.items():
        if name in read_in_python:
            continue
        default = field.default
        other = others.get(
            name, (not default) if isinstance(default, bool) else default + 1 if isinstance(default, int) else 0.77
        )
        changed = LearningProgressConfig(**{name: other}).rules(5, False)
        rules = LearningProgressConfig().rules(5, False)
        assert any(not np.array_equal(changed[word], rules[word]) for word in rules), f"{name} is never read"
        assert set(changed) == {field[0] for field in layout.RULE_FIELDS}


def test_the_header_of_a_pool_holds_the_configuration() -> None:
    algorithm = LearningProgressConfig(ema_timescale=0.25, slow_timescale_factor=0.5, eviction_threshold_percentile=0.9)
    config = CurriculumConfig(num_active_tasks=3, use_shared_memory=False, seed=5, algorithm_config=algorithm)
    with config.make() as curriculum:
        header = curriculum._pool.state["header"][0]
        for name, value in config.header_settings().items():
            assert np.array_equal(header[name], value)
        assert (header["fast_timescale"], header["slow_timescale"], header["seed"]) == (0.25, 0.125, 5)


def test_equal_seeds_draw_equal_tasks_and_no_seed_another_one_each_time() -> None:
    def ids(seed: int | None) -> list[int]:
        with CurriculumConfig(num_active_tasks=5, use_shared_memory=False, seed=seed).make() as curriculum:
            return [curriculum.get_task().task_id for _ in range(20)]

    assert ids(3) == ids(3)
    assert len({tuple(ids(seed)) for seed in (3, 4, None, None)}) == 4


def test_the_constructor_takes_what_the_design_says() -> None:
    assert list(inspect.signature(Curriculum).parameters)[:2] == ["config", "task_generator"]


class Alarm(Exception):
    """What a signal handler raises."""


@pytest.fixture
def handler_that_raises() -> Iterator[None]:
    def handler(*_: object) -> None:
        raise Alarm

    before = signal.signal(signal.SIGTERM, handler)
    yield
    signal.signal(signal.SIGTERM, before)


class Interrupted(CheckedModel):
    kind: Literal["interrupted"] = "interrupted"

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return handler(self)


class Other(CheckedModel):
    kind: Literal["other"] = "other"


class OneOfTwo(CheckedModel):
    inside: Interrupted | Other


class InterruptedGenerator(TaskGenerator):
    type: Literal["interrupted"] = "interrupted"

    @model_serializer(mode="wrap")
    def _serialize(self, handler: SerializerFunctionWrapHandler) -> Any:
        signal.raise_signal(signal.SIGTERM)
        return handler(self)

    def _generate(self, task_id: int) -> GeneratedTask:
        return GeneratedTask({}, "one", {})


@pytest.mark.usefixtures("handler_that_raises")
@pytest.mark.parametrize("model", [Interrupted(), OneOfTwo(inside=Interrupted()), InterruptedGenerator()], ids=repr)
def test_what_a_signal_handler_raises_while_a_model_is_written_reaches_the_caller(model: Any) -> None:
    with pytest.raises(Alarm):
        model.model_dump(mode="json")
    with pytest.raises(Alarm):
        model.model_dump_json()


@pytest.mark.usefixtures("handler_that_raises")
def test_an_interrupt_leaves_no_generator_out() -> None:
    with pytest.raises(Alarm):
        CurriculumConfig(num_active_tasks=4, use_shared_memory=False).make(task_generator=InterruptedGenerator())


@pytest.mark.parametrize(
    "scheduler", ["uniform", "random", "discrete_random", {"type": "uniform"}, DiscreteRandomConfig()]
)
def test_a_word_is_a_scheduler_with_its_defaults(scheduler: Any) -> None:
    config = CurriculumConfig(num_active_tasks=4, algorithm_config=scheduler)
    assert config.algorithm_config.type == "discrete_random"
    with CurriculumConfig(num_active_tasks=4).make() as curriculum:
        curriculum.use(scheduler)
        assert curriculum.config.algorithm_config == config.algorithm_config


class Own(SchedulerConfig):
    """A scheduler outside of the package."""

    type: Literal["own"] = "own"


class Bent(PrioritizedReplayConfig):
    """One whose formula no kernel has."""

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        return task.last_score[at]


class Tuned(PrioritizedReplayConfig):
    """Other defaults: a scheduler like any."""

    staleness_share: float = 0.2


def test_a_class_of_the_users_may_change_defaults_but_no_formula() -> None:
    for scheduler in (Own(), Own, Bent(), Bent):
        with pytest.raises(ConfigError, match=r"scheduler of your own.*lpcurr help contributing"):
            CurriculumConfig(algorithm_config=scheduler)
    with CurriculumConfig(num_active_tasks=4, algorithm_config=Tuned()).make() as curriculum:
        with pytest.raises(ConfigError, match="Bent is a scheduler of your own"):
            curriculum.use(Bent())
        scheduler = curriculum.config.algorithm_config
        assert scheduler == PrioritizedReplayConfig(staleness_share=0.2, num_active_tasks=4)
        assert curriculum.config.rules(scheduler)["staleness_share"] == 0.2


def test_shares_of_the_same_draws_add_up_to_1_at_most() -> None:
    config = FrontierConfig(frontier_share=0.9, staleness_share=0.1)
    assert config.rules(5, fixed_set=False)["exploration_share"] >= 0.0
    with pytest.raises(ConfigError, match=r"frontier_share=0\.9 and staleness_share=0\.9 add up to more than 1"):
        FrontierConfig(frontier_share=0.9, staleness_share=0.9)
    with pytest.raises(ConfigError, match=r"staleness_share=0\.2 add up to more than 1"):
        config.staleness_share = 0.2
    assert config.staleness_share == 0.1


@pytest.mark.parametrize(("given", "words"), [("frontie", "did you mean 'frontier'?"), ("x" * 10**5, "no such type")])
def test_a_scheduler_that_is_none_is_answered_in_a_line_with_those_that_are(given: str, words: str) -> None:
    with pytest.raises(ConfigError, match="label_progress") as error:
        CurriculumConfig(algorithm_config=given)
    assert words in str(error.value)
    assert len(str(error.value)) < 500
