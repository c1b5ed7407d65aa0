"""The environment that plays what a curriculum gives it, by the name that it has in metta."""

from __future__ import annotations

import lpcurr.integrations.puffer
from lpcurr.curriculum.task import CurriculumTask


class CurriculumEnv(lpcurr.integrations.puffer.CurriculumEnv):
    """As :class:`lpcurr.integrations.puffer.CurriculumEnv`; the task itself counts the score as well."""

    def _credit(self, task: CurriculumTask, score: float) -> None:
        super()._credit(task, score)
        complete = getattr(task, "complete", None)
        if complete is not None:
            complete(score)
