"""How players went about it: levels, reaction times, double clicks, attention checks. Sections of a game's report.

Each function returns None where the log does not hold what it is about.

Example:
    sections = [s for s in (level_section(turns, genders), reaction_section(turns)) if s is not None]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from visavox.evaluation.human_baseline import rights_of
from visavox.evaluation.human_turns import DOUBLE_CLICK_S, Turn, in_order, pair_group, without_double_clicks
from visavox.evaluation.record import Cell, Section
from visavox.metrics.mcnemar import mcnemar_test
from visavox.metrics.proportions import wilson_interval

MIN_TIMED = 20  # turns with a reaction time, from which quarters say something


@dataclass(frozen=True)
class Participant:
    """One participant of a study who answered at least once."""

    name: str
    """Number of the link."""
    n_turns: int
    """Answers, attention checks aside."""
    n_planned: int
    """Turns of the plan, attention checks aside; 0 where it is not known."""
    n_checks: int
    """Attention checks answered."""
    n_passed: int
    """Of them right."""

    def attends(self, least: float) -> bool:
        """Return whether the share of right attention checks is `least` or more; without checks, yes."""
        return self.n_passed >= least * self.n_checks - 1e-9


def level_section(turns: Sequence[Turn], genders: Mapping[str, str]) -> Section | None:
    """Return the accuracies by the difficulty at which turns were dealt."""
    levels = sorted({turn.difficulty for turn in turns if turn.difficulty is not None})
    if not levels:
        return None
    rows: list[tuple[Cell, ...]] = []
    for level in levels:
        chosen = [turn for turn in turns if turn.difficulty == level]
        same = [pair_group(turn, genders) in ("female_female", "male_male") for turn in chosen]
        players = len({turn.player for turn in chosen})
        rows.append((str(level), len(chosen), players, float(np.mean(same)), *_shares(chosen)))
    n_without = sum(turn.difficulty is None for turn in turns)
    notes = (f"{n_without:,} turns were dealt without a level.",) if n_without else ()
    text = "At level d the two faces are of one gender with probability (d − 1) / 4. Wilson's intervals."
    columns = ("level", "turns", "players", "same gender %", "people %", "model %")
    return Section("By difficulty", text, columns, tuple(rows), notes=notes)


def reaction_section(turns: Sequence[Turn]) -> Section | None:
    """Return the accuracies from the fastest to the slowest quarter of the answers."""
    timed = sorted((turn for turn in turns if turn.reaction_ms is not None), key=_seconds)
    if len(timed) < MIN_TIMED:
        return None
    rows: list[tuple[Cell, ...]] = []
    names = ("fastest quarter", "second", "third", "slowest quarter")
    for name, part in zip(names, np.array_split(np.arange(len(timed)), 4), strict=True):
        chosen = [timed[i] for i in part]
        span = f"{_seconds(chosen[0]):.1f}–{_seconds(chosen[-1]):.1f}"
        rows.append((name, span, len(chosen), *_shares(chosen)))
    medians = [
        float(np.median([_seconds(turn) for turn in timed if turn.player_is_right is right] or [np.nan]))
        for right in (True, False)
    ]
    notes = [
        f"Median {np.median([_seconds(turn) for turn in timed]):.1f} s from the first sound to the answer: "
        f"{medians[0]:.1f} s of right answers, {medians[1]:.1f} s of wrong ones."
    ]
    if len(timed) < len(turns):
        notes.append(f"{len(turns) - len(timed):,} turns have no reaction time.")
    text = "Share of right choices by the time from the first sound to the answer. Wilson's intervals."
    columns = ("answers", "seconds", "turns", "people %", "model %")
    return Section("Fast and slow answers", text, columns, tuple(rows), notes=tuple(notes))


def double_click_section(logged: Sequence[Turn], *, kept: bool) -> Section | None:
    """Return the figures with double clicks and without; None where there are none.

    Args:
        logged: all turns of the log.
        kept: whether the other sections count double clicks.
    """
    single = without_double_clicks(logged)
    if len(single) == len(logged):
        return None
    rows: list[tuple[Cell, ...]] = []
    for name, chosen, used in (("counted once", single, not kept), ("all kept", in_order(logged), kept)):
        people, model = rights_of(chosen)
        table = mcnemar_test(model, people)
        shown = f"{name} (here)" if used else name
        rows.append((shown, len(chosen), *_shares(chosen), table.agreement, table.p_value, table.exact_p_value))
    text = (
        "A double click is the same question to the same player again, at most "
        f"{DOUBLE_CLICK_S:.0f} s after the answer that stands. p: McNemar's mid-p, and the exact one."
    )
    columns = ("double clicks", "turns", "people %", "model %", "agreement %", "p", "p exact")
    return Section("Double clicks", text, columns, tuple(rows))


def attention_section(participants: Sequence[Participant], *, least: float) -> Section | None:
    """Return who took part in a study, how far, and who was left out; None where there is no study.

    Args:
        participants: everybody who answered at least once.
        least: share of right attention checks below which a participant is left out.
    """
    if not participants:
        return None
    out = [person for person in participants if not person.attends(least)]
    finished = sum(person.n_planned > 0 and person.n_turns >= person.n_planned for person in participants)
    n_checks = sum(person.n_checks for person in participants)
    n_passed = sum(person.n_passed for person in participants)
    rows = tuple((p.name, p.n_turns, f"{p.n_passed} of {p.n_checks}", "left out") for p in out)
    notes = [
        f"{len(participants):,} participants answered, {finished:,} of them to the end. {n_passed:,} of {n_checks:,} "
        "attention checks are right."
    ]
    if n_checks:
        notes.append(
            f"Left out are those with less than {100 * least:g} % of their checks right: {len(out):,} of "
            f"{len(participants):,}, with {sum(person.n_turns for person in out):,} turns."
        )
    text = "Participants who failed attention checks, turns that say which face to choose. Their turns do not count."
    return Section("Attention", text, ("participant", "turns", "checks right", ""), rows, notes=tuple(notes))


def _seconds(turn: Turn) -> float:
    return (turn.reaction_ms or 0) / 1000


def _shares(turns: Sequence[Turn]) -> tuple[Cell, Cell]:
    """Shares that people and the model got right, each with Wilson's interval."""
    cells = []
    for right in rights_of(turns):
        interval = wilson_interval(int(right.sum()), len(right))
        cells.append((float(right.mean()), interval.low, interval.high))
    return cells[0], cells[1]
