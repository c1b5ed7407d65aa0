"""GRPO of TRL on sums: a language model that is small enough for a CPU, and prompts from easy to hard.

``config`` needs no extra to be imported; training needs ``lpcurr[llm]``.
"""
