"""Recipes: whole trainings as functions that return a configuration.

A recipe is a function without arguments that returns a :class:`TrainingConfig`. It has a packaged name, or is given as
``package.module:function``. ``lpcurr train`` finds it, applies the overrides of the command line and runs it.

======================  =============================================================================================
``registry``            from a name to the recipe's function
``config``              what every recipe's configuration has: budget, curriculum and its schedule, named arms
``overrides``           ``key.sub=value`` from the command line, checked against the configuration

``training``            a whole run: every arm and seed at equal environment steps, one path for one arm or many
``resuming``            which run goes on, and from where
``recorder``            the figures of each epoch, completed and written down; the schedule
``checkpoints``         what a training needs to go on after it was cut
``progress``            what a run shows while it lasts
``loggers``             the same figures for TensorBoard and Weights & Biases

``epochs``              the loop over epochs that the packaged recipes have in common
``frozen_lake``         the default recipe
``cartpole_physics``    Stable-Baselines3's PPO on poles of all kinds
``sums_grpo``           TRL's GRPO on sums, with a language model of two layers
``mettagrid_arena``     PufferLib's PPO in MettaGrid's arena
``examples``            trainings in one file, to copy
======================  =============================================================================================

In a recipe's folder, ``config`` holds settings and the task family, and names its training loop.
This package needs no extra to be imported; running a recipe needs the extra that it names.
"""

from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.registry import PACKAGED, find_recipe, load_config

__all__ = ["PACKAGED", "TrainingConfig", "find_recipe", "load_config"]
