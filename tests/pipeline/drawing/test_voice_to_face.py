"""From a voice to labelled guesses in Python: what is heard, asked for, refused and said."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import visavox
from visavox.errors import ConfigError, DataError, MediaError, UnknownNameError
from visavox.generation.given_conditions import attributes_given
from visavox.generation.picture_files import LEAKED
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.voice_to_face import UNKNOWN_LICENCE, DrawnFaces, VoiceToFacePipeline
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder

CPU = Compute(device="cpu")


@pytest.fixture(scope="module")
def voice(small_world: Path) -> Path:
    return sorted((small_world / "voices").iterdir())[0]


@pytest.fixture
def pipeline(tiny_generator: Path) -> VoiceToFacePipeline:
    return VoiceToFacePipeline.from_pretrained(tiny_generator, compute=CPU)


@pytest.fixture
def stood_in(tiny_generator: Path, stand_in_drawer: Any) -> VoiceToFacePipeline:
    """With the stand-in, which takes every condition."""
    return VoiceToFacePipeline.from_pretrained(tiny_generator, compute=Compute(device="cpu", batch_size=4))


def test_it_is_a_public_name() -> None:
    assert visavox.VoiceToFacePipeline is VoiceToFacePipeline


def test_a_voice_gives_labelled_pictures(pipeline: VoiceToFacePipeline, voice: Path) -> None:
    drawn = pipeline.draw(voice, n_samples=3, seed=5)
    assert isinstance(drawn, DrawnFaces)
    assert drawn.pictures.shape == (3, 32, 32, 3) and drawn.pictures.dtype == np.uint8
    assert not np.array_equal(drawn.pictures[0], drawn.pictures[1])
    assert [label.sample for label in drawn.labels] == [0, 1, 2]
    assert drawn.rows[2]["label"] == "guess from a voice, not a picture of a person"
    assert drawn.rows[2]["voice_sha256"] == hashlib.sha256(voice.read_bytes()).hexdigest()
    assert {condition.provenance for condition in drawn.told} == {"from voice"}
    assert drawn.labels[0].guidance == 1.5
    assert drawn.labels[0].licence == "CC0-1.0, since nobody made it"
    assert repr(pipeline).endswith("by decoder, 32 px)")


def test_the_same_seed_gives_the_same_pictures(pipeline: VoiceToFacePipeline, voice: Path) -> None:
    one, other = (pipeline.draw(voice, n_samples=2, seed=1) for _ in range(2))
    assert np.array_equal(one.pictures, other.pictures)
    another = pipeline.draw(voice, n_samples=2, seed=2)
    assert np.array_equal(one.pictures[0], another.pictures[0])  # the expected face knows no seed
    assert not np.array_equal(one.pictures[1], another.pictures[1])


def test_another_voice_gives_other_pictures(pipeline: VoiceToFacePipeline, small_world: Path) -> None:
    voices = sorted((small_world / "voices").iterdir())
    one, other = (pipeline.draw(path, n_samples=1).pictures for path in (voices[0], voices[-1]))
    assert not np.array_equal(one, other)


def test_without_guidance_every_voice_is_the_same(pipeline: VoiceToFacePipeline, small_world: Path) -> None:
    voices = sorted((small_world / "voices").iterdir())
    one, other = (pipeline.draw(path, n_samples=2, guidance=0.0) for path in (voices[0], voices[-1]))
    assert np.array_equal(one.pictures, other.pictures)
    assert "guidance 0 ignores the voice: these are faces of nobody in particular" in one.notes


def test_pieces_are_the_same_as_all_at_once(tiny_generator: Path, voice: Path) -> None:
    small = VoiceToFacePipeline.from_pretrained(tiny_generator, compute=Compute(device="cpu", batch_size=2))
    large = VoiceToFacePipeline.from_pretrained(tiny_generator, compute=CPU)
    heard = large.hear(voice).heard
    one, other = small.draw_heard(heard, 5, seed=3), large.draw_heard(heard, 5, seed=3)
    assert np.abs(one.pictures.astype(int) - other.pictures).max() <= 1
    assert one.labels == other.labels


def test_pieces_and_their_progress(stood_in: VoiceToFacePipeline, stand_in_drawer: Any, voice: Path) -> None:
    seen: list[tuple[int, int]] = []
    drawn = stood_in.draw(voice, 10, seed=7, progress=lambda done, total: seen.append((done, total)))
    assert [(r.first_sample, r.n_samples) for r in stand_in_drawer.requests] == [(0, 4), (4, 4), (8, 2)]
    assert drawn.pictures[:, 0, 0].tolist() == [[i, 7, 20] for i in range(10)]
    assert seen == [(i, 10) for i in range(1, 11)]


def test_a_voice_is_heard_as_encoders_hear_it(pipeline: VoiceToFacePipeline, voice: Path) -> None:
    speaker = pipeline.hear(voice)
    samples = read_voice(voice)
    encoder = FrozenEncoder("ge2e", "voice", CPU)
    assert np.array_equal(speaker.heard.samples, samples)
    assert speaker.heard.vector == pytest.approx(encoder.encode([samples])[0], abs=1e-5)
    assert speaker.heard.windows.shape == (-(-len(samples) // round(1.6 * SAMPLE_RATE)), 256)
    window = samples[: round(1.6 * SAMPLE_RATE)]
    assert speaker.heard.windows[0] == pytest.approx(encoder.encode([window])[0], abs=1e-5)
    assert speaker.notes == ()


def test_a_voice_of_one_window_is_its_own_window(tiny_generator: Path, voice: Path) -> None:
    generator = dataclasses.replace(Generator.load(tiny_generator), window_s=0.0)
    speaker = VoiceToFacePipeline(generator, compute=CPU).hear(voice)
    assert np.array_equal(speaker.heard.windows, speaker.heard.vector[None])


def test_an_array_is_heard_as_its_file(pipeline: VoiceToFacePipeline, voice: Path) -> None:
    assert np.array_equal(pipeline.draw(read_voice(voice), 1).pictures, pipeline.draw(voice, 1).pictures)


def test_conditions_come_with_their_provenance(stood_in: VoiceToFacePipeline, voice: Path) -> None:
    drawn = stood_in.draw(voice, 1, conditions=attributes_given(age=40.0, gender="male", is_true=True))
    assert [(c.name, c.provenance) for c in drawn.told] == [
        ("voice", "from voice"),
        ("windows", "from voice"),
        ("age", "from the true face"),
        ("gender", "from the true face"),
    ]
    assert LEAKED in drawn.notes
    assert drawn.rows[0]["warning"] == LEAKED


def test_a_condition_that_was_not_learned_is_refused(pipeline: VoiceToFacePipeline, voice: Path) -> None:
    with pytest.raises(ConfigError, match="`age` cannot be told to .* by decoder, which was trained with voice"):
        pipeline.draw(voice, conditions=attributes_given(age=40.0))


def test_a_size_that_the_model_draws_is_drawn(stood_in: VoiceToFacePipeline, voice: Path) -> None:
    assert stood_in.draw(voice, 1, px=64).pictures.shape == (1, 64, 64, 3)
    assert stood_in.draw(voice, 1, px=32).pictures.shape == (1, 32, 32, 3)
    with pytest.raises(ConfigError, match=r"`px` must be one that .* draws: 32, 64\. Got 256"):
        stood_in.draw(voice, 1, px=256)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"n_samples": 0}, "`n_samples` must be 1 to 4096. Got 0."),
        ({"n_samples": 5000}, "`n_samples` must be 1 to 4096. Got 5000."),
        ({"seed": -1}, "`seed` must be 0 or more"),
        ({"guidance": -1.0}, "`guidance` must be 0 to 30"),
        ({"guidance": 1e9}, "`guidance` must be 0 to 30"),
        ({"guidance": float("nan")}, "`guidance` must be 0 to 30"),
        ({"start_s": -1.0}, "`start_s` must be 0 or more"),
    ],
)
def test_numbers_out_of_range_are_refused_before_anything_is_heard(
    pipeline: VoiceToFacePipeline, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        pipeline.draw("no-such-file.wav", **asked)
    assert said in str(caught.value)


def test_a_large_guidance_is_noted(stood_in: VoiceToFacePipeline, voice: Path) -> None:
    drawn = stood_in.draw(voice, 1, guidance=12.0)
    assert drawn.notes == ("guidance 12 exaggerates; faces may fall apart above 6",)


def test_two_speakers_are_noted(pipeline: VoiceToFacePipeline, monkeypatch: pytest.MonkeyPatch, voice: Path) -> None:
    monkeypatch.setattr("visavox.pipeline.drawing.voice_to_face.two_voices_note", lambda windows: f"{len(windows)} !")
    assert pipeline.draw(voice, 1).notes == (f"{len(pipeline.hear(voice).heard.windows)} !",)


def test_a_silent_voice_is_one_line(pipeline: VoiceToFacePipeline, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "still.wav", np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    with pytest.raises(MediaError, match=r"still\.wav: The voice is silent"):
        pipeline.draw(tmp_path / "still.wav")


def test_a_drawer_of_another_size_is_caught(stood_in: VoiceToFacePipeline, stand_in_drawer: Any, voice: Path) -> None:
    stand_in_drawer.draw = lambda request, progress=None: np.zeros((request.n_samples, 16, 16, 3), np.uint8)
    with pytest.raises(DataError, match=r"must draw \(1, 32, 32, 3\) and drew \(1, 16, 16, 3\)"):
        stood_in.draw(voice, 1)


@pytest.mark.parametrize(
    ("card", "licence"),
    [
        (
            "Random. Licence: CC BY-NC 4.0, for research, since the data is.\n",
            "CC BY-NC 4.0, for research, since the data is",
        ),
        ("---\nlicense: cc-by-nc-4.0\n---\n", "cc-by-nc-4.0"),
        ("Nothing is said.\n", UNKNOWN_LICENCE),
        ("\udcff\udcfe is no text.\nLicence: CC0\n", "CC0"),
    ],
)
def test_the_licence_is_that_of_the_card(tiny_generator: Path, tmp_path: Path, card: str, licence: str) -> None:
    shutil.copytree(tiny_generator, tmp_path / "model")
    (tmp_path / "model" / "README.md").write_bytes(card.encode(errors="surrogateescape"))
    assert VoiceToFacePipeline.from_pretrained(tmp_path / "model").licence == licence


def test_a_run_is_named_by_its_folder(tiny_generator: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_generator, tmp_path / "my-run" / "generator")
    assert VoiceToFacePipeline.from_pretrained(tmp_path / "my-run").name == "my-run"
    assert VoiceToFacePipeline.from_pretrained(tmp_path / "my-run" / "generator").name == "my-run"


def test_another_kind_of_model_is_one_line() -> None:
    with pytest.raises(UnknownNameError, match="Unknown model .* 'base'"):
        VoiceToFacePipeline.from_pretrained("base")
    with pytest.raises(DataError, match="holds a saved associator, not a saved generator"):
        VoiceToFacePipeline.from_pretrained(Path(visavox.__file__).parent / "pretrained" / "base")


@pytest.mark.slow
def test_diffusion_in_pieces_is_the_same_as_all_at_once(tiny_diffusion: Path, voice: Path) -> None:
    one, other = (
        VoiceToFacePipeline.from_pretrained(tiny_diffusion, "diffusion", Compute(device="cpu", batch_size=size))
        for size in (2, 8)
    )
    heard = one.hear(voice).heard
    pieces, whole = one.draw_heard(heard, 5, seed=3), other.draw_heard(heard, 5, seed=3)
    assert np.abs(pieces.pictures.astype(int) - whole.pictures).max() <= 1
    assert len({picture.tobytes() for picture in whole.pictures}) == 5
    assert {label.method for label in whole.labels} == {"diffusion"}


@pytest.mark.slow
def test_diffusion_takes_what_it_was_trained_with_alone(tiny_diffusion: Path, voice: Path) -> None:
    pipeline = VoiceToFacePipeline.from_pretrained(tiny_diffusion, "diffusion", CPU)
    guide = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    free = pipeline.draw(voice, 1)
    told = pipeline.draw(voice, 1, conditions=attributes_given(age=70.0, guide=guide), px=64)
    assert free.pictures.shape == (1, 32, 32, 3) and told.pictures.shape == (1, 64, 64, 3)
    assert [condition.name for condition in told.told] == ["voice", "windows", "age", "guide"]
    aged = pipeline.draw(voice, 1, conditions=attributes_given(age=70.0))
    assert not np.array_equal(aged.pictures, free.pictures)
    with pytest.raises(ConfigError, match="`language` cannot be told to .* by diffusion, which was trained with age, "):
        pipeline.draw(voice, conditions=attributes_given(language="welsh"))
