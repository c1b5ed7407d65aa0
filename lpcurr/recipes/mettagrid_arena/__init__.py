"""MettaGrid's arena: PPO by PufferLib's trainer on the CPU, worker processes on one pool.

``config`` and ``arenas`` need mettagrid; the rest needs pufferlib and torch too.
"""
