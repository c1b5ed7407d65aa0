"""This epoch's evictions by label, brought up to date by what has changed."""

from __future__ import annotations

import numpy as np

from lpcurr.curriculum.builder import TaskBuilder
from lpcurr.memory import layout
from lpcurr.memory.label_names import encode_label
from lpcurr.pool.pool import Pool


class EpochEvictions:
    """What this process knows of a pool's evictions: of thousands of labels, few change from one look to the next."""

    def __init__(self, pool: Pool, builder: TaskBuilder) -> None:
        self.by_label: dict[str, int] = {}
        self._pool = pool
        self._builder = builder
        self._names: dict[int, str] = {}
        self._hashes, self._counts = np.zeros((2, layout.LABEL_CAPACITY), dtype=np.int64)

    def refresh(self) -> None:
        """Bring ``by_label`` up to date."""
        changed = self._pool.changed_evictions(self._hashes, self._counts)
        for row in changed:
            if row in self._names:
                del self.by_label[self._names.pop(row)]
        for row in changed:
            name = self._builder.row_name(row) if self._counts[row] > 0 else None
            if name is not None and encode_label(name)[2] == self._hashes[row]:
                self._names[row] = name
                self.by_label[name] = int(self._counts[row])
            else:
                self._counts[row] = 0  # where another process has just renamed it, to be looked at again
