"""Settings of the task reconstruction: what is read, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from visavox.errors import ConfigError, UnknownNameError
from visavox.pipeline.drawing.settings import KEYS, FaceTraining, PictureTraining, ReconstructionSettings, read_drawing


def test_nothing_said_is_the_way_of_the_box() -> None:
    settings = ReconstructionSettings.of({})
    assert (settings.image_px, settings.window_s, settings.half, settings.guidance) == (64, 1.6, True, None)
    names = [part["name"] for part in (settings.voice_encoder, settings.face_encoder, settings.predictor)]
    assert names == ["ge2e", "face_look", "light"] and settings.decoder == {"name": "small"}
    assert settings.joint and "decoder_training" not in settings.as_json()


def test_everything_can_be_said_in_a_file_with_or_without_the_key(tmp_path: Path) -> None:
    said: dict[str, Any] = {
        "image_px": 32,
        "faces": ["a.parquet", "b.parquet"],
        "limit_faces": 10,
        "window_s": 2.0,
        "voice_encoder": "ge2e",
        "face_encoder": {"name": "face_look", "dim": 16, "training": {"n_epochs": 2, "flip": 0.0}},
        "predictor": {"name": "light", "training": {"spread_rank": 4}},
        "decoder": {"name": "small", "channel_factor": 0.5},
        "half": False,
        "guidance": 2.0,
    }
    assert set(said) == set(KEYS)
    found = []
    for name, content in (("a", said), ("b", {"drawing": said})):
        (tmp_path / name).write_text(yaml.safe_dump(content), encoding="utf-8")
        found.append(ReconstructionSettings.of(tmp_path / name))
    assert found[0] == found[1] == ReconstructionSettings.of(said)
    settings = found[0]
    assert settings.faces == (Path("a.parquet"), Path("b.parquet"))
    assert settings.face_encoder == {"name": "face_look", "dim": 16}
    assert (settings.face_training.n_epochs, settings.face_training.flip) == (2, 0.0)
    assert settings.predictor_training.spread_rank == 4
    assert settings.as_json()["decoder"] == {"name": "small", "channel_factor": 0.5}


def test_a_single_table_needs_no_list() -> None:
    assert ReconstructionSettings.of({"faces": "a.parquet"}).faces == (Path("a.parquet"),)


def test_an_encoder_that_is_taken_as_it_is_leaves_training_to_the_decoder() -> None:
    for encoder in ("dlib", {"name": "face_look", "weights": "somewhere"}):
        settings = ReconstructionSettings.of(
            {"face_encoder": encoder, "decoder": {"name": "transposed", "training": {"n_epochs": 3}}}
        )
        assert not settings.joint and settings.decoder_training.n_epochs == 3
        assert "face_training" not in settings.as_json()


def test_the_mapping_that_is_given_stays_as_it_was() -> None:
    said = {"face_encoder": {"name": "face_look", "training": {"n_epochs": 2}}}
    ReconstructionSettings.of(said)
    assert said == {"face_encoder": {"name": "face_look", "training": {"n_epochs": 2}}}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"picture_px": 64}, "takes no 'picture_px'. It takes: decoder, face_encoder, faces, guidance, half, image_px"),
        ({"image_px": 4}, "`image_px` must be a whole number of at least 8. Got 4"),
        ({"image_px": 1024}, "`image_px` must be a number of at least 8 and at most 512. Got 1024"),
        ({"limit_faces": -1}, "`limit_faces` must be a whole number of at least 0. Got -1"),
        ({"window_s": 0.1}, "`window_s` must be a number of at least 0.4"),
        ({"half": "yes"}, "`half` of `drawing` must be true or false. Got 'yes'"),
        ({"guidance": 31}, "`guidance` must be a number of at least 0 and at most 30. Got 31"),
        ({"faces": 3}, "`faces` of `drawing` must be a list of Parquet files. Got 3"),
        ({"decoder": {"width": 3}}, "The `decoder` of `drawing` must be a name, or a mapping with `name`"),
        ({"face_encoder": {"name": "face_look", "training": {"n_epoch": 2}}}, "`face_encoder`.*takes no 'n_epoch'"),
        ({"face_encoder": {"name": "face_look", "training": 3}}, "`training` must be a mapping. Got 3"),
        ({"face_encoder": {"name": "face_look", "training": {"flip": 2}}}, "`flip` must be a number of at least 0 and"),
        ({"decoder": {"name": "small", "training": {"n_epochs": 2}}}, "`decoder`.*is learned with it. Write its"),
        ({"voice_encoder": {"name": "ge2e", "training": {"n_epochs": 2}}}, "`voice_encoder`.*taken as it is"),
        ({"predictor": {"name": "light", "training": {"epochs": 2}}}, "training.*light.*epochs"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        ReconstructionSettings.of(said)
    assert "\n" not in str(caught.value)


def test_an_unknown_part_is_said_with_those_that_are_known() -> None:
    with pytest.raises(UnknownNameError, match="small.*transposed"):
        ReconstructionSettings.of({"decoder": "smal"})


def test_a_training_for_an_encoder_that_is_taken_as_it_is_is_refused() -> None:
    with pytest.raises(ConfigError, match="`face_encoder` of `drawing` is taken as it is. Write.* into `decoder`"):
        ReconstructionSettings.of({"face_encoder": {"name": "dlib", "training": {"n_epochs": 2}}})


@pytest.mark.parametrize(
    "values",
    [
        {"n_epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0},
        {"averaging": 1.0},
        {"corpus_copies": 0},
        {"warm_up": 2},
    ],
)
def test_numbers_out_of_range_are_refused_with_their_part(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"The `decoder` of `drawing`: `{next(iter(values))}` must be"):
        PictureTraining.of(values, of="decoder")


def test_a_face_training_has_all_of_a_picture_training() -> None:
    assert FaceTraining.of({"n_epochs": 4, "size_weight": 0}, of="face_encoder").n_epochs == 4
    with pytest.raises(ConfigError, match="takes no 'flip'"):
        PictureTraining.of({"flip": 0.5}, of="decoder")


def test_files_that_hold_no_mapping_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a YAML file that can be read. .*none.yaml: No such file"):
        read_drawing(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("[1]", encoding="utf-8")
    with pytest.raises(ConfigError, match="`drawing` must be a mapping.* Got"):
        read_drawing(str(tmp_path / "list.yaml"))
    (tmp_path / "broken.yaml").write_text("a: [1", encoding="utf-8")
    with pytest.raises(ConfigError, match="must be a YAML file") as caught:
        read_drawing(tmp_path / "broken.yaml")
    assert "\n" not in str(caught.value)
