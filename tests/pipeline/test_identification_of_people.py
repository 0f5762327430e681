"""Enrolled people asked about a folder: probabilities, true labels, strangers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.evaluation_config import EvaluateConfig
from visavox.identification_config import EnrollConfig
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.enrolled_folder import EnrolledFolder
from visavox.pipeline.enrolling import enroll_people
from visavox.pipeline.identification_of_people import STRANGER, ask_folder, identify_tables

LEFT_OUT = ("w0-person-0006", "w0-person-0007")


@pytest.fixture(scope="module")
def people(small_embeddings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six of the eight people of the small world."""
    out = tmp_path_factory.mktemp("made") / "people"
    enroll_people(EnrollConfig(out=out, embeddings=small_embeddings, false_accept=0.2))
    enroll_people(EnrollConfig(out=out, remove=LEFT_OUT, refit=True))
    return out


@pytest.fixture(scope="module")
def embedded(small_embeddings: Path) -> CorpusEmbeddings:
    return CorpusEmbeddings.load(small_embeddings)


def test_tables_say_what_identify_says_of_every_clip(people: Path, embedded: CorpusEmbeddings) -> None:
    enrolled = EnrolledFolder.load(people).people
    tables = identify_tables(enrolled, embedded.voice, embedded.face)
    assert set(tables) == {"voice", "face", "both"}
    both = tables["both"]
    assert both.probabilities.shape == (16, 6)
    assert both.probabilities.sum(axis=1) == pytest.approx(np.ones(16))
    for row, clip in enumerate(both.clips):
        voice, face = embedded.voice.clips.index(clip), embedded.face.clips.index(clip)
        probe = {"voice": embedded.voice.vectors[[voice]], "face": embedded.face.vectors[[face]]}
        found = enrolled.identify(probe, top=6)  # type: ignore[arg-type]
        shares = {one.name: one.probability for one in found.ranked}
        expected = np.array([shares[name] for name in enrolled.names])
        assert both.probabilities[row] == pytest.approx(expected / expected.sum(), abs=1e-6)
        assert both.stranger_scores[row] == found.ranked[0].log_likelihood_ratio
        assert both.refused[row] == found.is_stranger
        assert both.p_values[row] == pytest.approx(found.p_value, nan_ok=True)


def test_who_is_not_enrolled_is_a_stranger(people: Path, embedded: CorpusEmbeddings) -> None:
    enrolled = EnrolledFolder.load(people).people
    table = identify_tables(enrolled, None, embedded.face)["face"]
    assert table.clips == tuple(sorted(embedded.face.clips))
    for person, label in zip(table.people, table.labels, strict=True):
        assert label == (STRANGER if person in LEFT_OUT else enrolled.names.index(person))
    known = table.labels != STRANGER
    assert (table.probabilities[known].argmax(axis=1) == table.labels[known]).all()
    assert table.stranger_scores[known].mean() > table.stranger_scores[~known].mean()


def test_one_modality_makes_one_table(people: Path, embedded: CorpusEmbeddings) -> None:
    enrolled = EnrolledFolder.load(people).people
    assert set(identify_tables(enrolled, embedded.voice, None)) == {"voice"}
    nobody = embedded.face.select(np.zeros(len(embedded.face), dtype=bool))
    assert set(identify_tables(enrolled, embedded.voice, nobody)) == {"voice"}


def test_clips_without_one_of_the_two_are_asked_by_the_other(people: Path, embedded: CorpusEmbeddings) -> None:
    enrolled = EnrolledFolder.load(people).people
    half = embedded.face.select(np.arange(5))
    tables = identify_tables(enrolled, embedded.voice, half)
    assert {asking: len(table.clips) for asking, table in tables.items()} == {"voice": 16, "face": 5, "both": 5}


def test_a_folder_of_embeddings_asks(people: Path, small_embeddings: Path, tmp_path: Path) -> None:
    config = EvaluateConfig(
        protocol="identification", model=str(people), embeddings=small_embeddings, out=tmp_path / "report"
    )
    asked = ask_folder(config)
    assert asked.names == EnrolledFolder.load(people).people.names
    assert asked.false_accept == 0.2
    assert asked.corpus is None
    assert int((asked.tables["both"].labels == STRANGER).sum()) == 4


def test_a_corpus_asks(people: Path, small_corpus: Path, embedded: CorpusEmbeddings, tmp_path: Path) -> None:
    config = EvaluateConfig(protocol="identification", model=str(people), corpus=small_corpus, out=tmp_path / "report")
    asked = ask_folder(config)
    assert asked.corpus == small_corpus
    expected = identify_tables(EnrolledFolder.load(people).people, embedded.voice, embedded.face)
    assert asked.tables["both"].probabilities == pytest.approx(expected["both"].probabilities)


def test_nobody_who_asks_is_said(people: Path, small_embeddings: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Say who asks: --pairs"):
        ask_folder(EvaluateConfig(protocol="identification", model=str(people), out=tmp_path))
    renamed = {name: f"not {name}" for name in EnrolledFolder.load(people).people.names}
    folder = EnrolledFolder.load(people)
    folder.people.rename(renamed)
    folder.save(tmp_path / "others")
    config = EvaluateConfig(
        protocol="identification", model=str(tmp_path / "others"), embeddings=small_embeddings, out=tmp_path / "report"
    )
    with pytest.raises(ConfigError, match="Somebody of the clips must be enrolled in .* Nobody of 8 is"):
        ask_folder(config)
