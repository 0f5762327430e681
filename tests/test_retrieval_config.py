"""What the gallery commands can be told, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.command_line import parse_arguments
from visavox.errors import ConfigError
from visavox.retrieval_config import GalleryBuildConfig, SearchConfig


def test_a_search_is_told_in_words() -> None:
    for letter in ("-k", "--k"):  # an option of one letter has both
        words = ["v.wav", "--gallery", "g", letter, "3", "--where", "{gender: f}"]
        config = parse_arguments(SearchConfig, words, prog="visavox search", positional=("query",))
        assert config is not None
        assert (config.query, config.k, dict(config.where)) == (Path("v.wav"), 3, {"gender": "f"})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"k": 0}, "`k` must be 1 to 10000. Got 0"),
        ({"p_nobody": 1.0}, "`p_nobody` must lie between 0 and 1. Got 1.0"),
        ({"p_nobody": float("nan")}, "`p_nobody` must lie between 0 and 1. Got nan"),
        ({"effort": -1}, "`effort` must be at least 0. Got -1"),
    ],
)
def test_numbers_out_of_range_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SearchConfig(query=Path("q"), gallery=Path("g"), **values)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "A gallery is made of clips. Give --pairs, --corpus or --embeddings."),
        ({"pairs": Path("p"), "corpus": Path("c")}, "`pairs` is taken alone"),
        ({"pairs": Path("p"), "embeddings": Path("e")}, "`pairs` is taken alone"),
    ],
)
def test_a_gallery_has_one_source(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        GalleryBuildConfig(out=Path("g"), **values)
