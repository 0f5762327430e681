"""Who is measured: four ways to people, and those that are refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.errors import ConfigError, DataError
from visavox.evaluation_config import EvaluateConfig
from visavox.models.associators.cca import CCA
from visavox.models.encoders.face_cnn import FaceCNNEncoder
from visavox.models.encoders.voice_cnn import VoiceCNNEncoder
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.model_training import train_model
from visavox.pipeline.tested_people import TestedPeople, find_tested_people
from visavox.pipeline.voice_face_model import Preprocess, VoiceFaceModel


def find(**options: object) -> TestedPeople:
    return find_tested_people(EvaluateConfig(**options))  # type: ignore[arg-type]


def test_a_subset_of_a_split_is_projected_into_the_models_space(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    people = find(model=str(small_run), embeddings=small_embeddings, splits=small_splits, out=tmp_path)
    assert len(people.voice) == len(people.face) == 4
    assert people.voice.dim == people.face.dim
    assert np.allclose(np.linalg.norm(people.voice.vectors, axis=1), 1, atol=1e-5)


def test_people_of_the_training_are_refused_but_for_the_training_subset(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    options = {"model": str(small_run), "embeddings": small_embeddings, "splits": small_splits, "out": tmp_path}
    with pytest.raises(DataError, match=r"was trained on 4 of these people or videos \(w0-person-\d+"):
        find(**options, subset="all")
    assert len(find(**options, subset="train").voice) == 8


def test_a_folder_of_pairs_is_prepared_and_embedded_as_the_model_asks(
    small_run: Path, small_world: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("faces", "voices"):
        shutil.copytree(small_world / name, tmp_path / "in" / name)
    table = (small_world / "clips.csv").read_text(encoding="utf-8")
    (tmp_path / "in" / "clips.csv").write_text(table.replace(",w0-person-", ",other-"), encoding="utf-8")
    people = find(model=str(small_run), pairs=tmp_path / "in", out=tmp_path / "out", workers=1)
    assert people.name == "in"
    assert len(people.voice) == 16
    assert people.corpus == tmp_path / "out" / "corpus"


def test_held_out_folds_come_with_their_fold(small_embeddings: Path, small_splits: Path, tmp_path: Path) -> None:
    config = TrainConfig(
        embeddings=small_embeddings,
        splits=small_splits,
        out=tmp_path / "r",
        subset="folds",
        associator={"name": "cca", "n_components": 4},
    )
    train_model(config)
    people = find(model=str(tmp_path / "r"), subset="folds", out=tmp_path / "out")
    assert people.model is None
    assert set(people.voice.attribute("fold")) == {"0", "1"}


def test_embeddings_of_another_encoder_are_refused(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_embeddings, tmp_path / "e")
    about = json.loads((tmp_path / "e" / "embeddings.json").read_text(encoding="utf-8"))
    about["encoders"]["face"]["spec"] = {"name": "dlib", "output": "pooled"}
    (tmp_path / "e" / "embeddings.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(DataError, match=r"takes face embeddings of .*'attribute_gain'"):
        find(model=str(small_run), embeddings=tmp_path / "e", splits=small_splits, out=tmp_path / "o")


def test_pairs_and_embeddings_together_or_nobody_at_all_are_refused(
    small_run: Path, small_embeddings: Path, small_world: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="either `pairs`.* Got both"):
        find(model=str(small_run), out=tmp_path, embeddings=small_embeddings, pairs=small_world)
    with pytest.raises(ConfigError, match="either `pairs`, .* or `corpus`, .* or `embeddings`"):
        find(model=str(small_run), out=tmp_path)


@pytest.fixture
def own_model(small_embeddings: Path, tmp_path: Path) -> Path:
    """A model folder with encoders of its own, trained on nobody."""
    rng = np.random.default_rng(0)
    specs = {}
    for modality, kind in (("voice", VoiceCNNEncoder), ("face", FaceCNNEncoder)):
        kind(seed=1).save_weights(tmp_path / modality, training_data="nothing")
        specs[f"{modality}_encoder"] = {"name": kind.name, "weights": str(tmp_path / modality)}
    associator = CCA(128, 128, n_components=4).fit(rng.normal(size=(300, 128)), rng.normal(size=(300, 128)))
    model = VoiceFaceModel(associator, Preprocess(**specs))  # type: ignore[arg-type]
    model.save_pretrained(tmp_path / "own", card="# A card")
    return tmp_path / "own"


def test_a_corpus_is_embedded_with_the_encoders_that_the_model_carries(
    own_model: Path, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_corpus, tmp_path / "corpus")
    options = {"model": str(own_model), "corpus": tmp_path / "corpus", "splits": small_splits, "out": tmp_path / "o"}
    people = find(**options)
    assert len(people.voice) == len(people.face) == 4
    assert people.corpus == tmp_path / "corpus"
    whole = CorpusEmbeddings.load(tmp_path / "o" / "embeddings")
    assert len(whole.voice) == 16 and whole.voice.encoder == VoiceCNNEncoder(seed=1).identifier
    assert whole.about["encoders"]["face"]["training_data"] == "nothing"
    again = find(**{**options, "corpus": None}, embeddings=tmp_path / "o" / "embeddings")
    assert np.array_equal(again.voice.vectors, people.voice.vectors)
    assert again.voice.keys == people.voice.keys


def test_embeddings_by_equal_weights_elsewhere_are_accepted_and_others_refused(
    own_model: Path, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_corpus, tmp_path / "corpus")
    find(model=str(own_model), corpus=tmp_path / "corpus", splits=small_splits, out=tmp_path / "o")
    moved = tmp_path / "elsewhere"
    shutil.copytree(own_model, moved)
    options = {"embeddings": tmp_path / "o" / "embeddings", "splits": small_splits, "out": tmp_path / "p"}
    assert len(find(model=str(moved), **options).voice) == 4
    FaceCNNEncoder(seed=9).save_weights(moved / "face_encoder", overwrite=True)
    with pytest.raises(DataError, match="takes face embeddings of .*Embed again with --face-encoder"):
        find(model=str(moved), **options)


def test_a_corpus_without_its_split_is_refused_before_anything_is_embedded(
    own_model: Path, small_corpus: Path, small_splits: Path, tmp_path: Path
) -> None:
    options = {"model": str(own_model), "corpus": small_corpus, "out": tmp_path / "o"}
    with pytest.raises(ConfigError, match="needs --splits"):
        find(**options)
    shutil.copytree(small_splits, tmp_path / "s")
    path = tmp_path / "s" / "splits.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"catalog_hash": "', '"catalog_hash": "0'))
    with pytest.raises(DataError, match="was made for another corpus"):
        find(**options, splits=tmp_path / "s")
    with pytest.raises(DataError):
        find(**{**options, "corpus": tmp_path / "absent"}, splits=small_splits)
    assert not (tmp_path / "o").exists()


def test_a_subset_needs_splits_and_must_not_be_empty(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    options = {"model": str(small_run), "embeddings": small_embeddings, "out": tmp_path}
    with pytest.raises(ConfigError, match="needs --splits"):
        find(**options, subset="test")
    shutil.copytree(small_splits, tmp_path / "s")
    path = tmp_path / "s" / "splits.json"
    edited = json.loads(path.read_text(encoding="utf-8"))
    edited["subsets"] = {c: "train" if side == "test" else side for c, side in edited["subsets"].items()}
    path.write_text(json.dumps(edited), encoding="utf-8")
    with pytest.raises(ConfigError, match="no clip in 'test'"):
        find(**options, splits=tmp_path / "s")


def test_folds_need_a_run_over_folds(small_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--subset folds"):
        find(model=str(small_run), subset="folds", out=tmp_path)


def test_the_trial_hash_is_of_who_competes_not_of_the_model(
    small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    people = find(model=str(small_run), embeddings=small_embeddings, splits=small_splits, out=tmp_path)
    other = dataclasses.replace(people, voice=people.voice.replace_vectors(people.voice.vectors[:, ::-1], "other"))
    fewer = dataclasses.replace(people, voice=people.voice.select([0, 1]))
    assert people.trial_hash == other.trial_hash != fewer.trial_hash
    assert isinstance(people.raw, CorpusEmbeddings)
