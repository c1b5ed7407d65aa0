"""Reports of run folders in every state: what the page says against the metrics, and the page in a real browser."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from scipy import stats

from lpcurr.cli import main
from lpcurr.errors import ConfigError
from lpcurr.reports import series
from lpcurr.reports.page import make_page, write_report
from lpcurr.reports.panels import panels
from lpcurr.reports.series import intervals
from lpcurr.reports.verdict import decide, key_figures, results
from lpcurr.runs.reading import Arm, read_run, sort_into_arms

pytestmark = pytest.mark.no_kernels

Row = dict[str, Any]
LP, RANDOM = "learning_progress", "discrete_random"
CONFIG = "# lpcurr train lakes\nseed: {seed}\nevaluation: {{seed: 1}}\nalpha: {alpha}\n"
FEW = [{"curriculum": LP, "seed": 0, "epoch": 1, "steps": 100, "eval/score": 0.5}]  # one picture, which is soon drawn
VOID = {"meta", "link", "br"}


def line(epoch: int, kind: str = LP, seed: int = 0, score: float = 0.5, **more: float) -> Row:
    figures = {"eval/score": score, "score": 0.5, "steps_per_second": 10.0, "epoch_seconds": 2.0}
    labels = {"epoch_completions/size=4": 3.0 * epoch, "epoch_completions/size=12": 1.0}
    gini = {"gini/raw_lp_scores": 0.9, "gini/sampling_probs": 0.4, "gini/pool_occupancy": 0.3}
    row = {"curriculum": kind, "seed": seed, "epoch": epoch, "steps": 100 * epoch, "curriculum/num_evicted": 2.0}
    work = {"epoch_draws": 10, "epoch_tries": 30 if kind == LP else 0, "epoch_lock_waits": 1}
    states = {"success_probability/unplayed": 0.25, "success_probability/0.3": 0.75, "label_progress/size=4": 0.1}
    return row | figures | labels | gini | work | states | more


def task(seed: int = 0, probability: float = 0.1) -> Row:
    row = {"curriculum": LP, "seed": seed, "task_id": 1, "label": "size=4", "probability": probability}
    return row | {"completions": 3, "success_rate": 0.5, "learning_progress": 0.1}


def folder(path: Path, rows: Iterable[Row], tasks: Iterable[Row] = (), alpha: float = 1.0, seed: int = 0) -> Path:
    path.mkdir()
    (path / "config.yaml").write_text(CONFIG.format(seed=seed, alpha=alpha))
    for name, lines in (("metrics", rows), ("tasks", tasks)):
        (path / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    return path


def arms_of(*paths: Path) -> list[Arm]:
    return sort_into_arms([read_run(path) for path in paths])


class Page(HTMLParser):
    """Texts, attributes and ids of a page; complains of tags that do not close."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(path.read_text("utf-8"))
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def report(tmp_path: Path, *paths: Path) -> Page:
    write_report(paths, tmp_path / "report.html", None)
    return Page(tmp_path / "report.html")


def words_of(path: Path) -> str:
    """The page of one run without its pictures, which take nearly all of the time."""
    arms = arms_of(path)
    return make_page([read_run(path)], arms, [], [], decide(arms))


# -- reading --------------------------------------------------------------------------------------------------------


def test_what_is_no_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="nowhere' is no folder"):
        read_run(tmp_path / "nowhere")
    folder(tmp_path / "one", [line(1)])
    with pytest.raises(ConfigError, match=r"is no run folder: .*runs inside it: one"):
        read_run(tmp_path)
    assert main(["report", str(tmp_path)]) == 2
    assert "no run folder" in capsys.readouterr().err


def test_lines_that_are_cut_off_or_no_metrics_are_left_out_and_said(tmp_path: Path) -> None:
    path = folder(tmp_path / "killed", [line(1), line(2)])
    with (path / "metrics.jsonl").open("a") as stream:
        stream.write('{"seed": 1}\n[1]\n{"curriculum": "learning_progress", "se')
    run = read_run(path)
    assert [row["epoch"] for row in run.rows] == [1, 2]
    assert run.problems == ["3 lines of metrics.jsonl left out: cut off, or without curriculum, seed, epoch, steps"]
    assert "3 lines of metrics.jsonl left out" in words_of(path)


@pytest.mark.parametrize("made", ["a FIFO", "an endless device", "a huge file"])
def test_a_configuration_that_is_no_file_of_a_run_is_left_out_and_said(tmp_path: Path, made: str) -> None:
    path = folder(tmp_path / "a", [line(1), line(2)])
    config = path / "config.yaml"
    config.unlink()
    if made == "a FIFO":
        os.mkfifo(config)
    elif made == "an endless device":
        config.symlink_to("/dev/zero")
    else:
        with config.open("wb") as sparse:
            sparse.truncate(2**40)
    assert "config.yaml cannot be read" in words_of(path)


@pytest.mark.parametrize("odd", ["1: 2", "z: {1: a, b: c}", "2001-01-01: 1", "z: 0x" + "F" * 6000])
def test_a_configuration_that_no_run_has_is_left_out_and_said(tmp_path: Path, odd: str) -> None:
    path = folder(tmp_path / "a", [line(1), line(2)])
    with (path / "config.yaml").open("a") as stream:
        stream.write(odd + "\n")
    assert "config.yaml has keys that are no texts, or a number" in words_of(path)


@pytest.mark.parametrize("odd", ["z: !!timestamp 2001", "z: !!int x", "z: !!float ''", "z: !!set 3"])
def test_a_tag_that_contradicts_its_text_is_left_out_and_said(tmp_path: Path, odd: str) -> None:
    path = folder(tmp_path / "a", [line(1), line(2)])
    with (path / "config.yaml").open("a") as stream:
        stream.write(odd + "\n")
    assert "config.yaml is no YAML" in words_of(path)


@pytest.mark.parametrize("out", ["", ".", "/"])
def test_a_page_is_no_folder(tmp_path: Path, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(folder(tmp_path / "a", FEW)), f"--out={out}"]) == 2
    assert "is a directory, no regular file" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:Glyph")
def test_numbers_and_texts_that_no_picture_can_show_are_drawn_as_if_they_were_not_there(tmp_path: Path) -> None:
    huge: Any = 10**400
    rows = [line(n, score=1e308 * (-1) ** n, **{"label_progress/\ud800": 0.5, "gini/x": huge}) for n in (1, 2, 3)]
    rows += [line(n, kind="\udfff", seconds=huge, switches=huge) for n in (1, 2)]
    path = folder(tmp_path / "a", rows, [task(probability=huge), task(seed=huge)])
    assert main(["report", str(path)]) == 0
    assert "1 line of tasks.jsonl left out" in Page(path / "report.html").text


def test_a_folder_may_have_any_bytes_as_its_name(tmp_path: Path) -> None:
    path = folder(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")), FEW)
    assert main(["report", str(path), str(folder(tmp_path / "b", FEW, alpha=2.0)), f"--out={tmp_path}/r"]) == 0


def test_what_a_resumed_training_repeats_counts_once(tmp_path: Path) -> None:
    (arm,) = arms_of(folder(tmp_path / "a", [line(1), line(2, score=0.1), line(3), line(2, score=0.7)]))
    assert [row["eval/score"] for row in arm.trainings[0]] == [0.5, 0.7]


def test_runs_that_differ_in_the_seed_alone_are_one_arm(tmp_path: Path) -> None:
    a = folder(tmp_path / "a", [line(1)])
    b = folder(tmp_path / "b", [line(1, seed=1), line(1, RANDOM)], seed=1)
    again = folder(tmp_path / "again", [line(1)])
    other = folder(tmp_path / "other", [line(1)], alpha=2.0)
    found = arms_of(a, b, again, other)
    assert [(arm.kind, sorted(arm.trainings), [run.name for run in arm.runs]) for arm in found] == [
        (LP, [0, 1], ["a", "b"]),
        (RANDOM, [0], ["b"]),
        (LP, [0], ["again"]),  # the same seed again is no second sample
        (LP, [0], ["other"]),
    ]
    assert [arm.name for arm in found] == [
        *("learning progress (a and 1 more)", "random", "learning progress (again)", "learning progress (other)")
    ]


# -- figures --------------------------------------------------------------------------------------------------------


def test_intervals_are_students_and_leave_out_what_is_not_finite() -> None:
    values = np.random.default_rng(0).normal(size=(40, 6))
    values[3:, 1] = np.nan
    values[1:, 2] = np.inf
    values[:, 3] = np.nan
    mean, half = intervals(values)
    for point, count in ((0, 40), (1, 3)):
        sample = values[:count, point]
        low, high = stats.t.interval(0.95, min(count, 31) - 1, loc=0.0, scale=stats.sem(sample))
        assert (mean[point], half[point]) == pytest.approx((sample.mean(), (high - low) / 2), abs=1e-3)
    assert mean[2] == values[0, 2]
    assert np.isnan([half[2], mean[3], half[3]]).all()


def test_seeds_of_different_steps_are_interpolated_up_to_the_shortest(tmp_path: Path) -> None:
    other = [line(1, seed=1, score=0.2) | {"steps": 150}, line(2, seed=1, score=0.4) | {"steps": 350}]
    (arm,) = arms_of(folder(tmp_path / "a", [*(line(n, score=n / 10) for n in (1, 2, 3)), *other]))
    curve = series.curve(arm, series.of("eval/score"))
    assert curve is not None
    assert curve.steps.tolist() == [150.0]
    assert curve.mean.tolist() == pytest.approx([(0.15 + 0.2) / 2])


@pytest.mark.parametrize("epochs", [1, 2, 300, 301, 10_007])
def test_long_trainings_are_thinned_to_means_of_all_epochs(epochs: int, tmp_path: Path) -> None:
    rows = [{"curriculum": LP, "seed": 0, "epoch": n, "steps": n, "score": float(n % 7)} for n in range(1, epochs + 1)]
    (arm,) = arms_of(folder(tmp_path / "long", rows))
    curve = series.curve(arm, series.of("score"))
    assert curve is not None
    width = math.ceil(epochs / series.MAX_POINTS)
    assert curve.thinned == width
    assert len(curve.steps) == math.ceil(epochs / width) <= series.MAX_POINTS
    assert curve.steps[-1] == epochs
    scores = [row["score"] for row in rows]
    assert curve.mean.tolist() == pytest.approx([np.mean(scores[i : i + width]) for i in range(0, epochs, width)])
    (panel,) = (each for each in panels([arm])[0] if each.title == "Score of the training episodes")
    assert (f"{width} consecutive epochs" in panel.caption) == (width > 1)


def test_exchanges_with_other_nodes_are_shown_where_there_are_any(tmp_path: Path) -> None:
    names = [f"curriculum/exchange/{name}" for name in ("entries_behind", "seconds", "bytes")]
    rows = [line(epoch, **dict.fromkeys(names, float(epoch))) for epoch in range(1, 5)]
    drawn, missing = panels(arms_of(folder(tmp_path / "nodes", rows)))
    alone, missing_alone = panels(arms_of(folder(tmp_path / "alone", [line(1), line(2)])))
    assert len({panel.title for panel in drawn} - {panel.title for panel in alone}) == 3
    assert missing == missing_alone


def test_labels_are_ordered_small_ones_are_others_and_shares_add_up(tmp_path: Path) -> None:
    many = {f"epoch_completions/n={n}": float(n) for n in range(300)}
    bare = {"curriculum": LP, "epoch": 1, "steps": 5}
    rows = [bare | many | {"seed": seed} for seed in (0, 1)]
    (arm,) = arms_of(folder(tmp_path / "a", rows))
    table = series.share_table(arm, "epoch_completions/", 16)
    assert table is not None
    assert table.names == [*(f"n={n}" for n in range(285, 300)), "285 others"]
    total = sum(range(300))
    assert table.values[:2, 0].tolist() == pytest.approx([285 / total, 286 / total])
    assert table.values.sum() == pytest.approx(1.0)


# -- the answer -----------------------------------------------------------------------------------------------------


def compare(tmp_path: Path, differences: list[float]) -> list[Arm]:
    rows = [line(1, RANDOM, seed, 0.2 + seed / 10) for seed in range(len(differences))]
    rows += [line(1, LP, seed, 0.2 + seed / 10 + d) for seed, d in enumerate(differences)]
    return arms_of(folder(tmp_path / "a", rows))


@pytest.mark.parametrize(
    ("differences", "answer", "sign"),
    [
        ([0.1, 0.1, 0.11], "It helps", 1),
        ([-0.1, -0.1, -0.11], "It harms", -1),
        ([0.1, -0.1, 0.02], "Not decided", 0),
        ([0.1], "Not decided", 0),
    ],
)
def test_the_verdict_follows_the_paired_interval(
    differences: list[float], answer: str, sign: int, tmp_path: Path
) -> None:
    verdict = decide(compare(tmp_path, differences))
    assert (verdict.answer, verdict.sign) == (answer, sign)
    assert f"difference {'of ' * (len(differences) == 1)}{np.mean(differences):+.3f}" in verdict.sentence
    if len(differences) > 1:
        half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
        assert f"± {half:.3f} (95 % interval, 3 seeds, paired)" in verdict.sentence


def test_scores_of_different_tasks_are_not_compared(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "a", [line(1)]), folder(tmp_path / "b", [line(1, RANDOM)], alpha=2.0)
    (other / "config.yaml").write_text("# lpcurr train rivers\nevaluation: {seed: 1}\n")
    verdict = decide(arms_of(one, other))
    assert (verdict.sign, "cannot be compared" in verdict.sentence) == (0, True)
    blind = [{k: v for k, v in line(1, kind).items() if k != "eval/score"} for kind in (LP, RANDOM)]
    verdict = decide(arms_of(folder(tmp_path / "c", blind)))
    assert (verdict.sign, "no score on held-out tasks" in verdict.sentence) == (0, True)


def test_the_table_is_at_equal_steps(tmp_path: Path) -> None:
    rows = [line(1, score=0.2), line(2, score=0.9), line(1, RANDOM, score=0.1), line(1, seed=1, score=0.4)]
    headings, cells = key_figures(arms_of(folder(tmp_path / "a", rows)))
    *table, difference = [dict(zip(headings, row, strict=True)) for row in cells]
    assert (difference["curriculum"], difference["seeds"]) == ("learning progress − random", "1")
    assert difference["held-out score"] == "+0.100"
    half = stats.t.ppf(0.975, 1) * stats.sem([0.2, 0.4])
    assert [row["held-out score"] for row in table] == [f"0.300 ± {half:.3f}", "0.100"]
    assert {row["environment steps"] for row in table} == {"100"}
    assert [row["steps per second"] for row in table] == ["10 ± 0", "10"]


def test_the_result_is_where_all_trainings_have_been_and_paired(tmp_path: Path) -> None:
    def training(kind: str, seed: int, *steps: int) -> list[Row]:
        return [line(n, kind, seed) | {"steps": at, "score": at / 1000} for n, at in enumerate(steps, 1)]

    rows = training(LP, 0, 100, 200, 300) + training(RANDOM, 0, 100, 200)
    both = rows + training(LP, 1, 100, 200) + training(RANDOM, 1, 100)
    both[-1]["score"] = 0.5  # 0.4 above its partner's
    result = results(arms_of(folder(tmp_path / "both", both)))
    assert [training["steps"] for training in result["trainings"]] == [100] * 4
    assert result["difference"]["score"]["mean"] == pytest.approx(-0.2)
    result = results(arms_of(folder(tmp_path / "one", rows + training(LP, 1, 100, 200))))
    assert {training["steps"] for training in result["trainings"]} == {200}
    assert result["curricula"][LP]["score"]["mean"] == pytest.approx(0.2)
    assert result["difference"]["seeds"] == 1  # seed 1 has no partner
    assert result["difference"]["score"] == {"mean": pytest.approx(0.0), "interval95": None}


# -- the page -------------------------------------------------------------------------------------------------------


def cases() -> dict[str, tuple[list[Row], list[Row]]]:
    bare = {"curriculum": LP, "seed": 0, "epoch": 1, "steps": 100}
    second = bare | {"epoch": 2, "steps": 200}
    odd = line(1) | {
        "eval/score": math.nan,
        "score": "?",
        "epoch_completions/size=4": None,
        "steps_per_second": math.inf,
    }
    hostile = {"epoch_completions/<script>alert(1)</script>$x $$ \\frac": 4.0, "label_progress/$_<b>$": 1.0}
    formula = {"epoch_completions/$\\frac$": 4.0, "label_progress/$\\frac$": 1.0, "label_progress/_$x": 1.0}
    return {
        "half a formula": ([bare | formula, second | formula], []),
        "nothing": ([], []),
        "nothing but steps": ([bare], []),
        "one epoch": ([line(1)], [task()]),
        "no episode ended": ([line(0, steps=100)], []),
        "odd values": ([odd], [task(probability=math.nan)]),
        "hostile labels": ([bare | hostile, second | hostile], []),
        "two seeds, one cut short": ([line(1), line(2), line(1, seed=1)], [task(), task(1)]),
        "both curricula": ([line(n, kind, seed) for kind in (LP, RANDOM) for seed in (0, 1) for n in (1, 2, 3)], []),
    }


@pytest.mark.parametrize("case", cases())
def test_there_is_a_page_whatever_there_is(case: str, tmp_path: Path) -> None:
    path = folder(tmp_path / "run", *cases()[case])
    picture = path / "report.png" if case in ("half a formula", "nothing", "odd values") else None
    write_report([path], path / "report.html", picture)
    page = Page(path / "report.html")
    text = (path / "report.html").read_text()
    assert "//" not in re.sub(r"base64,[^\"]*", "", text)  # no address of anything
    assert not {"script", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    used = re.findall(r'url\(#([^)]*)\)|href="#([^"]*)"', text)
    assert {first or second for first, second in used} <= set(ids)
    assert all(attrs.get("aria-label") for _, attrs in page.tags if attrs.get("role") == "img")
    assert text.count("<svg") == len([1 for tag, _ in page.tags if tag == "figure"])
    assert picture is None or matplotlib.image.imread(picture).shape[0] > 300


@pytest.fixture(scope="module")
def whole_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a comparison over two seeds, with all its pictures."""
    path = tmp_path_factory.mktemp("whole")
    rows = [
        line(n, kind, seed, n / 10 + 0.1 * (kind == LP)) for kind in (LP, RANDOM) for seed in (0, 1) for n in (1, 2)
    ]
    report(path, folder(path / "a", rows, [task(seed, 0.05) for seed in (0, 1)]))
    return path / "report.html"


def test_the_page_says_what_the_metrics_say(whole_page: Path) -> None:
    page = Page(whole_page)
    described = [attrs["aria-label"] or "" for _, attrs in page.tags if attrs.get("role") == "img"]
    for expected in (
        "learning progress from 0.2 to 0.3; random from 0.1 to 0.2",
        "tasks looked at per draw, over environment steps: learning progress from 3 to 3.",
        "waits per 1,000 draws, over environment steps: learning progress from 100 to 100; random",
        "raw learning progress from 0.9 to 0.9; probability of a draw from 0.4 to 0.4; episodes from 0.3 to 0.3",
        "from first to last: size=4 75% to 86%, size=12 25% to 14%",
        "unplayed 25% to 25%, 0.3 – 0.4 75% to 75%",
    ):
        assert any(expected in text for text in described), expected
    assert page.text.count("held-out score 0.300 against 0.200 at 200 environment steps") == 1
    assert "alpha: 1.0" in page.text


def test_old_runs_have_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    new = ("gini/", "success_", "label_", "epoch_draws", "epoch_tries", "epoch_lock")
    old = {key: value for key, value in line(1).items() if not key.startswith(new)}
    text = report(tmp_path, folder(tmp_path / "a", [old])).text
    missing = text[text.index("Not recorded in these runs") :]
    for title in ("Inequality through the stages", "What is drawn, by success rate", "Tries per draw"):
        assert title in missing
        assert text.count(title) == 1


def test_several_runs_side_by_side_show_how_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, alpha in (("slow", 1.0), ("fast", 2.0)):
        folder(tmp_path / name, FEW, alpha=alpha)
    assert main(["report", "slow", "fast"]) == 0
    assert "report.html and report.png" in capsys.readouterr().out
    text = Page(tmp_path / "report.html").text
    assert "differs slow fast alpha 1.0 2.0" in text
    folder(tmp_path / "empty", [])
    assert main(["report", "empty", "--out", "there/page.html"]) == 2
    assert "cannot write the report" in capsys.readouterr().err


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium or Chrome is installed")
def test_a_browser_opens_the_page_without_complaint(whole_page: Path, tmp_path: Path) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += [
        "--disable-background-networking",
        "--disable-component-update",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    flags += ["--enable-logging=stderr", "--window-size=1280,2000", f"--screenshot={tmp_path / 'page.png'}"]
    # a host that is asked for is looked up, and that fails with a message
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND"]
    done = subprocess.run([str(CHROMIUM), *flags, f"file://{whole_page}"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not [text for text in done.stderr.splitlines() if "CONSOLE" in text or "ERR_" in text]
    picture = matplotlib.image.imread(tmp_path / "page.png")
    assert picture.shape[:2] == (2000, 1280)
    assert picture[:, :, :3].std() > 0.03


def test_names_of_arms_and_folders_are_no_commands_of_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lpcurr.reports.page.make_page", lambda *_: "")
    run = folder(tmp_path / "red\x1b[31m", [line(epoch, kind) for kind in ("\x1b[2J", RANDOM) for epoch in (1, 2)])
    assert main(["report", str(run)]) == 0
    assert "\x1b" not in capsys.readouterr().out
