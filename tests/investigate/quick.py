"""A small budget, for the small curricula of these tests."""

from __future__ import annotations

from lpcurr.investigation.thresholds import Budget

QUICK = Budget(
    sizes=(16, 128, 1_024, 8_192, 32_768),
    seconds_per_size=0.7,
    repetitions=5,
    block_seconds=0.005,
    growth_seconds=0.5,
    contention_seconds=0.15,
    processes=(1, 4),
    epochs=4,
    epoch_episodes=500,
    epoch_seconds=0.1,
)
