"""Find out in minutes what makes training with a curriculum slow.

Evidence is counted, by entry point, at n, 2n and 4n tasks: the same on a busy machine. Times say how much it matters.

:mod:`~lpcurr.investigation.subjects`  what is investigated: a recipe, or any object with the curriculum methods
:mod:`~lpcurr.investigation.counting`  how one call is counted
:mod:`~lpcurr.investigation.faults`    what may be wrong, and how the counts decide: begin here to add one
:mod:`~lpcurr.investigation.run`       all of it in order, with the folder of results
"""
