"""Folders of training runs: written while they train, read afterwards."""
