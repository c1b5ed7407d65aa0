"""``python -m lpcurr``."""

import sys

from lpcurr.cli import main

if __name__ == "__main__":
    sys.exit(main())
