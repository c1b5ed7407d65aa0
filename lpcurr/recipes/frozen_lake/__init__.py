"""The default recipe: one small learner for thousands of frozen lakes, from trivial to out of reach.

``config`` needs no extra; ``environment`` and ``lakes`` need gymnasium; ``learner`` is NumPy alone.
"""
