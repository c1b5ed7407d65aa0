"""The guides that ``lpcurr help TOPIC`` prints: one module a topic, whose docstring is the guide.

Their examples run with the tests. What other modules explain already is named here and not written twice.
"""

import importlib
import inspect
from collections.abc import Iterator

from lpcurr.errors import ConfigError

TOPICS = {
    "quickstart": "a curriculum in ten lines, and in Gymnasium",
    "concepts": "tasks, pool, what is known of a task; what a draw does; what lies in the shared memory",
    "schedulers": "the default, the others, another one on a live pool; signal and cost",
    "choosing": "which scheduler for which tasks, with what simulated students learned by each",
    "config": "every setting with its default, and the presets",
    "tasks": "task generators: buckets, spans, weighted sets, lists, stages, your own function; their keys in files",
    "workers": "many processes on one pool, and what happens when one dies",
    "machines": "one curriculum over all nodes: what is equal, how far it goes, when a node dies; recordings",
    "torchrun": "the same with torch.distributed",
    "ray": "the same with Ray and RLlib",
    "evaluation": "a fixed set of tasks in order, each equally often; mean and worst tenth",
    "checkpoints": "save, load, resume; a trainer's own checkpoint file",
    "statistics": "every figure of curriculum.stats() and what it tells",
    "recipes": "lpcurr train: packaged recipes, overrides, run folders, your own",
    "integrations": "Gymnasium and other libraries",
    "language_models": "prompts in batches of distinct ones, groups of answers, resuming; PyTorch and TRL",
    "migrating": "coming from metta's curriculum",
    "performance": "what an episode costs, why it does not grow, and how to measure it",
    "troubleshooting": "messages you may see, and what to do",
    "security": "what is trusted and what is not: files, other users, other containers",
    "contributing": "where things lie; add a scheduler, column, index, kernel; which tests take how long",
}
"""The topics, in the order in which one would read them, with a line each."""


def guide(topic: str) -> str:
    """A guide as plain text.

    Raises:
        ConfigError: there is no such topic; it names those that speak of it.

    >>> guide("quickstart").splitlines()[0]
    'Quickstart'
    """
    if topic not in TOPICS:
        speaking = [name for name in TOPICS if topic.lower() in guide(name).lower()]
        found = f"these speak of it: {', '.join(speaking)}" if speaking else f"there are: {', '.join(TOPICS)}"
        raise ConfigError(f"there is no guide {topic!r}; {found}")
    module = importlib.import_module(f"lpcurr.guides.{topic}")
    text = inspect.cleandoc(module.__doc__ or "")
    more: Iterator[str] = getattr(module, "sections", lambda: iter(()))()
    return "\n\n".join([text, *more])
