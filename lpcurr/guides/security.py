"""Security
========

What lpcurr trusts, and what it does not.

Trusted: your code, and your own processes
    A pool is memory of one user (mode 0600). A process of that user can write into it what it likes; numbers that lead
    out of it are looked for at an attach, a look from outside, a copy and a repair, not at every call: an episode that
    meets one ends its process, and one that meets an index that contradicts the tasks may not end. Task generators,
    environments, score functions, recipes and loggers that you give are called as they are.

    Pickles are of this kind: a curriculum that is pickled into a worker, tasks of a list that are no plain data (they
    are signed, and only processes that got the curriculum from its maker read them), and the compiled kernels in
    `NUMBA_CACHE_DIR` or the package's folder. Let nobody else write there.

Not trusted: files that are read
    Checkpoints, states, run folders and their config.yaml, metrics, and what lies in /dev/shm under a session's name.
    Reading one imports no module, unpickles nothing and calls no recipe: a class that a file names is used only if your
    program has imported its module already, and a recipe only if it is packaged or you name it. Such a class is made
    with the file's arguments, so what its constructor does is up to you.

    What does not fit is refused before anything is changed: digests, sizes, limits of every number, YAML aliases that
    stand for billions of nodes. A digest finds damage; it does not say who wrote the file.

    Entries of a recording, and those that another node gives to an exchange, are checked before any is applied. What
    carries them is as safe as it is: torch.distributed and Ray unpickle what their own processes send.

>>> import json, lpcurr
>>> stored = json.loads('{"type": "single", "env": {"__type__": "their_module:Maze", "data": {}}}')
>>> lpcurr.CurriculumConfig(task_generator=stored)
Traceback (most recent call last):
    ...
lpcurr.errors.ConfigError: ...their_module...has not been imported...

Not trusted: other users of the machine
    Links, pipes, folders and files of others under our names, in /dev/shm or /var/tmp, are passed over or refused with
    the reason; files are written beside their target and renamed, and never through a link, a pipe or a device.

Not trusted: text that is shown
    Labels and values come from tasks. Escapes do not reach the terminal, formulas not the spreadsheet, markup not the
    report.

Other containers
    Processes that do not see each other's ids cannot share a robust mutex, whose owner is an id: such an attach is
    refused. `LPCURR_LOCK=fcntl` in all of them, with one /var/tmp, is the way.

What is left to you: `lpcurr.integrations.metta` reads generators by the dotted name of their class, as metta does, and
imports it: give it configurations of your own only. Weights that a trainer of your own saves are as safe as its loader.
"""
