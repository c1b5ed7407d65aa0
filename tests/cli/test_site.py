"""``lpcurr help --html``: a site of all guides and the reference, with everything that it needs in its folder."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest

from lpcurr.cli import main
from lpcurr.guides import TOPICS
from tests.cli.test_cli import run_lpcurr

pytest.importorskip("pdoc")

pytestmark = pytest.mark.no_kernels


def test_the_site_has_all_guides_and_what_is_public_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    # where texts are ASCII if nobody says otherwise
    done = run_lpcurr("help", "--html", "site", cwd=tmp_path, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert (done.returncode, done.stderr) == (0, "")
    site = tmp_path / "site"
    pages = {path.relative_to(site).as_posix(): path.read_text("utf-8") for path in site.rglob("*.html")}
    assert {f"lpcurr/guides/{topic}.html" for topic in TOPICS} <= pages.keys()
    assert all(f'href="lpcurr/guides/{topic}.html"' in pages["lpcurr.html"] for topic in TOPICS)
    assert "num_active_tasks" in pages["lpcurr/guides/config.html"]  # a table that is made, not written
    assert re.search(r"<pre>(<[^>]*>)*num_active_tasks  ", pages["lpcurr/guides/config.html"])
    assert "TaskLedger.take" in pages["lpcurr.html"]
    assert 'id="Curriculum.load"' in pages["lpcurr.html"]  # which it inherits
    for name, page in pages.items():
        for link, anchor in re.findall(r'href="([^":$#]*)(?:#([^"]+))?"', page):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), link)) if link else name
            assert target in pages, (name, link)
            assert not anchor or f'id="{anchor}"' in pages[target], (name, link, anchor)
    assert "&gt;&gt;&gt;" in re.sub(
        "<[^>]*>", "", pages["lpcurr/guides/tasks.html"]
    )  # examples are code, no quotations
    assert not re.search(r'src="https?://|<link[^>]*https?://', "".join(pages.values()))
    assert "TaskLedger" in (site / "search.js").read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["help", "--html", str(tmp_path / "file")]) != 0
    assert str(tmp_path / "file") in capsys.readouterr().err
