"""Recipes
=======

    lpcurr train                                     the default recipe: FrozenLake, about a minute
    lpcurr train NAME key.sub=value …                another, with overrides; values are YAML
    lpcurr train use_lp=false                        the same with tasks drawn at random
    lpcurr train compare=true seeds=5                both, at equal environment steps
    lpcurr train resume=runs/NAME                    go on with a run that was cut
    lpcurr report runs/ONE runs/OTHER                pictures and a page of one run, or several side by side

`lpcurr train --help` lists the packaged recipes and the keys of the default one.

A run folder holds config.yaml (everything resolved), metrics.jsonl (one line an epoch), tasks.jsonl (the pool at the
end), result.json, report.html, report.png and checkpoints/. The keys of metrics.jsonl are in
`lpcurr.runs.metrics.METRICS`.

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
