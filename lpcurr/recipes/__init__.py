"""Recipes: whole trainings as functions that return a configuration.

A recipe is a function without arguments that returns a :class:`TrainingConfig`. It has a packaged name, or is given as
``package.module:function``. ``lpcurr train`` finds it, applies the overrides of the command line and runs it.

======================  =============================================================================================
``registry``            from a name to the recipe's function
``config``              what every recipe's configuration has; the curriculum's choice between LP and random
``overrides``           ``key.sub=value`` from the command line, checked against the configuration

``progress``            what a run shows while it lasts
``training``            one training of any recipe: curriculum, recipe, metrics
``recorder``            the figures of each epoch, completed and written down
``checkpoints``         what a training needs to go on after it was cut
``resuming``            which run goes on, and from where
``loggers``             the same figures for TensorBoard and Weights & Biases
``comparison``          LP and random at equal environment steps, over seeds
``frozen_lake``         the default recipe
``cartpole_physics``    Stable-Baselines3's PPO on poles of all kinds
======================  =============================================================================================

This package needs no extra to be imported; running a recipe needs the extra that it names.
"""

from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.registry import PACKAGED, find_recipe, load_config

__all__ = ["PACKAGED", "TrainingConfig", "find_recipe", "load_config"]
