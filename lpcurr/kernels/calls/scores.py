"""What one score changes in the truth columns of its task.

An average with weight α is, at the n-th completion, moved by max(α, 1/n) of the way to the new value: a plain mean
while the task is young, an exponential average later, and no more the first score's than any other's. With the rule
``unbiased`` turned off, averages begin at the first score, as in the metta curriculum; ``zero_is_unset`` besides takes
a value of exactly 0.0 for one that was never set.
"""

from lpcurr.kernels.machine.compiling import helper, inlined
from lpcurr.kernels.machine.views import column, header_record, label_record
from lpcurr.kernels.safety import faults

_BASELINE_LIMIT = 0.75
_LEAST_RANGE = 1e-10
_HUGE = 1e300


@inlined
def _moved(average, value, weight):
    return (1.0 - weight) * average + weight * value


@inlined
def apply_score(segment, slot, score, signal, cost):
    """Write one completion into the slot's truth columns."""
    header = header_record(segment, 0)
    view = column(segment)
    count = view.completion_count[slot] + 1
    first = count == 1
    view.completion_count[slot] = count
    view.total_score[slot] += score
    view.last_score[slot] = score
    faults.may_die_here(segment)
    young = 1.0 / count
    least = young if first or header.unbiased else 0.0  # of a new value's weight
    alpha = max(header.ema_alpha, least)
    view.reward_ema[slot] = _moved(view.reward_ema[slot], score, alpha)
    view.ema_squared[slot] = _moved(view.ema_squared[slot], min(score * score, _HUGE), alpha)
    solved = 1.0 if score >= view.success_threshold[slot] else 0.0
    view.success_rate_ema[slot] = _moved(view.success_rate_ema[slot], solved, alpha)
    faults.may_die_here(segment)
    view.mean_cost[slot] = _moved(view.mean_cost[slot], cost, max(header.ema_alpha, young))
    view.signal[slot] = _moved(view.signal[slot], signal, max(header.fast_timescale, young))
    view.least_score[slot] = score if first else min(view.least_score[slot], score)
    view.greatest_score[slot] = score if first else max(view.greatest_score[slot], score)
    _apply_bidirectional(segment, slot, score, first, least)


@inlined
def _apply_bidirectional(segment, slot, score, first, least):
    """Move the fast and the slow average, from which learning progress follows."""
    header = header_record(segment, 0)
    view = column(segment)
    normalised = score
    if header.baseline_normalization:
        unset = view.random_baseline[slot] == 0.0 if header.zero_is_unset else first
        if unset:
            view.random_baseline[slot] = min(score, _BASELINE_LIMIT)
        baseline = view.random_baseline[slot]
        normalised = min(max(score - baseline, 0.0) / max(1.0 - baseline, _LEAST_RANGE), _HUGE)
    if header.zero_is_unset:
        least = 1.0 if view.p_fast[slot] == 0.0 and view.p_slow[slot] == 0.0 else 0.0
    fast, slow = max(header.fast_timescale, least), max(header.slow_timescale, least)
    view.p_fast[slot] = normalised * fast + view.p_fast[slot] * (1.0 - fast)
    view.p_slow[slot] = normalised * slow + view.p_slow[slot] * (1.0 - slow)
    view.p_true[slot] = score * fast + view.p_true[slot] * (1.0 - fast)


@helper
def apply_to_label(segment, row, slot, score):
    """Move the averages of a label by a score of one of its tasks, 0 … 1 on the scale of what that has given so far."""
    header = header_record(segment, 0)
    view = column(segment)
    record = label_record(segment, row)
    lowest = 0.5 * min(view.least_score[slot], 0.0)  # halves, so that no difference overflows
    value = (0.5 * score - lowest) / (0.5 * max(view.greatest_score[slot], 1.0) - lowest)
    record.averaged += 1
    faults.may_die_here(segment)
    young = 1.0 / record.averaged
    record.fast = _moved(record.fast, value, max(header.label_fast_timescale, young))
    record.slow = _moved(record.slow, value, max(header.label_slow_timescale, young))
    faults.may_die_here(segment)
