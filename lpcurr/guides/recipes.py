"""`lpcurr train` runs a recipe: a function without arguments that returns a `TrainingConfig`, a pydantic model.

    lpcurr train                                    # the default recipe, about a minute
    lpcurr train use_lp=false                       # discrete random instead
    lpcurr train curriculum.num_active_tasks=1000 workers=4
    lpcurr train compare=true seeds=5               # both, at equal environment steps
    lpcurr train my_package.recipes:my_recipe       # your own

Overrides reach every field and are checked. Each run writes a folder: `config.yaml` (everything resolved),
`metrics.jsonl` (a line an epoch), `report.html` and `report.png`; `lpcurr report` makes a page of several.

A trainer that calls `curriculum.count_steps(n)` after a rollout has its environment steps shown by `lpcurr top`.

>>> from lpcurr.recipes import load_config
>>> load_config("frozen_lake").curriculum.num_active_tasks > 0
True
"""

ALSO = ("lpcurr.recipes",)
