"""Checkpoints
===========

`save(path)` writes the whole pool as of one moment while workers go on; whenever the process is killed, what is there
is the old file or the new one, complete. `Curriculum.load(path)` verifies every byte before anything is made.

>>> import lpcurr, tempfile
>>> folder = tempfile.TemporaryDirectory()
>>> with lpcurr.CurriculumConfig(num_active_tasks=20, seed=3).make() as curriculum:
...     ids = curriculum.sample_ids(100)
...     curriculum.save(folder.name + "/pool.lpc")
...     expected = curriculum.sample_ids(5).tolist()
>>> with lpcurr.Curriculum.load(folder.name + "/pool.lpc") as curriculum:
...     curriculum.sample_ids(5).tolist() == expected  # random streams are in it
True

Another size: `Curriculum.load(path, num_active_tasks=5000)`. More slots keep every task; fewer keep the best by score
and say so. A plain function as task generator is not in the file, nor is a list of tasks: give it again, `load(path,
task_generator=f)`. Another generator than the checkpoint was made with is refused, and what differs is named, since
scores would be credited to other tasks; `replace_generator=True` takes it nevertheless.

A job that may be pre-empted (Slurm) begins with what there is, and saves when it is told to end, or once in a while:

>>> import pathlib, signal, sys
>>> config, path = lpcurr.CurriculumConfig(num_active_tasks=20), pathlib.Path(folder.name, "job.lpc")
>>> curriculum = lpcurr.Curriculum.load(path) if path.exists() else config.make()
>>> before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(curriculum.save(path)))
>>> try:
...     signal.raise_signal(signal.SIGTERM)
... except SystemExit:
...     path.exists()
True
>>> previous = signal.signal(signal.SIGTERM, before); curriculum.close(); curriculum.unlink(); folder.cleanup()

A trainer's own checkpoint file takes `get_state()`, which is dicts, lists, numbers and strings, and gives it back to
`load_state(state)`. All attached processes see the restored pool at once; two pools that load one state draw alike.
They are called `state_dict` and `load_state_dict` too, so that `accelerator.register_for_checkpointing(curriculum)` and
torch.distributed.checkpoint (`dcp.save({"curriculum": curriculum, …})`) take a curriculum, and a `TaskLedger` with what
is in flight. `load_state` keeps the scheduler that the pool has; what `use` has changed, say again, or
`Curriculum.load` a file.

Recipes of `lpcurr train` leave a checkpoint every epoch in their run folder and keep the last three
(`checkpoint_every`, `keep_checkpoints`); `lpcurr train resume=runs/NAME` goes on after a cut, also with other workers,
another pool size or more steps. `lpcurr inspect PATH` shows what a checkpoint holds.

A file is a zip archive of .npy arrays with a digest of every byte: `numpy.load(path)["p_fast"]` reads a column. Its
format is told in the docstring of `lpcurr.checkpoint`; nothing in it is pickled, and files of lpcurr 0.1 are read.
"""
