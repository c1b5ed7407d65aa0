"""Benchmarks for asv, one file a theme; compilation is never inside a timing.

Look at the history::

    asv run main^!               # this commit, in about five minutes; or NEW, or a range such as v0.1..main
    asv publish && asv preview   # curves by commit, in a browser

Judge a regression::

    asv continuous --factor 1.3 --interleave-rounds --launch-method forkserver main HEAD

which benchmarks both commits in turns, names what has become slower, and then ends with exit code 1; ``-b batches``
restricts it to what matches. The benchmarks count processor time, which other load disturbs little, but pools of a
million tasks share the memory with it: believe what is named again when it is run again with ``-b`` that name. Look for
a slower kernel in ``batches`` and ``floors``, where Python does not dilute it: an ``update`` kernel 1.5 times as slow
makes an update from Python about 1.1 times as slow.

1.3 comes from ``python -m asv_benchmarks.sensitivity``, which finds what a machine supports: equal commits should not
differ, and a planted slowdown of one kernel should be named. With eight other processes on two cores, what differed
between equal commits by more than 1.25 were pools of a million tasks alone, and the update kernel 1.5 times as slow was
named by four benchmarks.

Check that all of them run, which is what ``.ci/run`` does, with ``asv run --quick``; a benchmark that fails gives exit
code 2.

Other tools: ``python -m asv_benchmarks.targets`` and ``.floors`` print ratios that are measured side by side;
``.scaling`` and ``.staleness`` draw the two plots of the README, ``.steady`` trains with and without a curriculum.
"""
