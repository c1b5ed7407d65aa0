"""The environment that plays what a curriculum gives it, by the name that it has in metta."""

from typing import Any

import lpcurr.integrations.puffer
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.integrations.metta.curriculum import Curriculum


class CurriculumEnv(lpcurr.integrations.puffer.CurriculumEnv):
    """As :class:`lpcurr.integrations.puffer.CurriculumEnv`, but for two things that metta's does.

    It has a task as soon as it is made, which the first reset begins; and the task itself counts the score as well.
    """

    def __init__(self, env: Any, curriculum: Any, **options: Any) -> None:
        super().__init__(env, curriculum, **options)
        if isinstance(self._curriculum, Curriculum):  # an evaluation would miss it where the environment is never reset
            self._take_task()

    def _credit(self, task: CurriculumTask, score: float) -> None:
        super()._credit(task, score)
        complete = getattr(task, "complete", None)
        if complete is not None:
            complete(score)
