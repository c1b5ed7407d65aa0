"""What the curves of a report are of: one figure an epoch each, with what it means."""

import math
from typing import NamedTuple

from lpcurr.reports.series import Figure, of
from lpcurr.runs.metrics import Row, number

SECTIONS = LEARNING, DOING, COST = ("Does it learn?", "What the curriculum does", "What it costs")


def _per_draw(name: str, scale: float) -> Figure:
    def figure(row: Row) -> float:
        draws, counted = number(row.get("epoch_draws")), number(row.get(name))
        return scale * counted / draws if draws > 0 else math.nan

    return figure


def _tries(row: Row) -> float:
    tries = _per_draw("epoch_tries", 1.0)(row)
    return tries if tries > 0 else math.nan  # discrete random rejects nothing


class What(NamedTuple):
    """What curves are of."""

    section: str
    title: str
    unit: str
    figure: Figure
    caption: str
    headline: bool = False


BAND = "Line: mean over the seeds; band: its 95 % interval (Student's t)."
CURVES = (
    What(
        *(LEARNING, "Score on held-out tasks", "mean score (0 … 1)", of("eval/score")),
        "Tasks that are never trained on, the same for every curriculum: the figure to judge by.",
        headline=True,
    ),
    What(
        *(LEARNING, "Worst tenth of the held-out tasks", "mean score (0 … 1)", of("eval/worst_tenth")),
        "The tenth of the held-out tasks on which the policy does worst at that moment. A mean can hide tasks that a "
        "curriculum has left behind; this does not.",
        headline=True,
    ),
    What(
        *(LEARNING, "Held-out tasks mastered", "share of held-out tasks", of("eval/mastered_share")),
        "Held-out tasks at or above the recipe's mastery threshold.",
        headline=True,
    ),
    What(
        *(LEARNING, "Score of the training episodes", "mean score (0 … 1)", of("score")),
        "Of the tasks that the curriculum chose, so it cannot be compared between curricula: harder tasks lower it.",
    ),
    What(
        *(LEARNING, "Mastered tasks in the pool", "share of active tasks", of("pool/mastered_share")),
        "Active tasks whose success rate is at or above the algorithm's success threshold.",
    ),
    What(
        *(COST, "Speed", "environment steps per second", of("steps_per_second")),
        "Acting and learning, evaluation left out. Curricula choose different tasks: where episodes are shorter, more "
        "of the time goes into resets.",
        headline=True,
    ),
    What(
        *(DOING, "Tasks that left the pool", "tasks evicted so far", of("curriculum/num_evicted")),
        "Each made room for a new task. Discrete random never evicts.",
    ),
    What(
        *(DOING, "Tasks that starve", "tasks", of("curriculum/algorithm/draws/starving_tasks")),
        "Active tasks that were not drawn in the last five draws a task: they get less than a fifth of the mean.",
    ),
    What(
        *(COST, "Tries per draw", "tasks looked at per draw", _tries),
        "A draw looks at tasks until one is accepted. The more unequal the probabilities, the more tries. "
        "Draws of unexplored tasks and uniform draws need none.",
    ),
    What(
        *(COST, "Waiting for the pool's lock", "waits per 1,000 draws", _per_draw("epoch_lock_waits", 1000.0)),
        "Calls of all processes that found the lock of the shared pool taken.",
    ),
)
NODE_CURVES = (
    What(
        *(COST, "How far a node is behind", "entries", of("curriculum/exchange/entries_behind")),
        "What the other nodes had played and this one had not seen, at the last exchange of the epoch; an episode is "
        "two entries.",
    ),
    What(
        *(COST, "Time of an exchange", "seconds", of("curriculum/exchange/seconds")),
        "From its beginning until the pool had all nodes' entries; most of it is waiting for the slowest node.",
    ),
    What(
        *(COST, "Bytes of an exchange", "bytes of all nodes", of("curriculum/exchange/bytes")),
        "The entries of all nodes at the last exchange of the epoch.",
    ),
)
