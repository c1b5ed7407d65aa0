"""The guides that ``lpcurr help TOPIC`` shows: each is the docstring of a module here, whose examples are tests.

A guide may name other modules, whose docstrings tell the rest: ``ALSO``.
"""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

TOPICS = {
    "quickstart": "a curriculum in ten lines",
    "concepts": "what a draw does, and what the segment holds",
    "config": "every field with its default",
    "tasks": "task generators: from an id to an environment",
    "workers": "many processes on one pool; attaching; what a killed worker does",
    "checkpoints": "saving and going on",
    "statistics": "every key and its meaning",
    "integrations": "Gymnasium, PufferLib and MettaGrid",
    "recipes": "lpcurr train, and recipes of one's own",
    "migrating": "from the metta curriculum",
    "performance": "what costs what",
    "troubleshooting": "what to look at when something seems wrong",
}
"""The guides, and a line on each."""


def guide(topic: str) -> str:
    """The text of a guide; raises ``KeyError`` for a topic that there is not."""
    if topic not in TOPICS:
        raise KeyError(topic)
    name = f"{__name__}.{topic}"
    parts = [_docstring(name), *(_docstring(other) for other in _also(name))]
    if topic == "config":
        from lpcurr.guides.config import fields

        parts.append(fields())
    if topic == "statistics":
        from lpcurr.guides.statistics import process_keys

        parts.append(process_keys())
    return "\n\n".join(parts)


def _module(name: str) -> ast.Module:
    """A module's code, read and not run: what it is about may need an extra that is not installed."""
    found = importlib.util.find_spec(name)
    assert found is not None, name
    assert found.origin is not None, name
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def _docstring(name: str) -> str:
    text = ast.get_docstring(_module(name))
    assert text is not None, name
    return text


def _also(name: str) -> list[str]:
    for node in _module(name).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ALSO":
            return list(ast.literal_eval(node.value))
    return []
