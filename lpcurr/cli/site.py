"""The guides and the reference of everything public as a site of HTML files, made by pdoc from the docstrings."""

import importlib
import pkgutil
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lpcurr.errors import ConfigError
from lpcurr.guides import TOPICS, guide

_REFERENCE = ("schedulers", "generators", "integrations", "recipes", "runs", "errors")
_BLOCK = re.compile(r"(?:^.*\S.*\n?)+", re.MULTILINE)
_HEADING = re.compile(r".*\n *(?:=+|-+)(?:\n|$)")
_LINK = re.compile(r'<a href="([^":]*)#([^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
_STYLE = "<style>main.pdoc{max-width:86rem}.pdoc pre{font-size:.8rem}</style></head>"  # 120 columns


def write(folder: Path) -> Path:
    """Write the site: self-contained, with a search over all its pages; return the first page."""
    try:
        import pdoc
    except ModuleNotFoundError as error:
        raise ConfigError('the site is made by pdoc: pip install "lpcurr[docs]"') from error
    package = importlib.import_module("lpcurr")
    package.__doc__ = f"{package.__doc__ or ''}\n\n{_contents()}"
    for topic in TOPICS:
        importlib.import_module(f"lpcurr.guides.{topic}").__doc__ = guide(topic)
    modules = ["lpcurr", "lpcurr.guides", *_importable(package.__path__)]
    convert, taken_from = pdoc.docstrings.convert, pdoc.doc.Class._taken_from

    def as_markdown(docstring: str, *others: Any) -> str:
        """Convert a docstring whose examples and tables stand in fences."""
        page: str = convert(with_fences(docstring), *others)
        return page

    def as_own(described: Any, name: str, member: Any) -> tuple[str, str]:
        """Take for a class's own what it has from one of ours that has no page, as a curriculum has most of it."""
        module, qualname = taken_from(described, name, member)
        if module.startswith("lpcurr.") and module not in modules:
            return described.modulename, f"{described.qualname}.{name}"
        return module, qualname

    pdoc.render.configure(
        docformat="google", search=True, show_source=False, footer_text=f"lpcurr {package.__version__}"
    )
    try:
        with (
            warnings.catch_warnings(action="ignore"),  # of modules whose library is not installed
            patch.object(pdoc.docstrings, "convert", as_markdown),
            patch.object(pdoc.doc.Class, "_taken_from", as_own),
        ):
            pdoc.pdoc(*modules, output_directory=folder)
        _finish([folder / "lpcurr.html", *(folder / "lpcurr").rglob("*.html")])
    except OSError as error:
        raise ConfigError(f"the site cannot be written to {folder}: {error.strerror}") from error
    return folder / "lpcurr.html"


def with_fences(text: str) -> str:
    """Fence the examples of a docstring, whose prompts Markdown would take for quotations, and what is in columns.

    >>> with_fences("Text.\\n\\n>>> 1 + 1\\n2\\n\\nname  meaning\\n").splitlines()[2:]
    ['```python', '>>> 1 + 1', '2', '```', '', '```text', 'name  meaning', '```']
    """
    return _BLOCK.sub(_fenced, text)


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


def _fenced(block: re.Match[str]) -> str:
    heading = match[0] if (match := _HEADING.match(block[0])) else ""
    lines = block[0][len(heading) :].rstrip("\n")
    example, columns = re.search(r"^ *>>> ", lines, re.MULTILINE), re.search(r"\S {2,}\S", lines)
    prose = lines[: example.start()] if example else ""
    lines = lines[len(prose) :]
    indent = min(re.findall(r"^ *", lines, re.MULTILINE))
    if not example and (not columns or len(indent) >= 4):  # so far to the right it is code anyhow
        return block[0]
    fence = f"```{'python' if example else 'text'}\n{textwrap.dedent(lines)}\n```\n"
    return heading + prose + textwrap.indent(fence, indent)


def _finish(pages: list[Path]) -> None:
    """Take out the links that lead nowhere, as to what a class has from another library, and make room for code."""
    texts = {page.resolve(): page.read_text("utf-8") for page in pages}
    anchors = {page: set(re.findall(r' id="([^"]+)"', text)) for page, text in texts.items()}
    for page, text in texts.items():

        def checked(link: re.Match[str], page: Path = page) -> str:
            target = (page.parent / link[1]).resolve() if link[1] else page
            return link[0] if link[2] in anchors.get(target, ()) else link[3]

        page.write_text(_LINK.sub(checked, text).replace("</head>", _STYLE, 1), "utf-8")


def _contents() -> str:
    lines = [f"- [{topic}](lpcurr/guides/{topic}.html): {line}" for topic, line in TOPICS.items()]
    return "\n".join(["Guides", "------", *lines])
