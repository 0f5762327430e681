"""The rules of the game beside its log: whose turn it is, what an answer is worth, what a browser may know.

Everything that is remembered is in the log, so that a reload, a second tab, another server process and a kill all go on
with the same turn. One turn ahead is dealt already, so that a browser has its faces and its voice before it needs them;
another difficulty deals it anew. What is told of a turn before its answer holds no id and no hint of who speaks.

Example:
    keeper = GameKeeper(pool, log)
    session = keeper.start(difficulty=3)
    turn = keeper.state(session).turn
    keeper.answer(session, turn.id, "left", reaction_ms=1800).turn.result.outcome      # 'you_won'
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.dealing import deal
from visavox.web.game.turn_log import LoggedTurn, TurnLog, insert_turn, turns_of, utc_now
from visavox.web.service_errors import RefusalError

Side = Literal["left", "right"]
Outcome = Literal["both_won", "you_won", "model_won", "both_wrong"]

OUTCOMES: Mapping[tuple[bool, bool], Outcome] = {
    (True, True): "both_won",
    (True, False): "you_won",
    (False, True): "model_won",
    (False, False): "both_wrong",
}
"""What became of a turn, by whether the player and whether the model were right."""


@dataclass(frozen=True)
class Score:
    """How the answers of a session stand."""

    answered: int = 0
    """Turns with an answer."""
    player: int = 0
    """Turns that the player got right."""
    model: int = 0
    """Turns that the model got right."""
    streak: int = 0
    """Right answers of the player in a row, up to now."""
    best_streak: int = 0
    """Most right answers in a row."""


@dataclass(frozen=True)
class Result:
    """What is told when a turn is answered."""

    right: str
    """Side of the face that belongs to the voice."""
    yours: str
    """Side that the player chose."""
    model: str
    """Side that the model chose."""
    outcome: Outcome
    """Who won."""


@dataclass(frozen=True)
class ShownTurn:
    """A turn as a browser knows it: opaque tokens."""

    id: str
    left: str
    right: str
    voice: str
    number: int
    """1 for the first of the session."""
    result: Result | None = None
    """None until it is answered."""


@dataclass(frozen=True)
class GameState:
    """All that the page shows."""

    difficulty: int | None
    """1 to 5, of turns to come; None where the pool has no levels."""
    score: Score
    turn: ShownTurn
    """The turn that is on."""
    next: ShownTurn
    """The one after it, to be fetched ahead."""


class GameKeeper:
    """Plays with everybody at once.

    Args:
        pool: whom to guess.
        log: what is remembered.
        rng: deals; by default one that nobody can foresee.
    """

    def __init__(self, pool: GamePool, log: TurnLog, rng: random.Random | None = None) -> None:
        """Store the arguments, and tell the log who is in the pool."""
        self.pool = pool
        self.log = log
        self.rng = rng or random.SystemRandom()
        self.pool_digest = hashlib.sha256("\n".join([pool.model, *sorted(pool.genders)]).encode()).hexdigest()[:16]
        log.add_items(pool.genders)

    def start(self, difficulty: int | None) -> str:
        """Begin a session at its first turn, and return its id.

        Args:
            difficulty: 1 to 5; of no account where the pool has no levels.
        """
        about = {"pool": self.pool_digest, "model": self.pool.model, "difficulty": self._level(difficulty)}
        session = self.log.start_session("game", about)
        self.advance(session)
        return session

    def is_on(self, session: str | None) -> bool:
        """Return whether a session is a game with this pool and this model."""
        found = self.log.session(session) if session else None
        return found is not None and found.kind == "game" and found.about.get("pool") == self.pool_digest

    def state(self, session: str) -> GameState:
        """Return what the page shows of a session that is on."""
        turns = self.log.turns(session)
        shown = [turn for turn in turns if turn.shown_at is not None]
        return GameState(
            difficulty=self._difficulty(session),
            score=score_of(shown),
            turn=self._for_browser(shown[-1]),
            next=self._for_browser(turns[-1]),
        )

    def advance(self, session: str) -> GameState:
        """Show the next turn if the present one is answered; else change nothing. Return what the page shows."""
        difficulty = self._difficulty(session)
        with self.log.writing() as connection:
            turns = turns_of(connection, session)
            shown = [turn for turn in turns if turn.shown_at is not None]
            if not shown or shown[-1].player_choice is not None:
                waiting = next((turn.id for turn in turns if turn.shown_at is None), None)
                if waiting is None:
                    waiting = self._deal(connection, session, turns, difficulty)
                connection.execute("UPDATE turns SET shown_at = ? WHERE id = ?", (utc_now(), waiting))
                self._deal(connection, session, turns_of(connection, session), difficulty)
        return self.state(session)

    def answer(self, session: str, token: str, side: Side, reaction_ms: float | None) -> GameState:
        """Take an answer to the present turn; a second one changes nothing and is told what the first one was.

        Raises:
            RefusalError: 404 for a turn of nobody or of somebody else; 409 for one that is over or still to come.
        """
        found = self.log.find(token)
        if found is None or found[1] != "turn" or found[0].session != session:
            raise RefusalError("There is no such turn in this game. Load the page again.", status=404, code="no_turn")
        turn = found[0]
        shown = [other.id for other in self.log.turns(session) if other.shown_at is not None]
        if turn.id != shown[-1]:
            when = "still to come" if turn.shown_at is None else "over"
            raise RefusalError(f"This turn is {when}. Load the page again.", status=409, code="not_this_turn")
        assert turn.left_item is not None
        self.log.answer(turn.id, turn.left_item if side == "left" else turn.right_item, reaction_ms)
        return self.state(session)

    def set_difficulty(self, session: str, difficulty: int) -> GameState:
        """Set the difficulty of the turns to come, and return what the page shows."""
        level = self._level(difficulty)
        known = self.log.session(session)
        assert known is not None
        if level != known.about.get("difficulty"):
            self.log.set_about(session, {**known.about, "difficulty": level})
            with self.log.writing() as connection:
                connection.execute("DELETE FROM turns WHERE session = ? AND shown_at IS NULL", (session,))
                self._deal(connection, session, turns_of(connection, session), level)
        return self.state(session)

    def media(self, token: str) -> Path | None:
        """Return the file of a token; None for a token of nothing, or of somebody who is not in the pool."""
        found = self.log.find(token)
        if found is None:
            return None
        turn, part = found
        item = {"voice": turn.true_item, "left": turn.left_item, "right": turn.right_item}.get(part)
        if item not in self.pool or item is None:
            return None
        return self.pool.voice_file(item) if part == "voice" else self.pool.face_file(item)

    def _level(self, difficulty: int | None) -> int | None:
        return difficulty if self.pool.has_levels else None

    def _difficulty(self, session: str) -> int | None:
        found = self.log.session(session)
        return None if found is None else found.about.get("difficulty")

    def _deal(
        self, connection: sqlite3.Connection, session: str, turns: Iterable[LoggedTurn], difficulty: int | None
    ) -> int:
        shown = [(turn.true_item, turn.false_item) for turn in turns]
        dealt = deal(self.pool.genders, shown, difficulty=difficulty, rng=self.rng)
        choice = self.pool.model_choice(dealt.true_item, dealt.left_item, dealt.right_item)
        values = (session, "game", dealt.true_item, dealt.false_item, dealt.left_item, choice, difficulty)
        return insert_turn(connection, values, shown_at=None)

    def _for_browser(self, turn: LoggedTurn) -> ShownTurn:
        tokens = self.log.tokens(turn.id)
        return ShownTurn(
            tokens["turn"], tokens["left"], tokens["right"], tokens["voice"], turn.turn_number, result_of(turn)
        )


def result_of(turn: LoggedTurn) -> Result | None:
    """Return what is told of a turn; None until it is answered."""
    if turn.player_choice is None:
        return None
    right, yours, model = (turn.side(item) for item in (turn.true_item, turn.player_choice, turn.model_choice))
    assert right is not None and yours is not None and model is not None
    return Result(right, yours, model, OUTCOMES[yours == right, model == right])


def score_of(turns: Sequence[LoggedTurn]) -> Score:
    """Return how the turns of a session stand, in their order; those without an answer do not count."""
    score = Score()
    for turn in turns:
        if turn.player_choice is None:
            continue
        is_right = turn.player_choice == turn.true_item
        streak = score.streak + 1 if is_right else 0
        score = dataclasses.replace(
            score,
            answered=score.answered + 1,
            player=score.player + is_right,
            model=score.model + (turn.model_choice == turn.true_item),
            streak=streak,
            best_streak=max(score.best_streak, streak),
        )
    return score
