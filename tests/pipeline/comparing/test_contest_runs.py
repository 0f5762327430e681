"""The whole comparison: everything trained once, kept, resumed, and written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import visavox.pipeline.comparing.contest_runs as module
from visavox.errors import ConfigError
from visavox.method_config import CompareConfig
from visavox.pipeline.comparing.contest_runs import compare_methods

Write = Callable[[Any], Path]
MAIN = ("matching", "voice_to_face", "all", "accuracy_1_of_2")


def configured(recipe: Path, out: Path, **more: Any) -> CompareConfig:
    return CompareConfig(recipe=recipe, out=out, workers=1, device="cpu", **more)


def test_every_method_meets_every_arena_with_every_seed(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    board = compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"))
    (one,) = board.boards
    assert {row.method: row.n_seeds for row in one.rows} == {"info_nce": 2, "warm": 2, "cca": 1}
    values = [row.measures[MAIN].value for row in one.rows]
    assert values == sorted(values, reverse=True)
    assert all(0.6 < value <= 1 for value in values)
    reference = next(row for row in one.rows if row.method == "info_nce")
    assert reference.differences[MAIN].value == 0
    assert {row.facts.objective for row in one.rows} == {"info_nce", ""}
    assert {row.method: dict(row.facts.own) for row in one.rows} == {
        "info_nce": {},
        "warm": {"objective.initial_temperature": 0.9, "learning_rate": 0.02},
        "cca": {"n_components": 2},
    }
    assert one.arena.how == "3 folds"
    assert one.arena.people_known
    files = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out" / "scores").rglob("*.safetensors"))
    assert [f for f in files if "cca" in f] == ["scores/small/cca/seed-0.safetensors"]
    assert len(files) == 5
    assert sorted(p.name for p in (tmp_path / "out").glob("leaderboard.*")) == [
        "leaderboard.html", "leaderboard.json", "leaderboard.md"
    ]  # fmt: skip


def test_what_is_done_is_not_done_again_unless_it_has_changed(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, int]] = []
    real = module.score_method

    def counted(*arguments: Any, **more: Any) -> Any:
        trained.append((more["method"], more["seed"]))
        return real(*arguments, **more)

    monkeypatch.setattr(module, "score_method", counted)
    first = compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"))
    assert len(trained) == 5
    again = compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"))
    assert len(trained) == 5
    assert first.boards == again.boards
    recipe_values["methods"][1]["learning_rate"] = 0.03
    compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"))
    assert trained[5:] == [("warm", 0), ("warm", 1)]
    compare_methods(configured(write_recipe(recipe_values), tmp_path / "out", overwrite=True))
    assert len(trained) == 12


def test_processes_give_what_one_gives(recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path) -> None:
    recipe = write_recipe(recipe_values)
    alone = compare_methods(configured(recipe, tmp_path / "a"))
    pooled = compare_methods(CompareConfig(recipe=recipe, out=tmp_path / "b", workers=2, device="cpu"))
    for one, other in zip(alone.boards[0].rows, pooled.boards[0].rows, strict=True):
        assert (one.method, one.measures) == (other.method, other.measures)


def test_an_interrupted_comparison_goes_on(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = module.score_method, iter(range(100))

    def interrupted(*arguments: Any, **more: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **more)

    monkeypatch.setattr(module, "score_method", interrupted)
    config = configured(write_recipe(recipe_values), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        compare_methods(config)
    assert len(list((tmp_path / "out").rglob("*.safetensors"))) == 2
    assert len(compare_methods(config).boards[0].rows) == 3
    assert next(calls) == 6  # 2 done, 1 interrupted, 3 more


def test_a_method_that_fails_is_a_row_and_the_others_have_theirs(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    recipe_values["methods"][1] |= {"input_noise": 1e30, "learning_rate": 10, "optimiser": "sgd"}
    board = compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"))
    last = board.boards[0].rows[-1]
    assert last.method == "warm"
    assert "nan or infinite" in last.problem
    assert "warm has no figures: The loss became" in (tmp_path / "out" / "leaderboard.md").read_text()
    assert len(board.boards[0].rows[0].measures) > 0
    assert not list((tmp_path / "out").rglob("warm/*"))  # it is tried again, and its cause may be mended


def test_progress_is_told_by_stage(recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []

    @contextmanager
    def bar(title: str) -> Any:
        yield lambda done, total: told.append((title, done, total))

    compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"), bar)
    assert [row for row in told if row[0] == "Training"] == [("Training", n, 5) for n in range(6)]


def test_a_folder_of_other_files_is_not_taken(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("")
    with pytest.raises(ConfigError, match="must be a new or empty folder, or a comparison"):
        compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"))


def test_the_figures_carry_where_they_come_from(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    compare_methods(configured(write_recipe(recipe_values), tmp_path / "out", only=("cca",)))
    made = json.loads((tmp_path / "out" / "leaderboard.json").read_text())["made"]
    assert (made["recipe"], made["seeds"], made["resamples"]) == ("tiny", [0, 1], 100)
    assert made["budget"]["n_epochs"] == 3
    assert made["encoders"]["small"]["voice"]["spec"] == "made"


def test_a_part_of_the_methods_leaves_the_rest_of_the_board(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    """`--only` once replaced a full board by two rows."""
    path = write_recipe(recipe_values)
    first = compare_methods(configured(path, tmp_path / "out", only=("cca",)))
    assert {row.method for row in first.boards[0].rows} == {"info_nce", "cca"}
    compare_methods(configured(path, tmp_path / "out"))
    again = compare_methods(configured(path, tmp_path / "out", only=("cca",)))
    assert {row.method for row in again.boards[0].rows} == {"info_nce", "warm", "cca"}


def test_another_comparison_is_not_written_over(
    recipe_values: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    compare_methods(configured(write_recipe(recipe_values), tmp_path / "out", only=("cca",)))
    recipe_values["name"] = "other"
    with pytest.raises(ConfigError, match="holds the comparison 'tiny', not 'other'"):
        compare_methods(configured(write_recipe(recipe_values), tmp_path / "out"))
    board = compare_methods(configured(write_recipe(recipe_values), tmp_path / "out", only=("cca",), overwrite=True))
    assert board.name == "other"
