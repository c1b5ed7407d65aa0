"""Recipes: whole trainings as functions that return a configuration.

A recipe is a function without arguments that returns a :class:`TrainingConfig`. It has a packaged name, or is given as
``package.module:function``. ``lpcurr train`` finds it, applies the overrides of the command line and runs it.

In a recipe's folder, ``config`` holds settings and the task family, and names its training loop.
This package needs no extra to be imported; running a recipe needs the extra that it names.
"""

from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.registry import PACKAGED, find_recipe, load_config

__all__ = ["PACKAGED", "TrainingConfig", "find_recipe", "load_config"]
