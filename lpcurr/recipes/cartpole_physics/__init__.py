"""PPO of Stable-Baselines3 on CartPole, whose pole and gravity are the task.

``config`` and ``physics`` need no extra to be imported; training needs ``lpcurr[sb3]``.
"""
