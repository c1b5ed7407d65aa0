"""What may be wrong with a curriculum that makes a training slow, and how the counts decide.

To add one: write a function from :class:`Evidence` to a :class:`Finding`, and put it into :data:`HYPOTHESES`. Limits
belong in :mod:`~lpcurr.investigation.limits`. Nothing here looks at what a function is called.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from pathlib import PurePath
from statistics import median
from typing import Literal

from lpcurr.investigation import limits
from lpcurr.investigation.counting import Path
from lpcurr.investigation.growth import Growth
from lpcurr.investigation.parts import EPISODE, YOUNG, Part, Parts, waits_each
from lpcurr.investigation.subjects import Subject
from lpcurr.investigation.training import Training
from lpcurr.monitor.wording import short_time

SCAN, EVICTION, STATISTICS = "scan on every episode", "quadratic eviction", "statistics on the hot path"
STRUCTURE, LOCK, WAITING = "growing structure", "lock held long", "waiting on every episode"


@dataclass(frozen=True)
class Finding:
    """A verdict, what was seen, and what to do about it; nothing where nothing needs to be done."""

    verdict: Literal["healthy", "FAULT", "explained", "not tested"]  # explained: by a fault that has its own line
    seen: str
    next_step: str = ""


def _decide(wrong: bool, seen: str, advice: str = "", causes: str = "") -> Finding:
    if not wrong:
        return Finding("healthy", seen)
    return Finding("explained", seen, f"first mend: {causes}") if causes else Finding("FAULT", seen, advice)


@dataclass
class Evidence:
    """All that was counted, and how much it matters."""

    subject: Subject
    parts: Parts
    growth: Growth
    resume: tuple[str, float, float] | None  # how, and lines before and after; None where there are no checkpoints
    training: Training | None  # of a recipe

    @cached_property
    def passes(self) -> dict[str, dict[str, str]]:
        """What goes through the pool, by fault: where, by what was seen."""
        found: dict[str, dict[str, str]] = {SCAN: {}, EVICTION: {}, STATISTICS: {}}
        for name, part in self.parts.items():
            if part.power and (fault := _fault_of(name, part, self.parts)):
                found[fault][_counted(name, part)] = _place(part.heaviest())
            elif part.grows_outside and name not in ("eviction", "task generation"):  # of one task, and its cache
                fault = STATISTICS if name == "episode statistics" else SCAN
                found[fault][_taken(name, part)] = _place(part.heaviest())
        return found

    @cached_property
    def unbounded(self) -> str:
        """The name of the fault, where a structure grows without bound."""
        return STRUCTURE if self.growth.unbounded() else ""

    @cached_property
    def causes(self) -> str:
        """The names of the faults that make an episode dear."""
        waits = [name for name in (LOCK, WAITING) if HYPOTHESES[name](self).verdict == "FAULT"]
        return ", ".join(filter(None, [*(n for n, found in self.passes.items() if found), self.unbounded, *waits]))

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of a training that each part takes, with its CPU seconds in the largest pool counted."""
        episodes = [epoch.episodes for epoch in self.training.own] if self.training else []
        timed = {name: part.seconds for name, part in self.usual.items() if part.seconds and episodes}
        return {name: median(episodes) * seconds[max(seconds)] for name, seconds in timed.items()}

    @cached_property
    def usual(self) -> Parts:
        """The parts of an episode in which no task is evicted, unless all evict one."""
        left_out = "eviction" if "draw" in self.parts else ""
        return {name: self.parts[name] for name in EPISODE if name in self.parts and name != left_out}


def _fault_of(name: str, part: Part, parts: Parts) -> str:
    """Return the fault that the growth of a part is; "" where it may grow.

    What grows with the square only in a pool that is old enough to evict is the eviction's. A plain pass over the pool
    when a task is evicted is made on every episode only where most draws evict.
    """
    if name in ("eviction", "choice of an eviction"):
        draws = {n: sum(work.times for work in parts[n].work.values()) for n in ("eviction", "draw") if n in parts}
        usual = name in draws and draws[name] >= limits.USUAL * sum(draws.values())
        return EVICTION if part.power == 2 else SCAN if usual else ""
    if name == "draw" and part.power == 2 and "eviction" in parts:
        return SCAN if YOUNG in parts and parts[YOUNG].power == 2 else EVICTION
    if name == "update":
        reports = [parts[n].functions() for n in ("statistics", "end of epoch", "episode statistics") if n in parts]
        drawing = [parts[n].functions() for n in ("draw", "eviction", YOUNG) if n in parts]
        theirs = set().union(*reports).difference(*drawing)
        return STATISTICS if part.share_through(theirs) >= limits.BELONGS else SCAN
    return {"draw": SCAN, YOUNG: SCAN, "task generation": SCAN, "episode statistics": STATISTICS}.get(name, "")


def _judge_passes(fault: str, shown: tuple[str, ...], advice: str, evidence: Evidence) -> Finding:
    found = evidence.passes[fault]
    flat = [_counted(name, evidence.parts[name]) for name in shown if name in evidence.parts]
    causes = evidence.unbounded if evidence.growth.drift()[0] >= limits.SLOWER else ""
    places = "; ".join(dict.fromkeys(found.values()))
    return _decide(bool(found), "; ".join(found or flat) or "there is none", f"{advice}: {places}", causes)


def _judge_structures(evidence: Evidence) -> Finding:
    growth, rates = evidence.growth, evidence.growth.unbounded()
    played = f"in {growth.episodes[-1]:,} episodes of {growth.pool_size:,} tasks"
    if not rates:
        return _decide(False, f"{len(growth.structures)} structures, none goes on growing {played}")
    grew = [f"{path} grew to {growth.structures[path][-1]:,} ({rate:.2g} an episode)" for path, rate in rates.items()]
    advice = f"bound {next(iter(rates))}, or forget what belongs to evicted tasks"
    return _decide(True, f"{len(grew)}: {', '.join(grew[:3])}; {played}", advice)


def _judge_memory(evidence: Evidence) -> Finding:
    late = evidence.growth.resident_bytes[len(evidence.growth.resident_bytes) // 2 :]
    seen = f"resident memory {(late[-1] - late[0]) / 2**20:+.1f} MiB in the second half"
    grows = min(b - a for a, b in pairwise(late)) >= limits.MEMORY_STEP
    advice = "no structure in reach grows: look at extensions, caches and files (tracemalloc, memray)"
    return _decide(grows, seen, advice, evidence.unbounded)


def _judge_drift(evidence: Evidence) -> Finding:
    (lines, seconds), played = evidence.growth.drift(), evidence.growth.episodes[-1]
    seen = f"after {played:,} episodes one runs {lines:.2f} times the lines, in {seconds:.2f} times the CPU time"
    slower = lines >= limits.SLOWER or seconds >= limits.SLOWER_SECONDS
    return _decide(slower, seen, "profile a late epoch against an early one", evidence.unbounded)


def _judge_resume(evidence: Evidence) -> Finding:
    if evidence.resume is None:
        return Finding("not tested", "it has neither save and load nor get_state and load_state")
    how, before, after = evidence.resume
    seen = f"an episode runs {before:,.0f} lines before and {after:,.0f} after {how}"
    changed = max(before + 1, after + 1) >= limits.SLOWER * min(before + 1, after + 1)
    advice = f"find the state that a checkpoint leaves out: it makes the {'old' if before > after else 'new'} one slow"
    return _decide(changed, seen, advice, evidence.unbounded)


def _judge_lock(evidence: Evidence) -> Finding:
    places = sorted({place for part in evidence.parts.values() for seen in part.waits for place in seen.places})
    if not places:
        return _decide(False, "no lock between processes is taken, as far as Python can see")
    waits = sum(waits_each(evidence.parts, lambda seen: seen.holding_waits).values())
    calls = sum(waits_each(evidence.parts, lambda seen: seen.holding_calls).values())
    seen = f"while a lock is held, an episode waits {waits:.1f} times and calls {calls:,.0f} functions"
    computes = calls >= limits.HOLDING_CALLS and not any(evidence.passes.values())  # they alone make many calls
    advice = f"hold the lock ({'; '.join(places[:3])}) only while shared state changes, not while computing or sleeping"
    return _decide(waits >= limits.WAIT or computes, seen, advice)


def _judge_waits(evidence: Evidence) -> Finding:
    waits = waits_each(evidence.parts, lambda seen: max(seen.waits - seen.holding_waits, seen.messages))
    total, messages = (sum(each.values()) for each in (waits, waits_each(evidence.parts, lambda seen: seen.messages)))
    seen = f"one process alone waits {total:.1f} times an episode, {messages:.1f} times for a manager's process"
    advice = f"the {max(waits, key=lambda name: waits[name])} sleeps, reads or asks another process: share memory"
    return _decide(total >= limits.WAIT, seen, advice)


def _judge_any_size(evidence: Evidence) -> Finding:
    parts = {name: part for name, part in evidence.usual.items() if name != "task generation"}  # has its own line
    size = min(min(part.work) for part in parts.values())
    lines, seconds = (sum(getattr(p, what).get(size, 0) for p in parts.values()) for what in ("lines", "seconds"))
    seen = f"an episode runs {lines:,.0f} lines in {short_time(seconds)} with {size:,} tasks"
    dearest = max(parts, key=lambda name: parts[name].seconds.get(size, 0.0))
    slow = lines >= limits.ANY_SIZE_LINES or seconds >= limits.ANY_SIZE_SECONDS
    return _decide(slow, seen, f"profile the {dearest}: it is slow whatever the size of the pool", evidence.causes)


def _judge_training(evidence: Evidence, what: str) -> Finding:
    training = evidence.training
    if training is None:
        return Finding("not tested", f"an object has no environment: see '{LOCK}' and 'slow at any size'")
    if not (training.own and training.random):
        return Finding("not tested", "there was time for no epoch but that in which the processes start")
    if what == "waiting":
        share = median(epoch.waiting for epoch in training.own)
        seen = f"{share:.2%} of the workers' time is waiting for the pool's lock"
        return _decide(share >= limits.CURRICULUM_SHARE, seen, "draw and report in batches, or play longer episodes")
    share = evidence.shares.get(what, 0.0) if what else sum(evidence.shares.values())
    seen = f"the {what or 'curriculum'} takes {share:.2%} of a training"
    if not what:
        ratio = median(e.rate for e in training.own) / median(e.rate for e in training.random)
        seen += f", which makes {ratio:.2f} times the steps/s of random draws"
    advice = "see which part takes the time, in the first table, and profile that"
    return _decide(share >= limits.CURRICULUM_SHARE, seen, advice, evidence.causes)


def _counted(name: str, part: Part) -> str:
    largest = max(part.work)
    lines = " → ".join(f"{each:,.0f}" for each in part.lines.values())
    calls = part.work[largest].calls.total() / part.work[largest].times
    took = f", {short_time(part.seconds[largest])}" if largest in part.seconds else ""
    grows = f"n^{part.power}, {calls / largest:,.1f} calls a task" if part.power else f"flat, {calls:,.1f} calls"
    return f"{name}: {lines} lines with {', '.join(map(str, part.lines))} tasks ({grows}{took})"


def _taken(name: str, part: Part) -> str:
    bytes_ = " → ".join(f"{each:,.0f}" for each in part.bytes.values())
    times = " → ".join(map(short_time, part.large.values()))
    return f"{name}: outside Python {bytes_} bytes, {times} with {', '.join(map(str, part.large))} tasks"


def _place(path: Path) -> str:
    return " → ".join(name for _, _, name in path) + "".join(f" ({PurePath(f).name}:{n})" for f, n, _ in path[-1:])


HYPOTHESES: dict[str, Callable[[Evidence], Finding]] = {
    "slower than random": partial(_judge_training, what=""),
    SCAN: partial(_judge_passes, SCAN, ("draw", YOUNG, "update"), "do that more rarely, or keep a sum"),
    EVICTION: partial(_judge_passes, EVICTION, ("eviction",), "score the pool once, or keep an order"),
    STATISTICS: partial(_judge_passes, STATISTICS, ("episode statistics",), "count as it happens, or once an epoch"),
    STRUCTURE: _judge_structures,
    "growing memory": _judge_memory,
    "slower with every epoch": _judge_drift,
    LOCK: _judge_lock,
    WAITING: _judge_waits,
    "state outside the checkpoint": _judge_resume,
    "workers wait for the pool": partial(_judge_training, what="waiting"),
    "slow task generation": partial(_judge_training, what="task generation"),
    "slow at any size": _judge_any_size,
}
