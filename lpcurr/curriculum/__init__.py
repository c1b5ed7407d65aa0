"""The curriculum: what a trainer talks to."""
