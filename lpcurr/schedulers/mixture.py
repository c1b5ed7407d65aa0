"""A mixture of schedulers by shares: each draw is made by one of them, chosen anew with the chance of its share.

When to use it: to add to a scheduler what it lacks, such as progress by label to the frontier (the default parts), more
uniform draws, or more staleness. The chance of a task is exactly the sum of share times chance over the parts.

One pool keeps one priority a task, so one part at most may draw by a priority of its own (any scheduler but
``discrete_random``, ``staleness`` and ``label_progress``). That part, else the first that evicts, else the first, also
says what averages are kept and which tasks make room for new ones.

References:
    ε-greedy mixtures as in Matiisen and others (2017), arXiv 1707.00183, and Jiang and others (2021), arXiv 2010.03934.
"""

import builtins
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, TypeAdapter, field_serializer, field_validator, model_validator

from lpcurr.schedulers.common import CheckedModel, SchedulerConfig, Way, name_words
from lpcurr.schedulers.frontier import FrontierConfig
from lpcurr.schedulers.label_progress import LabelProgressConfig

_OF_THE_POOL = ("num_active_tasks", "use_shared_memory")
_SHARES = ("rand_task_rate", "exploration_share", "staleness_share", "label_share")
_OF_LABELS = ("label_fast_timescale", "label_slow_timescale")


class Part(CheckedModel):
    """A scheduler, and its share of the draws."""

    share: float = Field(gt=0.0, le=1.0, description="share of the draws")
    use: SerializeAsAny[SchedulerConfig] = Field(description="the scheduler: its settings, or a dict with its type")

    @field_validator("use", mode="before")
    @classmethod
    def _find_by_type(cls, given: Any) -> Any:
        from lpcurr.schedulers import AnyScheduler

        return TypeAdapter(AnyScheduler).validate_python(given)

    @field_serializer("use", mode="wrap")
    def _leave_out_the_pool(self, use: SchedulerConfig, handler: Any) -> dict[str, Any]:
        return {name: value for name, value in handler(use).items() if name not in _OF_THE_POOL}


def _default_parts() -> list[Part]:
    return [Part(share=0.7, use=FrontierConfig()), Part(share=0.3, use=LabelProgressConfig())]


class MixtureConfig(SchedulerConfig):
    """Draw by several schedulers, each a share of the draws: the chance of a task is the sum of share times chance.

    What is set for all schedulers, as ``task_tracker_ema_alpha``, is that of the part whose averages are kept; give it
    there. The pool's size is the mixture's.

    >>> learnability = {"share": 0.8, "use": {"type": "learnability", "attempts": 8}}
    >>> mixture = MixtureConfig(parts=[learnability, {"share": 0.2, "use": {"type": "staleness"}}])
    >>> mixture.parts[0].use.attempts
    8
    """

    scale_free: ClassVar[bool] = True

    type: Literal["mixture"] = "mixture"
    parts: list[Part] = Field(
        default_factory=_default_parts, min_length=2, max_length=16, description="schedulers whose shares add up to 1"
    )

    @model_validator(mode="after")
    def _can_be_mixed(self) -> Self:
        for problem in self._problems():
            raise ValueError(problem)
        main = self._main
        for name in set(SchedulerConfig.model_fields) - {*_OF_THE_POOL, "type"}:
            own, its = getattr(self, name), getattr(main, name)
            if name in self.model_fields_set and own != its:
                raise ValueError(f"{name}={own} contradicts {name}={its} of the part {main.type!r}: give it only there")
            self.__dict__[name] = its  # directly: assigning would validate, and come here, again
        return self

    def _problems(self) -> Iterator[str]:
        total = sum(part.share for part in self.parts)
        if abs(total - 1.0) > 1e-9:
            yield f"the shares of the parts add up to {total:g}, not 1"
        uses = [part.use for part in self.parts]
        if any(isinstance(use, MixtureConfig) for use in uses):
            yield "a part is itself a mixture: give its parts instead"
        own = [use.type for use in uses if use.scheduler.draws_by != Way.UNIFORM]
        if len(own) > 1:
            yield (
                f"{' and '.join(map(repr, own))} both draw by a priority of their own, and a pool keeps one a task: "
                "mix one of them with 'discrete_random', 'staleness' and 'label_progress'"
            )
        by_label = [rules for rules in self._rules_of_parts(0, False) if rules["label_share"] > 0.0]
        scales = {tuple(rules[name] for name in _OF_LABELS) for rules in by_label}
        if len(scales) > 1:
            yield "two parts of 'label_progress' have other timescales, and a pool keeps one pair of averages a label"
        for use in uses:
            for name in use.model_fields_set.intersection(_OF_THE_POOL):
                given = f"{name}={getattr(use, name)} of the part {use.type!r}"
                yield f"{given} is the whole pool's: give it to the mixture"

    def _rules_of_parts(self, min_presentations: int, fixed_set: bool) -> list[dict[str, Any]]:
        return [part.use.rules(min_presentations, fixed_set) for part in self.parts]

    @property
    def _main(self) -> SchedulerConfig:
        """The part whose averages are kept, and which evicts; of equals the first."""
        return max(
            (part.use for part in self.parts),
            key=lambda use: (use.scheduler.draws_by != Way.UNIFORM, use.rules(0, False)["may_evict"]),
        )

    @property
    def scheduler(self) -> builtins.type[SchedulerConfig]:
        """Whose formulas are used: those of the part that draws by a priority of its own, or evicts."""
        return self._main.scheduler

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        main = self._main
        mixed = main.rules(min_presentations, fixed_set) | dict.fromkeys(_SHARES, 0.0)
        mixed["scheduler_name"] = name_words(self.type)
        for part, rules in zip(self.parts, self._rules_of_parts(min_presentations, fixed_set), strict=True):
            for name in _SHARES:
                mixed[name] += part.share * rules[name]
            if part.use is not main:  # what is left of it is uniform
                mixed["rand_task_rate"] += part.share * (1.0 - sum(rules[name] for name in _SHARES))
            if rules["label_share"] > 0.0:
                mixed |= {name: rules[name] for name in _OF_LABELS}
        return mixed
