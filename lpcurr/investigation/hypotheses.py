"""What may be wrong with a curriculum that makes a training slow, and how the measurements decide.

To add one: write a function from :class:`~lpcurr.investigation.evidence.Evidence` to a finding, and put it into
:data:`HYPOTHESES`. Limits belong in :mod:`~lpcurr.investigation.thresholds`.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from lpcurr.investigation import wording
from lpcurr.investigation.costs import EVICTION, SCAN, STATISTICS, Growing, growing_parts
from lpcurr.investigation.evidence import Evidence, Finding, Hypothesis, explained, fault, healthy, untested
from lpcurr.investigation.growing import Trend, cost_drift, memory_grows, unbounded
from lpcurr.investigation.thresholds import (
    CONSTANT_COST,
    CURRICULUM_SHARE,
    LOCK_HOLD,
    LOCK_STRETCH,
    LOCK_TURN,
    SLOWER,
    SPEED_RESET,
)
from lpcurr.investigation.trainings import (
    curriculum_cost,
    environment_step,
    generation_share,
    is_too_short,
    mean_share,
    rate_against_random,
    waiting_share,
)

GROWING_STRUCTURE, LOCK_HELD_LONG = "growing structure", "lock held long"
_TOO_SHORT = "in the time that was given, the trainings had no epoch but those in which their processes start"
_SIZED_PARTS = ("draw", "update")


def _judge_scan(evidence: Evidence) -> Finding:
    found = growing_parts(evidence, SCAN)
    if found:
        return _explained_by_growth(evidence, found) or fault(
            _describe(found),
            f"mend {_places(found)}: what is O(n) there must not be done for every episode",
        )
    return healthy(_flat(evidence, _SIZED_PARTS))


def _judge_eviction(evidence: Evidence) -> Finding:
    found = growing_parts(evidence, EVICTION)
    if found:
        return fault(
            _describe(found), f"mend {_places(found)}: score the pool once for all candidates, or keep an order"
        )
    parts = [part for part in ("eviction", "choice of an eviction") if part in evidence.scaling]
    return healthy(_flat(evidence, parts) if parts else "no eviction was seen; draws do not grow with the square")


def _judge_statistics(evidence: Evidence) -> Finding:
    found = growing_parts(evidence, STATISTICS)
    if found:
        return _explained_by_growth(evidence, found) or fault(
            _describe(found), f"mend {_places(found)}: compute statistics once an epoch, or count as it happens"
        )
    if "episode stats" not in evidence.scaling:
        return healthy("there is no get_episode_stats; nothing for statistics in draw and update")
    return healthy(_flat(evidence, ("episode stats",)))


def _explained_by_growth(evidence: Evidence, found: list[Growing]) -> Finding | None:
    """A call that goes through what has grown with the episodes is no scan of the pool."""
    trends = unbounded(evidence.growth)
    if trends and cost_drift(evidence.growth) >= SLOWER:
        return explained(f"{_describe(found)}, and at one size as well from episode to episode", GROWING_STRUCTURE)
    return None


def _judge_structures(evidence: Evidence) -> Finding:
    growth, trends = evidence.growth, unbounded(evidence.growth)
    played = f"in {growth.episodes[-1]:,} episodes of {growth.pool_size:,} tasks"
    if trends:
        names = ", ".join(_trend(trend) for trend in trends[:3])
        more = f" and {len(trends) - 3} more" if len(trends) > 3 else ""
        return fault(f"{names}{more} {played}", f"bound {trends[0].path}, or forget what belongs to evicted tasks")
    own = [item for item in growth.structures.items() if ":" not in item[0]]  # not those of its module
    largest = max(own, key=lambda item: item[1][-1], default=("none", [0]))
    count = len(own)
    return healthy(
        f"{count} structures, none goes on growing {played}; the largest is {largest[0]} ({largest[1][-1]:,})"
    )


def _trend(trend: Trend) -> str:
    return f"{trend.path} grew to {trend.size:,} ({trend.rate:.2g} an episode)"


def _judge_memory(evidence: Evidence) -> Finding:
    growth = evidence.growth
    if not growth.resident_bytes[-1]:
        return untested("this system does not tell a process's memory")
    middle = len(growth.episodes) // 2
    more = (growth.resident_bytes[-1] - growth.resident_bytes[middle]) / 2**20
    shared = (growth.segment_bytes[-1] - growth.segment_bytes[0]) / 2**20
    seen = f"resident {more:+.1f} MiB in the second half, shared memory {shared:+.1f} MiB"
    if memory_grows(growth):
        if unbounded(growth):
            return explained(seen, GROWING_STRUCTURE)
        return fault(seen, "no structure in reach grows: look at extensions, caches and files (tracemalloc, memray)")
    return healthy(seen)


def _judge_drift(evidence: Evidence) -> Finding:
    drift = cost_drift(evidence.growth)
    seen = f"an episode costs {drift:.2f} times as much after {evidence.growth.episodes[-1]:,} episodes"
    if evidence.training is not None and not is_too_short(evidence.training):
        before, after = curriculum_cost(evidence.training)
        seen += f"; in training {wording.duration(before)} an episode at first, {wording.duration(after)} at last"
        if after >= SLOWER * before and mean_share(evidence.training) >= CURRICULUM_SHARE:
            drift = max(drift, after / before)
    if drift < SLOWER:
        return healthy(seen)
    if unbounded(evidence.growth):
        return explained(seen, GROWING_STRUCTURE)
    others = _other_faults(evidence)
    return explained(seen, others) if others else fault(seen, "profile a late epoch against an early one")


def _judge_lock(evidence: Evidence) -> Finding:
    turns, control = evidence.contention.turns, evidence.contention.control
    most = turns.processes[-1]
    rates = " → ".join(f"{rate:,.0f}" for rate in turns.episodes_per_second)
    numbers = ", ".join(map(str, turns.processes))
    wait = max(turns.wait, turns.episode_seconds[-1] - turns.episode_seconds[0] if _spins(evidence) else 0.0)
    seen = f"episodes/s with {numbers} processes: {rates}; each of {most} waits {wording.duration(wait)} an episode"
    long = wait >= LOCK_TURN * max(control.wait, 0.0) and wait >= LOCK_HOLD * control.episode_seconds[0]
    if not long:
        return healthy(f"{seen} (control: {wording.duration(control.wait)})")
    if _scan_under_lock(evidence, wait / max(most - 1, 1)):
        return explained(seen, _scan_name(evidence))
    where = f" ({', '.join(evidence.contention.locks[:3])})" if evidence.contention.locks else ""
    return fault(
        f"{seen}, most of it in the {turns.slowest_part()}",
        f"hold the lock{where} only while shared state changes, never while computing or sleeping",
    )


def _scan_under_lock(evidence: Evidence, hold: float) -> bool:
    """Whether what goes through the pool takes as long, with the few tasks of this test, as the lock is held."""
    if not _scan_name(evidence):
        return False
    if evidence.subject.resize is None:
        return True
    costs = [each for each in evidence.scaling.values() if len(each.sizes) > 1]
    slopes = [(c.seconds[1] - c.seconds[0]) / (c.sizes[1] - c.sizes[0]) for c in costs]
    return hold <= 2 * evidence.contention.pool_size * sum(max(slope, 0.0) for slope in slopes)


def _spins(evidence: Evidence) -> bool:
    return evidence.contention.turns.stretch >= LOCK_STRETCH


def _judge_resume(evidence: Evidence) -> Finding:
    resume = evidence.resume
    if resume is None:
        return untested("it has neither save and load nor get_state and load_state")
    ratio = resume.before / resume.after
    seen = (
        f"an episode takes {wording.duration(resume.before)} before and {wording.duration(resume.after)} after "
        f"{resume.how} ({wording.duration(resume.save_seconds)}, {wording.duration(resume.load_seconds)})"
    )
    if max(ratio, 1 / ratio) < SPEED_RESET:
        return healthy(seen)
    if unbounded(evidence.growth):
        return explained(seen, GROWING_STRUCTURE)
    advice = "find the state that a checkpoint leaves out: it makes" + (" the old one" if ratio > 1 else " the new one")
    return fault(seen, f"{advice} slow")


def _judge_workers(evidence: Evidence) -> Finding:
    training = evidence.training
    if training is None:
        return untested("an object has no workers of its own; processes on its pool: see 'lock held long'")
    if is_too_short(training):
        return untested(_TOO_SHORT)
    rates = training.step_rates
    share = waiting_share(training)
    seen = f"{share:.2%} of the workers' time is waiting for the pool's lock"
    if rates:
        listed = ", ".join(f"{rate:,.0f} with {count}" for count, rate in rates.items())
        seen = f"steps/s by workers: {listed}; {seen}"
    if share < CURRICULUM_SHARE:
        return healthy(seen)
    return fault(seen, "draw and report in batches, or give every worker longer episodes")


def _judge_constant_cost(evidence: Evidence) -> Finding:
    cost = sum(c.seconds[0] for part, c in evidence.scaling.items() if part in ("draw", "update", "episode stats"))
    baseline = 1.0 / median(evidence.epochs.baseline_rates)
    times = cost / baseline
    seen = f"an episode costs {wording.duration(cost)} in the smallest pool, {times:,.0f} trivial ones"
    if times < CONSTANT_COST:
        return healthy(seen)
    others = _other_faults(evidence)
    if others:
        return explained(seen, others)
    dearest = max(("draw", "update", "episode stats"), key=lambda p: _seconds(evidence, p))
    return fault(seen, f"profile the {dearest}: it is slow whatever the size of the pool")


def _judge_against_random(evidence: Evidence) -> Finding:
    training = evidence.training
    if training is None:
        return untested("an object has no environment; episodes/s against a trivial curriculum: see 'slow at any size'")
    if is_too_short(training):
        return untested(_TOO_SHORT)
    share, ratio = mean_share(training), rate_against_random(training)
    seen = f"the curriculum takes {share:.2%} of an epoch"
    if ratio is not None:
        own, random = (wording.duration(each) for each in environment_step(training))
        seen += (
            f"; {ratio:.2f} times the steps/s of random draws, and environments compute {own} a step against {random}"
        )
    if share < CURRICULUM_SHARE:
        return healthy(seen)
    others = _other_faults(evidence)
    return explained(seen, others) if others else fault(seen, "see where an epoch's time goes, in the first table")


def _judge_generation(evidence: Evidence) -> Finding:
    if evidence.training is None:
        if "task generation" not in evidence.scaling:
            return untested("its tasks have no get_env_cfg()")
        return healthy(_flat(evidence, ("task generation",)))
    if is_too_short(evidence.training):
        return untested(_TOO_SHORT)
    share = generation_share(evidence.training)
    seen = f"{share:.2%} of an epoch goes into building environment configurations"
    return healthy(seen) if share < CURRICULUM_SHARE else fault(seen, "profile the task generator's build()")


# -- what one finding says of another -------------------------------------------------------------------------------


def _scan_name(evidence: Evidence) -> str:
    names = {SCAN: "scan on every episode", EVICTION: "quadratic eviction", STATISTICS: "statistics on the hot path"}
    return ", ".join(name for kind, name in names.items() if growing_parts(evidence, kind))


def _other_faults(evidence: Evidence) -> str:
    names = [_scan_name(evidence)] if _scan_name(evidence) else []
    if _judge_lock(evidence).verdict == "FAULT":
        names.append(LOCK_HELD_LONG)
    if unbounded(evidence.growth) and cost_drift(evidence.growth) >= SLOWER:
        names.append(GROWING_STRUCTURE)
    return ", ".join(names)


def _seconds(evidence: Evidence, part: str) -> float:
    return evidence.scaling[part].seconds[0] if part in evidence.scaling else 0.0


def _describe(found: list[Growing]) -> str:
    sizes = wording.sizes_of(found[0].cost)
    return f"{'; '.join(wording.growth_of(each.part, each.cost) for each in found)} with {sizes}"


def _places(found: list[Growing]) -> str:
    return "; ".join(dict.fromkeys(each.place for each in found))


def _flat(evidence: Evidence, parts: Sequence[str]) -> str:
    costs = {part: evidence.scaling[part] for part in parts if part in evidence.scaling}
    if not costs:
        return "there is nothing of it to measure"
    sizes = wording.sizes_of(next(iter(costs.values())))
    return f"{'; '.join(wording.growth_of(part, cost) for part, cost in costs.items())} with {sizes}"


HYPOTHESES = (
    Hypothesis("slower than random", "steps/s with either, and the curriculum's share", _judge_against_random),
    Hypothesis("scan on every episode", "cost of draw and update by pool size", _judge_scan, "scaling"),
    Hypothesis("quadratic eviction", "cost of evicting draws by pool size", _judge_eviction, "scaling"),
    Hypothesis("statistics on the hot path", "what the parts of an episode spend n on", _judge_statistics, "scaling"),
    Hypothesis(GROWING_STRUCTURE, "sizes of all structures in reach by episodes", _judge_structures, "growth"),
    Hypothesis("growing memory", "resident and shared memory by episodes", _judge_memory, "growth"),
    Hypothesis("slower with every epoch", "cost of an episode, early and late", _judge_drift, "growth"),
    Hypothesis(LOCK_HELD_LONG, "processes on one small pool, against a control", _judge_lock, "contention"),
    Hypothesis("state outside the checkpoint", "speed before and after a resume", _judge_resume, "resume"),
    Hypothesis("workers wait for the pool", "the recipe's steps/s by worker processes", _judge_workers),
    Hypothesis("slow task generation", "building environment configurations", _judge_generation),
    Hypothesis("slow at any size", "cost of an episode in the smallest pool", _judge_constant_cost, "scaling"),
)
"""All of them, in the order of the table."""
