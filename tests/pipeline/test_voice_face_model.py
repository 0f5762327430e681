"""The whole model: files in, probabilities out; outcomes where there is no answer."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visavox.errors import ConfigError, DataError, MediaError
from visavox.media.audio import read_voice, write_voice
from visavox.media.images import read_image
from visavox.models.associators.cca import CCA
from visavox.models.encoders.face_cnn import FaceCNNEncoder
from visavox.models.encoders.voice_cnn import VoiceCNNEncoder
from visavox.pipeline.voice_face_model import Preprocess, VoiceFaceModel, hash_identity, overlap


@pytest.fixture(scope="module")
def model(small_run: Path) -> VoiceFaceModel:
    return VoiceFaceModel.from_pretrained(small_run)


@pytest.fixture
def voice(small_world: Path) -> Path:
    return sorted((small_world / "voices").iterdir())[0]


@pytest.fixture
def faces(small_world: Path) -> list[Path]:
    return sorted((small_world / "faces").iterdir())[::2][:3]


def test_probabilities_are_of_the_faces_and_sum_to_one(model: VoiceFaceModel, voice: Path, faces: list[Path]) -> None:
    outcome = model.match(voice, faces)
    assert outcome.voice_status == "ok"
    assert outcome.speech_s > 0.5
    known = [p for p in outcome.probabilities if p is not None]
    assert len(known) == 3
    assert sum(known) == pytest.approx(1.0)
    assert [face.n_faces for face in outcome.faces] == [1, 1, 1]


def test_the_outcome_follows_the_similarities(model: VoiceFaceModel, voice: Path, faces: list[Path]) -> None:
    outcome = model.match(voice, faces)
    similarities = [model.similarity(voice, face) for face in faces]
    assert [face.similarity for face in outcome.faces] == pytest.approx(similarities, abs=1e-5)
    scaled = model.preprocess.match_scale * np.array(similarities)
    odds = np.exp(scaled - scaled.max())
    assert list(outcome.probabilities) == pytest.approx(list(odds / odds.sum()), abs=1e-4)
    assert outcome.best == int(np.argmax(similarities))


def test_vectors_are_of_unit_length(model: VoiceFaceModel, voice: Path, faces: list[Path]) -> None:
    for vector in (model.encode_voice(voice), model.encode_face(faces[0])):
        assert vector.dtype == np.float32
        assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-5)


def test_arrays_stand_for_files(model: VoiceFaceModel, voice: Path, faces: list[Path]) -> None:
    assert np.allclose(model.encode_voice(read_voice(voice)), model.encode_voice(voice), atol=1e-5)
    assert np.allclose(model.encode_face(read_image(faces[0])), model.encode_face(faces[0]), atol=1e-5)
    outcome = model.match(read_voice(voice), [read_image(face) for face in faces])
    assert [face.name for face in outcome.faces] == ["face 1", "face 2", "face 3"]


def test_the_way_of_match_is_the_way_of_prepare_and_embed(
    model: VoiceFaceModel, small_world: Path, small_embeddings: Path
) -> None:
    """Otherwise the model would be asked about other vectors than it was trained on."""
    from visavox.pipeline.embedding import CorpusEmbeddings

    embedded = CorpusEmbeddings.load(small_embeddings)
    clip = embedded.voice.clips[3]
    voice = next((small_world / "voices").glob(f"{clip}.*"))
    face = next((small_world / "faces").glob(f"{clip}.*"))
    expected_voice = model.associator.encode_voice(embedded.voice.vectors[[3]])[0]
    expected_face = model.associator.encode_face(embedded.face.vectors[[3]])[0]
    assert float(model.encode_voice(voice) @ expected_voice) > 0.999
    assert float(model.encode_face(face) @ expected_face) > 0.98  # the corpus keeps crops as JPEG


def test_a_picture_without_a_face_is_an_outcome(
    model: VoiceFaceModel, voice: Path, faces: list[Path], tmp_path: Path
) -> None:
    Image.new("RGB", (200, 200), "teal").save(tmp_path / "plain.png")
    outcome = model.match(voice, [faces[0], tmp_path / "plain.png", faces[1]])
    assert [face.status for face in outcome.faces] == ["ok", "no_face", "ok"]
    assert outcome.faces[1].probability is None
    assert "No face found" in outcome.faces[1].note
    assert outcome.decided


def test_one_usable_face_is_no_answer(model: VoiceFaceModel, voice: Path, faces: list[Path], tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no image")
    outcome = model.match(voice, [faces[0], tmp_path / "x.jpg", tmp_path / "absent.jpg"])
    assert [face.status for face in outcome.faces] == ["ok", "unreadable_image", "missing_file"]
    assert not outcome.decided
    assert outcome.best is None


@pytest.mark.parametrize(("seconds", "status"), [(2.0, "silent"), (0.05, "too_little_speech")])
def test_too_little_speech_is_an_outcome(
    model: VoiceFaceModel, faces: list[Path], tmp_path: Path, seconds: float, status: str
) -> None:
    level = 0.0 if status == "silent" else 0.2
    samples = (level * np.random.default_rng(0).normal(size=int(16000 * seconds))).clip(-1, 1).astype(np.float32)
    write_voice(tmp_path / "v.flac", samples)
    outcome = model.match(tmp_path / "v.flac", faces)
    assert outcome.voice_status == status
    assert outcome.voice_note
    assert not outcome.decided
    with pytest.raises(MediaError) as raised:
        model.encode_voice(tmp_path / "v.flac")
    assert raised.value.status == status


def test_several_faces_in_a_picture_are_said(
    model: VoiceFaceModel, voice: Path, faces: list[Path], tmp_path: Path
) -> None:
    both = np.concatenate([read_image(faces[0]), read_image(faces[1])], axis=1)
    Image.fromarray(both).save(tmp_path / "both.png")
    outcome = model.match(voice, [tmp_path / "both.png", faces[2]])
    assert outcome.faces[0].n_faces == 2
    assert "2 faces found; the largest was taken" in outcome.faces[0].note


def test_one_candidate_is_refused(model: VoiceFaceModel, voice: Path, faces: list[Path]) -> None:
    with pytest.raises(ConfigError, match="`faces` must hold at least 2 candidates. Got 1"):
        model.match(voice, faces[:1])


def test_the_same_face_twice_is_refused_under_any_name(
    model: VoiceFaceModel, voice: Path, faces: list[Path], tmp_path: Path
) -> None:
    shutil.copy(faces[0], tmp_path / "copy.jpg")
    with pytest.raises(ConfigError, match=r"copy\.jpg is the same as"):
        model.match(voice, [faces[0], faces[1], tmp_path / "copy.jpg"])
    with pytest.raises(ConfigError, match="must differ"):
        model.match(voice, [read_image(faces[0])] * 2)


def test_saving_and_loading_changes_nothing(model: VoiceFaceModel, voice: Path, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path / "m", card="# A card")
    again = VoiceFaceModel.from_pretrained(tmp_path / "m")
    assert again.preprocess == model.preprocess
    assert again.people == model.people
    assert np.array_equal(again.encode_voice(voice), model.encode_voice(voice))
    assert (tmp_path / "m" / "README.md").read_text(encoding="utf-8") == "# A card"


@pytest.fixture
def own_encoders(tmp_path: Path) -> VoiceFaceModel:
    """A model whose encoders were made in two folders of their own."""
    rng = np.random.default_rng(0)
    specs = {}
    for modality, kind in (("voice", VoiceCNNEncoder), ("face", FaceCNNEncoder)):
        kind(seed=1).save_weights(tmp_path / "parts" / modality)
        specs[f"{modality}_encoder"] = {"name": kind.name, "weights": str(tmp_path / "parts" / modality)}
    associator = CCA(128, 128, n_components=4).fit(rng.normal(size=(300, 128)), rng.normal(size=(300, 128)))
    preprocess = Preprocess(**specs)  # type: ignore[arg-type]
    return VoiceFaceModel(associator, preprocess, people=frozenset([hash_identity("Ann")]))


def test_a_model_folder_carries_the_weights_of_its_encoders_and_can_be_moved(
    own_encoders: VoiceFaceModel, voice: Path, faces: list[Path], tmp_path: Path
) -> None:
    own_encoders.save_pretrained(tmp_path / "m", card="# A card")
    wanted = own_encoders.match(voice, faces)
    assert wanted.decided
    shutil.rmtree(tmp_path / "parts")
    (tmp_path / "m").rename(tmp_path / "moved")
    stored = json.loads((tmp_path / "moved" / "preprocess.json").read_text(encoding="utf-8"))
    assert stored["voice_encoder"] == {"name": "voice_cnn", "weights": "voice_encoder"}
    again = VoiceFaceModel.from_pretrained(tmp_path / "moved")
    assert again.match(voice, faces).probabilities == wanted.probabilities
    assert again.people == own_encoders.people
    assert "voice_cnn + face_cnn" in repr(again)
    again.save_pretrained(tmp_path / "third", card="# A card")
    third = VoiceFaceModel.from_pretrained(tmp_path / "third")
    assert np.array_equal(third.encode_voice(voice), again.encode_voice(voice))


@pytest.mark.parametrize("name", ["voice_encoder/config.json", "face_encoder/model.safetensors"])
def test_a_model_folder_without_its_weights_is_one_line(
    own_encoders: VoiceFaceModel, tmp_path: Path, name: str
) -> None:
    own_encoders.save_pretrained(tmp_path / "m", card="# A card")
    (tmp_path / "m" / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing.*Copy the whole folder again"):
        VoiceFaceModel.from_pretrained(tmp_path / "m")


def test_damaged_weights_of_an_encoder_are_one_line(own_encoders: VoiceFaceModel, voice: Path, tmp_path: Path) -> None:
    own_encoders.save_pretrained(tmp_path / "m", card="# A card")
    (tmp_path / "m" / "voice_encoder" / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"voice_encoder/model.safetensors is damaged"):
        VoiceFaceModel.from_pretrained(tmp_path / "m").encode_voice(voice)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocess.json", "people.json"])
def test_a_damaged_model_folder_is_one_line(small_run: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(small_run / "best", tmp_path / "m")
    (tmp_path / "m" / name).write_bytes(b"\x00broken")
    with pytest.raises(DataError) as raised:
        VoiceFaceModel.from_pretrained(tmp_path / "m")
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_unknown_key_of_preprocess_is_named(small_run: Path, tmp_path: Path) -> None:
    shutil.copytree(small_run / "best", tmp_path / "m")
    values = json.loads((tmp_path / "m" / "preprocess.json").read_text(encoding="utf-8"))
    (tmp_path / "m" / "preprocess.json").write_text(json.dumps(values | {"colour": 1}), encoding="utf-8")
    with pytest.raises(DataError, match="colour"):
        VoiceFaceModel.from_pretrained(tmp_path / "m")


def test_a_folder_that_is_no_model_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"preprocess\.json|config\.json"):
        VoiceFaceModel.from_pretrained(tmp_path)


def test_people_of_the_training_are_recognised_by_hash_only(model: VoiceFaceModel, small_run: Path) -> None:
    assert overlap(model, [f"w0-person-{i:04d}" for i in range(8)])
    assert overlap(model, ["somebody else"]) == []
    assert "person-" not in (small_run / "best" / "people.json").read_text(encoding="utf-8")
    assert hash_identity("a") != hash_identity("b")


def test_a_video_stands_for_voice_and_face(model: VoiceFaceModel, real_data: Path) -> None:
    videos = sorted((real_data / "videos" / "grid").iterdir())[:2]
    outcome = model.match(videos[0], videos)
    assert outcome.decided
    assert all("frames" in face.note for face in outcome.faces)


def test_outcomes_are_immutable(model: VoiceFaceModel, voice: Path, faces: list[Path]) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.match(voice, faces).model = "x"  # type: ignore[misc]


@pytest.mark.parametrize("content", [None, "null", "[1, 2]", '{"a": 1}'])
def test_a_model_without_its_list_of_people_is_refused(small_run: Path, tmp_path: Path, content: str | None) -> None:
    """The list keeps a model from being tested on whom it was trained on; where it was missing the guard was off."""
    shutil.copytree(small_run / "best", tmp_path / "m")
    (tmp_path / "m" / "people.json").unlink()
    if content is not None:
        (tmp_path / "m" / "people.json").write_text(content)
    with pytest.raises(DataError, match=r"people.json .*Copy or train"):
        VoiceFaceModel.from_pretrained(tmp_path / "m")


@pytest.mark.parametrize(
    ("key", "value"),
    [("match_scale", "big"), ("match_scale", float("nan")), ("min_speech_s", None), ("voice_encoder", 3)],
)
def test_preprocessing_of_a_wrong_type_is_one_line(small_run: Path, tmp_path: Path, key: str, value: object) -> None:
    """Each of these was loaded without a word and ended in a traceback in the middle of `match`."""
    shutil.copytree(small_run / "best", tmp_path / "m")
    path = tmp_path / "m" / "preprocess.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(DataError, match=r"preprocess.json must .*Copy or train"):
        VoiceFaceModel.from_pretrained(tmp_path / "m")


def test_a_model_shows_its_name_and_its_parts(model: VoiceFaceModel) -> None:
    said = repr(model)
    assert said.startswith(f"VoiceFaceModel({model.name!r}: ge2e + dlib, ")
    assert said.endswith(f"trained on {len(model.people)} people or videos)")


def test_the_boxed_model_of_simulated_people_knows_new_ones_from_pixels_and_samples(small_corpus: Path) -> None:
    model = VoiceFaceModel.from_pretrained("world")
    people = [f"w0-person-{i:04d}" for i in range(8)]
    voices = np.stack([model.encode_voice(small_corpus / "voices" / f"{person}-c0.flac") for person in people])
    faces = np.stack([model.encode_face(small_corpus / "faces" / f"{person}-c1.jpg") for person in people])
    similarity = voices @ faces.T
    right = (np.diag(similarity)[:, None] > similarity)[~np.eye(8, dtype=bool)]
    assert right.mean() > 0.85  # 56 choices between two; the ceiling of this world is 0.98
    assert not overlap(model, people)


def test_the_evidence_of_a_pair_is_a_line_of_its_similarity_or_unknown(small_run: Path) -> None:
    model = VoiceFaceModel.from_pretrained(small_run)
    values = dataclasses.replace(model.preprocess, pair_slope=8.0, pair_intercept=-1.0)
    told = VoiceFaceModel(model.associator, values).pair_ratio(np.array([[0.5, 0.0]]))
    assert told is not None and told.tolist() == [[3.0, -1.0]]
    unknown = dataclasses.replace(values, pair_slope=None, pair_intercept=None)
    assert VoiceFaceModel(model.associator, unknown).pair_ratio(np.zeros(1)) is None


@pytest.mark.parametrize("values", [{"pair_slope": 1.0}, {"pair_slope": "a", "pair_intercept": 0.0}])
def test_half_a_line_is_refused(small_run: Path, tmp_path: Path, values: dict[str, object]) -> None:
    shutil.copytree(small_run / "best", tmp_path / "m")
    path = tmp_path / "m" / "preprocess.json"
    told = json.loads(path.read_text(encoding="utf-8")) | {"pair_slope": None, "pair_intercept": None}
    path.write_text(json.dumps(told | values), encoding="utf-8")
    with pytest.raises(DataError, match="must give `pair_slope` and `pair_intercept` as finite numbers, or neither"):
        VoiceFaceModel.from_pretrained(tmp_path / "m")


@pytest.mark.parametrize("name", ["base", "world"])
def test_boxed_models_know_what_a_pair_is_worth(name: str) -> None:
    preprocess = VoiceFaceModel.from_pretrained(name).preprocess
    assert preprocess.pair_slope is not None and preprocess.pair_slope > 0
    assert preprocess.pair_intercept is not None
