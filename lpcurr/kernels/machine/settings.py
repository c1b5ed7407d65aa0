"""What the environment decides before kernels are compiled; all of it is part of their cache's fingerprint."""

import os
import sys
from typing import Any

from numba.core import config as numba_config

_settings: Any = numba_config

FAULT_POINTS = os.environ.get("LPCURR_FAULT_POINTS") == "1"
"""Whether kernels kill their process on demand: :mod:`lpcurr.kernels.safety.faults`."""

ROBUST_MUTEX = (
    not _settings.DISABLE_JIT and sys.platform.startswith("linux") and os.environ.get("LPCURR_LOCK") != "fcntl"
)
"""Whether kernels take a robust mutex; otherwise Python locks around them: :mod:`lpcurr.memory.lock_files`."""

FINGERPRINT = f"fault_points={FAULT_POINTS} robust_mutex={ROBUST_MUTEX}"
