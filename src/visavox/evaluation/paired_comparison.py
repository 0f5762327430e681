"""Two models on the same trials, as one section of a report: paired differences, DeLong's test, McNemar's test.

The difference of every measure has its interval from the same resamples of the same people, which is the test to
believe. DeLong's test of two AUCs and McNemar's test of two choosers take trials for independent; they are given
because published comparisons use them, DeLong's up to `MOST_ANALYSED` pairs. A trial that one of the two models answers
with a tie is left out of McNemar's.

Example:
    >>> scores, labels = np.array([0.9, 0.2, 0.3, 0.1]), np.array([True, True, False, False])
    >>> answers = Answers("voice_to_face", "all", "auc", scores=scores, labels=labels)
    >>> paired_tests([answers], [answers])["voice_to_face", "all", "auc"].p_delong
    1.0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.evaluation.analysis import MOST_ANALYSED
from visavox.evaluation.contest import Contest, Mask
from visavox.evaluation.differences import compare_results
from visavox.evaluation.measures import ProtocolResult
from visavox.evaluation.record import Cell, Section
from visavox.evaluation.tables import is_main
from visavox.evaluation.wording import direction_words, group_words, measure_words
from visavox.metrics.delong import delong_test
from visavox.metrics.mcnemar import McNemar, mcnemar_test

Question = tuple[str, str, str]  # direction, group, measure
TEXT = (
    "Both models answered the same trials. Difference: the first less the second, with its 95 % interval and p from "
    "the same resamples of the same people. DeLong and McNemar take trials for independent, which trials that share "
    "people are not: their p-values are too small."
)
BLOCK = 256  # probes whose scores are looked through at once
FIRST = "own face or voice before every wrong one"


@dataclass(frozen=True)
class Answers:
    """What one model said on the trials of one question."""

    direction: str
    group: str
    measure: str
    """The measure that the test belongs to."""
    scores: NDArray[np.float64] | None = None
    """(n_pairs,) scores of pairs, for DeLong."""
    labels: NDArray[np.bool_] | None = None
    """(n_pairs,) True where a pair is of one person."""
    outcomes: NDArray[np.float64] | None = None
    """(n_trials,) 1 right, 0 wrong, in between a tie, for McNemar."""
    n_untested: int = 0
    """Pairs, where they are too many for DeLong's test; scores and labels are then None."""

    @property
    def question(self) -> Question:
        """What makes two answers comparable."""
        return (self.direction, self.group, self.measure)


@dataclass(frozen=True)
class Tests:
    """The tests of one question; nan and None where they do not apply."""

    __test__ = False  # whatever pytest thinks of the name

    p_delong: float = math.nan
    mcnemar: McNemar | None = None
    n_tied: int = 0
    """Trials left out of McNemar's test."""
    n_untested: int = 0
    """Pairs that were too many for DeLong's test."""


def paired_tests(a: Iterable[Answers], b: Iterable[Answers]) -> dict[Question, Tests]:
    """Return the tests of every question that both models answered.

    Two iterators that answer in one order are followed side by side, so that one question of each is held at a time.

    Raises:
        DataError: the two models answered other trials.
    """
    coming = iter(b)
    waiting: dict[Question, Answers] = {}
    found: dict[Question, Tests] = {}
    for ours in a:
        while ours.question not in waiting and (answer := next(coming, None)) is not None:
            waiting[answer.question] = answer
        theirs = waiting.pop(ours.question, None)
        if theirs is None:
            continue
        if ours.n_untested or theirs.n_untested:
            found[ours.question] = Tests(n_untested=max(ours.n_untested, theirs.n_untested))
            continue
        if ours.scores is not None and theirs.scores is not None and ours.labels is not None:
            if theirs.labels is None or not np.array_equal(ours.labels, theirs.labels):
                raise DataError(_other_trials(ours.question))
            found[ours.question] = Tests(p_delong=delong_test(ours.scores, theirs.scores, ours.labels).p_value)
        elif ours.outcomes is not None and theirs.outcomes is not None:
            if len(ours.outcomes) != len(theirs.outcomes):
                raise DataError(_other_trials(ours.question))
            decided = np.isin(ours.outcomes, (0, 1)) & np.isin(theirs.outcomes, (0, 1))
            test = mcnemar_test(ours.outcomes[decided], theirs.outcomes[decided])
            found[ours.question] = Tests(mcnemar=test, n_tied=int((~decided).sum()))
    return found


def contest_answers(contest: Contest) -> Iterator[Answers]:
    """Yield the answers of all pairs: scores for the AUC, and whether each probe finds its own before every wrong one.

    One group is made at a time. Of more than `MOST_ANALYSED` pairs the scores are not copied for DeLong's test.

    Args:
        contest: scores, positives and groups of one direction.
    """
    for group in contest.groups:
        if group.note:
            continue
        able: Mask = np.logical_and(contest.positives.any(axis=1), group.negatives.any(axis=1))
        n_pairs = int(contest.positives[able].sum()) + int(group.negatives.sum())
        if n_pairs <= MOST_ANALYSED:
            positives = contest.positives & able[:, np.newaxis]
            used = positives | group.negatives
            scores = contest.scores[used].astype(np.float64)
            yield Answers(contest.direction, group.name, "auc", scores=scores, labels=positives[used])
        else:
            yield Answers(contest.direction, group.name, "auc", n_untested=n_pairs)
        best, rival = _highest(contest, contest.positives)[able], _highest(contest, group.negatives)[able]
        outcomes = np.where(best == rival, 0.5, (best > rival).astype(np.float64))
        yield Answers(contest.direction, group.name, "first_choice", outcomes=outcomes)


def _highest(contest: Contest, among: Mask) -> NDArray[np.float64]:
    """(n_probes,) the highest score of each probe among some items, minus infinity where there is none."""
    found = np.empty(len(among))
    for start in range(0, len(among), BLOCK):
        rows = slice(start, start + BLOCK)
        found[rows] = np.where(among[rows], contest.scores[rows], -np.inf).max(axis=1, initial=-np.inf)
    return found


def comparison_section(
    names: tuple[str, str],
    results: tuple[Sequence[ProtocolResult], Sequence[ProtocolResult]],
    answers: tuple[Iterable[Answers], Iterable[Answers]],
) -> Section:
    """Return the section "Compared with MODEL2".

    Args:
        names: the model and the other one.
        results: what each found, from the same protocols in the same order and with one seed.
        answers: what each said, for the tests.

    Raises:
        DataError: results that do not pair.
    """
    tests = paired_tests(*answers)
    notes = _left_out(tests)
    rows: list[tuple[Cell, ...]] = []
    for ours, theirs in zip(*results, strict=True):
        if not any(m.value == m.value for m in ours.measures):
            continue
        for found in compare_results(ours, theirs):
            if not is_main(found.measure):
                continue
            values = [r.find(found.measure, group=found.group).value for r in (ours, theirs)]
            difference = (found.value, found.low, found.high)
            test = tests.pop((found.direction, found.group, found.measure), Tests())
            rows.append(
                (_words(found.direction, found.group, found.measure), *values, difference, found.p_value, *_cells(test))
            )
    for (direction, group, _), test in tests.items():  # choices without a measure of their own
        if test.mcnemar is not None:
            n = test.mcnemar.n_trials
            shares = [
                (test.mcnemar.both + alone) / n if n else math.nan
                for alone in (test.mcnemar.only_a, test.mcnemar.only_b)
            ]
            difference = (shares[0] - shares[1], math.nan, math.nan)
            rows.append(
                (f"{FIRST}, {group_words(group)}, {direction_words(direction)}", *shares, difference, "", *_cells(test))
            )
    columns = ("question", *_columns(names), "difference", "p bootstrap", "p DeLong", "right alone", "p McNemar")
    return Section(f"Compared with {names[1]}", TEXT, columns, tuple(rows), notes=notes)


def _left_out(tests: Mapping[Question, Tests]) -> tuple[str, ...]:
    """What the tests did not look at, in sentences."""
    n_tied = sum(test.n_tied for test in tests.values())
    notes = [f"{n_tied:,} trials that one of the two answered with a tie are left out of McNemar's test."]
    untested = [
        f"{group_words(group)}, {direction_words(direction)}: {test.n_untested:,}"
        for (direction, group, _), test in tests.items()
        if test.n_untested
    ]
    if untested:
        notes.append(f"DeLong's test is left out above {MOST_ANALYSED:,} pairs ({'; '.join(untested)}).")
    return tuple(notes if n_tied else notes[1:])


def _columns(names: tuple[str, str]) -> tuple[str, str]:
    """Names of the two columns; a model's name may not look like a column of percent or of p-values."""
    first, second = (f"model {name}" for name in names)
    return first, second if second != first else f"{second} (other)"


def _cells(test: Tests) -> tuple[Cell, Cell, Cell]:
    """The p of DeLong, who is right alone, p of McNemar; empty text where a test does not apply."""
    delong: Cell = "" if math.isnan(test.p_delong) else test.p_delong
    if test.mcnemar is None:
        return (delong, "", "")
    return (delong, f"{test.mcnemar.only_a:,} : {test.mcnemar.only_b:,}", test.mcnemar.p_value)


def _words(direction: str, group: str, measure: str) -> str:
    return f"{measure_words(measure)}, {group_words(group)}, {direction_words(direction)}"


def _other_trials(question: Question) -> str:
    return (
        f"Paired tests need the same trials for both models ({'/'.join(question)}). Evaluate both on the same people."
    )
