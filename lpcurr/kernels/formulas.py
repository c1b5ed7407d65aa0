"""The schedulers' formulas, compiled: one chain over all of them for each question, in one machine code for all pools.

``priority(task, at, rules)`` asks the header for the scheduler's number and goes to its formula. The chain is made of
closures, which the compiler flattens into a comparison or two; no function pointer is stored anywhere, so the choice is
the same in every process.
"""

import inspect
import types
from collections.abc import Callable
from typing import Any

from lpcurr import schedulers
from lpcurr.kernels.machine.compiling import JIT, helper
from lpcurr.schedulers import common, label_progress

Formula = Callable[[Any, Any, Any], Any]


def _where(condition, yes, no):
    return yes if condition else no


_compiled: dict[Any, Any] = {common.where: helper(_where)}


def compiled(function: Any) -> Any:
    """Compile a formula, and the functions of the schedulers' files that it calls, for one task."""
    function = inspect.unwrap(function)  # of `shared`: the compiler finds what is worked out twice by itself
    if function not in _compiled:
        own = function.__globals__
        called = {
            name: compiled(own[name])
            for name in function.__code__.co_names
            if isinstance(own.get(name), types.FunctionType) and own[name].__module__.startswith(schedulers.__name__)
        }
        copy = types.FunctionType(function.__code__, own | called, function.__name__, function.__defaults__)
        _compiled[function] = helper(copy)
    return _compiled[function]


def _chain(name: str) -> Formula:
    """Return a helper that answers with the formula ``name`` of the scheduler that the header names."""

    def branch(number: int, formula: Formula, rest: Formula) -> Formula:
        def chosen(task, at, rules):
            if rules.scheduler == number:
                return formula(task, at, rules)
            return rest(task, at, rules)

        # Its symbol in machine code: kernels that different processes compiled and kept are linked by these names, and
        # with one name for all branches one kernel took another's formula (numba 0.61, whose LLVM inlines less).
        chosen.__qualname__ = f"{name}_of_scheduler_{number}"
        return helper(chosen)

    chain: Formula = compiled(getattr(schedulers.ALL[-1], name))
    for scheduler in reversed(schedulers.ALL[:-1]):
        formula = compiled(getattr(scheduler, name))
        chain = branch(scheduler.number, formula, chain) if formula is not chain else chain
    return chain


if JIT:
    sigmoid, z_score = compiled(common.sigmoid), compiled(common.z_score)
    label_worth = compiled(label_progress.label_worth)
else:
    sigmoid, z_score, label_worth = common.sigmoid, common.z_score, label_progress.label_worth

priority = _chain("priority")
"""``priority(column(segment), slot, header_record(segment, 0))``: what the draw goes by; may be NaN, or huge."""

exploring_weight = _chain("exploring_weight")
"""A weight within 0 … 1, for the share of draws that explores."""

acceptance = _chain("acceptance")
"""With what chance a draw by weight is kept; else it explores."""

retention = _chain("retention")
"""What the eviction goes by."""
