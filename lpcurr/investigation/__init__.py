"""Find out in minutes what makes training with a curriculum slow.

Evidence is counted: lines and calls of Python by the entry point they run under, memory taken, waits, at n, 2n and 4n
tasks in pools old enough to evict. Counts are the same on a busy machine. Times only say how much a fault matters.

:mod:`~lpcurr.investigation.subjects`  what is investigated: a recipe, or any object with the curriculum methods
:mod:`~lpcurr.investigation.counting`  how one call is counted
:mod:`~lpcurr.investigation.faults`    what may be wrong, and how the counts decide: begin here to add one
:mod:`~lpcurr.investigation.run`       all of it in order, with the folder of results
"""
