"""The investigation of a slow curriculum: find out in minutes what made a training slow.

:mod:`~lpcurr.investigation.subjects`    what is investigated: a recipe, or any object with the curriculum methods
:mod:`~lpcurr.investigation.probes`      what is measured
:mod:`~lpcurr.investigation.hypotheses`  what may be wrong, and how the measurements decide: begin here to add one
:mod:`~lpcurr.investigation.thresholds`  every limit, with its reason
:mod:`~lpcurr.investigation.run`         all of it in order, with the folder of results
"""
