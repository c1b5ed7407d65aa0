"""A small budget, for the small curricula of these tests."""

from __future__ import annotations

from lpcurr.investigation.thresholds import Budget

QUICK = Budget(
    sizes=(16, 64, 256, 1_024),
    seconds_per_size=0.5,
    repetitions=9,
    block_seconds=0.003,
    growth_seconds=0.4,
    contention_seconds=0.1,
    processes=(1, 4),
    contention_repetitions=2,
    epochs=3,
    epoch_episodes=300,
    epoch_seconds=0.1,
    training_steps=256,
)
