"""``lpcurr train``: run a recipe."""

import argparse
from pathlib import Path

from lpcurr.cli.extras import needs_extra, require_extra

SUMMARY = "train a recipe and write a run folder: configuration, metrics, report.html, report.png"

_EXAMPLES = """examples:
  lpcurr train
  lpcurr train total_steps=500000 seed=3 run_dir=runs/short
  lpcurr train use_lp=false                                       # tasks drawn at random
  lpcurr train resume=runs/short                                  # go on with a run that was cut
  lpcurr train resume=runs/short total_steps=2000000
  lpcurr train compare=true seeds=5                               # the recipe's own and random, at equal steps
  lpcurr train seeds=3 'arms={slow: {type: learning_progress, ema_timescale: 0.02}, uniform: {type: discrete_random}}'
  lpcurr train 'curriculum.schedule=[{at: 0.3, use: {type: discrete_random}}]'      # from 30 % of total_steps on
  lpcurr train curriculum.num_active_tasks=512 curriculum.algorithm_config.type=learning_progress
  lpcurr train curriculum.task_generator.buckets.size=[4,8]
  lpcurr train log.tensorboard=true log.wandb.project=lakes       # figures for these as well
  lpcurr train cartpole_physics workers=8                         # needs lpcurr[sb3], sums_grpo lpcurr[llm]
  lpcurr train my_package.recipes:my_recipe"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from lpcurr.recipes.registry import DEFAULT

    parser.add_argument(
        "recipe", nargs="?", metavar="RECIPE", help=f"a packaged name or package.module:function (default: {DEFAULT})"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key.sub=value", help="change the recipe's configuration; values are YAML"
    )
    parser.epilog = _epilog()


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr.recipes.registry import DEFAULT, load_config

    recipe, overrides = arguments.recipe, list(arguments.overrides)
    if recipe is not None and "=" in recipe:
        recipe, overrides = None, [recipe, *overrides]
    resumed = [each.partition("=")[2] for each in overrides if each.startswith("resume=")]
    name = recipe or DEFAULT
    with needs_extra("metta"), needs_extra("train"):
        if not resumed:
            config = load_config(name)
        import gymnasium  # noqa: F401 - so that a missing one shows before a run folder is made
        from rich.console import Console

        from lpcurr.recipes import training
        from lpcurr.recipes.overrides import apply_overrides
        from lpcurr.recipes.resuming import load_run

        if resumed:
            rest = [each for each in overrides if not each.startswith("resume=")]
            name, config = load_run(Path(resumed[-1]), recipe, rest)
        else:
            config = apply_overrides(config, overrides)
        for extra in (config.extra, *config.log.extras()):
            require_extra(extra)  # before a run folder is made
        training.run(name, config, Console())
    return 0


def _epilog() -> str:
    from lpcurr.recipes.registry import DEFAULT, PACKAGED, load_config

    fields = type(load_config(DEFAULT)).model_fields
    width = max(map(len, fields))
    keys = "\n".join(f"  {name:{width}}  {field.description}" for name, field in fields.items())
    recipes = "\n".join(f"  {name}  ({place})" for name, place in PACKAGED.items())
    return "\n".join(
        (
            f"packaged recipes:\n{recipes}\n",
            f"top-level keys of {DEFAULT}:\n{keys}",
            "(nested ones: see a run folder's config.yaml)\n",
            _EXAMPLES,
        )
    )
