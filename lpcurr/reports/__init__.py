"""Reports: one self-contained HTML page, and one picture, of one run or several side by side.

Needs ``lpcurr[train]`` for matplotlib and YAML.
"""
