"""The game in a real browser: a whole game on a desk and on a phone, by mouse, finger and keys, and its sound."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.playing import create_game_app
from visavox.web.game.turn_log import TurnLog

pytestmark = pytest.mark.slow
PLAYING = "#play.is-playing"
HEARD = "#play-text:text-matches('Listen|again')"  # and stays so, however slow the machine is
LOUD_ENOUGH_S = 2.0  # from the page to the first sound, on loopback


@pytest.fixture
def log(tmp_path: Path) -> TurnLog:
    return TurnLog.open(tmp_path / "game.sqlite")


@pytest.fixture
def url(served: Callable[[Any], str], make_game_pool: Callable[..., GamePool], log: TurnLog) -> str:
    pool = make_game_pool("ffffmmmm", voice_s=1.5)
    return f"{served(create_game_app(pool, log))}/game"


def picture(page: Any, name: str) -> None:
    """Keep a picture of the page where VISAVOX_SCREENSHOTS names a folder: to be looked at."""
    if folder := os.environ.get("VISAVOX_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"game-{name}.png", full_page=True)


def begin(page: Any, level: int = 3) -> None:
    page.locator(f"#start-levels input[value='{level}']").check(force=True)
    page.click("#begin")
    page.wait_for_selector(HEARD)


def score(page: Any) -> dict[str, int]:
    names = ("turn-number", "player-score", "model-score", "streak", "best-streak")
    return {name: int(page.inner_text(f"#{name}")) for name in names}


def true_side(log: TurnLog) -> str:
    """The side that the page does not know."""
    turn = [turn for turn in log.turns() if turn.shown_at is not None][-1]
    return "left" if turn.left_item == turn.true_item else "right"


@pytest.mark.parametrize(("width", "height", "name"), [(1280, 900, "desk"), (390, 844, "phone")])
def test_a_whole_game(page_at: Any, url: str, log: TurnLog, width: int, height: int, name: str) -> None:
    page = page_at(url, width=width, height=height)
    page.wait_for_selector("#begin")
    picture(page, f"{name}-start")
    begin(page)
    answers = [True, True, False, True]
    for number, rightly in enumerate(answers, start=1):
        page.wait_for_selector(f"#turn-number >> text={number}")
        page.wait_for_selector(HEARD)
        side = true_side(log)
        page.click(f"#{side}" if rightly else f"#{'right' if side == 'left' else 'left'}")
        page.wait_for_selector("#next", state="visible")
        assert "is-right" in page.get_attribute(f"#{side}", "class")
        assert page.get_attribute("#below", "class") == ("is-right" if rightly else "is-wrong")
        assert page.inner_text("#message").startswith("You both got it!" if rightly else "The model got this one.")
        assert page.locator(f"#{side} .tag.model").is_visible()
        picture(page, f"{name}-turn-{number}")
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
        if number < len(answers):
            page.click("#next")
    assert score(page) == {"turn-number": 4, "player-score": 3, "model-score": 4, "streak": 1, "best-streak": 2}
    turns = log.turns(answered_only=True)
    assert [turn.player_choice == turn.true_item for turn in turns] == answers
    assert all(turn.reaction_ms is not None and turn.difficulty == 3 for turn in turns)
    for selector in ("#left", "#right", "#play", "#next", "#reset"):
        box = page.locator(selector).bounding_box()
        assert box["height"] >= 44, f"{selector} is too low for a finger"
        assert box["width"] >= 44, f"{selector} is too narrow for a finger"


def test_nothing_sounds_before_a_click_and_something_soon_after(page_at: Any, url: str) -> None:
    page = page_at(url)
    page.wait_for_selector("#begin")
    assert page.evaluate("() => document.getElementById('audio').paused")
    assert page.evaluate("() => document.getElementById('audio').src") == ""
    seconds = page.evaluate(
        """() => new Promise((done) => {
            document.getElementById('audio').addEventListener('playing', () => done(performance.now() / 1000));
            document.getElementById('begin').click();
        })"""
    )
    assert seconds < 20 * LOUD_ENOUGH_S  # the figure is that of benchmarks/game_latency.py; here much else is running


def test_keys_alone_are_enough(page_at: Any, url: str, log: TurnLog) -> None:
    page = page_at(url)
    page.wait_for_selector("#begin")
    page.focus("#begin")
    page.keyboard.press("Enter")
    for number, key in enumerate(("ArrowLeft", "2", "ArrowRight", "1"), start=1):
        page.wait_for_selector(f"#turn-number >> text={number}")
        page.wait_for_selector(HEARD)
        page.keyboard.press(key)
        page.wait_for_selector("#next", state="visible")
        assert page.evaluate("() => document.activeElement.id") == "next"
        page.keyboard.press("Enter")
        page.wait_for_selector("#next", state="hidden")
    chosen = [turn.side(turn.player_choice) for turn in log.turns(answered_only=True)]
    assert chosen == ["left", "right", "right", "left"]
    page.wait_for_selector(HEARD)
    page.wait_for_selector("#play:not(.is-playing)")
    page.focus("#left")
    page.keyboard.press(" ")  # plays again, and chooses nothing
    page.wait_for_selector(PLAYING)
    assert len(log.turns(answered_only=True)) == 4


def test_a_double_click_counts_once(page_at: Any, url: str, log: TurnLog) -> None:
    page = page_at(url)
    begin(page)
    page.dblclick("#left")
    page.wait_for_selector("#next", state="visible")
    assert score(page)["turn-number"] == 1
    page.dblclick("#next")
    page.wait_for_selector("#next", state="hidden")
    assert score(page)["turn-number"] == 2
    assert len(log.turns(answered_only=True)) == 1


def test_a_reload_goes_on_and_asks_for_a_click_again(page_at: Any, url: str, log: TurnLog) -> None:
    page = page_at(url)
    begin(page, level=5)
    page.click("#left")
    page.wait_for_selector("#next", state="visible")
    page.click("#next")
    page.wait_for_selector("#next", state="hidden")
    before = score(page)
    page.reload()
    page.wait_for_selector("#game", state="visible")
    assert score(page) == before
    assert page.locator("#game-levels input[value='5']").is_checked()
    assert page.locator(HEARD).count() == 0
    page.click("#right")  # who has heard nothing yet hears first
    page.wait_for_selector(HEARD)
    assert len(log.turns(answered_only=True)) == 1
    page.click("#right")
    page.wait_for_selector("#next", state="visible")
    assert [turn.reaction_ms is None for turn in log.turns(answered_only=True)] == [False, True]


def test_the_voice_waits_until_the_turn_is_in_the_log(page_at: Any, url: str, log: TurnLog) -> None:
    """Else a reaction time, from the first sound, would be longer than the turn, and nobody would believe it."""
    page = page_at(url)
    begin(page)
    page.wait_for_selector(HEARD)
    page.click("#left")
    page.wait_for_selector("#next", state="visible")

    def later(route: Any) -> None:
        time.sleep(0.7)
        route.continue_()

    page.route("**/game/api/next", later)
    page.click("#next")
    page.wait_for_selector("#next", state="hidden")
    page.wait_for_selector(HEARD)
    page.click("#right")
    page.wait_for_selector("#next", state="visible")
    assert [turn.reaction_ms is not None for turn in log.turns(answered_only=True)] == [True, True]


def test_a_tab_that_is_behind_catches_up(page_at: Any, url: str, log: TurnLog) -> None:
    page = page_at(url, allowed=("409",))
    begin(page)
    other = page.context.new_page()
    other.goto(url)
    other.click("#play")
    other.wait_for_selector(HEARD)
    other.click("#left")
    other.wait_for_selector("#next", state="visible")
    other.click("#next")
    other.wait_for_selector("#next", state="hidden")
    page.click("#left")
    page.wait_for_selector("#turn-number >> text=2")
    assert page.locator("#next").is_hidden()
    assert len(log.turns(answered_only=True)) == 1


def test_difficulty_and_starting_again(page_at: Any, url: str, log: TurnLog) -> None:
    page = page_at(url)
    begin(page, level=1)
    assert page.inner_text("#game-levels .hint") == "From the next turn on, every pair is a woman and a man."
    with page.expect_response("**/api/difficulty"):
        page.locator("#game-levels input[value='5']").check(force=True)
    page.click("#left")
    page.wait_for_selector("#next", state="visible")
    page.click("#next")
    page.wait_for_selector("#turn-number >> text=2")
    assert [turn.difficulty for turn in log.turns()] == [1, 5, 5]
    with page.expect_response("**/api/start"):
        page.click("#reset")
    page.wait_for_selector("#turn-number >> text=1")
    page.wait_for_selector(HEARD)
    assert score(page) == {"turn-number": 1, "player-score": 0, "model-score": 0, "streak": 0, "best-streak": 0}
    assert log.turns()[-1].difficulty == 5


def test_what_the_page_holds_before_the_answer_does_not_tell_it(page_at: Any, url: str) -> None:
    page = page_at(url)
    begin(page)
    html = page.content()
    assert not any(
        f'"{gender}{number}"' in html or f"{gender}{number}." in html for number in range(8) for gender in "fm"
    )
    assert "is-right" not in html
    labels = [page.get_attribute(selector, "aria-label") for selector in ("#left", "#right")]
    assert labels == ["Face 1, left", "Face 2, right"]
    page.click("#left")
    page.wait_for_selector("#next", state="visible")
    assert "your choice" in page.get_attribute("#left", "aria-label")


def test_a_pool_without_genders_shows_no_levels(
    page_at: Any, served: Callable[[Any], str], make_game_pool: Callable[..., GamePool], log: TurnLog
) -> None:
    page = page_at(f"{served(create_game_app(make_game_pool([None] * 4), log))}/game")
    page.wait_for_selector("#begin")
    assert page.locator("#start-levels").is_hidden()
    page.click("#begin")
    page.wait_for_selector("#game", state="visible")
    assert page.locator("#game-levels").is_hidden()
    assert {turn.difficulty for turn in log.turns()} == {None}
