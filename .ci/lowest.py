"""Print the least version of each requirement that pyproject.toml allows to users, as constraints for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
requirements = list(project["dependencies"])
for extra, required in project["optional-dependencies"].items():
    if extra not in ("test", "bench"):
        requirements += required
for requirement in requirements:
    found = re.match(r"([A-Za-z0-9_-]+)>=([0-9.]+)", requirement)
    if found:
        print(f"{found[1]}=={found[2]}")
