"""A face, a voice or both to a name among the enrolled, or to "a stranger".

Files become vectors by the recipe of the folder of people; those of a modality that is not given are never looked at,
and its networks are not loaded. A file without a face or without speech takes no part and is said; the answer then
rests on the other. A network of a run of `train --task identification` stands for a folder too: it names one of those
it was trained on, whoever asks.

Example:
    outcome = identify_person(IdentifyConfig(people=Path("people"), face=Path("a.jpg")))
    outcome.name, outcome.ranked[0].probability
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import ConfigError, MediaError
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.posterior import Identification
from visavox.identification.score_fusion import Combination
from visavox.identification.strangers import least_rate
from visavox.identification_config import IdentifyConfig
from visavox.pipeline.enrolled_folder import EnrolledFolder, kind_of
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.identification_outcome import AskedWith, Candidate, IdentificationOutcome, speech_note
from visavox.pipeline.identification_words import rate_sentence, weightless_sentences
from visavox.pipeline.media_vectors import HeardVoice, MediaEncoder, SeenFace

NETWORK = "identifier"
ONE_SPACE = "sum and max need a face and a voice that can be used; what there is was compared alone."


@dataclass(frozen=True, eq=False)
class Asked:
    """A file, as vectors where it could be used."""

    about: AskedWith
    vectors: np.ndarray | None
    """(n, dim) float32; None where it could not."""


def identify_person(config: IdentifyConfig) -> IdentificationOutcome:
    """Return who it is.

    Raises:
        ConfigError: nobody is enrolled, or nobody with a modality that was given.
        DataError: the folder holds no enrolled people, or is damaged.
    """
    if kind_of(config.people) == NETWORK:
        from visavox.pipeline.network_answer import ask_network  # what trains is not needed to ask the enrolled

        return ask_network(config)
    folder = EnrolledFolder.load(config.people)
    if not folder.people.names:
        raise ConfigError(
            f"Nobody is enrolled in {config.people}. Enrol people with: visavox enroll --pairs FOLDER "
            f"--out {config.people}"
        )
    asked = read_files(config, MediaEncoder(folder.recipe, Compute.of(config)))
    return answer(folder.people, asked, config)


def read_files(config: IdentifyConfig, media: MediaEncoder) -> list[Asked]:
    """Return the given files as vectors, the face first; one that cannot be used has a status and a reason."""
    asked = []
    if config.face is not None:
        asked.append(_read("face", config.face, media.face))
    if config.voice is not None:
        asked.append(_read("voice", config.voice, media.voice))
    return asked


def answer(people: EnrolledPeople, asked: Sequence[Asked], config: IdentifyConfig) -> IdentificationOutcome:
    """Return who the vectors are of, by all of them together and by each alone.

    Args:
        people: the enrolled, one at least.
        asked: one or two files.
        config: how many to name, how sure to be, and how a face and a voice are joined.
    """
    notes: list[str] = []
    vectors: dict[Modality, np.ndarray] = {}
    for one in asked:
        if one.vectors is None:
            continue
        if any(one.about.modality in people.modalities_of(name) for name in people.names):
            vectors[one.about.modality] = one.vectors
        else:
            notes.append(f"Nobody is enrolled with a {one.about.modality}, so the {one.about.modality} was not used.")
    if not vectors:
        return IdentificationOutcome(
            str(config.people), len(people.names), _told(asked, {}), (), None, None, None, None, tuple(notes)
        )
    asked_rate = people.settings.false_accept if config.false_accept is None else config.false_accept
    alone = {
        m: people.identify({m: v}, top=1, false_accept=_rate(people, (m,), asked_rate)) for m, v in vectors.items()
    }
    combination = tuple(m for m in MODALITIES if m in vectors)
    rate, n_strangers = _rate(people, combination, asked_rate), len(people.strangers[combination])
    joint = people.identify(vectors, top=config.top, false_accept=rate)
    ranked, p_stranger = _candidates(joint), joint.p_stranger
    if config.combine != "scores":
        if len(vectors) == 2:
            ranked, p_stranger = _combined(people, vectors, config.combine, config.top)
        else:
            notes.append(ONE_SPACE)
    if rate > asked_rate:
        notes.append(rate_sentence(asked_rate, n_strangers))
    if len(vectors) == 2:
        notes += weightless_sentences(people)
    if n_strangers and joint.is_stranger != (p_stranger >= ranked[0].probability if ranked else True):
        notes.append(disagreement(joint.false_accept, people.settings.p_stranger))
    return IdentificationOutcome(
        people=str(config.people),
        n_people=len(people.names),
        asked=_told(asked, alone),
        ranked=ranked,
        is_stranger=joint.is_stranger,
        p_stranger=p_stranger,
        p_value=_finite(joint.p_value),
        false_accept=joint.false_accept,
        notes=(*notes, *joint.notes),
        threshold=_finite(joint.threshold),
        asked_false_accept=asked_rate if rate > asked_rate else None,
    )


def disagreement(false_accept: float, p_stranger: float) -> str:
    """Return why the verdict and the percentages may name different people.

    Args:
        false_accept: what the verdict keeps.
        p_stranger: share of strangers among those who ask that the percentages assume.
    """
    return (
        f"The verdict and the percentages answer different questions: the verdict takes at most {false_accept:.3g} of "
        f"strangers for somebody enrolled; the percentages assume that {100 * p_stranger:g} % of those who ask are "
        "strangers."
    )


def _rate(people: EnrolledPeople, combination: Combination, asked: float) -> float:
    """Return the false-accept rate asked for, or the least that the strangers of a combination can promise."""
    strangers = people.strangers[combination]
    return max(asked, least_rate(strangers.scores)) if len(strangers) else asked


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def asked_with(modality: Modality, name: str, found: SeenFace | HeardVoice | MediaError) -> Asked:
    """Return what was given under a name, as vectors or with the reason why there are none."""
    if isinstance(found, MediaError):
        return Asked(AskedWith(modality, name, found.status, str(found)), None)
    if isinstance(found, SeenFace):
        return Asked(AskedWith(modality, name, "ok", found.note), found.vectors)
    note = speech_note(found.speech_s)
    return Asked(AskedWith(modality, name, "ok", note, speech_s=found.speech_s), found.vectors)


def _read(modality: Modality, path: Path, encode: Callable[[Path], SeenFace | HeardVoice]) -> Asked:
    try:
        return asked_with(modality, str(path), encode(path))
    except MediaError as error:
        return asked_with(modality, str(path), error)


def _told(asked: Sequence[Asked], alone: Mapping[Modality, Identification]) -> tuple[AskedWith, ...]:
    """Return the files with what each says alone."""
    told = []
    for one in asked:
        about, found = one.about, alone.get(one.about.modality)
        best = found.ranked[0] if found is not None and found.ranked else None
        if found is not None and best is not None:
            about = replace(
                about,
                name=best.name,
                probability=best.probability,
                is_stranger=found.is_stranger,
                log_likelihood_ratio=best.log_likelihood_ratio,
                p_value=_finite(found.p_value),
                threshold=_finite(found.threshold),
            )
        told.append(about)
    return tuple(told)


def _candidates(found: Identification) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(
            one.name, one.probability, one.log_likelihood_ratio, {str(m): value for m, value in one.by_modality.items()}
        )
        for one in found.ranked
    )


def _combined(
    people: EnrolledPeople, vectors: Mapping[Modality, np.ndarray], how: Literal["sum", "max"], top: int
) -> tuple[tuple[Candidate, ...], float]:
    """Return the ranking by the mean or the largest of the probabilities of each modality, scaled to sum to 1."""
    found = {m: people.identify({m: v}, top=len(people.names)) for m, v in vectors.items()}
    names = list(people.names)
    calibrated = {one.name: one.log_likelihood_ratio for one in people.identify(vectors, top=len(names)).ranked}
    ratios = {m: {one.name: one.log_likelihood_ratio for one in each.ranked} for m, each in found.items()}
    table = np.zeros((len(found), len(names) + 1))  # the last column is a stranger
    for row, each in enumerate(found.values()):
        chances = {one.name: one.probability for one in each.ranked}
        table[row] = [*(chances.get(name, 0.0) for name in names), each.p_stranger]
    joined = table.sum(axis=0) if how == "sum" else table.max(axis=0)
    joined /= joined.sum()
    best = np.argsort(-joined[:-1], kind="stable")[:top]
    ranked = []
    for index in best:
        name = names[index]
        by = {str(m): ratio[name] for m, ratio in ratios.items() if name in ratio}
        ranked.append(Candidate(name, float(joined[index]), calibrated.get(name), by))
    return tuple(ranked), float(joined[-1])
