"""A study in a real browser: consent, every turn, a reload in the middle, thanks, and the report."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from tests.web.conftest import PageAt, Serve
from tests.web.game.conftest import write_pool

from visavox.game_config import GameReportConfig, GameStudyConfig
from visavox.pipeline.human_baseline import report_of_game
from visavox.web.game.playing import create_game_app
from visavox.web.game.study_folder import Study, make_study
from visavox.web.game.turn_log import TurnLog

pytestmark = pytest.mark.slow


@pytest.fixture
def study(tmp_path: Path) -> Study:
    pool = write_pool(tmp_path / "pool", list("ffffmmmm"))
    make_study(GameStudyConfig(pool=pool.folder, out=tmp_path / "study", participants=2, trials=4, attention=2))
    return Study.load(tmp_path / "study", pool)


@pytest.fixture
def address(study: Study, served: Serve, tmp_path: Path) -> str:
    """Where the first participant's link leads."""
    from visavox.pipeline.game_pool_folder import GamePool

    pool = GamePool.load(tmp_path / "pool")
    app = create_game_app(pool, TurnLog.open(tmp_path / "game.sqlite"), study=tmp_path / "study")
    return f"{served(app)}/study/{link(study, 1)}"


def link(study: Study, number: int) -> str:
    return next(token for token, n in study.numbers.items() if n == number)


def picture(page: Any, name: str) -> None:
    """Keep a picture of the page where VISAVOX_SCREENSHOTS names a folder: to be looked at."""
    if folder := os.environ.get("VISAVOX_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"study-{name}.png", full_page=True)


def begin(page: Any) -> None:
    begin = page.get_by_role("button", name="Begin")
    assert begin.is_disabled()
    page.get_by_role("checkbox").check()
    begin.click()
    page.get_by_text("1 of 6").wait_for()


def answer(page: Any, number: int, *, by_key: bool = False) -> None:
    """Listen, then choose the left face, or the one that an attention check asks for."""
    page.get_by_text(f"{number} of 6").wait_for()
    page.locator("#play-text", has_text=re.compile("Listen|again")).wait_for()
    message = page.locator("#message").inner_text()
    side = "right" if "on the RIGHT" in message else "left"
    if by_key:
        page.keyboard.press("ArrowRight" if side == "right" else "ArrowLeft")
    else:
        page.locator(f"#{side}").click()


def test_a_whole_study_is_played_and_reported(address: str, study: Study, page_at: PageAt, tmp_path: Path) -> None:
    page = page_at(address)
    page.get_by_role("heading", name="Your rights").wait_for()
    picture(page, "desk-consent")
    begin(page)
    for number in (1, 2, 3):
        answer(page, number, by_key=number == 2)
        picture(page, f"desk-{number + 1}")
    page.get_by_text("4 of 6").wait_for()
    assert page.evaluate("() => document.activeElement.id") == "play"  # no face is marked before it is chosen
    assert "is-right" not in page.content() and "is-wrong" not in page.content()  # nothing is told
    page.reload()
    page.get_by_text("4 of 6").wait_for()
    page.get_by_role("button", name="Play the voice").click()
    answer(page, 4)
    other = page_at(address, width=390, height=800)  # another device goes on
    other.get_by_text("5 of 6").wait_for()
    picture(other, "phone-5")
    other.locator("#play").click()
    answer(other, 5)
    answer(other, 6)
    other.get_by_role("heading", name="Thank you!").wait_for()
    picture(other, "phone-done")
    page.locator("#left").click()  # the first device is behind: it learns that all is done
    page.get_by_role("heading", name="Thank you!").wait_for()

    turns = study.log.turns()
    assert len(turns) == 6 and all(turn.player_choice for turn in turns)
    assert all(turn.player_choice == turn.left_item for turn in turns if turn.kind == "study")
    timed = [turn.reaction_ms is not None for turn in turns]
    assert timed == [True, True, True, False, False, True]  # not after the reload, nor first on the other device
    report = report_of_game(GameReportConfig(log=tmp_path / "study", out=tmp_path / "report", resamples=100))
    assert report.figures[0].n_turns == 4
    assert report.figures[0].people.value == 0.5  # the left face is right half of the time
    attention = next(section for section in report.sections if section.title == "Attention")
    assert attention.notes[0] == ("1 participants answered, 1 of them to the end. 2 of 2 attention checks are right.")


def test_refusing_stores_nothing_and_withdrawing_deletes(address: str, study: Study, page_at: PageAt) -> None:
    page = page_at(address, width=390, height=800)
    picture(page, "phone-consent")
    page.get_by_role("button", name="I do not want to take part").click()
    page.get_by_text("Nothing was stored.").wait_for()
    assert study.log.turns() == [] and study.log.session(f"study-{study.digest}-1") is None
    page.get_by_role("button", name="Back to the information").click()
    begin(page)
    answer(page, 1)
    page.get_by_text("2 of 6").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_text("Withdraw from the study").click()
    picture(page, "phone-withdraw")
    page.get_by_role("button", name="Withdraw and delete my answers").click()
    page.get_by_role("heading", name="You have withdrawn.").wait_for()
    assert study.log.turns() == []
    page.reload()
    page.get_by_role("heading", name="You have withdrawn.").wait_for()


def test_a_wrong_link_is_told_so(address: str, page_at: PageAt) -> None:
    page = page_at(address[:-3], allowed=["404"])
    page.get_by_role("heading", name="This link leads to no study.").wait_for()
    picture(page, "desk-wrong")
