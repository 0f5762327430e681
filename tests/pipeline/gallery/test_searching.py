"""Looking somebody up: probabilities against Bayes' rule over everybody, and all the ways in which there are none."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, MediaError
from visavox.pipeline.gallery.searching import GallerySearcher, SearchOptions, check_sheet
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval import gallery
from visavox.retrieval.gallery_rows import By, Where
from visavox.retrieval.local_gallery import LocalGallery

QUERY = np.array([0.5, 0.5, -0.5, 0.5], dtype=np.float32)


@pytest.fixture
def searcher(calibrated_model: VoiceFaceModel, tiny_gallery: LocalGallery) -> GallerySearcher:
    return GallerySearcher(calibrated_model, tiny_gallery)


def slow_search(
    gallery: LocalGallery, query: np.ndarray, prior_nobody: float, where: Where
) -> tuple[dict[str, float], float]:
    """Each person's probability, any of the faces as probable a witness as another, and nobody's."""
    cosines: dict[str, list[float]] = defaultdict(list)
    for part in gallery.tables("face"):
        for i, person in enumerate(part.people):
            if all(part.attributes[name][i] == value for name, value in where.items()):
                cosines[person].append(float(part.vectors[i] @ query))
    joint = dict.fromkeys(cosines, 0.0)
    for name, own in cosines.items():
        for cosine in own:
            joint[name] += (1 - prior_nobody) / len(cosines) / len(own) * math.exp(5.0 * cosine - 1.0)
    total = sum(joint.values()) + prior_nobody
    return {name: value / total for name, value in joint.items()}, prior_nobody / total


@pytest.mark.parametrize("where", [{}, {"gender": "f"}])
@pytest.mark.parametrize("prior", [0.1, 0.5])
def test_probabilities_are_those_of_a_slow_loop(
    searcher: GallerySearcher, tiny_gallery: LocalGallery, where: dict[str, str], prior: float
) -> None:
    outcome = searcher.search_vector(QUERY, "voice", SearchOptions(k=2, where=where, p_nobody=prior))
    expected, nobody = slow_search(tiny_gallery, QUERY, prior, where)
    assert outcome.n_candidates == len(expected)
    best = sorted(expected, key=lambda name: -expected[name])[:2]
    assert [hit.person for hit in outcome.hits] == best
    for hit in outcome.hits:
        assert hit.probability == pytest.approx(expected[hit.person], rel=1e-5)
    assert outcome.p_nobody == pytest.approx(nobody, rel=1e-5)
    assert outcome.p_others == pytest.approx(1 - nobody - sum(expected[name] for name in best), abs=1e-6)
    assert outcome.notes == ()


@pytest.mark.parametrize("by", ["person", "clip"])
def test_an_approximate_index_gives_at_least_what_it_looked_at(
    searcher: GallerySearcher, by: By, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = searcher.search_vector(QUERY, "voice", SearchOptions(k=12, by=by))
    true = {hit.person if by == "person" else hit.key: hit.probability for hit in exact.hits}
    monkeypatch.setattr(LocalGallery, "_evidence_of_all", lambda *_, **__: None)
    monkeypatch.setattr(gallery, "LEAST_LOOKED_AT", 5)
    found = searcher.search_vector(QUERY, "voice", SearchOptions(k=2, by=by))
    assert len(found.hits) == 2
    for hit in found.hits:
        assert hit.probability is not None
        assert 0 < hit.probability < (true[hit.person if by == "person" else hit.key] or 0.0)
    assert found.p_nobody is not None
    assert exact.p_nobody is not None
    assert found.p_nobody < exact.p_nobody
    assert found.p_others is not None
    assert found.p_nobody + found.p_others + sum(h.probability or 0.0 for h in found.hits) == pytest.approx(1)
    assert any("looked at 5 of 12 clips" in note for note in found.notes)
    monkeypatch.setattr(gallery, "LEAST_LOOKED_AT", 12)
    everybody = searcher.search_vector(QUERY, "voice", SearchOptions(k=2, by=by))
    assert everybody.p_nobody == pytest.approx(exact.p_nobody)
    assert everybody.notes == exact.notes == ()


def test_a_face_among_faces_gets_ranks_and_a_note(searcher: GallerySearcher) -> None:
    outcome = searcher.search_vector(QUERY, "face", SearchOptions(against="face", k=3))
    assert [hit.probability for hit in outcome.hits] == [None] * 3
    assert outcome.p_nobody is None
    assert "A face among faces is ranked only" in outcome.notes[0]
    assert outcome.found


def test_a_model_without_calibration_gets_ranks(calibrated_model: VoiceFaceModel, tiny_gallery: LocalGallery) -> None:
    calibrated_model.preprocess = dataclasses.replace(calibrated_model.preprocess, pair_slope=None, pair_intercept=None)
    outcome = GallerySearcher(calibrated_model, tiny_gallery).search_vector(QUERY, "voice")
    assert outcome.p_nobody is None
    assert "'tiny' has no calibration of pairs" in outcome.notes[0]


def test_a_filter_that_leaves_nobody_leaves_nobody(searcher: GallerySearcher) -> None:
    outcome = searcher.search_vector(QUERY, "voice", SearchOptions(where={"gender": "x"}))
    assert (outcome.hits, outcome.p_nobody, outcome.nobody, outcome.found) == ((), 1.0, True, False)
    assert outcome.notes == ("Nobody in the gallery passes the filter.",)
    with pytest.raises(ConfigError, match="attributes of the gallery: gender. Got 'sex'"):
        searcher.search_vector(QUERY, "voice", SearchOptions(where={"sex": "x"}))


def test_a_gallery_without_voices_is_one_line(
    calibrated_model: VoiceFaceModel, tiny_gallery: LocalGallery, tmp_path: Path
) -> None:
    faces = LocalGallery.create(tmp_path / "faces", tiny_gallery.about, list(tiny_gallery.tables("face")))
    with pytest.raises(ConfigError, match="holds no voices to look through, only faces. Say --against"):
        GallerySearcher(calibrated_model, faces).search_vector(QUERY, "face")


def test_another_model_is_refused_by_name(calibrated_model: VoiceFaceModel, tiny_gallery: LocalGallery) -> None:
    calibrated_model.preprocess = dataclasses.replace(calibrated_model.preprocess, detector="haar")
    calibrated_model.name = "other"
    with pytest.raises(DataError, match=r"are of the model 'tiny' \([0-9a-f]{12}\). Got the model 'other' \("):
        GallerySearcher(calibrated_model, tiny_gallery)


def test_a_query_of_no_use_is_an_outcome(searcher: GallerySearcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise MediaError("v.wav: it is silent.", status="silent")

    monkeypatch.setattr(searcher.model.media, "voice", refuse)
    monkeypatch.setattr(searcher.model.media, "face", refuse)
    for outcome in (searcher.search_voice("v.wav"), searcher.search_face("v.wav")):
        assert (outcome.status, outcome.note, outcome.query) == ("silent", "v.wav: it is silent.", "v.wav")
        assert not outcome.found
    assert outcome.against == "voice"


@pytest.mark.parametrize(("name", "said"), [("a.pdf", "must end in .png or .html"), ("there.png", "exists. Choose")])
def test_a_sheet_is_refused_before_anything_is_computed(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "there.png").touch()
    with pytest.raises(ConfigError, match=said):
        check_sheet(tmp_path / name, overwrite=False)
    check_sheet(tmp_path / "there.png", overwrite=True)
    check_sheet(None, overwrite=False)
