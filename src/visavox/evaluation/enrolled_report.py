"""How well enrolled people are named, and strangers refused, as a report: by voice, by face, by both.

What was asked and answered comes in as `EnrolledAnswers`; the threshold is the enrolment's own, so that the share of
strangers it lets in can be held against the share that was asked for.

Example:
    report = enrolled_report(answers, settings=ReportSettings(seed=0), paths=paths)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError
from visavox.evaluation.hard_clips import pick_hard_clips
from visavox.evaluation.identification_figures import confusion_section, open_set_section
from visavox.evaluation.identification_record import STRANGERS, Contender, Cost, Experiment
from visavox.evaluation.identification_report import SAME_PEOPLE, ReportSettings, facts
from visavox.evaluation.identification_sections import cell, difference_section
from visavox.evaluation.identification_words import KEY
from visavox.evaluation.protocols.identification import Identification, IdentificationResult
from visavox.evaluation.record import Cell, Report, Section
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.identification import mean_credit
from visavox.metrics.proportions import wilson_interval

SHOWN = {"voice": ("voice",), "face": ("face",), "both": ("voice", "face")}
NO_COST = Cost(0, 0.0, math.nan, 0)
FEW_CLIPS = "The threshold comes from the enrolment alone; none of these clips was looked at to set it."

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class EnrolledAnswers:
    """What clips were asked about, and what enrolled people were answered."""

    people: tuple[str, ...]
    """Who is enrolled; column order of all probabilities."""
    clips: tuple[str, ...]
    """Names of the clips."""
    true_names: tuple[str, ...]
    """Who each clip is of; a name that is not enrolled is a stranger."""
    probabilities: Mapping[str, NDArray[np.floating]]
    """"voice", "face" and "both", those there are -> (n_clips, n_people) float; a row of nan was not asked."""
    accepted: Mapping[str, Bools]
    """The same names -> (n_clips,) bool: taken for somebody enrolled; False where it was not asked."""
    scores: Mapping[str, NDArray[np.floating]]
    """The same names -> (n_clips,) float: how convincing the best name is; nan where it was not asked."""
    false_accept: float
    """Share of strangers that may be accepted, as asked of the enrolment."""
    title: str = ""
    """What was asked of what."""
    catalog_hash: str = ""
    """Of the clips that ask."""

    @property
    def is_known(self) -> Bools:
        """(n_clips,) bool, whose person is enrolled."""
        return np.isin(np.array(self.true_names, dtype=object), np.array(self.people, dtype=object))


def enrolled_report(answers: EnrolledAnswers, *, settings: ReportSettings, paths: Mapping[str, str | Path]) -> Report:
    """Return the report on the answers.

    Args:
        answers: what was asked and answered.
        settings: seed, resamples, provenance.
        paths: "CLIP/voice" and "CLIP/face" -> file, for the hardest clips.

    Raises:
        DataError: no clip is of anybody enrolled, or an array does not fit.
    """
    experiment = as_experiment(answers)
    known = answers.is_known
    confidence = {
        (name, subset): np.asarray(values)[rows]
        for name, values in answers.scores.items()
        for subset, rows in (("test", known), (STRANGERS, ~known))
    }
    protocol = Identification(n_resamples=settings.n_resamples)
    rng = np.random.default_rng(settings.seed)
    result = protocol.evaluate(experiment, rng=rng, by="", confidence=confidence)
    said = facts(result, [])
    said[KEY] = {"n_known": len(answers.people), "kind": "enrolment", **_all_modalities(result)}
    best = str(said[KEY]["best"])
    main = IdentificationResult(
        experiment, "", best, result.measures, result.curves, result.resamples, result.differences
    )
    sections = (
        rows_section(main),
        threshold_section(answers, main, settings),
        difference_section(main),
        confusion_section(main),
        open_set_section(main, score="how convincing the best name is"),
    )
    return Report(
        title=answers.title or f"Identification of {len(answers.people)} enrolled people",
        measures=main.measures,
        curves=(),
        provenance={**settings.provenance, **said, "caveats": [SAME_PEOPLE, FEW_CLIPS]},
        next_steps=settings.next_steps,
        sections=tuple(section for section in sections if section is not None),
        hard_clips=pick_hard_clips(experiment, best, paths=paths),
    )


def as_experiment(answers: EnrolledAnswers) -> Experiment:
    """Return the answers as an experiment with test clips and, where there are any, clips of strangers.

    Raises:
        DataError: no clip is of anybody enrolled.
    """
    known = answers.is_known
    if not known.any():
        raise DataError(
            f"None of the {len(answers.clips)} clips is of anybody enrolled, so nothing can be measured. "
            "Give clips of the enrolled people, with the names that they have there."
        )
    columns = {name: i for i, name in enumerate(answers.people)}
    own = [columns[name] for name in answers.true_names if name in columns]
    labels = {"test": np.array(own, dtype=np.intp)}
    parts = {"test": known}
    if not known.all():
        parts[STRANGERS] = ~known
        labels[STRANGERS] = np.full(int((~known).sum()), -1, dtype=np.intp)
    contenders = tuple(
        Contender(
            name,
            "fusion" if name == "both" else "network",
            SHOWN[name],
            {subset: np.asarray(answers.probabilities[name])[rows] for subset, rows in parts.items()},
            NO_COST,
        )
        for name in SHOWN
        if name in answers.probabilities
    )
    clips = {
        subset: tuple(clip for clip, chosen in zip(answers.clips, rows.tolist(), strict=True) if chosen)
        for subset, rows in parts.items()
    }
    strangers = tuple(name for name in answers.true_names if name not in columns)
    return Experiment(
        "clip",
        answers.people,
        clips,
        labels,
        contenders,
        catalog_hash=answers.catalog_hash,
        stranger_people=strangers,
    )


def rows_section(result: IdentificationResult) -> Section:
    """Return top-1 and top-5 by voice, by face and by both, with the people weighed alike beside it."""
    rows: list[tuple[Cell, ...]] = []
    for contender in result.experiment.contenders:
        found = [result.find(contender.name, name) for name in ("top_1", "top_5", "top_1_by_person")]
        count = found[0].count if found[0] is not None else 0
        rows.append((contender.name, *(cell(m) for m in found), count))
    text = (
        "Share of clips of enrolled people whose person is named first, and among the first 5, whether or not the "
        "clip would be refused. Intervals over people."
    )
    columns = ("asked with", "top-1 %", "top-5 %", "top-1, mean over people %", "clips")
    return Section("Named by voice, by face, by both", text, columns, tuple(rows))


def threshold_section(answers: EnrolledAnswers, result: IdentificationResult, settings: ReportSettings) -> Section:
    """Return what the enrolment's own threshold does: known people identified, strangers let in."""
    known = answers.is_known
    owns = np.array([answers.people.index(n) if n in answers.people else -1 for n in answers.true_names])
    rng = np.random.default_rng(settings.seed)
    counts = resample_people(len(answers.people), n_resamples=settings.n_resamples, rng=rng)
    rows: list[tuple[Cell, ...]] = []
    for contender in result.experiment.contenders:
        said = np.asarray(answers.probabilities[contender.name], dtype=np.float64)
        asked = ~np.isnan(said).any(axis=1)
        mine, others = known & asked, ~known & asked
        accepted = answers.accepted[contender.name]
        right = accepted[mine] & (said[mine].argmax(axis=1) == owns[mine])
        wrong = accepted[mine] & ~right
        shares: list[Cell] = []
        for hits in (right, wrong, ~accepted[mine]):
            drawn = mean_credit(hits.astype(np.float64), owns[mine], counts=counts)
            value = float(hits.mean()) if len(hits) else math.nan
            interval = percentile_interval(value, drawn, bounds=(0.0, 1.0))
            shares.append((value, interval.low, interval.high))
        n_in, n_others = int(accepted[others].sum()), int(others.sum())
        reached = wilson_interval(n_in, n_others)
        rate = n_in / n_others if n_others else math.nan
        rows.append((contender.name, *shares, answers.false_accept, (rate, reached.low, reached.high), n_others))
    text = (
        "With the enrolment's own threshold: share of clips of enrolled people that are named rightly, named as "
        "somebody else, and refused; share of strangers' clips that were to be let in, and that are."
    )
    notes = ("Intervals over people; that of the strangers let in is Wilson's, of clips as if they were independent.",)
    columns = (
        "asked with", "identified %", "misnamed %", "refused %", "let in, asked %", "let in %", "strangers' clips",
    )  # fmt: skip
    return Section("At the threshold of the enrolment", text, columns, tuple(rows), notes=notes)


def _all_modalities(result: IdentificationResult) -> dict[str, object]:
    """The row that is asked with the most, which the headline is about: not the luckiest one."""
    contenders = result.experiment.contenders
    most = max(contenders, key=lambda contender: len(contender.modalities))
    return {"best": most.name, "shown": list(most.modalities)}
