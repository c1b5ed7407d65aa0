"""The recorded statistics of the reference, with the quirks put right that the README beside this file lists.

* sampling counts are doubled there;
* ``num_completed`` and ``per_label_completions`` forget evicted tasks there, and so does ``num_scheduled``;
* ``mean_lp_score`` and ``mean_sample_prob`` before scoring are those of a stale cache there: here both always are 1/n;
* ``zscored_lp_scores`` is the Gini of the probabilities again there;
* labels that were dropped have no statistics in either; the reference goes on reporting their evictions per epoch.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lpcurr import Curriculum
from lpcurr.memory import layout
from tests.golden.replay import cases, close, load, make_curriculum

QUIRKS = {
    "num_completed",
    "num_scheduled",
    "algorithm/lp/mean_lp_score",
    "algorithm/lp/mean_sample_prob",
    "curriculum_gini/zscored_lp_scores",
}


def run(case: dict[str, Any]) -> Curriculum:
    curriculum = make_curriculum(case["config"], case["inputs"]["capacity"])
    for kind, *arguments in case["inputs"]["ops"]:
        if kind == "create":
            curriculum.add_task(*arguments)
        elif kind == "sample":
            _count_draw(curriculum, arguments[0])
        elif kind == "complete":
            assert curriculum.update_task_performance(*arguments)
        elif kind == "evict":
            curriculum.evict(arguments[0])
        else:
            assert kind == "epoch_end"
            curriculum.on_epoch_end()
    return curriculum


def _count_draw(curriculum: Curriculum, task_id: int) -> None:
    """Count a draw of a given task, as the trace did: a draw cannot be told which task to hand out."""
    state = curriculum._pool.state
    slot = int((state["task_id"][0] == task_id).nonzero()[0][0])
    layout.cells(state, "scheduled_count")[0, slot] += 1
    state["header"]["scheduled"] += 1
    state["label_table"]["epoch_sampled"][0, int(state["label"][0, slot]) & 0xFFFF] += 1


def compare(actual: dict[str, float], expected: dict[str, float]) -> int:
    wrong = {
        name: (actual.get(name), value)
        for name, value in expected.items()
        if name not in QUIRKS and not close(actual.get(name, float("inf")), value)
    }
    assert not wrong
    return len(expected)


@pytest.mark.parametrize("path", cases("stats"), ids=[path.stem for path in cases("stats")])
def test_statistics(path: Path) -> None:
    case = load(path)
    outputs = case["outputs"]
    curriculum = run(case)
    base = dict(outputs["1_base_stats_before_scoring"])
    for name in list(base):
        if name.startswith("algorithm/sampling_counts/"):
            base[name] /= 2
        if name.startswith("per_label_completions/"):
            base[name] = _completions_of_label(case, name.split("/")[1])
    figures = curriculum.stats()
    assert compare(figures, base) > 10
    dropped_labels = {name.split("/")[-1] for name in base if name.startswith("algorithm/sampling_counts/")}
    assert {n.split("/")[-1] for n in figures if n.startswith("algorithm/sampling_counts/")} == dropped_labels

    assert compare(curriculum.calculate_per_label_mean_lp_stats(), outputs["2_per_label_mean_lp_stats"]) > 0
    assert compare(curriculum.calculate_raw_lp_debug_stats(), outputs["3_raw_lp_debug_stats"]) > 5
    ginis = curriculum.calculate_gini_coefficients()
    details = {k: v for k, v in outputs["4_gini"].items() if k.startswith("task_metrics/")}
    assert compare(ginis, outputs["4_gini"]) > 10
    assert {k for k in ginis if k.startswith("task_metrics/")} == set(details)
    troubleshooting = case["config"]["show_curriculum_troubleshooting_logging"]
    assert len(details) == (3 * 12 if troubleshooting else 0)
    assert (set(ginis) <= set(figures)) == troubleshooting
    _check_episode_stats(curriculum, outputs)
    composition = {k: int(v) for k, v in _with_prefix(figures, "algorithm/pool_composition/").items()}
    assert composition == outputs["7_pool_composition_stats"]["pool_composition"]
    assert sorted(composition) == outputs["9_active_labels_sorted"]
    assert _with_prefix(figures, "algorithm/eviction_counts/") == outputs["9_label_eviction_counts"]


def _with_prefix(figures: dict[str, float], prefix: str) -> dict[str, float]:
    return {name.removeprefix(prefix): value for name, value in figures.items() if name.startswith(prefix)}


def _check_episode_stats(curriculum: Curriculum, outputs: dict[str, Any]) -> None:
    expected = outputs["6_episode_stats"]
    kept = set(outputs["9_label_eviction_counts"])
    evictions = expected["env_curriculum_stats/per_label_evictions"]
    actual = curriculum.get_episode_stats("lab0")
    assert actual["env_curriculum_stats/per_label_samples"] == {"lab0": 1}
    assert actual["env_curriculum_stats/per_label_evictions"] == {k: v for k, v in evictions.items() if k in kept}


def _completions_of_label(case: dict[str, Any], label: str) -> float:
    """Completions of all tasks that ever had the label, counted from the trace."""
    labels: dict[int, str] = {}
    counts: Counter[str] = Counter()
    for kind, *arguments in case["inputs"]["ops"]:
        if kind == "create":
            labels[arguments[0]] = arguments[1]
        elif kind == "complete":
            counts[labels[arguments[0]]] += 1
    return float(counts[label])


def test_what_the_reference_forgets_is_counted() -> None:
    case = load(next(path for path in cases("stats") if path.stem == "default"))
    figures = run(case).stats()
    completions = sum(1 for op in case["inputs"]["ops"] if op[0] == "complete")
    assert figures["num_completed"] == figures["algorithm/tracker/total_completions"] == completions
    assert figures["num_completed"] > case["outputs"]["1_base_stats_before_scoring"]["num_completed"]
    assert figures["num_scheduled"] == sum(1 for op in case["inputs"]["ops"] if op[0] == "sample")
