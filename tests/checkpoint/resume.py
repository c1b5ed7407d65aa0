"""Run as a program: load every checkpoint in a folder, play on, and print the digests as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import lpcurr
from tests.checkpoint.pools import digest, play

if __name__ == "__main__":
    folder, episodes, start = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    digests = {}
    for path in sorted(folder.glob("*.lpc")):
        with lpcurr.Curriculum.load(path) as curriculum:
            digests[path.stem] = digest(play(curriculum, episodes, start), curriculum)
    print(json.dumps(digests))
