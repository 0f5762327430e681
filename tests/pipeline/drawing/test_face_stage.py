"""The stage of faces: what it leaves on disk, and that it comes back without training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.pipeline.drawing.made_media import made_media, made_pictures

from visavox.errors import ConfigError, DataError
from visavox.generation.parts import part_spec
from visavox.media.drawn_frame import crop_of_picture
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.models.encoders.trainable import KIND
from visavox.persistence import load_folder
from visavox.pipeline.drawing import face_stage as stage
from visavox.pipeline.drawing.epoch_loop import LoopOptions
from visavox.pipeline.drawing.face_stage import build_decoder, face_stage, round_to_half
from visavox.pipeline.drawing.reconstruction_folder import ReconstructionFolder, claim_run
from visavox.pipeline.drawing.settings import ReconstructionSettings

TRAINING = {"n_epochs": 1, "batch_size": 8, "corpus_copies": 1}
CROPS = [crop_of_picture(picture) for picture in made_pictures(2, 64)]


def settings(**changes: Any) -> ReconstructionSettings:
    said: dict[str, Any] = {
        "image_px": 8,
        "face_encoder": {"name": "face_look", "dim": 5, "training": TRAINING},
        "decoder": {"name": "small", "channel_factor": 0.1},
        **changes,
    }
    return ReconstructionSettings.of(said)


def run(folder: ReconstructionFolder, said: ReconstructionSettings, pictures: str = "made") -> stage.FaceParts:
    return face_stage(folder, made_media(), said, LoopOptions(identity={"pictures": pictures}), data="discs")


@pytest.fixture
def folder(tmp_path: Path) -> ReconstructionFolder:
    return claim_run(tmp_path / "run", {}, overwrite=False)


def test_both_parts_are_kept_and_read_back_without_training(
    folder: ReconstructionFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(folder, settings())
    assert {"loss", "validation_l1", "n_epochs", "seconds"} <= set(first.figures) and "epoch" not in first.figures
    monkeypatch.delattr(stage, "train_face_look")
    again = run(folder, settings())
    assert np.array_equal(first.encoder.encode(CROPS), again.encoder.encode(CROPS))
    assert first.encoder.identifier == again.encoder.identifier
    features = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(first.decoder(features), again.decoder(features))
    assert dict(again.figures) == dict(first.figures)
    assert part_spec(folder.generator, "decoder") == {
        "name": "small", "channel_factor": 0.1, "feature_dim": 5, "image_px": 8
    }  # fmt: skip


@pytest.mark.parametrize("half", [True, False])
def test_weights_are_kept_in_half_the_size_where_asked_for(folder: ReconstructionFolder, half: bool) -> None:
    parts = run(folder, settings(half=half))
    wanted = np.float16 if half else np.float32
    for place in ("face_encoder", "decoder"):
        kinds = {array.dtype for array in load_folder(folder.generator / place).tensors.values()}
        assert np.dtype(wanted) in kinds and kinds <= {np.dtype(wanted), np.dtype(np.int64)}
    assert load_folder(folder.generator / "face_encoder", kind=KIND).arguments["training_data"] == "discs"
    assert parts.encoder.dim == 5


def test_other_pictures_are_refused(folder: ReconstructionFolder) -> None:
    run(folder, settings())
    with pytest.raises(DataError, match="stage faces .* was done with another pictures"):
        run(folder, settings(), pictures="others")


def test_an_encoder_that_is_given_is_taken_as_it_is(folder: ReconstructionFolder, tmp_path: Path) -> None:
    given = FaceLookEncoder(seed=4, dim=6)
    given.save_weights(tmp_path / "given", training_data="elsewhere", licence="CC0-1.0")
    decoder = {"name": "small", "channel_factor": 0.1, "training": TRAINING}
    said = settings(face_encoder={"name": "face_look", "weights": str(tmp_path / "given")}, decoder=decoder)
    parts = run(folder, said)
    assert np.array_equal(parts.encoder.encode(CROPS), given.encode(CROPS))
    assert parts.decoder.feature_dim == 6 and float(parts.decoder.deviation[0]) != 1
    carried = load_folder(folder.generator / "face_encoder").arguments
    assert (carried["training_data"], carried["licence"]) == ("elsewhere", "CC0-1.0")
    assert len(list((folder.path / "features").iterdir())) == 1
    assert np.array_equal(run(folder, said).encoder.encode(CROPS), given.encode(CROPS))


def test_a_decoder_must_fit_the_feature_and_the_pictures() -> None:
    for changes, words in (
        ({"feature_dim": 7}, "`feature_dim` of the decoder must be 5.* Got 7. Leave it out"),
        ({"image_px": 16}, "`image_px` of the decoder must be 8.* Got 16"),
    ):
        said = settings(decoder={"name": "small", **changes})
        with pytest.raises(ConfigError, match=words):
            build_decoder(said, 5, seed=0)


def test_first_weights_depend_on_the_seed_alone() -> None:
    one, two, other = (build_decoder(settings(), 5, seed=seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    assert not torch.equal(one["first.weight"], other["first.weight"])


def test_rounding_leaves_what_float16_holds() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3))
    before = layer[0].weight.detach().clone()
    round_to_half(layer)
    assert torch.equal(layer[0].weight, before.half().float()) and layer[0].weight.dtype == torch.float32
