"""A reconstruction from a corpus to a generator that draws: stages, resuming, refusing, and what the folder holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.errors import ConfigError, DataError
from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing
from visavox.generation.drawers.decoder import DecoderDrawer
from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.pipeline.drawing import face_stage, reconstruction_run
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.guidance_choice import UNCHOSEN
from visavox.pipeline.drawing.pictures import DrawingMedia
from visavox.pipeline.drawing.reconstruction_run import train_reconstruction
from visavox.pipeline.training_log import read_metrics
from visavox.pipeline.voice_face_model import hash_identity

pytestmark = pytest.mark.usefixtures("tiny_encoders")

DRAWING: dict[str, Any] = {
    "image_px": 16,
    "voice_encoder": {"name": "tiny_voice"},
    "face_encoder": {"name": "face_look", "dim": 6, "training": {"n_epochs": 2, "batch_size": 4, "corpus_copies": 1}},
    "decoder": {"name": "small", "channel_factor": 0.1},
    "predictor": {"name": "light", "training": {"spread_rank": 2, "n_folds": 2}},
}


@pytest.fixture
def config(small_corpus: Path, small_splits: Path, tmp_path: Path) -> TrainConfig:
    return TrainConfig(
        task="reconstruction",
        corpus=small_corpus,
        splits=small_splits,
        drawing=DRAWING,
        out=tmp_path / "run",
        workers=1,
        device="cpu",
    )


def drawing(**changes: Any) -> dict[str, Any]:
    return {**DRAWING, **changes}


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_run_leaves_a_generator_that_draws(config: TrainConfig) -> None:
    seen: list[tuple[int, int]] = []
    outcome = train_reconstruction(config, lambda done, total: seen.append((done, total)))
    generator = Generator.load(config.out)
    assert generator.folder == outcome.folder == config.out / "generator"
    assert generator.methods == ("decoder",) and generator.image_px == 16 and generator.window_s == 1.6
    assert generator.voice_encoder == {"name": "tiny_voice"}
    assert generator.choices["decoder"]["guidance"] == outcome.guidance == UNCHOSEN  # four clips choose nothing
    assert generator.choices["decoder"]["face_encoder"] == {"name": "face_look", "dim": 6}
    assert len(generator.people) == outcome.n_people and outcome.n_clips["train"] > outcome.n_people > 1
    assert generator.mean_picture.shape == (16, 16, 3) and 0 < generator.mean_picture.mean() < 255
    drawer = DecoderDrawer.from_generator(generator.folder, image_px=16, choices=generator.choices["decoder"])
    heard = HeardForDrawing(np.ones(8, np.float32), np.ones((1, 8), np.float32), np.zeros(16000, np.float32))
    request = DrawingRequest(heard, n_samples=3)
    assert drawer.draw(request).shape == (3, 16, 16, 3)
    assert len(np.unique(drawer.features(request).detach().numpy(), axis=0)) == 3
    assert FaceLookEncoder(weights=str(generator.folder / "face_encoder")).dim == 6
    assert all(0 <= done <= total for done, total in seen) and (2, 2) in seen
    assert [line["epoch"] for line in read_metrics(config.out)] == [1, 2]
    card = (generator.folder / "README.md").read_text(encoding="utf-8")
    assert "# Visavox generator `run`" in card and "gender" in card and "licence" in card.lower()


def test_people_are_kept_as_hashes_alone(config: TrainConfig) -> None:
    train_reconstruction(config)
    media = reconstruction_run.read_drawing_media(config.corpus, config.splits, px=16)  # type: ignore[arg-type]
    assert Generator.load(config.out).people == {hash_identity(person) for person in media.paired["train"].people}
    text = "".join(p.read_text(encoding="utf-8") for p in config.out.rglob("*.json"))
    assert not any(f'"{person}"' in text for person in media.paired["train"].people)


def test_what_is_done_is_not_done_again(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    first = train_reconstruction(config)
    before = files(first.folder)
    for module, name in (
        (face_stage, "train_face_look"),
        (reconstruction_run, "train_predictor"),
        (reconstruction_run, "choose_guidance"),
    ):
        monkeypatch.delattr(module, name)
    again = train_reconstruction(config)
    assert again == first and files(again.folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["train_predictor", "choose_guidance"])
def test_a_run_that_stopped_between_stages_ends_like_one_that_did_not(
    config: TrainConfig, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = replace(config, out=config.out.with_name("whole") / "run")
    train_reconstruction(whole)

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reconstruction_run, stage, stop)
        with pytest.raises(KeyboardInterrupt):
            train_reconstruction(config)
    train_reconstruction(config)
    wanted, found = files(whole.out / "generator"), files(config.out / "generator")
    assert {name: data for name, data in found.items() if name != "README.md"} == {
        name: data for name, data in wanted.items() if name != "README.md"
    }  # the card tells seconds


@pytest.mark.slow
def test_a_run_that_stopped_within_an_epoch_loop_ends_like_one_that_did_not(config: TrainConfig) -> None:
    whole = replace(config, out=config.out.with_name("whole") / "run")
    train_reconstruction(whole)
    seen = False

    def stop(done: int, total: int) -> None:
        nonlocal seen
        if (done, total) == (1, 2):
            seen = True
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_reconstruction(config, stop)
    assert seen and not (config.out / "generator").exists()
    train_reconstruction(config)
    for part in ("face_encoder", "decoder", "predictor"):
        wanted, found = (files(out / "generator" / part) for out in (whole.out, config.out))
        assert found == wanted


@pytest.mark.slow
def test_other_settings_are_refused_and_start_anew_with_overwrite(config: TrainConfig) -> None:
    train_reconstruction(config)
    other = replace(config, drawing=drawing(half=False, guidance=2.0))
    with pytest.raises(DataError, match="other settings: drawing.guidance, drawing.half. Choose another folder"):
        train_reconstruction(other)
    outcome = train_reconstruction(replace(other, overwrite=True))
    assert outcome.guidance == 2.0
    assert Generator.load(config.out).choices["decoder"]["guidance"] == 2.0


@pytest.mark.slow
def test_a_seed_decides_everything(config: TrainConfig) -> None:
    one = train_reconstruction(config)
    two = train_reconstruction(replace(config, out=config.out.with_name("two") / "run"))
    other = train_reconstruction(replace(config, out=config.out.with_name("other") / "run", seed=1))
    for part in ("face_encoder", "decoder", "predictor"):
        assert files(one.folder / part) == files(two.folder / part) != files(other.folder / part)


def test_an_encoder_that_is_given_is_drawn_from(config: TrainConfig) -> None:
    decoder = {"name": "small", "channel_factor": 0.1, "training": {"n_epochs": 1, "batch_size": 4}}
    said = {**drawing(face_encoder={"name": "tiny_face"}, decoder=decoder)}
    outcome = train_reconstruction(replace(config, drawing=said))
    generator = Generator.load(outcome.folder)
    assert generator.choices["decoder"]["face_encoder"] == {"name": "tiny_face"}
    assert "gender_accuracy" not in outcome.figures["faces"]
    assert json.loads((outcome.folder / "predictor" / "config.json").read_text())["arguments"]["feature_dim"] == 8


def test_guidance_is_chosen_where_there_are_enough_people(config: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visavox.pipeline.drawing.guidance_choice.FEWEST", 2)
    outcome = train_reconstruction(config)
    figures = outcome.figures["guidance"]
    assert figures["n_clips"] == outcome.n_clips["validation"] and len(figures["rows"]) == 7
    assert outcome.guidance in [row["guidance"] for row in figures["rows"]]
    assert 0 <= figures["face_to_face_matched"] <= 1
    for row in figures["rows"]:
        assert 0 <= row["matched"] <= 1 and 0 <= row["gender_agreement"] <= 1 and row["variety"] > 0


def test_without_validation_people_nothing_is_chosen_and_nothing_measured(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = reconstruction_run.read_drawing_media

    def no_validation(*arguments: Any, **named: Any) -> DrawingMedia:
        media = read(*arguments, **named)
        return replace(
            media,
            paired={
                **media.paired,
                "validation": media.paired["validation"].__class__(
                    (), (), media.paired["validation"].pictures[:0], (), (), ()
                ),
            },
        )

    monkeypatch.setattr(reconstruction_run, "read_drawing_media", no_validation)
    outcome = train_reconstruction(config)
    assert outcome.guidance == UNCHOSEN and outcome.n_clips["validation"] == 0
    assert "validation_l1" not in outcome.figures["faces"]
    assert "validation_matched" not in outcome.figures["predictor"]
    assert Generator.load(config.out).methods == ("decoder",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"decoder": "nobody"}, "nobody"),
        ({"sizes": 3}, "takes no 'sizes'"),
        ({"decoder": {"name": "small", "feature_dim": 9}}, "`feature_dim` of the decoder must be 6"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_trained(
    config: TrainConfig, changes: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(face_stage, "train_face_look")
    with pytest.raises(ConfigError, match=words):
        train_reconstruction(replace(config, drawing=drawing(**changes)))


def test_a_folder_of_other_files_is_left_alone(config: TrainConfig, make_file: Callable[[Path], Path]) -> None:
    note = make_file(config.out / "note.txt")
    with pytest.raises(ConfigError, match="must be a new or empty folder"):
        train_reconstruction(config)
    assert note.read_text(encoding="utf-8") == "mine"


@pytest.fixture
def make_file() -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine", encoding="utf-8")
        return path

    return make
