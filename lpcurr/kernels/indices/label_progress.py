"""A sum tree over the labels, weighed by how much their scores move: one of them in time that grows with their log.

Sixteen children to a node, the root first: the children of node i are 16 i + 1 … 16 i + 16, and the labels' rows the
leaves. A label without a task weighs nothing. Kept where a share of the draws goes by label.
"""

from lpcurr.kernels import formulas
from lpcurr.kernels.indices.levels import FANOUT, SHIFT, descend
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import header_record, label_record, label_sums
from lpcurr.kernels.safety import faults
from lpcurr.memory import layout

_LEAVES = layout.LABEL_LEAVES


@helper
def _weight(segment, row):
    record = label_record(segment, row)
    if record.active == 0:
        return 0.0
    return formulas.label_worth(record.fast, record.slow, header_record(segment, 0))


@helper
def _add_up(segment, node):
    sums = label_sums(segment)
    total = 0.0
    for child in range(node * FANOUT + 1, node * FANOUT + 1 + FANOUT):
        total += sums[child]
    sums[node] = total
    faults.may_die_here(segment)


@helper
def follow(segment, row):
    """Follow a label whose averages, or number of tasks, have changed."""
    if header_record(segment, 0).label_share == 0.0:
        return
    sums = label_sums(segment)
    weight = _weight(segment, row)
    node = _LEAVES + row
    if sums[node] == weight:
        return
    sums[node] = weight
    faults.may_die_here(segment)
    while node > 0:
        node = (node - 1) >> SHIFT
        _add_up(segment, node)


@helper
def total(segment):
    """Return the sum of the labels' weights."""
    return label_sums(segment)[0]


@helper
def weight_of(segment, row):
    """Return a label's weight."""
    return label_sums(segment)[_LEAVES + row]


@helper
def row_at(segment, target):
    """Return the label row in whose stretch of the cumulated weights ``target`` lies, 0 <= target < total."""
    sums = label_sums(segment)
    node = 0
    while node < _LEAVES:
        node, target = descend(sums, node * FANOUT + 1, node * FANOUT + 1 + FANOUT, target)
    return node - _LEAVES


@helper
def rebuild(segment):
    """Make the tree from the labels, which count their tasks."""
    header = header_record(segment, 0)
    sums = label_sums(segment)
    for node in range(sums.size):
        sums[node] = 0.0
    faults.may_die_here(segment)
    if header.label_share > 0.0:
        for row in range(header.label_count):
            sums[_LEAVES + row] = _weight(segment, row)
        for node in range(_LEAVES - 1, -1, -1):
            _add_up(segment, node)
