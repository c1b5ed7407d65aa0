"""Run folders in, a page and a picture out.

The page is one file, without network or script, light or dark as the reader has it.
"""

import html
import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from lpcurr import __version__
from lpcurr.errors import ConfigError, NotAFileError
from lpcurr.memory.files import write_atomically
from lpcurr.reports.curves import SECTIONS
from lpcurr.reports.panels import Panel, panels
from lpcurr.reports.verdict import Verdict, decide, key_figures
from lpcurr.runs.reading import Arm, Run, read_run, sort_into_arms

_SIGNS = {1: "yes", -1: "no", 0: "open"}
_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
:root { --text: #1b1f24; --soft: #57606a; --page: #f6f7f9; --card: #ffffff; --line: #d5dae0;
  --yes: #00664a; --no: #a34700; --open: #57606a; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e9ed; --soft: #a3acb7; --page: #15181c; --card: #1e2329;
  --line: #363d46; --yes: #35c79b; --no: #ff9248; --open: #a3acb7; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 20px; color: var(--text); background: var(--page);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 21px; margin: 0 0 12px; } h2 { font-size: 17px; margin: 26px 0 10px; }
.verdict, figure, details, .figures { background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
.verdict { padding: 14px 18px; border-left: 6px solid var(--open); }
.verdict.yes { border-left-color: var(--yes); } .verdict.no { border-left-color: var(--no); }
.verdict strong { color: var(--open); } .verdict.yes strong { color: var(--yes); }
.verdict.no strong { color: var(--no); }
.verdict p { margin: 0; font-size: 17px; } .verdict ul { margin: 8px 0 0; padding-left: 20px; color: var(--soft); }
.figures { overflow-x: auto; margin-top: 12px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
th, td { text-align: left; padding: 6px 10px; border-bottom: 1px solid var(--line); } td { white-space: nowrap; }
tr:last-child td { border-bottom: 0; } th { color: var(--soft); font-weight: 600; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); gap: 12px; }
figure { margin: 0; padding: 10px 12px; } figure svg { display: block; width: 100%; height: auto; }
figure h3 { font-size: 15px; margin: 0 0 4px; } figcaption { color: var(--soft); font-size: 13px; }
details { padding: 8px 14px; margin-bottom: 8px; } summary { cursor: pointer; }
pre { overflow-x: auto; font-size: 12.5px; line-height: 1.4; } .notes { color: var(--soft); }
footer { margin-top: 24px; color: var(--soft); font-size: 13px; }
@media print { body { max-width: none; } figure { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<section class="verdict $sign"><p><strong>$answer.</strong> $sentence</p>$remarks</section>
$figures
$pictures
$notes
<h2>Configuration</h2>
$differences
$configurations
</main>
<footer>lpcurr $version. Figures: metrics.jsonl and tasks.jsonl of each run folder.</footer>
</body>
</html>
""")


def write_report(paths: Sequence[Path], page: Path, picture: Path | None) -> Verdict:
    """Write the report of run folders, a page and a picture, over what is there; return what it says."""
    runs = [read_run(path) for path in dict.fromkeys(paths)]
    arms = sort_into_arms(runs)
    verdict = decide(arms)
    drawn, missing = panels(arms)
    try:
        if picture is not None:
            draw_png(f"{verdict.answer}. {verdict.sentence}", [panel for panel in drawn if panel.headline], picture)
        text = make_page(runs, arms, drawn, missing, verdict)
        write_atomically(page, text.encode("utf-8", "replace"))  # a folder may have any bytes as its name
    except NotAFileError:
        raise
    except OSError as error:
        raise ConfigError(f"cannot write the report to {str(page)!r}: {error.strerror}") from None
    return verdict


def make_page(
    runs: Sequence[Run], arms: Sequence[Arm], drawn: Sequence[Panel], missing: Sequence[str], verdict: Verdict
) -> str:
    """Return the whole page; ``missing`` are titles of pictures for which there are no figures."""
    recipes = ", ".join(dict.fromkeys(run.recipe or "unknown recipe" for run in runs))
    names = [run.name for run in runs]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return _PAGE.substitute(
        title=html.escape(f"{recipes}: {shown}"),
        sign=_SIGNS[verdict.sign],
        answer=html.escape(verdict.answer),
        sentence=html.escape(verdict.sentence),
        remarks=_list(verdict.remarks),
        figures=_table(*key_figures(arms), "figures") if arms else "",
        pictures="\n".join(_sections(drawn)),
        notes=_notes(runs, missing),
        differences=_differences(runs),
        configurations="\n".join(
            f"<details><summary>{html.escape(str(run.path))}</summary><pre>{html.escape(run.config_text)}</pre></details>"
            for run in runs
        ),
        version=__version__,
    )


def _list(sentences: Sequence[str], style: str = "") -> str:
    return f"<ul{style}>{''.join(f'<li>{html.escape(each)}</li>' for each in sentences)}</ul>" if sentences else ""


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> str:
    head = "".join(f'<th scope="col">{html.escape(each)}</th>' for each in headings)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="{style}"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _sections(panels: Sequence[Panel]) -> Iterator[str]:
    for section in SECTIONS:
        inside = [_picture(panel, f"p{n}") for n, panel in enumerate(panels) if panel.section == section]
        if inside:
            pictures = "\n".join(inside)
            yield f'<h2>{section}</h2>\n<div class="grid">\n{pictures}\n</div>'


def _picture(panel: Panel, prefix: str) -> str:
    return (
        f'<figure><h3>{html.escape(panel.title)}</h3><div role="img" aria-label="{html.escape(panel.alt)}">'
        f"{inline_svg(panel, prefix)}</div><figcaption>{html.escape(panel.caption)}</figcaption></figure>"
    )


def _notes(runs: Sequence[Run], missing: Sequence[str]) -> str:
    notes = [f"{run.path}: {problem}" for run in runs for problem in run.problems]
    if missing:
        notes.append(f"Not recorded in these runs, and so not drawn: {'; '.join(missing)}.")
    return f"<h2>Notes</h2>{_list(notes, ' class=notes')}" if notes else ""


def _differences(runs: Sequence[Run]) -> str:
    """What differs between the configurations of several runs."""
    flat = [dict(_flatten(run.config)) for run in runs]
    keys = list(dict.fromkeys(key for each in flat for key in each))
    differing = [key for key in keys if len({each.get(key, "–") for each in flat}) > 1]
    if len(runs) < 2 or not differing:
        return ""
    rows = [[key, *(each.get(key, "–") for each in flat)] for key in differing]
    return _table(["differs", *(run.name for run in runs)], rows, "figures") + "<br>"


def _flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, re.sub(r"\s+", " ", str(value))[:80]


# -- from panels to files: inline SVG, one PNG ------------------------------------------------------------------------

_INK = "#010203"  # replaced in SVG by the colour of the page's text, which changes with light and dark
_STYLE: Any = {
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,  # labels are anybody's text, and half a formula in one would end the report
}
_THEMED: Any = dict.fromkeys(
    ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"), _INK
)


def draw_png(title: str, panels: Sequence[Panel], path: Path) -> None:
    """Draw one picture of several panels, two in a row, or of none."""
    # A figure of its own, without pyplot: no global state, no window, whatever backend is set.
    content = io.BytesIO()
    with matplotlib.rc_context(_STYLE):
        rows = max(-(-len(panels) // 2), 1)
        figure = Figure(figsize=(12.4, 3.1 * rows + 0.4), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(textwrap.fill(title, 120), fontsize=11)
        axes = figure.subplots(rows, 2, squeeze=False).ravel()
        for axis, panel in zip(axes, panels, strict=False):
            panel.draw(axis)
            axis.set_title(panel.title, fontsize=10)
        for axis in axes[max(len(panels), 1) :]:
            axis.set_axis_off()
        if not panels:
            axes[0].text(0.5, 0.5, "no data", ha="center", va="center", color="#666666")
        figure.savefig(content, dpi=110)
    write_atomically(path, content.getvalue())


def inline_svg(panel: Panel, prefix: str) -> str:
    """Return a panel as an SVG element: colours of the page's text, ids with a prefix, no outside address."""
    for_page = {"grid.alpha": 0.12, "svg.fonttype": "none", "svg.hashsalt": prefix, "font.family": "sans-serif"}
    settings = _STYLE | _THEMED | for_page
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(6.2, 3.2))
        FigureCanvasSVG(figure)
        figure.patch.set_alpha(0.0)
        # Margins by hand: working them out would draw everything twice.
        axis = figure.subplots(gridspec_kw={"left": panel.left, "right": 0.98, "bottom": 0.14, "top": 0.97})
        axis.patch.set_alpha(0.0)
        panel.draw(axis)
        stream = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing, dpi=150)
    return _embed(stream.getvalue(), prefix)


def _embed(svg: str, prefix: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)  # an HTML parser knows what <svg> is
    svg = svg.replace("xlink:href=", "href=")
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = svg.replace("url(#", f"url(#{prefix}-")
    for attribute in ("width", "height"):
        svg = re.sub(rf'(<svg[^>]*?) {attribute}="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace(_INK, "currentColor")
    return svg.replace("<svg", '<svg aria-hidden="true"', 1)
