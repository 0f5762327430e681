"""Identification experiments that are changed, taken up again, or go wrong: what is refused, dropped, read and kept."""

from __future__ import annotations

import json
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
from visavox.persistence import read_tensors, write_tensors
from visavox.pipeline import identification_run
from visavox.pipeline.identification_run import load_identifier, read_experiment, train_identification
from visavox.registry import IDENTIFIERS

CLIPS = tuple(f"p{person}/{clip}" for person in range(4) for clip in range(6))
SUBSETS = ("train", "train", "train", "validation", "test", "test")


@IDENTIFIERS.register("stand_in_of_changed_runs")
class StandIn(Identifier):
    """A linear layer over the mean of each band, or of each colour."""

    def __init__(self, *, n_people: int, modality: str = "face", width: int = 3) -> None:
        super().__init__(n_people=n_people)
        self.modality = modality
        self.modalities = (modality,)  # type: ignore[assignment]
        self.width = width
        self.face_px: int | None = 16 if modality == "face" else None
        self.feature_dim = width
        self.hidden = nn.Linear(128 if modality == "voice" else 3, width)
        self.last = nn.Linear(width, n_people)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        (media,) = self.needed(voice, face)
        return self.hidden(media[:, 0].mean(dim=2) if self.modality == "voice" else media.mean(dim=(2, 3)))

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.last(self.features(voice, face).relu())


@IDENTIFIERS.register("adapting_stand_in_of_changed_runs")
class AdaptingStandIn(StandIn):
    """One that is told the mean of its pictures, and keeps it."""

    def __init__(self, *, n_people: int, modality: str = "face", width: int = 3) -> None:
        super().__init__(n_people=n_people, modality=modality, width=width)
        self.register_buffer("mean", torch.zeros(3))

    def adapt(self, mean: list[float], std: list[float]) -> None:
        self.mean = torch.tensor(mean) + 0 * torch.tensor(std)


@IDENTIFIERS.register("sized_stand_in_of_changed_runs")
class SizedStandIn(StandIn):
    """One that takes faces of a size that can be chosen, and no other."""

    def __init__(self, *, n_people: int, modality: str = "face", picture_px: int = 16) -> None:
        super().__init__(n_people=n_people, modality=modality)
        self.picture_px = self.face_px = picture_px

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        assert face is not None and face.shape[-2:] == (self.picture_px, self.picture_px)
        return super().features(voice, face)


@IDENTIFIERS.register("diverging_stand_in_of_changed_runs")
class DivergingStandIn(StandIn):
    """One whose logits are nan in use, as running statistics may be, once its weights are large, or always."""

    def __init__(self, *, n_people: int, modality: str = "face", width: int = 3, always: bool = False) -> None:
        super().__init__(n_people=n_people, modality=modality, width=width)
        self.always = always

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        logits = super().forward(voice, face)
        large = self.always or bool(self.last.bias.detach().abs().max() > 1)
        return logits * torch.nan if large and not self.training else logits


TRAINING = {"n_epochs": 2, "batch_size": 4}
VOICE = {"network": {"name": "stand_in_of_changed_runs", "modality": "voice"}, "training": TRAINING}
FACE = {"network": {"name": "stand_in_of_changed_runs", "modality": "face"}, "training": TRAINING}


@pytest.fixture
def config(make_corpus: Callable[..., Path], tmp_path: Path) -> TrainConfig:
    """Three people in every subset, and p3 a stranger."""
    corpus = make_corpus(tmp_path / "corpus", CLIPS, failed={"p1/2/face": "no_face"})
    with Catalog.open(corpus / CATALOG) as catalog:
        catalog_hash = catalog.content_hash()
    subsets = {c: "strangers" if c.startswith("p3") else SUBSETS[int(c[-1])] for c in CLIPS}
    Splits(0, catalog_hash, {"train": 1.0}, subsets, by="clip").save(tmp_path / "splits" / "splits.json")
    return TrainConfig(
        task="identification",
        corpus=corpus,
        splits=tmp_path / "splits",
        networks={"v": VOICE, "f": FACE},
        out=tmp_path / "run",
        workers=1,
        precision="float32",
    )


def fused_config(config: TrainConfig, **fused: Any) -> TrainConfig:
    """Two networks and one that rests on both."""
    network = {"name": "output_fusion", "how": "add", "hidden": [4]}
    entry = {"network": network, "from": {"voice": "v", "face": "f"}, "training": TRAINING, **fused}
    return replace(config, networks={"v": VOICE, "f": FACE, "fused": entry})


def test_no_interrupted_retraining_stands_in_the_way(config: TrainConfig) -> None:
    """ "fu holds a network that was trained with other from" was all that an interrupted retraining came to."""
    config = fused_config(config)
    train_identification(config)
    weights = config.out / "networks" / "f" / "model.safetensors"
    tensors, about = read_tensors(weights)

    def stop(done: int, total: int) -> None:
        if (done, total) == (1, 2):
            raise KeyboardInterrupt

    for factor in (2, 3):  # changed again before the first retraining was over
        write_tensors(weights, {name: factor * array for name, array in tensors.items()}, about)
        with pytest.raises(KeyboardInterrupt):
            train_identification(config, stop)
    done: list[tuple[int, int]] = []
    train_identification(config, lambda *told: done.append(told))
    assert done[-1] == (2, 2) and (1, 2) not in done[-1:-2:-1]
    assert not (config.out / "networks" / "fused" / "from.json").exists()
    train_identification(config, lambda *told: pytest.fail("nothing is left to do"))


def test_only_what_is_named_is_overwritten(config: TrainConfig) -> None:
    """`--only v --overwrite` removed every network of the run."""
    config = fused_config(config)
    train_identification(config)
    places = {name: config.out / "networks" / name / "training.json" for name in ("v", "f", "fused")}
    before = {name: place.stat().st_mtime_ns for name, place in places.items()}
    train_identification(replace(config, overwrite=True, only=("v",)))
    assert [name for name, place in places.items() if place.stat().st_mtime_ns != before[name]] == ["v"]
    with pytest.raises(DataError, match="other seed. Choose another folder, or start anew with --overwrite without --"):
        train_identification(replace(config, overwrite=True, only=("v",), seed=1))
    assert all(place.is_file() for place in places.values())


def test_a_killed_training_does_not_go_on_as_another_network(config: TrainConfig) -> None:
    """Its state was known by its class alone, and a wider network, or one on other branches, could take it over."""

    def stop(done: int, total: int) -> None:
        if (done, total) == (1, 2):
            raise KeyboardInterrupt

    config = replace(config, networks={"v": VOICE})
    with pytest.raises(KeyboardInterrupt):
        train_identification(config, stop)
    state = config.out / "networks" / "v" / "state" / "epoch.safetensors"
    identity = read_tensors(state)[1]["identity"]
    assert identity["specification"] == {"name": "stand_in_of_changed_runs", "modality": "voice", "n_people": 3}
    assert identity["from"] == {}
    other = {"v": {**VOICE, "network": {"name": "adapting_stand_in_of_changed_runs", "modality": "voice"}}}
    with pytest.raises(
        DataError, match="comes from another run: .*specification was .*'stand_in_of_changed_runs'.*, is "
    ):
        train_identification(replace(config, networks=other))


def test_a_new_branch_beside_a_trained_one_is_told_its_pictures(config: TrainConfig) -> None:
    """With `from` for the voice alone, the face's part was never told the mean of its pictures."""
    face = {"name": "adapting_stand_in_of_changed_runs"}
    network = {"name": "output_fusion", "how": "add", "hidden": [4], "face": face}
    fused = {"network": network, "from": {"voice": "v"}, "training": TRAINING}
    adapting = {"name": "adapting_stand_in_of_changed_runs", "modality": "face"}
    networks = {"v": VOICE, "f": {"network": adapting, "training": TRAINING}, "fused": fused}
    train_identification(replace(config, networks=networks))
    found, voice, alone = (load_identifier(config.out / "networks" / name)[0] for name in ("fused", "v", "f"))
    assert torch.equal(found.face_branch.mean, alone.mean) and alone.mean.abs().max() > 0.1  # type: ignore[union-attr, operator]
    about = json.loads((config.out / "networks" / "fused" / "training.json").read_text(encoding="utf-8"))
    assert set(about["identity"]["from"]) == {"voice"}
    assert found.voice_branch.hidden.weight.shape == voice.hidden.weight.shape  # type: ignore[union-attr]


def test_a_search_over_sizes_reads_the_faces_that_it_needs(config: TrainConfig) -> None:
    """A trial of another size ended in KeyError: 48."""
    network = {"name": "sized_stand_in_of_changed_runs", "modality": "face"}
    search = {"n_trials": 6, "n_epochs": 1, "space": {"picture_px": [16, 48, 20]}, "sampler": "random"}
    tuned = {"network": network, "training": TRAINING, "search": search}
    fused = {"network": {"name": "output_fusion", "hidden": [4]}, "from": {"voice": "v", "face": "tuned"}}
    networks = {"tuned": tuned, "v": VOICE, "fused": {**fused, "training": TRAINING}}
    train_identification(replace(config, networks=networks))
    trials = json.loads((config.out / "networks" / "tuned" / "search.json").read_text(encoding="utf-8"))
    assert {trial["state"] for trial in trials} == {"complete"}
    assert len({trial["options"]["picture_px"] for trial in trials}) > 1


def test_only_what_waiting_networks_need_is_read(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    train_identification(replace(config, only=("f",)))
    asked: list[tuple[tuple[int, ...], bool]] = []
    inner = identification_run.read_media

    def noting(*words: Any, **options: Any) -> Any:
        asked.append((options["face_sizes_px"], options["voices"]))
        return inner(*words, **options)

    monkeypatch.setattr(identification_run, "read_media", noting)
    train_identification(config)
    assert asked == [((), True)]


def test_a_search_goes_on_after_a_trial_whose_loss_is_no_number(config: TrainConfig) -> None:
    """Such a trial ended the search, was done again when it went on, and ended it again."""
    space = {"training.learning_rate": [10.0, 0.01], "width": [2, 3]}
    search = {"n_trials": 6, "n_epochs": 2, "space": space, "sampler": "random", "measure": "loss"}
    network = {"name": "diverging_stand_in_of_changed_runs", "modality": "face"}
    training = {**TRAINING, "optimiser": "sgd", "learning_rate": 0.01}
    train_identification(replace(config, networks={"t": {"network": network, "training": training, "search": search}}))
    (found,) = read_experiment(config.out).contenders
    failed = [trial for trial in found.about["search"]["trials"] if trial["state"] == "fail"]
    assert failed and all("became nan or infinite" in trial["reason"] for trial in failed)
    assert found.about["training"]["learning_rate"] == 0.01
    assert (found.about["search"]["measure"], found.about["search"]["n_trials"]) == ("loss", 6)


@pytest.mark.parametrize("patience", [0, 1])
def test_a_network_of_nothing_but_nan_is_not_done(config: TrainConfig, patience: int) -> None:
    """It was kept with a top-1 of 25 %, that of the first person; with patience it was a StopIteration."""
    network = {"name": "diverging_stand_in_of_changed_runs", "modality": "face", "always": True}
    entry = {"network": network, "training": {**TRAINING, "patience_epochs": patience}}
    with pytest.raises(
        DataError, match=r"The validation loss became nan or infinite in epoch 1 \(seed 0\). Lower `lea"
    ):
        train_identification(replace(config, networks={"n": entry}))
    assert not (config.out / "networks" / "n" / "training.json").exists()


def test_probabilities_that_are_no_numbers_are_not_written(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = identification_run.predict

    def spoiled(network: Any, clips: Any, **options: Any) -> Any:
        logits = inner(network, clips, **options)
        logits[0] = np.nan if len(clips) == 6 else logits[0]  # of the 6 clips of the test, and of the strangers
        return logits

    monkeypatch.setattr(identification_run, "predict", spoiled)
    with pytest.raises(DataError, match="'f' must give every clip a probability. For 1 of 6 test clips it gives nan."):
        train_identification(replace(config, networks={"f": FACE}))


def test_a_loss_that_diverged_leaves_nothing_that_forbids_other_settings(config: TrainConfig) -> None:
    network = {"name": "diverging_stand_in_of_changed_runs", "modality": "face"}
    training = {"n_epochs": 3, "batch_size": 4, "optimiser": "sgd", "learning_rate": 10.0}
    with pytest.raises(DataError, match="Lower `learning_rate`, now 10"):
        train_identification(replace(config, networks={"n": {"network": network, "training": training}}))
    calm = {**training, "learning_rate": 0.01}
    (row,) = train_identification(replace(config, networks={"n": {"network": network, "training": calm}})).rows
    assert row.epochs == 3


def test_a_trial_over_the_budget_has_failed(config: TrainConfig) -> None:
    search = {"n_trials": 6, "n_epochs": 1, "space": {"width": [2, 500]}, "sampler": "random"}
    entry = {**FACE, "network": {**FACE["network"], "width": 900}, "search": search, "max_parameters": 100}  # type: ignore[dict-item]
    train_identification(replace(config, networks={"t": entry}))
    (found,) = read_experiment(config.out).contenders
    assert found.cost.n_parameters == 3 * 2 + 2 + 2 * 3 + 3
    reasons = {trial.get("reason") for trial in found.about["search"]["trials"]} - {None}
    assert reasons == {
        "The network 't' must have at most 100 parameters. It has 3,503. Make it smaller, or raise `max_parameters`."
    }


def test_a_number_format_that_is_asked_for_is_not_taken_from_another_training(config: TrainConfig) -> None:
    networks = {"f": FACE}
    train_identification(replace(config, networks=networks))
    train_identification(replace(config, networks=networks, precision="auto"))
    with pytest.raises(ConfigError, match="networks/f holds a network that was trained with other precision"):
        train_identification(replace(config, networks=networks, precision="bfloat16"))


def test_who_the_strangers_are_is_kept_and_older_runs_do_without(config: TrainConfig) -> None:
    config = replace(config, networks={"f": FACE})
    train_identification(config)
    assert read_experiment(config.out).stranger_people == ("p3",) * 6
    path = config.out / "design.json"
    older = json.loads(path.read_text(encoding="utf-8"))
    del older["stranger_people"]
    path.write_text(json.dumps(older), encoding="utf-8")
    assert read_experiment(config.out).stranger_people == ()
    train_identification(config)  # nothing to do, and nothing to refuse
    assert read_experiment(config.out).stranger_people == ("p3",) * 6
