"""Figures of a pool at one moment."""
