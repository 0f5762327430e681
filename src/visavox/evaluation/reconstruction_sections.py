"""The sections of a report on drawn faces: identification by each judge, attributes, pixels, samples, copies.

Each takes the result of the protocol and returns a `Section`, or None where there is nothing to show.

Example:
    sections = [judge_section(result, judge) for judge in result.drawn.judges]
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.measures import Measure
from visavox.evaluation.protocols.reconstruction import (
    ALL,
    CLASSIFIER,
    PAIR,
    PEOPLE,
    SAME_GENDER,
    ReconstructionResult,
    shuffled_name,
)
from visavox.evaluation.reconstruction_record import Contestant, DrawnFaces, Judge
from visavox.evaluation.record import Cell, Section
from visavox.metrics.attribute_agreement import gender_agreement
from visavox.metrics.memorisation import memorisation
from visavox.metrics.picture_similarity import mean_squared_error, peak_signal_to_noise_db, structural_similarity
from visavox.metrics.sample_diversity import sample_diversity
from visavox.metrics.weighting import mean_over_people

KS = (1, 2, 5, 10)
CONTROLS = (
    "What a drawer must beat: one face for each gender that is heard, and one face for everybody. With shuffled voices "
    "each face is compared as if it were of somebody else; 50 % then lies within the interval unless something other "
    "than the voice leaks."
)
RACES_ARE_LOOKS = (
    "Race is what the classifier makes of looks, in five classes of annotators (white, black, asian, indian, other). "
    "It is nobody's identity, forces every face into one of them and errs unevenly"
)
COMPARED_PX = 64  # side at which pictures are compared pixel by pixel


def judge_section(result: ReconstructionResult, judge: Judge) -> Section:
    """Return who is found again by one judge: contestants, then controls, chance last."""
    columns = (
        "faces, and from what",
        "1:2, all pairs %",
        "1:2, one gender %",
        *(f"R@{k} %" for k in KS),
    )
    rows: list[tuple[Cell, ...]] = []
    for contestant in (*_drawers(result.drawn), *_of_kind(result.drawn, "own face")):
        rows.append(_judged_row(result, judge, contestant.name, contestant.told))
    for contestant in _drawers(result.drawn):
        name = shuffled_name(contestant.name)
        rows.append(_judged_row(result, judge, name, "the voice of another person"))
    for contestant in _of_kind(result.drawn, "control"):
        rows.append(_judged_row(result, judge, contestant.name, contestant.told))
    first = result.drawn.contestants[0].name
    chances: list[Cell] = [0.5, 0.5]
    chances += [_chance(result.find(first, judge.name, PEOPLE, f"recall_at_{k}")) for k in KS]
    rows.append(("guessing", *chances))
    n_people = len(set(result.drawn.true.people))
    seen = "What the drawers learned from is not known here."
    if judge.seen_in_training:
        seen = "Seen in training: the model learned from this judge, which flatters it."
    elif _of_kind(result.drawn, "model"):
        seen = (
            "Not seen in training: the model learned nothing from it. What drawers of others learned from is not known."
        )
    text = (
        f"{seen} Every drawn face is compared with the true faces by the cosine of the judge's features, each side "
        "centred on its own mean. 1:2: a true face of the speaker against one of another person, every pair of them; "
        f"R@k: the speaker among the first k of {n_people} people. The clips of a person are averaged first, then the "
        "people; the small figures are 95 % intervals over people."
    )
    return Section(
        f"Whose face is it, asked {judge.name}",
        text,
        columns,
        tuple(rows),
        notes=(CONTROLS, f"{judge.name}: {judge.about}."),
    )


def difference_section(result: ReconstructionResult, *, against: str = "") -> Section | None:
    """Return paired differences of drawers by the leading judge.

    Args:
        result: of the protocol.
        against: a contestant that all others are compared with; "" compares all drawers with each other.

    Raises:
        DataError: `against` is no contestant.
    """
    judge = result.drawn.judges[0].name
    names = [contestant.name for contestant in _drawers(result.drawn)]
    pairs = list(itertools.combinations(names, 2))
    if against:
        result.drawn.find(against)
        pairs = [(name, against) for name in names if name != against]
    rows: list[tuple[Cell, ...]] = []
    for first, second in pairs:
        cells: list[Cell] = [f"{first} less {second}"]
        for group, measure in ((ALL, PAIR), (SAME_GENDER, PAIR), (PEOPLE, "recall_at_10")):
            found = result.difference(first, second, judge, group, measure)
            cells += (
                [math.nan, math.nan]
                if found is None
                else [(found.found.value, found.found.low, found.found.high), found.found.p_value]
            )
        rows.append(tuple(cells))
    if not rows:
        return None
    columns = ("pair", "1:2, all pairs %", "p", "1:2, one gender %", "p ", "R@10 %", "p  ")
    text = f"Points of {judge}, both drawers on the same clips and the same resamples of people; p is two-sided."
    return Section("Which drawer is better", text, columns, tuple(rows))


def attribute_section(result: ReconstructionResult) -> Section:
    """Return whether drawn faces have the gender, the race and the age of the true ones, by one classifier."""
    true, told = result.drawn.true, result.drawn.classifier
    codes = np.unique(np.array(true.people, dtype=object), return_inverse=True)[1]
    given = np.array([{"m": 1.0, "f": -1.0}.get(gender, np.nan) for gender in true.genders])
    columns = (
        "faces",
        "gender as of the true face %",
        "gender as given %",
        "race as of the true face %",
        "age off by, years",
        "count",
    )
    rows: list[tuple[Cell, ...]] = []
    for contestant in result.drawn.contestants:
        gender, race, age = (
            _triple(_find(result, contestant.name, name))
            for name in ("gender_agreement", "race_agreement", "age_error_cost")
        )
        said = float(gender_agreement(contestant.male, given, codes)) if true.genders_given else math.nan
        rows.append((contestant.name, gender, said, race, age, int(contestant.drawn.sum())))
    if true.genders_given:
        right = float(gender_agreement(true.male, given, codes))
        rows.insert(0, ("the true faces", 1.0, right, 1.0, 0.0, len(true.clips)))
    first = result.drawn.contestants[0].name
    guesses = [_chance(_find(result, first, name)) for name in ("gender_agreement", "race_agreement")]
    man = float(mean_over_people(np.where(np.isnan(given), np.nan, given > 0), codes))
    common = max(man, 1 - man) if true.genders_given else math.nan
    rows.append(("always the commonest", guesses[0], common, guesses[1], "", len(true.clips)))
    text = (
        f"One classifier, {told.get('name', '')}, looks at drawn and at true faces; the clips of a person are averaged "
        "first. Of the true faces it agrees with itself, and only the given genders tell whether it is right."
    )
    held_out = _classifier_words(told)
    notes = [held_out] if held_out else []
    if not true.genders_given:
        notes.append("Nobody said which gender the people have; figures within a gender rest on the classifier too.")
    notes.append(f"{RACES_ARE_LOOKS}{_race_words(told)}.")
    return Section("Gender, race and age", text, columns, tuple(rows), notes=tuple(notes))


def pixel_section(drawn: DrawnFaces) -> Section | None:
    """Return PSNR, SSIM and MSE of what is meant to be the true picture, the average face beside it."""
    own = _of_kind(drawn, "own face")
    if not own:
        return None
    true = _smaller(drawn.true.pictures)
    rows: list[tuple[Cell, ...]] = []
    for contestant in (*own, *(c for c in _of_kind(drawn, "control"))):
        shown = _smaller(contestant.pictures)[contestant.drawn]
        truth = true[contestant.drawn]
        values = [
            metric(shown, truth) for metric in (peak_signal_to_noise_db, structural_similarity, mean_squared_error)
        ]
        rows.append((contestant.name, *(float(np.mean(value)) for value in values)))
    text = (
        f"Pixel by pixel with the true picture, at {COMPARED_PX} px: of faces drawn from their own feature, beside the "
        "controls. Faces drawn from a voice are not meant to be that picture, and are left out."
    )
    columns = ("faces", "PSNR, dB", "SSIM", "MSE, squared grey levels")
    return Section("Pixel by pixel", text, columns, tuple(rows))


def diversity_section(drawn: DrawnFaces) -> Section | None:
    """Return how much samples of one voice differ, against those of different voices."""
    rows: list[tuple[Cell, ...]] = []
    for contestant in drawn.contestants:
        for judge in drawn.judges:
            samples = contestant.samples.get(judge.name)
            if samples is not None and len(samples) and np.shape(samples)[1] > 2:
                found = sample_diversity(np.asarray(samples)[:, 1:])
                n_samples = int(np.shape(samples)[1]) - 1
                rows.append((contestant.name, judge.name, found.within, found.between, found.ratio, n_samples))
    if not rows:
        return None
    text = (
        "Mean distance of two samples of one voice, of two voices, and their ratio: 0 where all samples of a voice are "
        "one face, 1 where the voice makes no difference. The expected face, which is the one that is judged, is no "
        "sample and left out."
    )
    columns = ("faces", "by", "within a voice", "between voices", "ratio", "samples a voice")
    return Section("Do samples differ?", text, columns, tuple(rows))


def memory_section(drawn: DrawnFaces) -> Section | None:
    """Return whether drawn faces are copies of training faces."""
    training = drawn.training
    if training is None:
        return None
    rows: list[tuple[Cell, ...]] = []
    for contestant in _drawers(drawn):
        for judge in drawn.judges:
            own = _everything_drawn(contestant, judge.name)
            if not len(own):
                continue
            found = memorisation(own, drawn.true.features[judge.name], training.features[judge.name])
            medians = float(np.median(found.distance)), float(np.median(found.true_distance))
            rows.append((contestant.name, judge.name, *medians, found.share_nearer, found.share_below_all))
    text = (
        f"Distance of every drawn sample to the nearest of {len(training.clips):,} training faces, against that of "
        "true faces that nothing learned from. Half of the drawn faces are nearer where nothing is copied; smooth "
        "faces lie nearer to everything, so look at the pairs on the sheets."
    )
    columns = ("faces", "by", "drawn, median", "true, median", "drawn is nearer %", "nearer than any true %")
    return Section("Learned by heart?", text, columns, tuple(rows))


def leak_sentences(result: ReconstructionResult) -> list[str]:
    """Return a sentence for every drawer whose figure with shuffled voices is off one half."""
    said = []
    for contestant in _drawers(result.drawn):
        for judge in result.drawn.judges:
            for group in (ALL, SAME_GENDER):
                found = result.find(shuffled_name(contestant.name), judge.name, group, PAIR)
                if found is not None and math.isfinite(found.low) and not found.low <= 0.5 <= found.high:
                    said.append(
                        f"{contestant.name} with shuffled voices is right {100 * found.value:.1f} % of the time by "
                        f"{judge.name} ({100 * found.low:.1f}–{100 * found.high:.1f} %) and not 50 %: something other "
                        "than the voice leaks into the pictures or into the measurement. Find it before you believe "
                        "any figure here."
                    )
    return said


def _everything_drawn(contestant: Contestant, judge: str) -> NDArray[np.floating[Any]]:
    """Features of all samples, (n, dim); of the first ones where there are no others."""
    samples = contestant.samples.get(judge)
    if samples is not None and len(samples):
        return np.asarray(samples).reshape(-1, np.shape(samples)[-1])
    return np.asarray(contestant.features[judge])[contestant.drawn]


def _judged_row(result: ReconstructionResult, judge: Judge, name: str, told: str) -> tuple[Cell, ...]:
    groups = [(ALL, PAIR), (SAME_GENDER, PAIR), *((PEOPLE, f"recall_at_{k}") for k in KS)]
    return (f"{name}: {told}", *(_triple(result.find(name, judge.name, group, measure)) for group, measure in groups))


def _triple(found: Measure | None) -> Cell:
    return (found.value, found.low, found.high) if found is not None else (math.nan, math.nan, math.nan)


def _chance(found: Measure | None) -> float:
    return found.chance if found is not None else math.nan


def _find(result: ReconstructionResult, contestant: str, measure: str) -> Measure | None:
    return next(
        (m for m in result.measures if (m.direction, m.group, m.measure) == (contestant, CLASSIFIER, measure)), None
    )


def _of_kind(drawn: DrawnFaces, *kinds: str) -> list[Contestant]:
    return [contestant for contestant in drawn.contestants if contestant.kind in kinds]


def _drawers(drawn: DrawnFaces) -> list[Contestant]:
    return _of_kind(drawn, "model", "folder")


def _classifier_words(told: Mapping[str, Any]) -> str:
    """What the classifier is worth, from its card."""
    gender, age, n = (told.get(name) for name in ("gender_accuracy_score", "age_error_years", "n_held_out"))
    if gender is None:
        return ""
    years = f", and its ages are off by {float(age):.1f} years" if age is not None else ""
    return f"On {int(n or 0):,} held-out faces the classifier gets {100 * float(gender):.1f} % of genders right{years}."


def _race_words(told: Mapping[str, Any]) -> str:
    """How often the classifier has the annotators' race, from its card."""
    right, other = (told.get(name) for name in ("race_accuracy_score", "race_other_accuracy_score"))
    if right is None:
        return ""
    rare = f", of those labelled other {100 * float(other):.1f} %" if other is not None else ""
    return f": on held-out faces it agrees with the annotators on {100 * float(right):.1f} %{rare}"


def _smaller(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures at the side at which they are compared, by the mean of whole blocks; smaller ones as they are."""
    step = max(1, pictures.shape[1] // COMPARED_PX)
    side = pictures.shape[1] // step
    cut = pictures[:, : side * step, : side * step].astype(np.float64)
    blocks = cut.reshape(len(pictures), side, step, side, step, 3)  # (n, y, within, x, within, colour)
    return np.asarray(np.round(blocks.mean(axis=(2, 4))), dtype=np.uint8)
