"""The guides and the reference of everything public as a site of HTML files, made by pdoc from the docstrings."""

from __future__ import annotations

import importlib
import pkgutil
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from lpcurr.errors import ConfigError
from lpcurr.guides import TOPICS, guide

_REFERENCE = ("schedulers", "generators", "integrations", "recipes", "runs", "errors")
_EXAMPLE = re.compile(r"(?:^[ ]*>>> .*\n(?:^(?![ ]*$).*\n?)*)+", re.MULTILINE)


def write(folder: Path) -> Path:
    """Write the site: self-contained, with a search over all its pages.

    Args:
        folder: is made, or its pages are replaced.

    Returns:
        The first page.

    Raises:
        ConfigError: pdoc is not installed, or the folder cannot be written.
    """
    try:
        import pdoc
    except ModuleNotFoundError as error:
        raise ConfigError('the site is made by pdoc: pip install "lpcurr[docs]"') from error
    package = importlib.import_module("lpcurr")
    package.__doc__ = f"{package.__doc__ or ''}\n\n{_contents()}"
    for topic in TOPICS:
        importlib.import_module(f"lpcurr.guides.{topic}").__doc__ = guide(topic)
    convert = pdoc.docstrings.convert
    pdoc.docstrings.convert = lambda docstring, *others: convert(with_fenced_examples(docstring), *others)  # type: ignore[assignment, unused-ignore]
    pdoc.render.configure(
        docformat="google", search=True, show_source=False, footer_text=f"lpcurr {package.__version__}"
    )
    try:
        with warnings.catch_warnings(action="ignore"):  # of modules whose library is not installed
            pdoc.pdoc("lpcurr", "lpcurr.guides", *_importable(package.__path__), output_directory=folder)
    except OSError as error:
        raise ConfigError(f"the site cannot be written to {folder}: {error.strerror}") from error
    finally:
        pdoc.docstrings.convert = convert
    return folder / "lpcurr.html"


def with_fenced_examples(text: str) -> str:
    """Fence the examples of a docstring, whose prompts Markdown would take for quotations.

    >>> with_fenced_examples("Text.\\n\\n>>> 1 + 1\\n2\\n\\nMore.").splitlines()[2:6]
    ['```python', '>>> 1 + 1', '2', '```']
    """
    return _EXAMPLE.sub(_fenced, text)


def _importable(path: Iterable[str]) -> Iterator[str]:
    """Go through the modules of the reference but for those that need a library that is not installed."""
    for room in _REFERENCE:
        for module in pkgutil.walk_packages(path, "lpcurr."):
            if module.name == f"lpcurr.{room}" or module.name.startswith(f"lpcurr.{room}."):
                try:
                    importlib.import_module(module.name)
                except ImportError:
                    yield f"!{module.name}"
                else:
                    yield module.name


def _fenced(example: re.Match[str]) -> str:
    lines = example[0].rstrip("\n")
    indent = re.match(" *", lines)
    assert indent is not None
    return textwrap.indent(f"```python\n{textwrap.dedent(lines)}\n```\n", indent[0])


def _contents() -> str:
    lines = [f"- [{topic}](lpcurr/guides/{topic}.html): {line}" for topic, line in TOPICS.items()]
    return "\n".join(["Guides", "------", *lines])
