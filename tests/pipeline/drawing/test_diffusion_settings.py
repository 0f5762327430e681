"""Settings of a diffusion training: defaults, parts, and every way to get them wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.pipeline.drawing.diffusion_settings import DiffusionSettings, StepTraining, read_diffusion_settings


def test_without_a_word_voices_alone_are_told_at_64_px() -> None:
    settings = read_diffusion_settings({})
    assert settings.conditions == ("voice", "windows")
    assert (settings.image_px, settings.autoencoder.name, settings.sampler, settings.n_steps) == (64, "kl", "dpm", 20)
    assert settings.upsampler is not None
    assert settings.drop_attribute == 0.2
    assert settings.drop_all == 0.1


def test_small_pictures_are_drawn_in_pixels_without_an_upsampler() -> None:
    settings = read_diffusion_settings({"image_px": 32})
    assert settings.autoencoder.name == "pixels"
    assert settings.upsampler is None
    assert read_diffusion_settings({"image_px": 32, "autoencoder": {"name": "kl"}, "upsampler": {}}).upsampler


def test_a_part_has_options_of_its_network_and_a_training() -> None:
    part = read_diffusion_settings({"denoiser": {"channels": [16, 32], "training": {"n_steps": 7}}}).denoiser
    assert part.options == {"channels": [16, 32]}
    assert part.training.n_steps == 7
    assert part.training.learning_rate == 5e-4
    assert read_diffusion_settings({"upsampler": None}).upsampler is None


def test_conditions_come_in_the_order_of_their_positions() -> None:
    assert read_diffusion_settings({"conditions": ["windows", "voice", "age"]}).conditions == (
        "age",
        "voice",
        "windows",
    )
    assert read_diffusion_settings({"conditions": "voice"}).conditions == ("voice",)


def test_paths_are_paths(tmp_path: Path) -> None:
    settings = read_diffusion_settings({"faces": [str(tmp_path / "a.parquet")], "generator": str(tmp_path)})
    assert settings.faces == (tmp_path / "a.parquet",)
    assert settings.generator == tmp_path


def test_a_file_says_the_same_as_a_mapping(tmp_path: Path) -> None:
    file = tmp_path / "drawing.yaml"
    file.write_text("image_px: 32\nguidance: 2.0\ndenoiser: {training: {n_steps: 3}}\n", encoding="utf-8")
    expected = read_diffusion_settings({"image_px": 32, "guidance": 2.0, "denoiser": {"training": {"n_steps": 3}}})
    assert read_diffusion_settings(str(file)) == expected


def test_settings_are_json() -> None:
    values = json.loads(json.dumps(read_diffusion_settings({"faces": ["a.parquet"]}).as_json()))
    assert values["faces"] == ["a.parquet"]
    assert values["denoiser"]["training"]["n_steps"] == 8000


def test_epochs_cover_all_steps() -> None:
    assert StepTraining(n_steps=401, steps_an_epoch=200).n_epochs == 3


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ({"colour": 1}, "takes no 'colour'. It takes: .*denoiser.*voice_encoder"),
        ({"denoiser": {"training": {"epochs": 3}}}, "`training` of the denoiser takes no 'epochs'"),
        ({"denoiser": {"training": {"n_steps": 0}}}, "The denoiser: `n_steps` must be a whole number of at least 1"),
        ({"denoiser": {"training": {"accumulate": 20}}}, "`accumulate` must be at most `batch_size`, 16. Got 20"),
        ({"denoiser": 3}, "`denoiser` must be a mapping"),
        ({"autoencoder": {"training": 3}}, "`training` of the autoencoder must be a mapping"),
        ({"image_px": 128}, "`image_px` must be 8 to 64.*Got 128"),
        ({"image_px": "big"}, "`image_px` must be a whole number"),
        ({"conditions": ["smell"]}, "different names of age, gender"),
        ({"conditions": 3}, "`conditions` must be a list of names"),
        ({"sampler": "euler"}, "`sampler` must be one of ddpm, ddim, dpm"),
        ({"n_steps": 1001}, "`n_steps` must be a number of at least 1 and at most 1000"),
        ({"guidance": -1}, "`guidance` must be a number of at least 0 and at most 30"),
        ({"unpaired_share": 1.0}, "`unpaired_share`"),
        ({"drop_all": 0}, "`drop_all`"),
        ({"drop_voice": 2}, "`drop_voice`"),
        ({"half": "yes"}, "`half` must be true or false"),
        ({"imagine": 1}, "`imagine` must be true or false"),
        ({"window_s": 0.1}, "`window_s`"),
        ({"limit_faces": -1}, "`limit_faces`"),
    ],
)
def test_wrong_settings_are_refused_in_one_line(drawing: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read_diffusion_settings(drawing)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("changed", [{"learning_rate": 0}, {"warm_up": 2}, {"ema_decay": 1.0}, {"max_norm": 0}])
def test_wrong_trainings_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"`{next(iter(changed))}` must be"):
        StepTraining(n_steps=1, **changed)


def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must be a YAML file that can be read.*No such file"):
        read_diffusion_settings(str(tmp_path / "missing.yaml"))
    (tmp_path / "list.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"must be a mapping.*Got \[1\]"):
        read_diffusion_settings(str(tmp_path / "list.yaml"))


def test_a_file_may_hold_the_settings_under_their_key(tmp_path: Path) -> None:
    for number, text in enumerate(("{image_px: 16}", "drawing: {image_px: 16}")):
        (tmp_path / f"{number}.yaml").write_text(text, encoding="utf-8")
        assert read_diffusion_settings(str(tmp_path / f"{number}.yaml")).image_px == 16


@pytest.mark.parametrize("encoder", [None, 5, {}, {"name": 3}])
def test_a_voice_encoder_without_a_name_is_refused(encoder: Any) -> None:
    with pytest.raises(ConfigError, match="`voice_encoder` of `drawing` must be a name"):
        read_diffusion_settings({"voice_encoder": encoder})


@pytest.mark.parametrize(("part", "name"), [("denoiser", "dit"), ("denoiser", 3), ("upsampler", "esrgan")])
def test_a_name_that_would_be_ignored_is_refused(part: str, name: Any) -> None:
    with pytest.raises(ConfigError, match=f"The {part} of `drawing` must be .*the only one. Got {name!r}"):
        read_diffusion_settings({part: {"name": name}})


def test_all_settings_have_words_for_the_docs() -> None:
    text = Path(str(__import__("inspect").getsourcefile(DiffusionSettings))).read_text(encoding="utf-8")
    for name in DiffusionSettings.__dataclass_fields__:
        if name not in ("autoencoder", "denoiser", "upsampler", "half"):
            after = text.split(f"\n    {name}: ", 1)[1].split("\n")
            assert after[1].strip().startswith('"""'), name
