"""Another model on the same people and trials, for the section "Compared with MODEL2" of an ordinary report.

Example:
    rival = find_rival(config, people)
    section = compared_with(config, people, results, rival, run_protocols(rival, dot_product, config), None)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from visavox.corpus.trials import DIRECTIONS, MatchingTrials, TrialSet, VerificationTrials
from visavox.errors import DataError
from visavox.evaluation.contest import build_contest
from visavox.evaluation.measures import ProtocolResult
from visavox.evaluation.paired_comparison import Answers, comparison_section, contest_answers
from visavox.evaluation.record import Section
from visavox.evaluation.scoring import dot_product, listed_scores
from visavox.evaluation_config import EvaluateConfig
from visavox.metrics.matching import listed_accuracy
from visavox.pipeline.tested_people import TestedPeople, find_tested_people

Progress = Callable[[int, int], None]


def find_rival(config: EvaluateConfig, people: TestedPeople, progress: Progress | None = None) -> TestedPeople:
    """Return the same people in the space of the model `against`.

    Raises:
        DataError: the other model sees other people, or what `find_tested_people` raises.
    """
    request = dataclasses.replace(config, model=config.against, against="", out=config.out / "against")
    if config.pairs is not None:  # prepared already: only embedded with the other model's encoders
        request = dataclasses.replace(request, pairs=None, corpus=config.out / "corpus", subset="all")
    rival = find_tested_people(request, progress)
    if rival.trial_hash != people.trial_hash:
        raise DataError(
            f"Two models are compared on the same people only. {config.model} is measured on {len(people.voice)} "
            f"voices and {len(people.face)} faces, {config.against} on {len(rival.voice)} and {len(rival.face)}, or on "
            "others. Give both the same --embeddings or --corpus, and for folds runs of one split."
        )
    return rival


def compared_with(
    config: EvaluateConfig,
    people: TestedPeople,
    results: Sequence[ProtocolResult],
    rival: TestedPeople,
    others: Sequence[ProtocolResult],
    lists: TrialSet | None,
) -> Section:
    """Return the section that compares the two models.

    Args:
        config: names both models.
        people: in the space of the first.
        results: what the first one found.
        rival: the same people in the space of the other.
        others: what the other one found, with the same seed.
        lists: trial lists, None for all pairs.
    """
    names = (Path(config.model).name or config.model, Path(config.against).name or config.against)
    answers = (all_answers(people, lists), all_answers(rival, lists))
    return comparison_section(names, (results, others), answers)


def all_answers(people: TestedPeople, lists: TrialSet | None) -> Iterator[Answers]:
    """Yield what a model says on all pairs, or on trial lists: scores of pairs and choices, one question at a time."""
    if lists is None:
        for direction in DIRECTIONS:
            yield from contest_answers(build_contest(people.voice, people.face, direction=direction))
        return
    for trials in lists.lists.values():
        if isinstance(trials, MatchingTrials) and trials.probes:
            probes, candidates = trials.rows(people.voice, people.face)
            scores = listed_scores(
                people.voice, people.face, probes, candidates, direction=trials.direction, scorer=dot_product
            )
            measure = f"accuracy_1_of_{trials.n_candidates}_by_trial"
            yield Answers(trials.direction, trials.group, measure, outcomes=listed_accuracy(scores))
        elif isinstance(trials, VerificationTrials) and any(trials.labels) and not all(trials.labels):
            probes, row = trials.rows(people.voice, people.face)
            scores = listed_scores(
                people.voice, people.face, probes, row[:, np.newaxis], direction=trials.direction, scorer=dot_product
            )
            labels = np.array(trials.labels, dtype=bool)
            yield Answers(trials.direction, trials.group, "auc", scores=scores[:, 0], labels=labels)
