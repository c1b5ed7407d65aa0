"""Looking at a pool from outside: what ``lpcurr top`` and ``lpcurr inspect`` show.

State lives in shared memory, so anyone on the machine can look at a running curriculum without its trainer's help.
Nothing here takes part in a pool: the memory is mapped for reading alone, no process record is taken and the lock is
never held, so that a viewer can be killed at any moment and a trainer never waits for one. The price is that a figure
may be some microseconds, which is a few episodes, younger than the one beside it.

Nothing but ``app`` and ``drawing`` needs more than numpy.
"""
