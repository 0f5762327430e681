"""A leaderboard as JSON, Markdown and a page."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.evaluation.knowable import Estimate
from visavox.evaluation.leaderboard import MAIN, ArenaFacts, Key, Leaderboard, MethodFacts, TrainedOnce, rank
from visavox.evaluation.leaderboard_page import (
    arena_words,
    leaderboard_html,
    leaderboard_json,
    leaderboard_markdown,
    main_cells,
    more_cells,
    write_leaderboard,
)
from visavox.evaluation.measures import Measure

MAP: Key = ("retrieval", "voice_to_face", "all", "map")
ODD: Key = ("matching", "voice_to_face", "same_nationality", "accuracy_1_of_2")


def once(value: float) -> TrainedOnce:
    keys = (MAIN, MAP, ODD)
    draws = value + np.linspace(-0.01, 0.01, 41)
    return TrainedOnce(
        0,
        tuple(Measure(*key, value, chance=0.5, count=9, n_people=9) for key in keys),
        dict.fromkeys(keys, draws),
        n_parameters=1234,
        train_s=1.5,
    )


def made(**more: object) -> Leaderboard:
    facts = ArenaFacts("real <set>", n_pairs=20, n_people=10, n_trained=16, how="5 folds", **more)  # type: ignore[arg-type]
    methods = {
        "base|line": MethodFacts("two_tower", "info_nce"),
        "cca": MethodFacts("cca", "", {"n_components": 4}),
        "bad": MethodFacts("two_tower", "siglip"),
    }
    runs = {"base|line": [once(0.7)], "cca": [once(0.8)], "bad": [TrainedOnce(0, problem="it <burst>")]}
    board = rank(facts, methods, runs, reference="base|line")
    return Leaderboard("small & fast", "About it.", "base|line", (board,), {"version": "1.2", "weird": float("nan")})


def test_the_table_holds_figures_differences_and_costs() -> None:
    header, rows = main_cells(made().boards[0], "base|line")
    assert header == ["method", "difference to base|line", "1:2 accuracy, voice → face, all pairs"]
    assert rows == [
        ["cca", "+10.0 (+10.0 to +10.0)", "80.0 % (79.0–80.9)"],
        ["base|line", "reference", "70.0 % (69.0–70.9)"],
    ]
    header, rows = more_cells(made().boards[0])
    assert header[:3] == ["method", "associator", "objective"]
    assert rows[0][:3] == ["cca", "cca", "none"]
    assert rows[0][-5:] == ["1", "", "1,234", "1.5", "n_components 4"]
    assert rows[1][2] == "info_nce"


def test_shares_of_the_knowable_stand_in_the_table_of_a_world() -> None:
    world = {MAIN[1:]: Estimate(0.9, 0.001)}
    board = made(ceiling=world).boards[0]
    header, rows = main_cells(board, "base|line")
    assert header[-1] == "share of the knowable, voice → face, all pairs"
    assert rows[0][-1].startswith("75.0 %")
    assert "The best possible 1:2 accuracy, voice to face, is 90.0 %." in arena_words(board)


def test_an_arena_says_whom_it_tested_and_how() -> None:
    assert arena_words(made().boards[0]).startswith(
        "20 pairs; 10 people tested, 5 folds; 16 pairs or more to train on."
    )
    assert "10 videos, each counted as one person tested" in arena_words(made(people_known=False).boards[0])


def test_markdown_escapes_and_names_what_failed() -> None:
    text = leaderboard_markdown(made())
    assert text.startswith("# small &amp; fast\n\nAbout it.\n\n## real &lt;set>")
    assert "base\\|line" in text
    assert "bad has no figures" in text
    assert "burst" in text
    assert "where its interval leaves out 0" in text


class Cells(HTMLParser):
    """Collects tags and text, and fails on what is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "link", "br", "line", "path", "circle", "rect", "polyline", "use"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_escaped_and_draws_every_method() -> None:
    html = leaderboard_html(made())
    reader = Cells()
    reader.feed(html)
    assert reader.open == []
    assert "<burst>" not in html
    assert "bad has no figures: it <burst>" in reader.text
    assert "real <set>" in reader.text
    assert html.count("<svg") == 1  # one 1:2 accuracy among the shown groups
    assert "base|line" in reader.text
    assert "2 sets" not in reader.text
    assert "3 methods, 1 set of people" in reader.text
    assert "http://" not in html.replace("http://www.w3.org", "")


def test_json_is_strict_and_whole(tmp_path: Path) -> None:
    write_leaderboard(made(), tmp_path / "new")
    read = json.loads((tmp_path / "new" / "leaderboard.json").read_text(), parse_constant=lambda c: pytest.fail(c))
    assert read == json.loads(json.dumps(leaderboard_json(made())))
    (board,) = read["boards"]
    assert [row["method"] for row in board["rows"]] == ["cca", "base|line", "bad"]
    first = board["rows"][0]["measures"][0]
    assert (first["measure"], first["value"], first["n_people"]) == ("accuracy_1_of_2", pytest.approx(0.8), 9)
    assert first["difference"]["value"] == pytest.approx(0.1)
    assert first["spread_over_seeds"] is None
    assert board["rows"][2]["problem"] == "it <burst>"
    assert read["made"]["weird"] is None
    assert "ceiling" not in board["arena"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="The leaderboard must be written to .*Name another folder"):
        write_leaderboard(made(), tmp_path / "file")
