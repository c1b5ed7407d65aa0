"""Checkpoints: the whole of a pool at one moment, as a file or as plain Python data.

What is kept is what cannot be worked out again: the truth columns of the tasks in the pool (136 bytes a task), their
slots and the order of the active index, counters and running sums, the labels in use, the random stream of each
process, and the configuration. Everything derived is rebuilt, so a pool of another size can take it.

A file of version 2 is a zip archive, stored without compression, that ``numpy.load(path)`` opens too:

* ``description.json``: the version, and everything but the columns, as :meth:`lpcurr.Curriculum.get_state` gives it
  (``NaN`` and ``Infinity`` as Python writes them, where a user's scores have overflowed a sum);
* ``<name>.npy`` for each truth column and ``slot``: an array of [tasks], in the order of the active index;
* the archive's comment, the last 32 bytes of the file: SHA-256 of everything before.

Columns that a file lacks, since an older lpcurr wrote it, get their default. Files of version 1, by lpcurr 0.1, are a
magic number, JSON, the bare columns and the same digest. Nothing is pickled, and reading a file runs no code but that
of the task generator's classes.
"""

from lpcurr.checkpoint.content import Checkpoint
from lpcurr.checkpoint.file import read_checkpoint, write_checkpoint
from lpcurr.checkpoint.restoring import restore

__all__ = ["Checkpoint", "read_checkpoint", "restore", "write_checkpoint"]
