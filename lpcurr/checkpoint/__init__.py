"""Checkpoints: the whole of a pool at one moment, as a file or as plain Python data.

What is kept is what cannot be worked out again: the truth columns of the tasks in the pool (136 bytes a task), their
slots and the order of the active index, counters and running sums, the labels in use, the random stream of each
process, and the configuration. Everything derived is rebuilt, so a pool of another size can take it.

A file of version 1, all numbers little-endian:

===============  =============================================================================================
bytes            content
===============  =============================================================================================
0 … 7            ``89 4C 50 43 0D 0A 1A 0A``: magic; a transfer as text, or cut to seven bits, shows in it
8 … 15           version, uint64
16 … 23          size of the description H, uint64
24 … 31          size of the columns C, uint64
32 … 32+H        the description: JSON in UTF-8, padded with spaces to a multiple of 64 bytes
… 32+H+C         the columns, each an array of ``tasks`` cells; the description says name, dtype and offset
last 32          SHA-256 of everything before
===============  =============================================================================================

The description is what :meth:`lpcurr.Curriculum.get_state` gives, with the place of each column instead of its values
(and ``NaN`` and ``Infinity`` as Python writes them, where a user's scores have overflowed a sum). Rows stand in the
order of the active index. Nothing is pickled, and reading a file runs no code but that of the task generator's classes.
"""

from lpcurr.checkpoint.content import Checkpoint
from lpcurr.checkpoint.file import read_checkpoint, write_checkpoint
from lpcurr.checkpoint.restoring import restore

__all__ = ["Checkpoint", "read_checkpoint", "restore", "write_checkpoint"]
