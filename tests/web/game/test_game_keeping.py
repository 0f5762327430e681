"""Rules of the game: whose turn it is, what answers are worth, and what a browser may know before it answers."""

from __future__ import annotations

import dataclasses
import json
import random
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.game_keeping import GameKeeper, GameState, Score, Side, result_of, score_of
from visavox.web.game.turn_log import LoggedTurn, TurnLog
from visavox.web.service_errors import RefusalError


@pytest.fixture
def keeper(game_pool: GamePool, tmp_path: Path) -> GameKeeper:
    return GameKeeper(game_pool, TurnLog.open(tmp_path / "game.sqlite"), random.Random(0))


def right_side(keeper: GameKeeper, session: str) -> Side:
    """The side that the page is not told."""
    turn = next(t for t in reversed(keeper.log.turns(session)) if t.shown_at is not None)
    return "left" if turn.left_item == turn.true_item else "right"


def other(side: Side) -> Side:
    return "right" if side == "left" else "left"


def play(keeper: GameKeeper, session: str, *, rightly: bool) -> GameState:
    """Answer the present turn and go on."""
    side = right_side(keeper, session)
    state = keeper.state(session)
    keeper.answer(session, state.turn.id, side if rightly else other(side), None)
    return keeper.advance(session)


def test_a_game_begins_with_its_first_turn_and_has_the_second_ready(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=2)
    state = keeper.state(session)
    assert (state.turn.number, state.next.number, state.difficulty) == (1, 2, 2)
    assert state.score == Score()
    assert state.turn.result is None
    first, second = keeper.log.turns(session)
    assert first.shown_at is not None
    assert second.shown_at is None


def test_the_page_is_told_nothing_before_the_answer(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    told = json.dumps(dataclasses.asdict(keeper.state(session)))
    for item in keeper.pool.items:
        assert f'"{item.id}"' not in told
        assert item.person not in told
    assert keeper.state(session).turn.result is None


def test_a_right_answer_scores_for_the_player(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    side = right_side(keeper, session)
    state = keeper.answer(session, keeper.state(session).turn.id, side, 0.001)
    assert state.turn.result is not None
    assert (state.turn.result.right, state.turn.result.yours, state.turn.result.model) == (side, side, side)
    assert state.turn.result.outcome == "both_won"  # the model of the pool knows everything
    assert state.score == Score(answered=1, player=1, model=1, streak=1, best_streak=1)


@pytest.mark.parametrize(
    ("player_is_right", "model_is_right", "outcome"),
    [(True, True, "both_won"), (True, False, "you_won"), (False, True, "model_won"), (False, False, "both_wrong")],
)
def test_each_of_the_four_outcomes(
    make_game_pool: Callable[..., GamePool],
    tmp_path: Path,
    player_is_right: bool,
    model_is_right: bool,
    outcome: str,
) -> None:
    pool = make_game_pool("ffmm", similarity=np.eye(4) * (1 if model_is_right else -1))
    keeper = GameKeeper(pool, TurnLog.open(tmp_path / "log.sqlite"), random.Random(0))
    session = keeper.start(3)
    side = right_side(keeper, session)
    state = keeper.answer(session, keeper.state(session).turn.id, side if player_is_right else other(side), None)
    assert state.turn.result is not None
    assert state.turn.result.outcome == outcome
    assert (state.score.player, state.score.model) == (player_is_right, model_is_right)


def test_a_second_answer_is_told_what_the_first_was(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    turn, side = keeper.state(session).turn.id, right_side(keeper, session)
    first = keeper.answer(session, turn, other(side), None)
    second = keeper.answer(session, turn, side, None)
    assert first == second
    assert second.score.player == 0


def test_ten_tabs_that_answer_at_once_count_once(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    turn = keeper.state(session).turn.id
    states: list[GameState] = []

    def click(number: int) -> None:
        states.append(keeper.answer(session, turn, "left" if number % 2 else "right", None))

    threads = [threading.Thread(target=click, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(states) == 10
    assert {state.score.answered for state in states} == {1}
    assert len({state.turn.result for state in states}) == 1


def test_ten_tabs_that_go_on_at_once_go_on_once(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    keeper.answer(session, keeper.state(session).turn.id, "left", None)
    threads = [threading.Thread(target=keeper.advance, args=(session,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keeper.state(session).turn.number == 2
    assert len(keeper.log.turns(session)) == 3


def test_going_on_without_an_answer_stays(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    before = keeper.state(session)
    assert keeper.advance(session) == before


def test_the_turn_that_was_fetched_ahead_is_the_next_one(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    ahead = keeper.state(session).next
    assert play(keeper, session, rightly=True).turn == ahead


def test_a_reload_another_tab_and_another_process_go_on_with_the_same_turn(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    play(keeper, session, rightly=True)
    again = GameKeeper(GamePool.load(keeper.pool.folder), TurnLog.open(keeper.log.path))
    assert again.is_on(session)
    assert again.state(session) == keeper.state(session)


def test_streaks_grow_break_and_are_remembered(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=1)
    streaks = []
    for rightly in (True, True, False, True, True, True, False, True):
        score = play(keeper, session, rightly=rightly).score
        streaks.append((score.streak, score.best_streak))
    assert streaks == [(1, 1), (2, 2), (0, 2), (1, 2), (2, 2), (3, 3), (0, 3), (1, 3)]


def test_score_of_is_a_plain_count() -> None:
    """The slow referee: count rights, and the longest run of them in a text."""
    rng = random.Random(4)
    turns = [
        LoggedTurn(n, "s", n, "game", "a", "b", "a", rng.choice("ab"), rng.choice("ab"), 3, None, None, None)
        for n in range(200)
    ]
    score = score_of(turns)
    runs = "".join("x" if t.player_choice == "a" else " " for t in turns).split(" ")
    assert score.player == sum(map(len, runs))
    assert score.model == sum(t.model_choice == "a" for t in turns)
    assert (score.streak, score.best_streak) == (len(runs[-1]), max(map(len, runs)))
    open_turn = dataclasses.replace(turns[0], player_choice=None)
    assert score_of([open_turn]) == Score()
    assert result_of(open_turn) is None


@pytest.mark.parametrize(
    ("which", "status", "code"),
    [
        ("nothing", 404, "no_turn"),
        ("face", 404, "no_turn"),
        ("foreign", 404, "no_turn"),
        ("coming", 409, "not_this_turn"),
        ("old", 409, "not_this_turn"),
    ],
)
def test_other_turns_cannot_be_answered(keeper: GameKeeper, which: str, status: int, code: str) -> None:
    session, stranger = keeper.start(difficulty=3), keeper.start(difficulty=3)
    old = keeper.state(session).turn.id
    play(keeper, session, rightly=True)
    state = keeper.state(session)
    token = {
        "nothing": "nothing",
        "face": state.turn.left,
        "foreign": keeper.state(stranger).turn.id,
        "coming": state.next.id,
        "old": old,
    }[which]
    with pytest.raises(RefusalError, match="turn.*Load the page again") as caught:
        keeper.answer(session, token, "left", None)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(keeper.log.turns(answered_only=True)) == 1


def test_another_difficulty_holds_from_the_next_turn_on(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=5)
    before = keeper.state(session)
    state = keeper.set_difficulty(session, 1)
    assert state.turn == before.turn
    assert state.next != before.next
    assert (state.next.number, state.difficulty) == (2, 1)
    play(keeper, session, rightly=True)
    dealt = keeper.log.turns(session)
    assert [turn.difficulty for turn in dealt] == [5, 1, 1]
    assert keeper.pool.genders[dealt[1].true_item] != keeper.pool.genders[dealt[1].false_item]
    assert keeper.media(before.next.voice) is None, "the turn that was dealt before is gone"
    assert keeper.set_difficulty(session, 1) == keeper.state(session)


def test_a_pool_without_genders_has_no_levels(make_game_pool: Callable[..., GamePool], tmp_path: Path) -> None:
    keeper = GameKeeper(make_game_pool([None, None, "f"]), TurnLog.open(tmp_path / "log.sqlite"))
    session = keeper.start(difficulty=5)
    assert keeper.state(session).difficulty is None
    assert keeper.set_difficulty(session, 1).difficulty is None
    assert play(keeper, session, rightly=False).turn.number == 2
    assert {turn.difficulty for turn in keeper.log.turns()} == {None}


def test_media_are_those_of_the_turn(keeper: GameKeeper) -> None:
    session = keeper.start(difficulty=3)
    turn, shown = keeper.log.turns(session)[0], keeper.state(session).turn
    assert turn.left_item is not None
    assert keeper.media(shown.voice) == keeper.pool.voice_file(turn.true_item)
    assert keeper.media(shown.left) == keeper.pool.face_file(turn.left_item)
    assert keeper.media(shown.right) == keeper.pool.face_file(turn.right_item)
    assert keeper.media(shown.id) is None
    assert keeper.media("../pool.json") is None


def test_a_game_with_another_pool_is_not_on(
    keeper: GameKeeper, make_game_pool: Callable[..., GamePool], tmp_path: Path
) -> None:
    session = keeper.start(difficulty=3)
    token = keeper.state(session).turn.voice
    smaller = GamePool(keeper.pool.folder, keeper.pool.items[:4], "oracle", np.eye(4, dtype=np.float32))
    other_keeper = GameKeeper(smaller, keeper.log)
    assert keeper.is_on(session)
    assert not other_keeper.is_on(session)
    assert not keeper.is_on("nobody")
    assert not keeper.is_on(None)
    assert not keeper.is_on(keeper.log.start_session("study", {"pool": keeper.pool_digest}))
    item = keeper.log.turns(session)[0].true_item
    assert (other_keeper.media(token) is None) == (item not in smaller)
