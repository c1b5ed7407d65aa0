"""Print the least version of each requirement that pyproject.toml allows to users, as constraints for pip."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = {
    name: required for name, required in project["optional-dependencies"].items() if name not in ("test", "bench")
}
for requirement in sorted({*project["dependencies"], *(each for required in extras.values() for each in required)}):
    found = re.match(r"([A-Za-z0-9_-]+)>=([0-9.]+)", requirement)
    if found:
        print(f"{found[1]}=={found[2]}")
