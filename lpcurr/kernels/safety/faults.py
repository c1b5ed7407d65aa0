"""Fault points: where a process kills itself, deterministically, inside the steps of the kernels that change a pool.

Compiled in only where ``LPCURR_FAULT_POINTS=1`` is in the environment before lpcurr is imported; otherwise
:func:`may_die_here` is empty and leaves no instruction behind. The header's ``fault_countdown`` goes down by one at
each that is passed, and where it reaches zero the process is gone as if by ``kill -9``; at zero, nothing happens.
``tests/stress/fault_points.py`` goes through all of them.

A point is a call that the optimiser cannot see through, so stores do not move across it as they might without; what
keeps the order in either case are the barriers in :mod:`lpcurr.kernels.safety.journal`.
"""

import os
import signal

import numpy as np
from numba import types

from lpcurr.kernels.machine.compiling import JIT, helper
from lpcurr.kernels.machine.settings import FAULT_POINTS
from lpcurr.kernels.machine.views import header_record

_KILL = np.int32(9)  # SIGKILL everywhere

if FAULT_POINTS and JIT:
    _getpid = types.ExternalFunction("getpid", types.int32())
    _kill = types.ExternalFunction("kill", types.int32(types.int32, types.int32))

    @helper
    def may_die_here(segment):
        """Die here if this is the point that the countdown names."""
        header = header_record(segment, 0)
        if header.fault_countdown > 0:
            header.fault_countdown -= 1
            if header.fault_countdown == 0:
                _kill(_getpid(), _KILL)

elif FAULT_POINTS:

    def may_die_here(segment):
        """Die here if this is the point that the countdown names."""
        header = header_record(segment, 0)
        if header.fault_countdown > 0:
            header.fault_countdown -= 1
            if header.fault_countdown == 0:
                os.kill(os.getpid(), signal.SIGKILL)

else:

    @helper
    def may_die_here(segment):
        """Nothing, in no instruction."""
