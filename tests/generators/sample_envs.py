"""Environment configurations of every kind, in a module of their own so that files can name their classes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator, model_validator

if TYPE_CHECKING:
    from nowhere import TypeOnly


class Tile(enum.Enum):
    ICE = "ice"
    LAVA = "lava"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Maze:
    width: int = 4
    height: int = 4
    tile: Tile = Tile.ICE
    area: int = field(init=False)

    def __post_init__(self) -> None:
        self.area = self.width * self.height
        if self.width > 100:
            raise ValueError("wider than 100")


@dataclass(frozen=True)
class Lane:
    speed: float = 1.0


@dataclass
class Game:
    maze: Maze = field(default_factory=Maze)
    lanes: list[Lane] = field(default_factory=lambda: [Lane(), Lane(2.0)])
    rewards: dict[int, float] = field(default_factory=lambda: {1: 0.5, 2: 1.0})
    start: tuple[int, int] = (0, 1)


@dataclass
class Unresolvable:
    thing: TypeOnly = 3


class MazeModel(BaseModel):
    width: int = Field(default=4, ge=1)
    height: int = 4
    tile: Tile = Tile.ICE


class LaneModel(BaseModel):
    model_config = ConfigDict(frozen=True)
    speed: float = 1.0


class GameModel(BaseModel):
    maze: MazeModel = Field(default_factory=MazeModel)
    lanes: list[LaneModel] = Field(default_factory=lambda: [LaneModel(), LaneModel(speed=2.0)])
    rewards: dict[int, float] = Field(default_factory=lambda: {1: 0.5, 2: 1.0})
    start: tuple[int, int] = (0, 1)


class SquareModel(BaseModel):
    """Both sides change together or not at all."""

    width: int = 4
    height: int = 4

    @model_validator(mode="after")
    def _square(self) -> SquareModel:
        if self.width != self.height:
            raise ValueError("not a square")
        return self


class DoublingModel(BaseModel):
    """A field validator that must not see a value twice."""

    doubled: int = 1
    other: int = 0

    @field_validator("doubled")
    @classmethod
    def _double(cls, value: int) -> int:
        return 2 * value


class AliasModel(BaseModel):
    model_config = ConfigDict(frozen=True)
    width: int = Field(default=4, alias="w")
    height: int = 4


class Lengths(RootModel[list[int]]):
    """A model without field names."""


class LooseModel(BaseModel):
    """Fields that say less than their values are."""

    model_config = ConfigDict(extra="allow")
    anything: Any = None
    base: BaseModel | None = None
    folder: Path = Path("maps")


def game_dict() -> dict[str, Any]:
    return {
        "maze": {"width": 4, "height": 4},
        "lanes": [{"speed": 1.0}, {"speed": 2.0}],
        "rewards": {1: 0.5, 2: 1.0},
        "start": (0, 1),
    }


GAMES = [game_dict, Game, GameModel]


def not_a_config(task_id: int) -> int:
    return task_id


class Untyped:
    """Neither dataclass nor model."""
