"""Enrolled people asked about a whole folder of clips: what the report of `--protocol identification` is made from.

People of the folder who are enrolled are known, the others are strangers. Every clip asks by its voice, by its face,
and, where it has both, by both. Nothing is measured here: `visavox.evaluation.protocols.identification` does that.

Example:
    folder = EnrolledFolder.load(Path("people"))
    tables = identify_tables(folder.people, embedded.voice, embedded.face)
    tables["both"].probabilities.shape
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import ConfigError
from visavox.evaluation_config import EvaluateConfig
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.pipeline.clip_vectors import check_encoders, embed_clips, prepare_clips, prepare_config
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.enrolled_folder import EnrolledFolder
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.media_vectors import MediaEncoder

Asking = Literal["voice", "face", "both"]
Progress = Callable[[int, int], None]

ASKING: Mapping[Asking, tuple[Modality, ...]] = {"voice": ("voice",), "face": ("face",), "both": ("voice", "face")}
STRANGER = -1


@dataclass(frozen=True, eq=False)
class AskedTable:
    """What the enrolled say of every clip, by one combination of modalities."""

    clips: tuple[str, ...]
    """Clips that have what it takes, n of them, sorted."""
    people: tuple[str, ...]
    """True person of each clip."""
    labels: NDArray[np.intp]
    """(n,) int: place of the true person among the enrolled; -1 for a stranger."""
    probabilities: NDArray[np.float32]
    """(n, n_people) float32: probability of each enrolled person among the enrolled, rows that add up to 1."""
    stranger_scores: NDArray[np.float64]
    """(n,) float64: how convincing the best person is, log likelihood ratio in nats; strangers have small ones."""
    p_values: NDArray[np.float64]
    """(n,) float64: share of simulated strangers at least as convincing; nan where there are none."""
    refused: NDArray[np.bool_]
    """(n,) bool: taken for a stranger at the false-accept rate of the folder."""


@dataclass(frozen=True, eq=False)
class AskedFolder:
    """Enrolled people and a folder of clips that asked."""

    names: tuple[str, ...]
    """The enrolled: column order of the probabilities."""
    tables: Mapping[Asking, AskedTable]
    """By voice, by face, by both: those that some clip has."""
    embedded: CorpusEmbeddings
    """The clips as vectors."""
    corpus: Path | None
    """Folder of the corpus of the clips; None where there are embeddings alone."""
    false_accept: float
    """Share of strangers that the folder was told to accept."""
    notes: tuple[str, ...]
    """Sentences about the enrolment."""


def ask_folder(config: EvaluateConfig, progress: Progress | None = None) -> AskedFolder:
    """Ask enrolled people about a folder of pairs, a corpus or embeddings.

    Args:
        config: `model` is the folder of people; `pairs`, `corpus` or `embeddings` who asks. What is prepared and
            embedded is kept in `out`.
        progress: called with (done, total).

    Raises:
        ConfigError: nobody asks, or no clip is of anybody enrolled.
        DataError: the folder holds no enrolled people, or the embeddings are of other encoders.
    """
    folder = EnrolledFolder.load(Path(config.model))
    embedded, corpus = _embedded(config, folder, progress)
    if folder.recipe.voice_window_s and corpus is not None and len(embedded.voice):
        embedded = _windowed(embedded, corpus, MediaEncoder(folder.recipe, Compute.of(config)))
    tables = identify_tables(folder.people, embedded.voice, embedded.face)
    if not any((table.labels != STRANGER).any() for table in tables.values()):
        raise ConfigError(
            f"Somebody of the clips must be enrolled in {config.model}. Nobody of "
            f"{len(set(embedded.voice.identities) | set(embedded.face.identities))} is: names are compared as they are "
            "written. Enrol them, or --rename the enrolled."
        )
    return AskedFolder(
        folder.people.names, tables, embedded, corpus, folder.people.settings.false_accept, folder.people.notes
    )


def identify_tables(
    people: EnrolledPeople, voice_table: EmbeddingTable | None, face_table: EmbeddingTable | None
) -> dict[Asking, AskedTable]:
    """Return what the enrolled say of every clip by its voice, its face, and both.

    Args:
        people: the enrolled.
        voice_table: voices that ask, vectors of the encoder of the enrolled; several rows of a clip count as one probe.
        face_table: faces that ask.

    Returns:
        "voice", "face", "both" -> probabilities (n_probes, n_people), true labels and stranger scores of the clips
        that have these modalities; a combination that no clip has, or nobody is enrolled with, is absent.
    """
    given: dict[Modality, EmbeddingTable] = {}
    for modality, table in zip(MODALITIES, (voice_table, face_table), strict=True):
        if table is not None and len(table) and any(modality in people.modalities_of(name) for name in people.names):
            given[modality] = table
    rows = {modality: _rows_by_clip(table) for modality, table in given.items()}
    person = {c: p for table in given.values() for c, p in zip(table.clips, table.identities, strict=True)}
    tables: dict[Asking, AskedTable] = {}
    for asking, modalities in ASKING.items():
        if not set(modalities) <= set(given):
            continue
        clips = sorted(set.intersection(*(set(rows[modality]) for modality in modalities)))
        if clips:
            probes = [{m: given[m].vectors[rows[m][clip]] for m in modalities} for clip in clips]
            tables[asking] = _asked(people, clips, [person[clip] for clip in clips], probes)
    return tables


def _rows_by_clip(table: EmbeddingTable) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, clip in enumerate(table.clips):
        rows.setdefault(clip, []).append(row)
    return rows


def _asked(
    people: EnrolledPeople, clips: list[str], persons: list[str], probes: list[dict[Modality, np.ndarray]]
) -> AskedTable:
    names = people.names
    place = {name: i for i, name in enumerate(names)}
    probabilities = np.zeros((len(clips), len(names)), dtype=np.float32)
    scores, p_values = np.empty(len(clips)), np.empty(len(clips))
    refused = np.empty(len(clips), dtype=bool)
    for row, probe in enumerate(probes):
        found = people.identify(probe, top=len(names))
        for one in found.ranked:
            probabilities[row, place[one.name]] = one.probability
        total = probabilities[row].sum()
        probabilities[row] = probabilities[row] / total if total > 0 else 1 / len(names)
        scores[row] = found.ranked[0].log_likelihood_ratio if found.ranked else -np.inf
        p_values[row], refused[row] = found.p_value, found.is_stranger
    labels = np.array([place.get(name, STRANGER) for name in persons], dtype=np.intp)
    return AskedTable(tuple(clips), tuple(persons), labels, probabilities, scores, p_values, refused)


def _embedded(
    config: EvaluateConfig, folder: EnrolledFolder, progress: Progress | None
) -> tuple[CorpusEmbeddings, Path | None]:
    recipe, corpus = folder.recipe, config.corpus
    if config.embeddings is not None and config.pairs is None:
        embedded = CorpusEmbeddings.load(config.embeddings)
        check_encoders(recipe, embedded, config.model)
        return embedded, corpus
    if config.pairs is not None:
        prepare = prepare_config(config, config.pairs, config.out / "corpus", recipe, config.columns)
        corpus = prepare_clips(prepare, progress)
    if corpus is None:
        raise ConfigError("Say who asks: --pairs, a folder of faces and voices, or --corpus, or --embeddings.")
    return embed_clips(config, corpus, config.out / "embeddings", recipe, progress), corpus


def _windowed(embedded: CorpusEmbeddings, corpus: Path, media: MediaEncoder) -> CorpusEmbeddings:
    """Return the tables with each voice as the mean over its windows, as the enrolled take a probe."""
    with Catalog.open(corpus / CATALOG) as catalog:
        paths = {item.key: corpus / str(item.path) for item in catalog.items("voice")}
    vectors = np.stack([media.voice(paths[key]).vectors.mean(axis=0) for key in embedded.voice.keys])
    voice = embedded.voice.replace_vectors(vectors, embedded.voice.encoder)
    return CorpusEmbeddings(voice, embedded.face, embedded.about)
