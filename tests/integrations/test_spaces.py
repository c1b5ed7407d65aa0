"""What a message says of two spaces that differ."""

from __future__ import annotations

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Space, Text, Tuple

from lpcurr.integrations.spaces import difference


def test_the_key_that_differs_is_named_and_not_the_rest() -> None:
    def grid(words: str) -> Space[object]:
        characters = "abcdefghijklmnopqrstuvwxyz" * 20 + words
        return Dict(image=Box(0, 255, (7, 7, 3), np.uint8), inner=Tuple((Discrete(2), Text(9, charset=characters))))

    where, ours, first = difference(grid("A"), grid("B"))
    assert where == "['inner'][1]"
    assert ours != first
    assert len(ours) + len(first) < 450


def test_keys_that_are_there_in_one_only() -> None:
    assert difference(Dict(a=Discrete(2)), Dict(a=Discrete(2), b=Discrete(2))) == (
        "",
        "with the keys a",
        "the keys a, b",
    )


def test_spaces_of_other_kinds() -> None:
    assert difference(Discrete(2), Discrete(3)) == ("", "Discrete(2)", "Discrete(3)")
    assert difference(Tuple((Discrete(2),)), Discrete(3)) == ("", "Tuple(Discrete(2))", "Discrete(3)")
