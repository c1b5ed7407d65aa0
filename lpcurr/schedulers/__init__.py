"""Schedulers, one file each: settings, formula, references."""
