"""Recipes
=======

`lpcurr train` trains the default recipe, FrozenLake, for about a minute; `lpcurr train NAME key.sub=value …` another,
with overrides whose values are YAML. `lpcurr train --help` lists the packaged recipes, the keys of the default one and
examples, `lpcurr report runs/ONE runs/OTHER` draws one run, or several side by side.

A run folder holds config.yaml (everything resolved), metrics.jsonl (one line an epoch), tasks.jsonl (the pool at the
end), result.json, report.html, report.png and checkpoints/. The keys of metrics.jsonl are in
`lpcurr.runs.metrics.METRICS`.

Arms are compared with `baseline=NAME` (by default the one that draws at random, or else the first), seed by seed, on
held-out tasks: by the mean, and by the worst tenth of the tasks, which a mean hides. An entry of the schedule comes
into force for all processes at the end of the epoch that reaches it; reports draw a line there.

A run is resumed with the code that its folder names only if that is a packaged recipe; for one of your own say so:
`lpcurr train my_package.recipes:my_recipe resume=runs/NAME`.

A recipe of your own is a function without arguments that returns a `lpcurr.recipes.TrainingConfig`, in any module:
`lpcurr train my_package.recipes:my_recipe`. Its `train` method gets the curriculum and calls `on_epoch(figures, save)`
after every epoch:

>>> from lpcurr.recipes import TrainingConfig
>>> class Practice(TrainingConfig):
...     def train(self, curriculum, seed, on_epoch, resume=None):
...         for epoch in range(3):
...             for task_id in curriculum.sample_ids(100).tolist():
...                 curriculum.update_task_performance(task_id, 1.0)
...             figures = {"steps": 100 * (epoch + 1), "episodes": 100 * (epoch + 1), "epoch_steps": 100}
...             on_epoch(figures | {"epoch_episodes": 100, "epoch_seconds": 0.1, "score": 1.0}, lambda folder: None)
>>> Practice(total_steps=300).use_lp is None
True
"""
