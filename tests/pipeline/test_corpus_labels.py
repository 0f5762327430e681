"""Labels of a corpus whose genders were taken away: what is written, what is left alone, what a kill costs."""

from __future__ import annotations

import dataclasses
import io
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from visavox.config import FACE_ENCODER, EmbedConfig
from visavox.corpus.cache import EmbeddingCache
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import Attribute, MediaItem
from visavox.corpus_config import CorpusLabelConfig, PrepareConfig
from visavox.errors import ConfigError, DataError
from visavox.media.detectors.mtcnn import MtcnnDetector
from visavox.media.face_crop import crop_face
from visavox.models.encoders.dlib import DlibEncoder
from visavox.models.face_attributes import boxed_face_attributes
from visavox.models.spoken_language import SpokenLanguage
from visavox.models.voice_gender import boxed_voice_gender
from visavox.pipeline import corpus_labels
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.corpus_labels import LabelsWritten, label_corpus
from visavox.pipeline.embedding import embed_corpus
from visavox.pipeline.gender_prediction import with_predicted_genders


@pytest.fixture
def nameless(small_corpus: Path, tmp_path: Path) -> Path:
    """The small corpus with vectors in its cache; the genders of its last clips taken away."""
    return without_genders(small_corpus, tmp_path / "corpus")


def without_genders(corpus: Path, out: Path, *, n_given: int = 4) -> Path:
    shutil.copytree(corpus, out, ignore=shutil.ignore_patterns(f"{CATALOG}*"))
    with Catalog.open(corpus / CATALOG) as before:
        settings, items = before.settings, sorted(before.items(status=None), key=lambda item: item.clip)
    with Catalog.create(out / CATALOG, settings) as catalog:
        for number, (_, group) in enumerate(itertools.groupby(items, key=lambda item: item.clip)):
            kept = [item if number < n_given else dataclasses.replace(item, attributes={}) for item in group]
            catalog.add_clip(kept)
    return out


def label(corpus: Path, progress: Any = None, **options: Any) -> LabelsWritten:
    return label_corpus(CorpusLabelConfig(corpus=corpus, workers=1, **options), progress)


def items_of(corpus: Path, modality: Any = None) -> list[MediaItem]:
    with Catalog.open(corpus / CATALOG) as catalog:
        return list(catalog.items(modality))


def counts(labels: LabelsWritten) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(r.attribute, r.modality): (r.n_predicted, r.n_given, r.n_before) for r in labels.labelled}


@pytest.mark.parametrize("clip", [{"crop": "box", "margin": 0.0}, {"crop": "aligned", "margin": 0.2}])
def test_faces_that_were_cut_in_another_way_are_refused(tmp_path: Path, make_corpus: Any, clip: dict[str, Any]) -> None:
    """The predictor was taught on aligned crops: what it says of others is worse than its card claims."""
    corpus = make_corpus(tmp_path / "c", ["p/a"], settings={"clip": clip})
    with pytest.raises(ConfigError, match="The face encoders here read crops of the kind 'aligned'"):
        label(corpus)
    assert not any(name.startswith("predicted") for item in items_of(corpus) for name in item.attributes)


def test_what_nobody_gave_is_predicted_and_marked_with_its_predictor(nameless: Path) -> None:
    labels = label(nameless)
    assert counts(labels) == {
        ("gender", "face"): (12, 4, 0),
        ("age", "face"): (16, 0, 0),
        ("gender", "voice"): (12, 4, 0),
    }
    for item in items_of(nameless):
        predicted = {n: a.origin for n, a in item.attributes.items() if a.origin != "given"}
        expected = {"predicted_gender": {"face": "face_attributes", "voice": "voice_gender"}[item.modality]}
        if "gender" in item.attributes:
            assert item.attributes["gender"].origin == "given"
            expected = {}
        assert predicted == expected | ({"predicted_age": "face_attributes"} if item.modality == "face" else {})
    for row in labels.labelled:
        assert sum(row.values.values()) == row.n_predicted


def test_the_values_are_those_of_the_heads(nameless: Path, tmp_path: Path) -> None:
    label(nameless)
    embedded = embed_corpus(EmbedConfig(corpus=nameless, out=tmp_path / "embeddings", workers=1))
    heads, head = boxed_face_attributes(), boxed_voice_gender()
    faces = {item.key: item.attributes for item in items_of(nameless, "face")}
    for key, vector in zip(embedded.face.keys, embedded.face.vectors, strict=True):
        scores = vector[:512].astype(float) @ heads.weights.astype(float) + heads.intercept
        assert faces[key]["predicted_age"].value == str(round(min(max(scores[1], 0), 100)))
        if "predicted_gender" in faces[key]:
            assert faces[key]["predicted_gender"].value == ("m" if scores[0] > 0 else "f")
    voices = {item.key: item.attributes for item in items_of(nameless, "voice")}
    for key, vector in zip(embedded.voice.keys, embedded.voice.vectors, strict=True):
        if "predicted_gender" in voices[key]:
            assert voices[key]["predicted_gender"].value == (
                "m" if vector @ head.weights + head.intercept[0] > 0 else "f"
            )
    assert {a["predicted_gender"].value for a in voices.values() if "predicted_gender" in a} == {"f", "m"}


def test_labels_are_those_that_a_report_would_guess(nameless: Path, tmp_path: Path) -> None:
    bare = without_genders(nameless, tmp_path / "bare", n_given=0)
    embedded = embed_corpus(EmbedConfig(corpus=bare, out=tmp_path / "embeddings", workers=1))
    guessed = with_predicted_genders(embedded)
    label(bare, attributes=("gender",))
    labelled = {item.key: item.attributes["predicted_gender"].value for item in items_of(bare)}
    for table in (guessed.face, guessed.voice):
        assert dict(zip(table.keys, table.attribute("predicted_gender"), strict=True)).items() <= labelled.items()


def test_the_first_numbers_of_the_default_encoder_are_the_views_of_the_heads() -> None:
    """The heads read the front of its vectors: other views there would be other features."""
    encoder = DlibEncoder(**{name: value for name, value in FACE_ENCODER.items() if name != "name"})
    assert tuple(encoder.views)[: len(boxed_face_attributes().views)] == boxed_face_attributes().views
    assert (encoder.output, encoder.flip) == ("pooled", True)


def test_a_second_run_does_nothing_and_overwriting_predicts_anew(nameless: Path) -> None:
    first = label(nameless)
    before = items_of(nameless)
    calls: list[tuple[int, int]] = []
    second = label(nameless, lambda *done: calls.append(done))
    assert counts(second) == {
        ("gender", "face"): (0, 4, 12),
        ("age", "face"): (0, 0, 16),
        ("gender", "voice"): (0, 4, 12),
    }
    assert calls == []
    assert items_of(nameless) == before
    with Catalog.open(nameless / CATALOG, readonly=False) as catalog:
        catalog.set_attributes("predicted_age", {item.key: Attribute("1", "me") for item in before})
    assert counts(label(nameless, overwrite=True)) == counts(first)
    ages = {key.key: key.attributes["predicted_age"] for key in items_of(nameless, "face")}
    assert ages == {item.key: item.attributes["predicted_age"] for item in before if item.modality == "face"}


def test_labels_do_not_change_what_a_split_was_made_for(nameless: Path) -> None:
    with Catalog.open(nameless / CATALOG) as catalog:
        before = catalog.content_hash()
    label(nameless)
    with Catalog.open(nameless / CATALOG) as catalog:
        assert catalog.content_hash() == before


def test_vectors_that_embed_made_are_not_made_again(nameless: Path, tmp_path: Path, monkeypatch: Any) -> None:
    embed_corpus(EmbedConfig(corpus=nameless, out=tmp_path / "embeddings", workers=1))
    vectors = EmbeddingCache(nameless / "cache").counts()
    monkeypatch.setattr(
        "visavox.pipeline.frozen_encoder.FrozenEncoder.encode", lambda *_: pytest.fail("embedded again")
    )
    calls: list[tuple[int, int]] = []
    assert counts(label(nameless, lambda *done: calls.append(done)))["age", "face"] == (16, 0, 0)
    assert EmbeddingCache(nameless / "cache").counts() == vectors
    assert calls[-1] == (28, 28)


def test_a_kill_loses_one_chunk_of_labels_and_no_vector(nameless: Path, monkeypatch: Any) -> None:
    expected = without_genders(nameless, nameless.parent / "undisturbed", n_given=4)
    label(expected)
    monkeypatch.setattr(corpus_labels, "ITEMS_AT_ONCE", 3)
    real, done = Catalog.set_attributes, itertools.count()

    def killed(self: Catalog, name: str, values: Any) -> None:
        if next(done) == 3:
            raise KeyboardInterrupt
        real(self, name, values)

    monkeypatch.setattr(Catalog, "set_attributes", killed)
    with pytest.raises(KeyboardInterrupt):
        label(nameless)
    monkeypatch.setattr(Catalog, "set_attributes", real)
    ages = [item for item in items_of(nameless, "face") if "predicted_age" in item.attributes]
    assert len(ages) == 3  # the second chunk got its genders and not its ages
    rest = label(nameless)
    assert counts(rest)["age", "face"] == (13, 0, 3)
    assert items_of(nameless) == items_of(expected)


def test_only_the_wanted_attributes_are_predicted(nameless: Path) -> None:
    assert counts(label(nameless, attributes=("age",))) == {("age", "face"): (16, 0, 0)}
    assert not any("predicted_gender" in item.attributes for item in items_of(nameless))
    with pytest.raises(ConfigError, match="`attributes` must be gender or age or language"):
        label(nameless, attributes=("race",))


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A language model that names the parity of the voice's length; the lengths it has heard."""
    lengths: list[int] = []

    def predict(self: SpokenLanguage, voice: np.ndarray) -> str:
        lengths.append(len(voice))
        return f"{Path(self.model).name}-{len(voice) % 2}"

    monkeypatch.setattr(SpokenLanguage, "predict", predict)
    return lengths


def test_each_voice_without_a_language_is_heard_once(
    small_corpus: Path, tmp_path: Path, heard: list[int], monkeypatch: Any
) -> None:
    monkeypatch.setattr(corpus_labels, "VOICES_AT_ONCE", 5)
    bare = without_genders(small_corpus, tmp_path / "corpus", n_given=0)
    voices = items_of(bare, "voice")
    with Catalog.open(bare / CATALOG, readonly=False) as catalog:
        catalog.set_attributes("language", {voices[0].key: Attribute("eng")})
    calls: list[tuple[int, int]] = []
    options: dict[str, Any] = {"attributes": ("language",), "language_model": "a/model"}
    labels = label(bare, lambda *done: calls.append(done), **options)
    assert counts(labels) == {("language", "voice"): (15, 1, 0)}
    assert calls == [(5, 15), (10, 15), (15, 15)]
    for item, length in zip(items_of(bare, "voice")[1:], heard, strict=True):
        assert item.attributes["predicted_language"] == Attribute(f"model-{length % 2}", "a/model")
    assert counts(label(bare, **options)) == {("language", "voice"): (0, 1, 15)}
    assert len(heard) == 15


def test_a_language_model_that_cannot_be_had_leaves_what_was_done(nameless: Path) -> None:
    with pytest.raises(DataError, match="cannot be loaded"):
        label(nameless, attributes=("age", "language"), language_model="nobody/nothing-of-this-name")
    assert all("predicted_age" in item.attributes for item in items_of(nameless, "face"))


def test_the_words_say_how_many_and_how_sure(nameless: Path) -> None:
    text = label(nameless).describe()
    assert "gender of faces by face_attributes: 12 predicted; 4 given, 0 predicted before\n" in text
    assert "96.3 % of 1,797 faces left out" in text
    assert "mean error 6.3 years" in text
    assert "99.5 % of 186 voices were right" in text
    again = label(nameless).describe()
    assert "0 predicted; 4 given, 12 predicted before" in again
    assert "were right" not in again


def test_ages_are_told_by_decade_and_stay_within_a_life() -> None:
    ages = corpus_labels._decades(corpus_labels.Counter({"9": 1, "10": 2, "19": 3, "100": 1}))
    assert ages == {"0-9": 1, "10-19": 5, "100-109": 1}
    heads = boxed_face_attributes()
    along = heads.weights[:, 1] / (heads.weights[:, 1] @ heads.weights[:, 1])
    vectors = np.stack([along * (age - heads.intercept[1]) for age in (-30.0, 41.4, 300.0)]).astype(np.float32)
    task = corpus_labels.Task("face", ("age",), "face_attributes")
    assert corpus_labels._labels(task, vectors)["age"] == ["0", "41", "100"]


def test_an_empty_corpus_has_nothing_to_label(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no catalog"):
        label(tmp_path)
    Catalog.create(tmp_path / CATALOG, {}).close()
    assert counts(label(tmp_path))["age", "face"] == (0, 0, 0)


@pytest.mark.slow
def test_given_genders_agree_as_often_as_the_cards_say(real_data: Path, tmp_path: Path) -> None:
    build_corpus(PrepareConfig(root=real_data / "ikr", out=tmp_path / "ikr", workers=2))
    given = {item.key: item.attributes["gender"].value for item in items_of(tmp_path / "ikr")}
    bare = without_genders(tmp_path / "ikr", tmp_path / "bare", n_given=0)
    label(bare, attributes=("gender",))
    for modality, figures in (("face", boxed_face_attributes().figures), ("voice", boxed_voice_gender().figures)):
        found = {item.key: item.attributes["predicted_gender"].value for item in items_of(bare, modality)}
        right = np.mean([found[key] == given[key] for key in found])
        assert len(found) >= 180
        assert right == pytest.approx(figures["ikr_gender_accuracy_score"], abs=0.02)


def faces_never_learned_from(data: Path, n_faces: int) -> Iterator[tuple[np.ndarray, str, int]]:
    """Faces of the right age that the training did not draw: (160, 160, 3) uint8, gender, age."""
    table = pq.read_table(data / "utkface64" / "faces.parquet")
    age = table["age"].to_numpy()
    rows = np.random.default_rng(0).permutation(np.flatnonzero((age >= 13) & (age <= 90)))[9000:][:n_faces]
    for row in rows.tolist():
        image = Image.open(io.BytesIO(table["image_jpeg"][row].as_py())).convert("RGB").resize((128, 128))
        bordered = np.pad(np.asarray(image), ((16, 16), (16, 16), (0, 0)), mode="edge")
        yield bordered, table["gender"][row].as_py(), int(age[row])


@pytest.mark.slow
def test_faces_that_were_never_learned_from_agree_as_often_as_the_card_says(real_data: Path) -> None:
    heads, detector = boxed_face_attributes(), MtcnnDetector()
    encoder = DlibEncoder(output="pooled", flip=True, views=heads.views)
    crops, genders, ages = [], [], []
    for image, gender, age in faces_never_learned_from(real_data, 160):
        crop = crop_face(image, detector)
        if crop.found:
            crops.append(crop.image)
            genders.append(gender)
            ages.append(age)
    found = heads.predict(encoder.encode(crops))
    right = np.mean((found["gender"] > 0) == (np.array(genders) == "m"))
    error = np.mean(np.abs(found["age"] - np.array(ages)))
    figures = heads.figures
    # Three times the error of a mean over some 160 faces around the figures of the card.
    assert len(crops) > 150
    assert right > figures["gender_accuracy_score"] - 3 * np.sqrt(0.96 * 0.04 / len(crops))
    assert error == pytest.approx(figures["age_error_years"], abs=3 * 5.6 / np.sqrt(len(crops)))


def test_the_card_and_the_weights_say_the_same() -> None:
    folder = Path(corpus_labels.__file__).parents[1] / "pretrained" / "face_attributes"
    card, figures = (folder / "README.md").read_text(encoding="utf-8"), boxed_face_attributes().figures
    for name in ("gender_accuracy_score", "ikr_gender_accuracy_score"):
        low, high = figures[f"{name}_low"], figures[f"{name}_high"]
        assert low < figures[name] < high
        assert f"| {figures[name]:.3f} | {low:.3f}–{high:.3f} |" in card
    error = f"{figures['age_error_years']:.1f} years | {figures['age_error_years_low']:.1f}–"
    assert error in card
    assert "UTKFace" in card
    assert "CC BY-NC 4.0" in card
