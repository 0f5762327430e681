"""A recipe of a comparison: what it says, and how a wrong one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.pipeline.comparing.compare_recipe import own_settings, read_compare_recipe, under_budget

Write = Callable[[Any], Path]
RECIPES = Path(__file__).parents[3] / "recipes"


def test_a_recipe_is_read_whole(recipe_values: dict[str, Any], write_recipe: Write, vectors: Path) -> None:
    recipe = read_compare_recipe(write_recipe(recipe_values), data=None)
    assert (recipe.name, recipe.about, recipe.seeds, recipe.resamples) == ("tiny", "Two methods.", (0, 1), 100)
    (arena,) = recipe.arenas
    assert (arena.name, arena.kind, arena.source, arena.folds, arena.test) == ("small", "embeddings", vectors, 3, 0.0)
    assert [method.name for method in recipe.methods] == ["info_nce", "warm", "cca"]
    assert recipe.reference == "info_nce"
    assert recipe.protocols == ("matching", "retrieval")
    assert own_settings(recipe.spec(arena, recipe.methods[0]), recipe.budget) == {}
    assert own_settings(recipe.spec(arena, recipe.methods[1]), recipe.budget) == {
        "objective.initial_temperature": 0.9,
        "learning_rate": 0.02,
    }
    assert own_settings(recipe.spec(arena, recipe.methods[2]), recipe.budget) == {"n_components": 2}


def test_the_budget_is_shared_and_what_is_a_methods_own_comes_first(
    recipe_values: dict[str, Any], write_recipe: Write
) -> None:
    recipe_values["arenas"][0]["budget"] = {"n_epochs": 7}
    recipe = read_compare_recipe(write_recipe(recipe_values), data=None)
    (arena,) = recipe.arenas
    shared = {"hidden": [8], "output_dim": 4, "n_epochs": 7, "batch_size": 40}
    assert recipe.spec(arena, recipe.methods[0]) == {
        **shared, "learning_rate": 0.01, "name": "two_tower", "objective": "info_nce"
    }  # fmt: skip
    assert recipe.spec(arena, recipe.methods[1])["learning_rate"] == 0.02
    assert recipe.spec(arena, recipe.methods[2]) == {"name": "cca", "n_components": 2}


def test_data_stands_for_a_folder(recipe_values: dict[str, Any], write_recipe: Write) -> None:
    recipe_values["arenas"][0] = {"name": "real", "pairs": "{data}/set", "test": 0.25, "columns": {"video": "tube"}}
    recipe_values["methods"][2].pop("in")
    recipe = read_compare_recipe(write_recipe(recipe_values), data=Path("/given"))
    assert (recipe.arenas[0].source, recipe.arenas[0].test) == (Path("/given/set"), 0.25)
    assert recipe.arenas[0].columns == {"video": "tube"}
    with pytest.raises(ConfigError, match=r"arena 1 uses \{data\}. Name the folder with --data"):
        read_compare_recipe(write_recipe(recipe_values), data=None)


def test_some_methods_can_be_asked_for_and_the_reference_stays(
    recipe_values: dict[str, Any], write_recipe: Write
) -> None:
    recipe = read_compare_recipe(write_recipe(recipe_values), data=None, only=["cca"])
    assert [method.name for method in recipe.methods] == ["info_nce", "cca"]
    with pytest.raises(ConfigError, match="has no method 'pca'. It has: info_nce, warm, cca"):
        read_compare_recipe(write_recipe(recipe_values), data=None, only=["pca"])


def change(values: dict[str, Any], place: str, value: Any) -> None:
    *way, last = place.split("/")
    at: Any = values
    for step in way:
        at = at[int(step) if step.isdigit() else step]
    at[int(last) if last.isdigit() else last] = value


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("sedes", [1], r"takes no 'sedes'. It takes: name, about, seeds"),
        ("seeds", [1, 1], "`seeds` must be different whole numbers, one or more"),
        ("seeds", [-1], "`seeds` must be a whole number of at least 0. Got -1"),
        ("seeds", [True], "`seeds` must be a whole number"),
        ("resamples", 99, "`resamples` must be a whole number of at least 100. Got 99"),
        ("protocols", ["retrieval"], "`protocols` must hold matching, and may hold retrieval, verification"),
        ("protocols", ["matching", "chess"], "`protocols` must hold matching"),
        ("budget", [], "`budget` must be a mapping"),
        ("arenas", [], "`arenas` must be a list of one or more"),
        ("methods", {}, "`methods` must be a list of one or more"),
        ("reference", "nobody", "has no method 'nobody'"),
        ("arenas/0/name", "a/b", "arena 1 must have a `name` of letters, digits"),
        ("arenas/0/folds", 1, "arena 1: `folds` must be a whole number of at least 2. Got 1"),
        ("arenas/0/test", 0.5, "arena 1 must have either `folds`, 2 or more, or `test`"),
        (
            "arenas/0/corpus",
            "c",
            "arena 1 must have one of pairs, corpus, embeddings, world. Got corpus and embeddings",
        ),
        ("arenas/0/embeddings", 3, "arena 1: `embeddings` must be a folder. Got 3"),
        ("arenas/0/colour", "red", "arena 1 takes no 'colour'"),
        ("methods/1/name", "info_nce", "the name of a method must be its own. Got 'info_nce' twice"),
        ("methods/0/objective", "info", "method info_nce: .*info_nce"),
        ("methods/0/hiden", [3], "method info_nce: The associator 'two_tower' takes no 'hiden'"),
        ("methods/2/in", {"large": {}}, "method cca: `in` names no arena 'large'"),
        ("methods/2/associator", 3, "method 3 must be a mapping"),
        ("methods/2", "cca", "method 3 must be a mapping"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    recipe_values: dict[str, Any], write_recipe: Write, place: str, value: Any, words: str
) -> None:
    change(recipe_values, place, value)
    with pytest.raises(ConfigError, match=words):
        read_compare_recipe(write_recipe(recipe_values), data=None)


@pytest.mark.parametrize("test", [0, 1.0, "half", None])
def test_a_share_that_is_none_is_refused(recipe_values: dict[str, Any], write_recipe: Write, test: Any) -> None:
    del recipe_values["arenas"][0]["folds"]
    recipe_values["arenas"][0]["test"] = test
    with pytest.raises(ConfigError, match="`test` must be a share of the people, above 0 and below 1"):
        read_compare_recipe(write_recipe(recipe_values), data=None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a", "must be a mapping with `arenas` and `methods`. Got list"),
        ("a: b: c", "is no YAML"),
        ("a: 1\na: 2", "twice"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(write_recipe: Write, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_compare_recipe(write_recipe(text), data=None)
    with pytest.raises(ConfigError, match=r"There is no recipe .*missing\.yaml"):
        read_compare_recipe(Path("missing.yaml"), data=None)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("compare-*.yaml")), ids=lambda p: p.stem)
def test_every_comparison_that_comes_along_is_valid(path: Path) -> None:
    recipe = read_compare_recipe(path, data=Path("data"))
    assert recipe.about
    assert len(recipe.methods) > 1


def test_every_network_gets_what_it_takes_of_the_budget_members_of_an_ensemble_too() -> None:
    """The budget was once of two towers alone; others trained under defaults without a word."""
    budget = {"n_epochs": 7, "hidden": [3], "dropout": 0.25, "batch_size": 5}
    assert under_budget({"name": "sss", "output_dim": 2}, budget) == {
        "n_epochs": 7, "dropout": 0.25, "batch_size": 5, "name": "sss", "output_dim": 2
    }  # fmt: skip
    both = {"name": "ensemble", "weights": [1, 2], "members": ["cca", {"name": "two_tower", "n_epochs": 9}]}
    found = under_budget(both, budget)
    assert found["members"][0] == {"name": "cca"}
    assert found["members"][1] == {"n_epochs": 9, "hidden": [3], "batch_size": 5, "name": "two_tower"}
    assert own_settings(found, budget) == {
        "weights": [1, 2],
        "members": [{"name": "cca"}, {"name": "two_tower", "n_epochs": 9}],
    }


@pytest.mark.parametrize("place", ["budget", "arenas/0/budget"])
def test_a_budget_that_no_network_takes_is_refused(
    recipe_values: dict[str, Any], write_recipe: Write, place: str
) -> None:
    """A typo once trained everything under the defaults without a word."""
    change(recipe_values, place, {"n_epoch": 20})
    with pytest.raises(
        ConfigError, match="`budget` of the arena small takes no 'n_epoch'. Its networks take: .*n_epochs"
    ):
        read_compare_recipe(write_recipe(recipe_values), data=None)
