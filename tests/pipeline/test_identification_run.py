"""Identification experiments from a corpus to a folder: the small form, resumed, refused, and read again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.config import TrainConfig
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.splits import Splits
from visavox.errors import ConfigError, DataError
from visavox.models.identifiers.base import Identifier
from visavox.persistence import read_tensors
from visavox.pipeline import identification_media, identification_run
from visavox.pipeline.identification_forward import predict
from visavox.pipeline.identification_media import choose_clips, read_media
from visavox.pipeline.identification_run import load_identifier, read_experiment, softmax, train_identification
from visavox.registry import IDENTIFIERS

CLIPS = tuple(f"p{person}/{clip}" for person in range(4) for clip in range(6))
SUBSETS = ("train", "train", "train", "validation", "test", "test")


@IDENTIFIERS.register("stand_in_of_runs")
class StandIn(Identifier):
    """A linear layer over the mean of each band, or of each colour."""

    def __init__(self, *, n_people: int, modality: str = "face", width: int = 3) -> None:
        super().__init__(n_people=n_people)
        self.modality = modality
        self.modalities = (modality,)  # type: ignore[assignment]
        self.width = width
        self.face_px = 16 if modality == "face" else None
        self.feature_dim = width
        self.hidden = nn.Linear(128 if modality == "voice" else 3, width)
        self.last = nn.Linear(width, n_people)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        (media,) = self.needed(voice, face)
        return self.hidden(media[:, 0].mean(dim=2) if self.modality == "voice" else media.mean(dim=(2, 3)))

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.last(self.features(voice, face).relu())


@IDENTIFIERS.register("adapting_stand_in_of_runs")
class AdaptingStandIn(StandIn):
    """One that is told the mean of its pictures, and keeps it."""

    def __init__(self, *, n_people: int, modality: str = "face", width: int = 3) -> None:
        super().__init__(n_people=n_people, modality=modality, width=width)
        self.register_buffer("mean", torch.zeros(3))

    def adapt(self, mean: list[float], std: list[float]) -> None:
        self.mean = torch.tensor(mean) + 0 * torch.tensor(std)


TRAINING = {"n_epochs": 2, "batch_size": 4}
VOICE = {"network": {"name": "stand_in_of_runs", "modality": "voice"}, "training": TRAINING}
FACE = {"network": {"name": "stand_in_of_runs", "modality": "face"}, "training": TRAINING}
BOTH = {"v": VOICE, "f": FACE, "sum": {"ensemble": "sum", "of": ["v", "f"], "published": {"top_1": 0.8821}}}


@pytest.fixture
def config(make_corpus: Callable[..., Path], tmp_path: Path) -> TrainConfig:
    corpus = make_corpus(tmp_path / "corpus", CLIPS, failed={"p1/2/face": "no_face"})
    split(corpus, tmp_path / "splits")
    return TrainConfig(
        task="identification",
        corpus=corpus,
        splits=tmp_path / "splits",
        networks=BOTH,
        out=tmp_path / "run",
        workers=1,
        precision="float32",
    )


def split(corpus: Path, folder: Path, **changed: str) -> None:
    """Everybody in every subset, but p3 is a stranger."""
    with Catalog.open(corpus / CATALOG) as catalog:
        catalog_hash = catalog.content_hash()
    subsets = {c: "strangers" if c.startswith("p3") else SUBSETS[int(c[-1])] for c in CLIPS} | changed
    Splits(0, catalog_hash, {"train": 1.0}, subsets, by="clip").save(folder / "splits.json")


def test_a_run_leaves_what_a_report_needs(config: TrainConfig) -> None:
    seen: list[tuple[int, int]] = []
    outcome = train_identification(config, lambda done, total: seen.append((done, total)))
    assert (outcome.n_people, outcome.split_by) == (3, "clip")
    assert outcome.n_clips == {"train": 8, "validation": 3, "test": 6, "strangers": 6}
    assert outcome.left_out == {"face: no_face": 1}
    assert [(row.name, row.kind, row.epochs) for row in outcome.rows] == [
        ("v", "network", 2), ("f", "network", 2), ("sum", "ensemble", 0),
    ]  # fmt: skip
    assert seen[-1] == (4, 4)
    experiment = read_experiment(config.out)
    assert experiment.people == ("p0", "p1", "p2")
    assert experiment.clips["strangers"] == CLIPS[18:]
    assert experiment.labels["strangers"].tolist() == [-1] * 6
    assert experiment.labels["test"].tolist() == [0, 0, 1, 1, 2, 2]
    voice, face, both = experiment.contenders
    for contender in experiment.contenders:
        for subset, clips in experiment.clips.items():
            assert contender.probabilities[subset].shape == (len(clips), 3)
            np.testing.assert_allclose(contender.probabilities[subset].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(
        both.probabilities["test"], (voice.probabilities["test"] + face.probabilities["test"]) / 2, rtol=1e-5
    )
    assert both.cost.n_parameters == voice.cost.n_parameters + face.cost.n_parameters
    assert both.published.top_1 == 0.8821
    assert [line["epoch"] for line in voice.history] == [1, 2] and not both.history
    assert voice.cost.macs == 110 * 0 + 128 * 3 + 3 * 3
    assert voice.cost.file_bytes == (config.out / "networks" / "v" / "model.safetensors").stat().st_size
    assert sorted(p.name for p in (config.out / "networks" / "v").iterdir()) == [
        "README.md", "config.json", "metrics.jsonl", "model.safetensors", "predictions.safetensors", "tensorboard",
        "training.json",
    ]  # fmt: skip


def test_a_loaded_network_gives_the_predictions_that_were_kept(config: TrainConfig) -> None:
    train_identification(config)
    network, people = load_identifier(config.out / "networks" / "f")
    assert people == ("p0", "p1", "p2") and not network.training
    kept, about = read_tensors(config.out / "networks" / "f" / "predictions.safetensors")
    assert about["people"] == list(people)
    assert config.corpus is not None and config.splits is not None
    chosen = choose_clips(config.corpus, config.splits, ("voice", "face"))
    media = read_media(chosen, face_sizes_px=[16], workers=1)
    assert set(kept) == {"train", "validation", "test", "strangers"}
    for subset, probabilities in kept.items():
        logits = predict(network, media.clips(subset, "face", face_px=16)).astype(float)
        powers = np.exp(logits)
        np.testing.assert_allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)
    assert np.ptp(kept["test"], axis=0).max() > 1e-3  # clips are told apart


def test_what_is_done_is_not_trained_again_and_more_can_be_added(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_identification(replace(config, only=("v",)))
    trained: list[str] = []
    inner = identification_run.train_identifier

    def noting(network: Any, *words: Any, **options: Any) -> Any:
        trained.append(network.modality)
        return inner(network, *words, **options)

    monkeypatch.setattr(identification_run, "train_identifier", noting)
    assert [row.name for row in train_identification(config).rows] == ["v", "f", "sum"]
    train_identification(config)
    assert trained == ["face"]
    train_identification(replace(config, overwrite=True, only=("v",)))
    assert trained == ["face", "voice"]
    assert [contender.name for contender in read_experiment(config.out).contenders] == ["v", "f", "sum"]


def test_an_interrupted_run_ends_as_an_uninterrupted_one(config: TrainConfig, tmp_path: Path) -> None:
    train_identification(config)

    def stop(done: int, total: int) -> None:
        if total == 4 and done == 3:
            raise KeyboardInterrupt

    other = replace(config, out=tmp_path / "other")
    with pytest.raises(KeyboardInterrupt):
        train_identification(other, stop)
    assert (other.out / "networks" / "f" / "state").is_dir()
    train_identification(other)
    assert not (other.out / "networks" / "f" / "state").exists()
    for name in ("v", "f"):
        one, two = (
            read_tensors(out / "networks" / name / "predictions.safetensors")[0] for out in (config.out, other.out)
        )
        assert all(np.array_equal(one[subset], two[subset]) for subset in one)


def test_a_fusion_takes_the_weights_of_trained_networks(config: TrainConfig) -> None:
    fused = {"network": {"name": "output_fusion", "how": "add", "frozen": True, "hidden": [4]}, "training": TRAINING}
    outcome = train_identification(
        replace(config, networks={"fused": {**fused, "from": {"voice": "v", "face": "f"}}, "v": VOICE, "f": FACE})
    )
    assert [(row.name, row.kind) for row in outcome.rows] == [("fused", "fusion"), ("v", "network"), ("f", "network")]
    network, _ = load_identifier(config.out / "networks" / "fused")
    voice, _ = load_identifier(config.out / "networks" / "v")
    assert torch.equal(network.voice_branch.hidden.weight, voice.hidden.weight)  # type: ignore[union-attr]


def test_a_search_ends_in_the_network_it_found(config: TrainConfig) -> None:
    search = {"n_trials": 3, "n_epochs": 1, "space": {"width": [2, 5]}, "sampler": "random"}
    train_identification(replace(config, networks={"tuned": {**FACE, "search": search}}))
    trials = json.loads((config.out / "networks" / "tuned" / "search.json").read_text(encoding="utf-8"))
    best = max(trials, key=lambda trial: (trial["value"], -trial["number"]))
    network, _ = load_identifier(config.out / "networks" / "tuned")
    assert len(trials) == 3 and network.feature_dim == best["options"]["width"]


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ({"v": {**VOICE, "max_parameters": 10}}, "The network 'v' must have at most 10 parameters. It has 399."),
        ({"v": {**VOICE, "network": {"name": "vitt"}}}, "Unknown identifier 'vitt'."),
        ({"v": {**VOICE, "network": {"name": "stand_in_of_runs", "wide": 3}}}, "The network 'v': The identifier"),
        ({"v": VOICE, "f": {**FACE, "from": {"voice": "v"}}}, "the identifier 'stand_in_of_runs' takes no trained"),
        ({"v": VOICE, "x": {"network": {"name": "output_fusion"}, "from": {"face": "v"}}},
         "`from.face` of 'x' must be a network of the face alone. 'v' takes voice."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_networks_is_said_before_anything_is_written(
    config: TrainConfig, networks: Any, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        train_identification(replace(config, networks=networks))
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not config.out.exists()


def test_a_corpus_without_the_modality_is_refused_before_training(config: TrainConfig) -> None:
    assert config.corpus is not None and config.splits is not None
    with Catalog.open(config.corpus / CATALOG, readonly=False) as catalog:
        catalog._connection.execute("UPDATE items SET status = 'no_face' WHERE modality = 'face'")
        catalog._connection.commit()
    split(config.corpus, config.splits)
    with pytest.raises(DataError, match="A network needs a face, and no clip of .* has a usable one"):
        train_identification(config)
    assert [row.name for row in train_identification(replace(config, networks={"v": VOICE})).rows] == ["v"]


def test_other_clips_seeds_and_settings_are_refused_until_overwritten(config: TrainConfig) -> None:
    train_identification(config)
    with pytest.raises(DataError, match="holds an experiment with other seed. Choose another folder"):
        train_identification(replace(config, seed=1))
    changed = {**BOTH, "v": {**VOICE, "training": {**TRAINING, "learning_rate": 0.5}}}
    with pytest.raises(ConfigError, match="networks/v holds a network that was trained with other training"):
        train_identification(replace(config, networks=changed))
    train_identification(replace(config, networks=changed, overwrite=True))
    shutil.rmtree(config.out)
    config.out.mkdir()
    (config.out / "notes.txt").touch()
    with pytest.raises(ConfigError, match="`out` must be a new or empty folder, or an experiment"):
        train_identification(config)


def test_softmax_is_that_of_the_definition_and_takes_large_logits() -> None:
    logits = np.array([[1.0, 2.0, 3.0], [1000.0, 0.0, -1000.0]], dtype=np.float32)
    expected = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    np.testing.assert_allclose(softmax(logits), [expected, [1, 0, 0]], rtol=1e-6)


def test_each_row_of_a_softmax_is_shifted_by_its_own_largest_logit() -> None:
    logits = np.array([[5000.0, 0.0], [-5000.0, -5000.0]], dtype=np.float32)
    assert softmax(logits).tolist() == [[1.0, 0.0], [0.5, 0.5]]


def test_labels_are_columns_and_columns_are_people(config: TrainConfig) -> None:
    outcome = train_identification(replace(config, networks={"f": {**FACE, "max_parameters": 500}}))
    experiment = read_experiment(config.out)
    for subset in ("train", "validation", "test"):
        of_clips = [clip.split("/")[0] for clip in experiment.clips[subset]]
        assert [experiment.people[label] for label in experiment.labels[subset]] == of_clips
    (face,) = experiment.contenders
    best = [row.tolist().index(max(row)) for row in face.probabilities["validation"]]
    right = sum(a == b for a, b in zip(best, experiment.labels["validation"], strict=True))
    assert outcome.rows[0].validation_top_1 == right / len(best)
    assert face.history[-1]["validation_top_1"] == pytest.approx(right / len(best))
    about = json.loads((config.out / "networks" / "f" / "training.json").read_text(encoding="utf-8"))
    n_parameters = 3 * 3 + 3 + 3 * 3 + 3
    assert (about["n_parameters"], about["max_parameters"], about["cost"]["budget"]) == (n_parameters, 500, 500)
    assert about["bfloat16"] is False and about["kept_epoch"] == about["epochs"] == 2


def test_the_epoch_of_the_lowest_validation_loss_is_what_is_written(config: TrainConfig) -> None:
    rough = {"n_epochs": 4, "batch_size": 2, "optimiser": "sgd", "learning_rate": 3.0, "patience_epochs": 4}
    train_identification(replace(config, networks={"f": {**FACE, "training": rough}}))
    experiment = read_experiment(config.out)
    (face,) = experiment.contenders
    losses = [line["validation_loss"] for line in face.history]
    kept = 1 + losses.index(min(losses))
    assert face.about["kept_epoch"] == kept < 4  # so that keeping the last would be seen
    own = face.probabilities["validation"][np.arange(3), experiment.labels["validation"]]
    assert -np.log(own).mean() == pytest.approx(min(losses), rel=1e-4)
    card = (config.out / "networks" / "f" / "README.md").read_text(encoding="utf-8")
    assert f"- Kept: epoch {kept}." in card
    assert f"top-1 {100 * face.history[kept - 1]['validation_top_1']:.1f} %" in card


def test_nothing_but_training_and_validation_clips_decides(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[int], list[int], bool]] = []
    inner = identification_run.train_identifier

    def noting(network: Any, training: Any, validation: Any, *words: Any, **options: Any) -> Any:
        seen.append((training.labels.tolist(), validation.labels.tolist(), bool(options.get("report"))))
        return inner(network, training, validation, *words, **options)

    monkeypatch.setattr(identification_run, "train_identifier", noting)
    progress: list[tuple[int, int]] = []
    space = {"width": [2, 5], "training.learning_rate": {"low": 0.01, "high": 0.1}}
    search = {"n_trials": 2, "n_epochs": 1, "space": space, "sampler": "random"}
    train_identification(
        replace(config, networks={"tuned": {**FACE, "search": search}}), lambda *told: progress.append(told)
    )
    train, validation = [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2]
    assert seen == [(train, validation, True), (train, validation, True), (train, validation, False)]
    assert progress[-4:] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    about = json.loads((config.out / "networks" / "tuned" / "training.json").read_text(encoding="utf-8"))
    trials = json.loads((config.out / "networks" / "tuned" / "search.json").read_text(encoding="utf-8"))
    best = trials[about["search"]["best"]]
    assert about["search"]["n_trials"] == len(trials) == 2 and best["value"] == max(t["value"] for t in trials)
    assert about["training"]["learning_rate"] == best["options"]["training.learning_rate"]
    assert (about["training"]["n_epochs"], about["epochs"]) == (2, 2)  # those of the entry, not of a trial


def test_a_network_is_told_the_mean_of_its_training_pictures_and_no_file_is_left(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identification_media, "MEMORY_GB", 0.0)
    network = {"name": "adapting_stand_in_of_runs", "modality": "face"}
    train_identification(replace(config, networks={"f": {"network": network, "training": TRAINING}}))
    assert not (config.out / "prepared").exists()
    assert config.corpus is not None and config.splits is not None
    media = read_media(choose_clips(config.corpus, config.splits, ("face",)), face_sizes_px=[16], voices=False)
    means = {
        subset: (media.clips(subset, "face", face_px=16).faces / 255).mean(axis=(0, 1, 2))  # type: ignore[operator]
        for subset in ("train", "test")
    }
    told = load_identifier(config.out / "networks" / "f")[0].mean
    np.testing.assert_allclose(told, means["train"], rtol=1e-5)
    assert np.abs(means["train"] - means["test"]).max() > 1e-4


def test_what_rests_on_a_network_that_is_trained_anew_is_trained_anew(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    fused = {"network": {"name": "output_fusion", "how": "add", "hidden": [4]}, "training": TRAINING}
    networks = {"v": VOICE, "f": FACE, "fused": {**fused, "from": {"voice": "v", "face": "f"}}}
    config = replace(config, networks=networks)
    train_identification(config)
    trained: list[str] = []
    inner = identification_run.train_identifier

    def noting(*words: Any, **options: Any) -> Any:
        trained.append(words[4].place.member)
        return inner(*words, **options)

    monkeypatch.setattr(identification_run, "train_identifier", noting)
    shutil.rmtree(config.out / "networks" / "v")
    train_identification(config)
    assert trained == ["v", "fused"]
    shutil.rmtree(config.out / "networks" / "f")
    train_identification(config)
    assert trained[2:] == ["f", "fused"]


@pytest.mark.slow
def test_real_networks_learn_the_small_form(config: TrainConfig) -> None:
    vit = {"name": "vit", "picture_px": 24, "dim": 8, "n_layers": 1, "n_heads": 2, "head": [16]}
    networks = {
        "vit": {"network": {**vit, "modality": "voice"}, "training": TRAINING},
        "mobilevit": {"network": {"name": "mobilevit", "modality": "face", "picture_px": 64}, "training": TRAINING},
    }
    rows = train_identification(replace(config, networks=networks, precision="auto")).rows
    assert [row.n_parameters for row in rows][1] > 1_000_000
    assert all(0 <= row.validation_top_1 <= 1 for row in rows)
