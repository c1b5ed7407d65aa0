"""Looking at a pool from outside: what ``lpcurr top`` and ``lpcurr inspect`` show.

State lives in shared memory, so anyone on the machine can look at a running curriculum without its trainer's help.
Nothing here takes part in a pool: the memory is mapped for reading alone, no process record is taken and the lock is
never held, so that a viewer can be killed at any moment and a trainer never waits for one. The price is that a figure
may be some microseconds, which is a few episodes, younger than the one beside it.

======================  =========================================================================================
``reading``             finding a session and copying columns out of its memory
``table``               one row a task, of a live pool or of a checkpoint, with scores and probabilities
``watching``            frames: all figures of one moment, with rates since the last one
``drawing``             a frame as text, for a terminal of any size
``app``                 the live view; needs ``lpcurr[top]``
======================  =========================================================================================

Nothing but ``app`` and ``drawing`` needs more than numpy.
"""
