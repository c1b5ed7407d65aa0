"""A missing extra is one clear line."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

from lpcurr.errors import LpcurrError

_PACKAGES = {
    "train": {"gymnasium", "rich", "matplotlib", "omegaconf", "yaml"},
    "top": {"rich", "textual"},
    "sb3": {"stable_baselines3", "torch"},
    "llm": {"torch", "trl", "datasets"},
    "tensorboard": {"tensorboard"},
    "wandb": {"wandb"},
    "metta": {"mettagrid", "pufferlib", "torch", "psutil", "rich_argparse", "pyro"},
}
_REMARKS = {
    "metta": " (Python 3.11 or 3.12; pydoc lpcurr.recipes.mettagrid_arena says how to do without CUDA packages)",
}


class MissingExtraError(LpcurrError, ImportError):
    """A command needs packages that are not installed."""


def require_extra(extra: str) -> None:
    """Raise ``MissingExtraError`` where a package of an extra is not installed, without importing any."""
    missing = sorted(name for name in _PACKAGES[extra] if importlib.util.find_spec(name) is None)
    if missing:
        raise MissingExtraError(_message(missing[0], extra))


def _message(package: str, extra: str) -> str:
    return f'this needs {package}: pip install "lpcurr[{extra}]"{_REMARKS.get(extra, "")}'


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Say which extra to install, by a ``MissingExtraError``, where an import inside fails for want of it."""
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES[extra]:
            raise
        raise MissingExtraError(_message(package, extra)) from None
