"""Benchmarks for asv (``asv run``, ``asv continuous main HEAD``); compilation is never inside a timing."""
