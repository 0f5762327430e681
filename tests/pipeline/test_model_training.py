"""Embeddings to a run: three subsets, resuming, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.metrics.matching import all_pairs_accuracy_score
from visavox.models.associators.base import Associator
from visavox.pipeline import model_training
from visavox.pipeline.checkpoints import list_checkpoints
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.model_training import train_model
from visavox.pipeline.training_log import read_metrics
from visavox.pipeline.voice_face_model import Preprocess, VoiceFaceModel
from visavox.pipeline.world_embeddings import write_world_embeddings
from visavox.world.world_folder import World

CCA = {"name": "cca", "n_components": 4}
TOWERS = {"name": "two_tower", "hidden": [16], "output_dim": 8, "n_epochs": 3, "batch_size": 8}


def train(embeddings: Path, out: Path, **options: object) -> object:
    return train_model(TrainConfig(embeddings=embeddings, out=out, **options))  # type: ignore[arg-type]


def test_a_run_holds_its_configuration_and_a_model(small_run: Path) -> None:
    assert (small_run / "config.yaml").is_file()
    names = {path.name for path in (small_run / "best").iterdir()}
    assert names == {"config.json", "model.safetensors", "preprocess.json", "people.json", "README.md"}


def test_the_model_knows_only_its_training_people(small_run: Path) -> None:
    assert len(VoiceFaceModel.from_pretrained(small_run).people) == 4


def test_all_trains_on_everybody_and_calibrates_inside(small_embeddings: Path, tmp_path: Path) -> None:
    outcome = train_model(TrainConfig(embeddings=small_embeddings, out=tmp_path / "r", subset="all", associator=CCA))
    assert (outcome.n_pairs, outcome.n_people) == (16, 8)
    assert outcome.accuracies == {}
    assert len(VoiceFaceModel.from_pretrained(tmp_path / "r").people) == 8


def test_folds_keep_held_out_vectors_of_every_pair(small_embeddings: Path, small_splits: Path, tmp_path: Path) -> None:
    outcome = train_model(
        TrainConfig(
            embeddings=small_embeddings, splits=small_splits, out=tmp_path / "r", subset="folds", associator=CCA
        )
    )
    held = CorpusEmbeddings.load(tmp_path / "r" / "held_out")
    assert len(held.voice) == outcome.n_pairs == 12  # the test subset is in no fold
    assert set(held.voice.attribute("fold")) == {"0", "1"}
    # The accuracy, again, from the tables and the metric alone.
    folds = np.array(held.voice.attribute("fold"))
    people = np.array(held.voice.identities)
    negatives = (people[:, None] != people) & (folds[:, None] == folds)
    expected = all_pairs_accuracy_score(
        held.voice.vectors @ held.face.vectors.T,
        np.arange(len(people)),
        negatives,
        people=np.unique(people, return_inverse=True)[1],
    )
    assert outcome.accuracies["voice_to_face"] == pytest.approx(expected, abs=1e-9)
    assert json.loads((tmp_path / "r" / "folds.json").read_text(encoding="utf-8"))["match_scale"] == outcome.match_scale


def test_the_scale_of_a_run_over_folds_can_be_taken_over(
    small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    common = {"embeddings": small_embeddings, "associator": CCA}
    folds = train_model(TrainConfig(**common, splits=small_splits, subset="folds", out=tmp_path / "f"))  # type: ignore[arg-type]
    whole = train_model(TrainConfig(**common, subset="all", calibration=tmp_path / "f", out=tmp_path / "a"))  # type: ignore[arg-type]
    assert whole.match_scale == folds.match_scale
    told = json.loads((tmp_path / "f" / "folds.json").read_text(encoding="utf-8"))
    kept = json.loads((tmp_path / "a" / "best" / "preprocess.json").read_text(encoding="utf-8"))
    assert kept["pair_slope"] == told["pair_slope"] is not None
    assert kept["pair_intercept"] == told["pair_intercept"]
    assert "One voice and one face:" in (tmp_path / "a" / "best" / "README.md").read_text(encoding="utf-8")
    with pytest.raises(DataError, match=r"folds\.json is missing"):
        train_model(TrainConfig(**common, subset="all", calibration=tmp_path / "a", out=tmp_path / "b"))  # type: ignore[arg-type]


def test_networks_write_metrics_ceilings_and_checkpoints(
    small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    train(small_embeddings, tmp_path / "r", splits=small_splits, associator=TOWERS, checkpoint_every_epochs=1)
    rows = read_metrics(tmp_path / "r")
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    text = json.dumps(rows)
    for name in ("positive_similarity", "negative_similarity", "voice_ceiling_positive", "temperature"):
        assert name in text
    assert len(list((tmp_path / "r").rglob("step-*/model.safetensors"))) == 3
    assert list((tmp_path / "r").rglob("events.out.tfevents.*"))


def test_the_same_command_again_gives_the_same_model(
    small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        train(small_embeddings, tmp_path / name, splits=small_splits, associator=TOWERS)
    train(small_embeddings, tmp_path / "a", splits=small_splits, associator=TOWERS)
    weights = [(tmp_path / name / "best" / "model.safetensors").read_bytes() for name in ("a", "b")]
    assert weights[0] == weights[1]


def test_other_settings_in_the_same_folder_are_refused_until_overwritten(
    small_embeddings: Path, tmp_path: Path
) -> None:
    train(small_embeddings, tmp_path / "r", subset="all", associator=CCA)
    with pytest.raises(DataError, match="other settings: associator, seed"):
        train(small_embeddings, tmp_path / "r", subset="all", associator=TOWERS, seed=3)
    train(small_embeddings, tmp_path / "r", subset="all", associator=TOWERS, seed=3, overwrite=True)


def test_a_run_refused_before_its_first_step_is_mended_in_place(small_embeddings: Path, tmp_path: Path) -> None:
    """It had claimed the folder, so that the value which the message names was refused in it."""
    with pytest.raises(ConfigError, match="`n_components` must be at most the shorter vector"):
        train(small_embeddings, tmp_path / "r", subset="all", associator={"name": "cca", "n_components": 10_000})
    train(small_embeddings, tmp_path / "r", subset="all", associator=CCA)
    assert (tmp_path / "r" / "best" / "model.safetensors").is_file()


def test_base_takes_no_more_directions_than_the_shorter_vector_has(tmp_path: Path) -> None:
    world = World(n_people=60, n_clips=2, seed=0, layout="embeddings")
    write_world_embeddings(tmp_path / "w", world)
    train(tmp_path / "w" / "embeddings", tmp_path / "r", subset="all", associator="base")
    vectors = CorpusEmbeddings.load(tmp_path / "w" / "embeddings").voice.vectors
    assert Associator.from_folder(tmp_path / "r" / "best").dim == vectors.shape[1] < 64


def test_overwriting_leaves_nothing_of_the_run_before(
    small_embeddings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints of the run before were drawn as this one's, and its best/ answered where a kill came early."""
    run = tmp_path / "r"
    train(small_embeddings, run, subset="all", associator={**TOWERS, "n_members": 2}, checkpoint_every_epochs=1)
    assert list_checkpoints(run)
    train(small_embeddings, run, subset="all", associator=TOWERS, seed=3, overwrite=True)
    assert not list_checkpoints(run)
    assert not (run / "member-1").exists()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_training, "fit_associator", killed)
        with pytest.raises(KeyboardInterrupt):
            train(small_embeddings, run, subset="all", associator=CCA, overwrite=True)
    assert not (run / "best").exists()


def test_a_batch_size_reaches_the_networks(small_embeddings: Path, tmp_path: Path) -> None:
    """`train --batch-size` was taken and thrown away."""
    towers = {name: value for name, value in TOWERS.items() if name != "batch_size"}
    train(small_embeddings, tmp_path / "r", subset="all", associator=towers, batch_size=4)
    steps = [row["step"] for row in read_metrics(tmp_path / "r")]
    assert steps == [4, 8, 12]  # 16 pairs


def test_people_linked_into_a_few_groups_are_not_calibrated_over_folds(small_embeddings: Path, tmp_path: Path) -> None:
    """Twelve people in three videos cannot make five folds: the run ended in an error after its training."""
    embedded = CorpusEmbeddings.load(small_embeddings)
    rng = np.random.default_rng(0)
    tables = []
    for table in (embedded.voice, embedded.face):
        names = tuple(f"c{i}" for i in range(12))
        tables.append(
            EmbeddingTable(
                table.modality,
                table.encoder,
                tuple(f"{name}/{table.modality}" for name in names),
                names,
                names,
                tuple(f"v{i % 3}" for i in range(12)),
                {},
                rng.normal(size=(12, table.dim)),
            )
        )
    CorpusEmbeddings(tables[0], tables[1], embedded.about).save(tmp_path / "e")
    outcome = train(tmp_path / "e", tmp_path / "r", subset="all", associator=CCA)
    assert outcome.match_scale == Preprocess().match_scale  # type: ignore[attr-defined]


def test_a_folder_of_other_things_is_refused(small_embeddings: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(ConfigError, match="holds other files"):
        train(small_embeddings, tmp_path, subset="all", associator=CCA)


def test_a_test_person_moved_into_training_by_hand_is_refused(
    small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_splits, tmp_path / "s")
    path = tmp_path / "s" / "splits.json"
    edited = json.loads(path.read_text(encoding="utf-8"))
    clip = next(c for c, side in edited["subsets"].items() if side == "test")
    edited["subsets"][clip] = "train"
    path.write_text(json.dumps(edited), encoding="utf-8")
    with pytest.raises(DataError, match=r"'w0-person-\d+' is in 'train' and in|is in 'test' and in"):
        train(small_embeddings, tmp_path / "r", splits=tmp_path / "s", associator=CCA)


@pytest.mark.parametrize(
    ("associator", "message"),
    [
        ("ca", "Did you mean 'cca'"),
        ({"name": "cca", "ridge": 3}, "takes no 'ridge'"),
        ({"name": "two_tower", "n_epochs": 0}, "`n_epochs` must be"),
        ({"name": "cca", "ridge_voice": "a"}, "`ridge_voice` must be"),
        ({"name": "two_tower", "hidden": 5}, "`hidden` must be"),
    ],
)
def test_a_wrong_associator_is_said_before_anything_is_written(
    small_embeddings: Path, tmp_path: Path, associator: object, message: str
) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        train(small_embeddings, tmp_path / "r", subset="all", associator=associator)
    assert not (tmp_path / "r").exists()


def test_folds_need_a_split_with_folds(small_embeddings: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs --splits"):
        train(small_embeddings, tmp_path / "r", subset="folds", associator=CCA)


def test_an_older_run_stays_when_the_new_objective_lacks_something(small_embeddings: Path, tmp_path: Path) -> None:
    """`--overwrite` once removed a good run before it was found out that nobody's genders are known."""
    base = {"embeddings": small_embeddings, "out": tmp_path / "r", "subset": "all", "device": "cpu"}
    network = {"name": "two_tower", "hidden": [4], "n_epochs": 1}
    train_model(TrainConfig(**base, associator=network))  # type: ignore[arg-type]
    wrong = {"name": "shared_classifier", "covariates": {"age": 1.0}}
    with pytest.raises(ConfigError, match="age"):
        train_model(TrainConfig(**base, associator=network, objective=wrong, overwrite=True))  # type: ignore[arg-type]
    assert (tmp_path / "r" / "best" / "model.safetensors").is_file()
