"""A small budget, for the small curricula of these tests."""

from __future__ import annotations

from lpcurr.investigation.limits import Budget

QUICK = Budget(
    sizes=(16, 32, 64),
    lines=100_000,
    native_sizes=(256, 1_024, 4_096),
    native_seconds=2.0,
    blocks=4,
    episodes_to_grow=4_000,
    lines_to_grow=1_000_000,
    waits_to_grow=400,
    training_epochs=2,
    training_steps=256,
)
