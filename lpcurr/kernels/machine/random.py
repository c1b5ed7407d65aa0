"""Random streams: one xoshiro256++ for each attached process, its state in the segment.

Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021). The state lies in the process's record, so
a checkpoint holds it; the seeds come from ``numpy.random.SeedSequence``, so streams of different processes differ.
"""

import numpy as np

from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import process_record
from lpcurr.kernels.safety import faults

_ONE_IN_2_53 = 1.0 / 2**53
_MASK_32 = np.uint64(0xFFFFFFFF)
_TWO_32 = np.uint64(1 << 32)
_U11, _U17, _U19, _U23, _U32, _U41, _U45 = (np.uint64(bits) for bits in (11, 17, 19, 23, 32, 41, 45))


@helper
def next_word(segment, process):
    """The next 64 random bits of a process's stream (uint64)."""
    record = process_record(segment, process)
    s0, s1, s2, s3 = record.stream0, record.stream1, record.stream2, record.stream3
    total = s0 + s3
    word = ((total << _U23) | (total >> _U41)) + s0
    shifted = s1 << _U17
    s2 ^= s0
    s3 ^= s1
    record.stream1 = s1 ^ s2
    faults.may_die_here(segment)
    record.stream0 = s0 ^ s3
    record.stream2 = s2 ^ shifted
    record.stream3 = (s3 << _U45) | (s3 >> _U19)
    return word


@helper
def uniform(segment, process):
    """A float64 from [0, 1), on a grid of 2**-53."""
    return np.float64(next_word(segment, process) >> _U11) * _ONE_IN_2_53


@helper
def below(segment, process, bound):
    """An int64 from 0 … bound - 1, exactly uniform, for 1 <= bound < 2**32.

    Lemire, "Fast random integer generation in an interval" (2019): a multiplication, and a division only where the
    draw would be biased.
    """
    limit = np.uint64(bound)
    product = (next_word(segment, process) >> _U32) * limit
    rest = product & _MASK_32
    if rest < limit:
        biased = (_TWO_32 - limit) % limit
        while rest < biased:
            product = (next_word(segment, process) >> _U32) * limit
            rest = product & _MASK_32
    return np.int64(product >> _U32)


@helper
def task_id(segment, process):
    """A random 53-bit task id (int64)."""
    return np.int64(next_word(segment, process) >> _U11)
