"""A new scheduler is one new file and one word: `zone`, p²(1 − p), added to a copy of the package and used all over.

It is the example of `lpcurr help contributing`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lpcurr
from lpcurr.guides.contributing import ZONE

pytestmark = pytest.mark.no_kernels

PACKAGE = Path(lpcurr.__file__).parent

USES = """
import io, json, contextlib, pathlib, sys
import numpy as np
from scipy import stats
import lpcurr
from lpcurr.cli import main
from lpcurr.recipes import training
from lpcurr.reports.page import write_report
from lpcurr.schedulers import ALL, ZoneConfig

DRAWS = int(sys.argv[1])
config = lpcurr.CurriculumConfig(num_active_tasks=30, seed=1, defer_init=True, algorithm_config={"type": "zone"})
curriculum = config.make()
rng = np.random.default_rng(0)
for task_id in range(30):
    curriculum.add_task(task_id, "even" if task_id % 2 == 0 else "odd")
for _ in range(20):
    curriculum.update_many(np.arange(30), (rng.random(30) < np.arange(30) / 30).astype(float))

def is_drawn_exactly():
    columns = curriculum.columns()
    p = columns["success_rate_ema"]
    weight = p**2 * (1 - p)
    expected = 0.3 / 30 + 0.7 * weight / weight.sum()
    np.testing.assert_allclose(columns["probability"], expected, rtol=1e-12)
    counts = np.bincount(curriculum.sample_ids(DRAWS), minlength=30)
    assert stats.chisquare(counts, expected * DRAWS).pvalue > 1e-4

is_drawn_exactly()
curriculum.save("pool.lpc")
with lpcurr.Curriculum.load("pool.lpc") as loaded:
    assert loaded.config.algorithm_config == ZoneConfig(num_active_tasks=30)
    assert loaded.sample_ids(50).tolist() == curriculum.sample_ids(50).tolist()
curriculum.use(lpcurr.DiscreteRandomConfig())
curriculum.use(ZoneConfig())
is_drawn_exactly()
assert curriculum.find_violations() == []

def says(*words):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(list(words)) == 0
    return out.getvalue()

assert "zone" in says("top", curriculum.session_id, "--once")
assert "zone" in says("inspect", curriculum.session_id)
assert "zone" in says("inspect", "pool.lpc", "--json")
assert "zone" in says("sessions")
curriculum.close(); curriculum.unlink()

training.write_report = lambda paths, page, _: write_report(paths, page, None)  # one picture less to draw
lakes = ["total_steps=400", "epoch_steps=200", "envs_per_worker=2", "vectorization=sync", "evaluation.num_tasks=2"]
says("train", "frozen_lake", "run_dir=run", "curriculum.algorithm_config={type: zone}", *lakes)
assert "zone" in pathlib.Path("run/report.html").read_text()
assert json.loads(pathlib.Path("run/metrics.jsonl").read_text().splitlines()[-1])["algorithm"] == "zone"
print("done")
"""


@pytest.mark.parametrize(
    ("draws", "variables"),
    [
        pytest.param(60_000, {}, marks=pytest.mark.heavy, id="compiled"),  # all kernels of the copy
        pytest.param(1_000, {"NUMBA_DISABLE_JIT": "1", "LPCURR_LOCK": "fcntl"}, id="in Python"),
    ],
)
def test_zone(draws: int, variables: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "lpcurr"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "schedulers" / "zone.py").write_text(ZONE)
    names = copy / "schedulers" / "__init__.py"
    text = names.read_text()
    assert text.count('"frontier"') == 1
    names.write_text(text.replace('"plr"', '"plr", "zone"'))
    assert '"zone"' in names.read_text()
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path / "cache")} | variables
    command = [sys.executable, "-c", USES, str(draws)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.endswith("done\n")


@pytest.mark.parametrize("name", ["frontier", "plr", "learnability", "score_deviation"])
def test_a_schedulers_name_occurs_in_its_own_file_alone(name: str) -> None:
    """Beside its file: the list of names, the public names, and prose (recipes may choose one, guides tell of all)."""
    allowed = {"schedulers", "guides", "recipes", "integrations"}
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0]
        if room not in allowed:
            assert f'"{name}"' not in path.read_text(), path
