"""The folder that `generate` writes: all of it, the same each time, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.errors import ConfigError, DataError, MediaError, VisavoxError
from visavox.generation.picture_files import LEAKED, read_label
from visavox.generation_config import GenerateConfig
from visavox.media.audio import SAMPLE_RATE
from visavox.pipeline.drawing import generating
from visavox.pipeline.drawing.generating import GenerateOutcome, claimed, generate_faces
from visavox.pipeline.drawing.voice_to_face import VoiceToFacePipeline
from visavox.pipeline.frozen_encoder import Compute


@pytest.fixture(scope="module")
def voice(small_world: Path) -> Path:
    return sorted((small_world / "voices").iterdir())[0]


@pytest.fixture
def generate(voice: Path, tiny_generator: Path, tmp_path: Path) -> Any:
    """Runs with the tiny generator into tmp_path/faces, unless told otherwise."""

    def run(progress: Any = None, **options: Any) -> GenerateOutcome:
        asked = {"voice": voice, "out": tmp_path / "faces", "model": str(tiny_generator), "samples": 2, **options}
        return generate_faces(GenerateConfig(device="cpu", **asked), progress)

    return run


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_pictures_sheet_and_facts_are_written(generate: Any, voice: Path, tiny_generator: Path, tmp_path: Path) -> None:
    outcome = generate(samples=3, seed=4)
    found = contents(tmp_path / "faces")
    assert sorted(found) == ["contact-sheet.png", "face-0000.png", "face-0001.png", "face-0002.png", "faces.json"]
    facts = json.loads(found["faces.json"])
    assert facts == outcome.facts
    assert facts["label"] == "guess from a voice, not a picture of a person"
    assert facts["voice"]["file"] == voice.name
    assert facts["voice"]["sha256"] == hashlib.sha256(voice.read_bytes()).hexdigest()
    assert facts["provenance"].startswith("voice (from voice)") and facts["may_leak"] is False
    assert (facts["seed"], facts["guidance"], facts["image_px"], facts["n_samples"]) == (4, 1.5, 32, 3)
    assert facts["pictures"][2] == {"file": "face-0002.png", "sample": 2}
    assert str(tmp_path) not in found["faces.json"].decode()
    drawn = VoiceToFacePipeline.from_pretrained(tiny_generator, compute=Compute(device="cpu")).draw(voice, 3, seed=4)
    for i, label in enumerate(drawn.rows):
        with Image.open(tmp_path / "faces" / f"face-{i:04d}.png") as image:
            assert np.array_equal(np.asarray(image), drawn.pictures[i])
        assert read_label(found[f"face-{i:04d}.png"]) == label
    assert read_label(found["contact-sheet.png"])["told"] == facts["told"]


def test_the_same_command_writes_the_same_bytes(generate: Any, tmp_path: Path) -> None:
    generate(samples=5, seed=1)
    generate(samples=5, seed=1, out=tmp_path / "again")
    assert contents(tmp_path / "faces") == contents(tmp_path / "again")


def test_more_pictures_begin_with_the_same(generate: Any, tmp_path: Path) -> None:
    generate(samples=2)
    generate(samples=5, out=tmp_path / "more")
    few, more = contents(tmp_path / "faces"), contents(tmp_path / "more")
    assert few["face-0001.png"] == more["face-0001.png"]


def test_many_pictures_fill_several_sheets(generate: Any, stand_in_drawer: Any, tmp_path: Path) -> None:
    outcome = generate(samples=41, batch_size=16)
    assert outcome.facts["contact_sheets"] == ["contact-sheet.png", "contact-sheet-2.png"]
    assert len(contents(tmp_path / "faces")) == 41 + 2 + 1
    assert [request.n_samples for request in stand_in_drawer.requests] == [16, 16, 9]


def test_a_folder_of_pictures_is_replaced_only_when_asked(generate: Any, tmp_path: Path) -> None:
    generate(samples=3)
    before = contents(tmp_path / "faces")
    with pytest.raises(DataError, match="holds pictures. Choose another folder, or replace them with --overwrite"):
        generate(samples=2)
    assert contents(tmp_path / "faces") == before
    generate(samples=2, overwrite=True)
    assert "face-0002.png" not in contents(tmp_path / "faces")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_never_touched(generate: Any, tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "faces").mkdir()
    (tmp_path / "faces" / "thesis.tex").write_text("all of it")
    (tmp_path / "faces" / "face-0000.png").write_text("")
    with pytest.raises(ConfigError, match=r"holds thesis\.tex\. Choose another"):
        generate(overwrite=overwrite)
    assert (tmp_path / "faces" / "thesis.tex").read_text() == "all of it"


def test_a_file_and_the_own_folder_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file is a file"):
        claimed(tmp_path / "file", overwrite=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").unlink()
    with pytest.raises(ConfigError, match="the one that you are in"):
        claimed(Path(), overwrite=True)


def test_a_link_is_followed(generate: Any, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "faces").symlink_to(tmp_path / "real")
    generate()
    assert (tmp_path / "faces").is_symlink()
    assert (tmp_path / "real" / "faces.json").is_file()


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
@pytest.mark.parametrize("at", ["piece", "sheet"])
def test_what_is_stopped_leaves_what_was(
    generate: Any, stand_in_drawer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Any, at: str
) -> None:
    generate(samples=1)
    before = contents(tmp_path / "faces")

    def stop(*_: Any, **__: Any) -> None:
        raise error

    if at == "piece":
        draw = stand_in_drawer.draw
        monkeypatch.setattr(stand_in_drawer, "draw", lambda r, p=None: stop() if r.first_sample else draw(r, p))
    else:
        monkeypatch.setattr(generating, "contact_sheets", stop)
    with pytest.raises((KeyboardInterrupt, DataError)):
        generate(samples=3, batch_size=1, overwrite=True)
    assert contents(tmp_path / "faces") == before
    assert [path.name for path in tmp_path.iterdir()] == ["faces"]


def test_what_the_user_gives_is_in_every_file(generate: Any, stand_in_drawer: Any, tmp_path: Path) -> None:
    outcome = generate(age=30.0, gender="female", guide_is_true=True)
    assert outcome.facts["may_leak"] and outcome.facts["warning"] == LEAKED
    assert LEAKED in outcome.facts["notes"]
    for name in ("face-0000.png", "face-0001.png", "contact-sheet.png"):
        told = read_label(tmp_path / "faces" / name)
        assert told["warning"] == LEAKED
        assert told["told"][-1] == {"condition": "gender", "provenance": "from the true face", "value": "female"}


def test_a_guide_is_the_face_of_a_picture(
    generate: Any, stand_in_drawer: Any, small_world: Path, tmp_path: Path
) -> None:
    face = sorted((small_world / "faces").iterdir())[0]
    outcome = generate(guide=face)
    guide = stand_in_drawer.requests[0].told[-1]
    assert (guide.name, guide.provenance, guide.value.shape) == ("guide", "given by the user", (32, 32, 3))
    assert guide.value.std() > 5
    assert outcome.facts["told"][-1] == {"condition": "guide", "provenance": "given by the user"}


def test_a_guide_without_a_face_is_one_line(generate: Any, stand_in_drawer: Any, tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 64, 3), 9, np.uint8)).save(tmp_path / "wall.png")
    with pytest.raises(MediaError, match=r"No face found in the guide .*wall\.png"):
        generate(guide=tmp_path / "wall.png")
    assert not (tmp_path / "faces").exists()


def test_a_blurred_guide_is_taken_by_who_knows_that_alone(
    generate: Any, stand_in_drawer: Any, small_world: Path
) -> None:
    stand_in_drawer.conditions = ("voice", "blurred_guide")
    generate(guide=sorted((small_world / "faces").iterdir())[0])
    assert stand_in_drawer.requests[0].told[-1].name == "blurred_guide"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"age": 30.0}, "`age` cannot be told to"),
        ({"gender": "female"}, "`gender` cannot be told to"),
        ({"language": "english"}, "`language` cannot be told to"),
        ({"guide": Path("no-such-guide.png")}, "`guide` cannot be told to"),
        ({"guide_is_true": True}, "nothing is given"),
        ({"px": 128}, "`px` must be one that"),
        ({"method": "diffusion"}, "cannot draw by diffusion"),
        ({"model": "base"}, "Unknown model"),
        ({"voice": Path("no-such-voice.wav")}, "does not exist"),
        ({"start_s": 1000.0}, "there must be sound from 1000"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(
    generate: Any, tmp_path: Path, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(VisavoxError) as caught:
        generate(**asked)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "faces").exists()


def test_options_of_diffusion_reach_the_drawer(generate: Any, stand_in_drawer: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        "visavox.pipeline.drawing.voice_to_face.load_drawer", lambda generator, method, device: stand_in_drawer
    )
    generate(method="diffusion", sampler="ddim", steps=7)
    assert stand_in_drawer.requests[0].options == {"sampler": "ddim", "n_steps": 7}


def test_where_was_listened_is_noted(generate: Any, voice: Path, tmp_path: Path) -> None:
    samples, rate = soundfile.read(voice, dtype="float32")
    assert rate == SAMPLE_RATE
    long = np.concatenate([np.zeros(30 * rate, np.float32), samples, np.zeros(5 * rate, np.float32)])
    soundfile.write(tmp_path / "long.wav", long, rate)
    facts = generate(voice=tmp_path / "long.wav").facts
    assert "the stretch with most speech; --start-s chooses another" in facts["notes"][0]
    assert facts["voice"]["looked_through_s"] == pytest.approx(len(long) / rate, abs=1e-3)
    assert facts["voice"]["end_s"] - facts["voice"]["begin_s"] == pytest.approx(24)


def test_progress_is_told(generate: Any) -> None:
    seen: list[tuple[int, int]] = []
    generate(lambda done, total: seen.append((done, total)), samples=3)
    assert seen[-1] == (3, 3)


def test_a_damaged_generator_is_one_line(generate: Any, tiny_generator: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_generator, tmp_path / "broken")
    (tmp_path / "broken" / "decoder" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="is damaged"):
        generate(model=str(tmp_path / "broken"))
