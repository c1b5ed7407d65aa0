"""What is written down of a training, by key."""

import math
from typing import Any

Row = dict[str, Any]
_GREATEST = 1e100  # whatever is worked out from two such numbers, or drawn of them, is finite


def number(value: object) -> float:
    """Return a number of a line as float; NaN for what is none, or is not finite, or beyond all figures."""
    if isinstance(value, int | float) and -_GREATEST < value < _GREATEST:
        return float(value)
    return math.nan


METRICS = {
    "curriculum": "the arm: its name, or in a run without named arms the type of its algorithm",
    "seed": "of this training",
    "epoch": "from 1 up",
    "algorithm": "type of the algorithm in this epoch",
    "switches": "entries of curriculum.schedule that came into force before this epoch",
    "seconds": "since this training began",
    "steps": "environment steps so far",
    "episodes": "episodes so far",
    "epoch_steps": "environment steps in this epoch",
    "epoch_episodes": "episodes in this epoch",
    "epoch_seconds": "seconds spent acting and learning in this epoch, evaluation left out",
    "steps_per_second": "epoch_steps / epoch_seconds",
    "episodes_per_second": "epoch_episodes / epoch_seconds",
    "score": "mean score of the episodes of this epoch: what the curriculum chose, so harder tasks lower it",
    "eval/score": "mean success probability on the held-out tasks",
    "eval/worst_tenth": "mean of that over the tenth of the held-out tasks on which it is least",
    "eval/mastered": "held-out tasks at or above the mastery threshold",
    "eval/tasks": "held-out tasks",
    "eval/mastered_share": "eval/mastered / eval/tasks",
    "pool/mastered": "active tasks whose success rate (EMA) is at least the algorithm's success threshold",
    "pool/mastered_share": "pool/mastered / active tasks",
    "epoch_completions/<label>": "episodes of this epoch, by label",
    "label_probability/<label>": "of a task with this label being the next draw",
    "label_progress/<label>": "mean raw learning progress of the active tasks, |fast − slow average| of the score",
    "label_reward/<label>": "mean over the active tasks of the moving average of the score",
    "label_held_out/<label>": "mean success probability on the held-out tasks with this label, if the recipe says it",
    "success_probability/<tenth>": "of a task whose success rate (EMA) is from there to 0.1 above, or `unplayed`",
    "gini/<name>": "inequality from 0 (equal) to 1, of raw LP, probabilities, episodes and more",
    "epoch_draws": "tasks handed out in this epoch, by all processes",
    "epoch_tries": "tasks looked at for them by rejection; none for discrete random",
    "epoch_scans": "draws that ran out of tries and went through all tasks instead",
    "epoch_lock_waits": "calls that found the pool's lock taken",
    "epoch_lock_wait_seconds": "how long those waited together",
    "curriculum/<key>": "curriculum.stats() at the end of the epoch, see lpcurr.statistics.figures",
}
"""The keys of a line of ``metrics.jsonl``."""

TASK_FIELDS = {
    "curriculum": "the arm",
    "seed": "of the training",
    "task_id": "the task",
    "label": "its group",
    "probability": "of being the next draw",
    "completions": "episodes of it",
    "success_rate": "exponential moving average",
    "learning_progress": "|fast − slow average| of its score",
}
"""The keys of a line of ``tasks.jsonl``."""
