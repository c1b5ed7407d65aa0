"""A pool of tasks as Python sees it."""
