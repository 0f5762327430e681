"""The rules of a study beside its log: who is let in, which turn is on, what a browser may know.

A participant is a link. Agreeing writes all his turns at once, so that any device with the link goes on at the first
turn without an answer, and two devices at once cannot answer a turn twice. He is never told who was right. What is kept
is the number of the link, answers and times. Withdrawing deletes answers and times, and closes the link.

Example:
    keeper = StudyKeeper(study, pool)
    keeper.agree(token)
    turn = keeper.state(token).turn
    keeper.answer(token, turn.id, "left", reaction_ms=1800)
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.study_folder import Study
from visavox.web.game.turn_log import LoggedTurn, as_json, insert_turn, turns_of, utc_now
from visavox.web.service_errors import RefusalError

Side = Literal["left", "right"]
Stage = Literal["consent", "turns", "done", "withdrawn"]


@dataclass(frozen=True)
class AskedTurn:
    """A turn as a browser knows it: opaque tokens."""

    id: str
    left: str
    right: str
    voice: str
    instruction: Side | None
    """In an attention check, the side to be chosen; else None."""


@dataclass(frozen=True)
class StudyState:
    """All that the page shows."""

    stage: Stage
    answered: int
    """Turns with an answer, attention checks among them."""
    total: int
    """All turns."""
    turn: AskedTurn | None = None
    """The turn that is on."""
    next: AskedTurn | None = None
    """The one after it, to be fetched ahead."""


class StudyKeeper:
    """Lets participants take part.

    Args:
        study: plan, links and log.
        pool: of the study.
    """

    def __init__(self, study: Study, pool: GamePool) -> None:
        """Store the arguments."""
        self.study = study
        self.pool = pool

    def number(self, token: str) -> int:
        """Return whose link this is.

        Raises:
            RefusalError: 404, nobody's.
        """
        found = self.study.numbers.get(token)
        if found is None:
            raise RefusalError(
                "This link is not one of the study. Check it for missing letters.", status=404, code="no_link"
            )
        return found

    def session(self, number: int) -> str:
        """Return the session of a participant."""
        return f"study-{self.study.digest}-{number}"

    def state(self, token: str) -> StudyState:
        """Return what the page shows of a participant; the turn that is on counts as shown from now."""
        number = self.number(token)
        total = len(self.study.plan[number - 1])
        known = self.study.log.session(self.session(number))
        if known is None:
            return StudyState("consent", 0, total)
        if known.about.get("withdrawn"):
            return StudyState("withdrawn", 0, total)
        turns = self.study.log.turns(self.session(number))
        waiting = [turn for turn in turns if turn.player_choice is None]
        if not waiting:
            return StudyState("done", len(turns), total)
        self.study.log.show(waiting[0].id)
        following = self._asked(waiting[1]) if len(waiting) > 1 else None
        return StudyState("turns", len(turns) - len(waiting), total, self._asked(waiting[0]), following)

    def agree(self, token: str) -> StudyState:
        """Write the participant's turns, if he has not agreed before, and return what the page shows."""
        number = self.number(token)
        session, turns = self.session(number), self.study.plan[number - 1]
        about = {"participant": number, "n_turns": sum(turn.kind == "study" for turn in turns)}
        with self.study.log.writing() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO sessions VALUES (?, 'study', ?, ?)", (session, utc_now(), as_json(about))
            ).rowcount
            for turn in turns if added else ():
                voice = turn.true_item if turn.kind == "study" else turn.false_item
                right = turn.false_item if turn.left_item == turn.true_item else turn.true_item
                choice = self.pool.model_choice(voice, turn.left_item, right)
                values = (session, turn.kind, turn.true_item, turn.false_item, turn.left_item, choice, None)
                insert_turn(connection, values, shown_at=None)
        return self.state(token)

    def answer(self, token: str, turn_token: str, side: Side, reaction_ms: float | None) -> StudyState:
        """Take an answer; one to a turn that has an answer changes nothing. Return what the page shows then.

        Raises:
            RefusalError: 404 for a turn of nobody or of somebody else; 409 for one that is still to come.
        """
        session = self.session(self.number(token))
        found = self.study.log.find(turn_token)
        if found is None or found[1] != "turn" or found[0].session != session:
            raise RefusalError("There is no such turn in your study. Load the page again.", status=404, code="no_turn")
        turn = found[0]
        if turn.player_choice is None:
            if turn.shown_at is None:
                raise RefusalError("This turn is still to come. Load the page again.", status=409, code="not_this_turn")
            assert turn.left_item is not None
            self.study.log.answer(turn.id, turn.left_item if side == "left" else turn.right_item, reaction_ms)
        return self.state(token)

    def withdraw(self, token: str) -> StudyState:
        """Delete what a participant answered, close his link, and return what the page shows."""
        number = self.number(token)
        session = self.session(number)
        about = as_json({"participant": number, "withdrawn": True})
        with self.study.log.writing() as connection:
            for turn in turns_of(connection, session):
                _delete(connection, turn)
            connection.execute(
                "INSERT INTO sessions VALUES (?, 'study', ?, ?) ON CONFLICT (id) DO UPDATE SET about = excluded.about, "
                "started_at = excluded.started_at",
                (session, utc_now(), about),
            )
        return self.state(token)

    def media(self, token: str, media_token: str) -> Path | None:
        """Return the file of a face or a voice of a participant's turn; None for a token of nothing."""
        session = self.session(self.number(token))
        found = self.study.log.find(media_token)
        if found is None or found[0].session != session:
            return None
        turn, part = found
        speaker = turn.true_item if turn.kind == "study" else turn.false_item  # who only listens fails a check
        item = {"voice": speaker, "left": turn.left_item, "right": turn.right_item}.get(part)
        if item is None or item not in self.pool:
            return None
        return self.pool.voice_file(item) if part == "voice" else self.pool.face_file(item)

    def _asked(self, turn: LoggedTurn) -> AskedTurn:
        tokens = self.study.log.tokens(turn.id)
        instruction: Side | None = None
        if turn.kind == "attention":
            instruction = "left" if turn.left_item == turn.true_item else "right"
        return AskedTurn(tokens["turn"], tokens["left"], tokens["right"], tokens["voice"], instruction)


def _delete(connection: sqlite3.Connection, turn: LoggedTurn) -> None:
    connection.execute("DELETE FROM media WHERE turn = ?", (turn.id,))
    connection.execute("DELETE FROM turns WHERE id = ?", (turn.id,))
