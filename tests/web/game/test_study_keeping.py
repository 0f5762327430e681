"""The rules of a study: consent first, one answer a turn, nothing told, withdrawing deletes."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from visavox.game_config import GameStudyConfig
from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.study_folder import Study, make_study
from visavox.web.game.study_keeping import StudyKeeper
from visavox.web.service_errors import RefusalError


@pytest.fixture
def keeper(game_pool: GamePool, tmp_path: Path) -> StudyKeeper:
    folder = tmp_path / "study"
    make_study(GameStudyConfig(pool=game_pool.folder, out=folder, participants=2, trials=3, attention=1))
    return StudyKeeper(Study.load(folder, game_pool), game_pool)


def link(keeper: StudyKeeper, number: int = 1) -> str:
    return next(token for token, n in keeper.study.numbers.items() if n == number)


def test_nothing_is_stored_before_consent(keeper: StudyKeeper) -> None:
    state = keeper.state(link(keeper))
    assert (state.stage, state.answered, state.total, state.turn) == ("consent", 0, 4, None)
    assert keeper.study.log.turns() == []
    with sqlite3.connect(keeper.study.log.path) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_a_whole_study_is_the_plan(keeper: StudyKeeper) -> None:
    token = link(keeper)
    state = keeper.agree(token)
    seen = 0
    while state.turn is not None:
        assert (state.stage, state.answered, state.next is None) == ("turns", seen, seen == 3)
        state = keeper.answer(token, state.turn.id, "left", reaction_ms=1)
        seen += 1
    assert (state.stage, state.answered, state.total) == ("done", 4, 4)
    turns = keeper.study.log.turns()
    planned = keeper.study.plan[0]
    assert [(t.kind, t.true_item, t.false_item, t.left_item) for t in turns] == [
        (p.kind, p.true_item, p.false_item, p.left_item) for p in planned
    ]
    assert [t.player_choice for t in turns] == [p.left_item for p in planned]
    assert all(t.model_choice == t.true_item for t in turns if t.kind == "study")  # the model of the test knows
    assert all(t.model_choice == t.false_item for t in turns if t.kind == "attention")  # whose voice it is
    about = keeper.study.log.session(keeper.session(1))
    assert about is not None and about.about == {"participant": 1, "n_turns": 3}


def test_a_second_answer_and_a_second_consent_change_nothing(keeper: StudyKeeper) -> None:
    token = link(keeper)
    first = keeper.agree(token).turn
    assert first is not None
    after = keeper.answer(token, first.id, "left", None)
    assert keeper.answer(token, first.id, "right", None) == after
    assert keeper.agree(token) == after
    turns = keeper.study.log.turns()
    assert len(turns) == 4 and turns[0].player_choice == turns[0].left_item


def test_two_devices_at_once_make_one_session_and_one_answer(keeper: StudyKeeper) -> None:
    token = link(keeper)
    with ThreadPoolExecutor(8) as pool:
        states = list(pool.map(lambda _: keeper.agree(token), range(8)))
        assert len({state.turn.id for state in states if state.turn}) == 1
        turn = states[0].turn
        assert turn is not None
        list(pool.map(lambda i: keeper.answer(token, turn.id, "left" if i % 2 else "right", None), range(8)))
    assert len(keeper.study.log.turns()) == 4
    assert len(keeper.study.log.turns(answered_only=True)) == 1


def test_a_turn_of_the_future_or_of_another_is_refused(keeper: StudyKeeper) -> None:
    token, other = link(keeper, 1), link(keeper, 2)
    state, theirs = keeper.agree(token), keeper.agree(other)
    assert state.next is not None and theirs.turn is not None
    with pytest.raises(RefusalError, match="still to come") as caught:
        keeper.answer(token, state.next.id, "left", None)
    assert caught.value.status == 409
    for wrong in (theirs.turn.id, "nothing", state.next.voice):
        with pytest.raises(RefusalError, match="no such turn in your study"):
            keeper.answer(token, wrong, "left", None)
    assert keeper.media(token, theirs.turn.voice) is None
    with pytest.raises(RefusalError, match="not one of the study") as caught:
        keeper.state("guess")
    assert caught.value.status == 404


def test_media_are_those_of_the_plan_and_checks_speak_with_the_other_voice(keeper: StudyKeeper) -> None:
    token = link(keeper)
    state = keeper.agree(token)
    for planned in keeper.study.plan[0]:
        turn = state.turn
        assert turn is not None
        right = planned.false_item if planned.left_item == planned.true_item else planned.true_item
        assert keeper.media(token, turn.left) == keeper.pool.face_file(planned.left_item)
        assert keeper.media(token, turn.right) == keeper.pool.face_file(right)
        speaker = planned.true_item if planned.kind == "study" else planned.false_item
        assert keeper.media(token, turn.voice) == keeper.pool.voice_file(speaker)
        assert keeper.media(token, turn.id) is None
        side = "left" if planned.left_item == planned.true_item else "right"
        assert turn.instruction == (side if planned.kind == "attention" else None)
        state = keeper.answer(token, turn.id, "left", None)


def test_withdrawing_deletes_and_closes(keeper: StudyKeeper) -> None:
    token = link(keeper)
    turn = keeper.agree(token).turn
    assert turn is not None
    keeper.answer(token, turn.id, "left", None)
    assert keeper.withdraw(token).stage == keeper.state(token).stage == keeper.agree(token).stage == "withdrawn"
    assert keeper.study.log.turns() == []
    with sqlite3.connect(keeper.study.log.path) as connection:
        assert connection.execute("SELECT count(*) FROM media").fetchone() == (0,)
    assert keeper.withdraw(token).stage == "withdrawn"
    assert keeper.withdraw(link(keeper, 2)).stage == "withdrawn"  # before agreeing: nothing to delete, link closed
