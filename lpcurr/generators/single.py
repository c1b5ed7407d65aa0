"""One environment configuration for every task."""

from typing import Any, Literal

from pydantic import field_validator

from lpcurr.errors import ConfigError
from lpcurr.generators.base import GeneratedTask, TaskGenerator
from lpcurr.generators.encoding import EncodedValue
from lpcurr.generators.environment import copied


class SingleTaskGenerator(TaskGenerator):
    """The same environment configuration for every task id.

    Its label is ``label``, or ``"default"``.

    Attributes:
        env: the configuration: a dict, a dataclass, a pydantic model or any other value. It is copied here, and again
            for each task.

    Raises:
        ConfigError: ``env`` cannot be copied, or an override leads nowhere or has the wrong type.

    >>> SingleTaskGenerator(env={"size": 4}, label="small", overrides={"size": 5}).build(123)
    GeneratedTask(env_cfg={'size': 5}, label='small', slice_values={})
    """

    type: Literal["single"] = "single"
    env: EncodedValue

    @field_validator("env")
    @classmethod
    def _refuse_generator(cls, env: Any) -> Any:
        if isinstance(env, TaskGenerator):
            raise ConfigError(f"env is a {type(env).__name__}; a generator needs no wrapping")
        return env

    def _generate(self, task_id: int) -> GeneratedTask:
        return GeneratedTask(copied(self.env), self.label_of(task_id), {})

    def _base_envs(self) -> list[Any]:
        return [copied(self.env)]


def single_task(env: Any, label: str | None = None) -> SingleTaskGenerator:
    """A generator that gives every task the same environment configuration.

    >>> single_task({"size": 4}, label="small")(task_id=0)
    {'size': 4}
    """
    return SingleTaskGenerator(env=env, label=label)
