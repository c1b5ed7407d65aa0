"""Trainings in one file, to copy and to change; each runs with ``python -m``."""
