"""From a recipe's name to its configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lpcurr import ConfigError
from lpcurr.recipes import PACKAGED, TrainingConfig, find_recipe, load_config

HEAVY = {"mettagrid_arena"}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.heavy] * (n in HEAVY)) for n in PACKAGED])
def test_packaged_recipes_return_a_configuration(name: str) -> None:
    config = load_config(name)
    assert isinstance(config, TrainingConfig)
    assert type(config)(**config.model_dump()) == config


def test_a_function_of_a_module() -> None:
    place = PACKAGED["frozen_lake"]
    assert find_recipe(place) is find_recipe("frozen_lake")


def test_a_module_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe_of_this_folder.py").write_text(
        "from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig, frozen_lake\n"
        "def mine():\n    return FrozenLakeConfig(curriculum=frozen_lake().curriculum, seed=5)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    assert load_config("recipe_of_this_folder:mine").seed == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("frozen_lak", "did you mean 'frozen_lake'"),
        ("nothing_like_it", "package.module:function"),
        ("no_such_module_x:f", "no module 'no_such_module_x'"),
        ("lpcurr.errors:f", "no function 'f'"),
        (":f", "no recipe ':f'"),
        ("builtins:list", "returned a list"),
    ],
)
def test_what_is_no_recipe_is_named(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(name)


def test_a_broken_import_inside_a_recipe_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe_with_broken_import.py").write_text("import no_such_module_y\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(sys.path))
    with pytest.raises(ModuleNotFoundError, match="no_such_module_y"):
        load_config("recipe_with_broken_import:f")
