"""``lpcurr warmup``: compile the kernels ahead of time."""

import argparse
import time

SUMMARY = "compile all kernels for this machine, or load them where that was done before"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.epilog = (
        "Takes about half a minute the first time and less than a second afterwards. The machine code is kept in\n"
        "numba's cache: beside the package where that can be written, otherwise in the user's cache folder;\n"
        "NUMBA_CACHE_DIR says where else. Run it when building a container image, so that no training waits for it."
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr import kernels

    started = time.perf_counter()
    kernels.compile_all()
    print(f"kernels ready after {time.perf_counter() - started:.1f} s")
    return 0
