"""`save` writes the whole pool in one step, at one moment; `load` goes on from it exactly, draws included.

>>> import lpcurr, tempfile, os
>>> folder = tempfile.TemporaryDirectory()
>>> path = os.path.join(folder.name, "run.ckpt")
>>> with lpcurr.CurriculumConfig(num_active_tasks=8, seed=0).make() as curriculum:
...     ids = curriculum.sample_ids(50)
...     curriculum.save(path)
...     here = curriculum.sample_ids(10).tolist()
>>> with lpcurr.Curriculum.load(path) as again:
...     again.sample_ids(10).tolist() == here
True
>>> folder.cleanup()

Whoever is killed while saving leaves the old file as it was. A file that was cut off or altered is refused with
`CheckpointError`, and so says `lpcurr inspect PATH`, which shows what is in one. A plain function as a task
generator is not in the file: give it to `load(path, task_generator=...)`. `get_state()` and `load_state(state)`
do the same with plain Python data, for trainers that keep everything in one file.
"""

ALSO = ("lpcurr.checkpoint",)
