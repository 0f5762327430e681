"""Files to a name: by a face, by a voice, by both, and every way in which there is none."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from visavox.errors import ConfigError, DataError
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification_config import EnrollConfig, IdentifyConfig
from visavox.media.audio import SAMPLE_RATE, read_voice, write_voice
from visavox.media.images import read_image
from visavox.media.video_writing import write_video
from visavox.pipeline.enrolled_folder import EnrolledFolder
from visavox.pipeline.enrolling import enroll_people
from visavox.pipeline.identification_outcome import AskedWith
from visavox.pipeline.identifying import Asked, answer, identify_person

ANN = "w0-person-0000"


@pytest.fixture(scope="module")
def people(small_embeddings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "people"
    enroll_people(EnrollConfig(out=out, embeddings=small_embeddings, false_accept=0.2))
    return out


@pytest.fixture
def face(small_world: Path) -> Path:
    return small_world / "faces" / f"{ANN}-c0.jpg"


@pytest.fixture
def voice(small_world: Path) -> Path:
    (path,) = (small_world / "voices").glob(f"{ANN}-c0.*")
    return path


def asked_by(people: EnrolledPeople, clip: int, *modalities: str) -> list[Asked]:
    return [
        Asked(AskedWith(m, "a", "ok", ""), people.channels[m].samples.vectors[clip : clip + 1])  # type: ignore[index,arg-type]
        for m in modalities
    ]


def test_somebody_enrolled_is_named_by_a_face_and_a_voice(people: Path, face: Path, voice: Path) -> None:
    outcome = identify_person(IdentifyConfig(people=people, face=face, voice=voice, top=3))
    assert outcome.ranked[0].name == ANN
    assert [one.modality for one in outcome.asked] == ["face", "voice"]
    assert all(one.name == ANN and one.status == "ok" for one in outcome.asked)
    assert outcome.asked[1].note.endswith(" s of speech")
    assert len(outcome.ranked) == 3
    assert outcome.p_stranger is not None
    assert sum(one.probability for one in outcome.ranked) + outcome.p_stranger <= 1 + 1e-9
    assert outcome.ranked[0].by_modality.keys() == {"face", "voice"}


@pytest.mark.parametrize("given", ["face", "voice"])
def test_either_may_be_missing(people: Path, face: Path, voice: Path, given: str) -> None:
    config = IdentifyConfig(people=people, **{given: face if given == "face" else voice})  # type: ignore[arg-type]
    outcome = identify_person(config)
    assert outcome.ranked[0].name == ANN
    assert [one.modality for one in outcome.asked] == [given]
    assert outcome.asked[0].probability == outcome.ranked[0].probability


def test_a_clip_with_nobody_in_it_has_a_status_for_each_file(people: Path, tmp_path: Path) -> None:
    Image.new("RGB", (200, 200), "teal").save(tmp_path / "wall.png")
    write_voice(tmp_path / "silence.flac", np.zeros(32_000, dtype=np.float32))
    config = IdentifyConfig(people=people, face=tmp_path / "wall.png", voice=tmp_path / "silence.flac")
    outcome = identify_person(config)
    assert [one.status for one in outcome.asked] == ["no_face", "silent"]
    assert not outcome.decided
    assert outcome.ranked == ()
    assert str(outcome).splitlines()[0] == "No answer: the files could not be used."


def test_one_file_that_cannot_be_used_leaves_the_other(people: Path, face: Path, voice: Path, tmp_path: Path) -> None:
    write_voice(tmp_path / "short.flac", read_voice(voice)[8000:11_200])
    outcome = identify_person(IdentifyConfig(people=people, face=face, voice=tmp_path / "short.flac"))
    assert outcome.asked[1].status == "too_little_speech"
    assert outcome.ranked[0].name == ANN
    assert outcome.ranked[0].by_modality.keys() == {"face"}
    assert "Not used: " in str(outcome)


def test_two_faces_are_said(people: Path, face: Path, small_world: Path, tmp_path: Path) -> None:
    other = small_world / "faces" / "w0-person-0003-c0.jpg"
    Image.fromarray(np.concatenate([read_image(face), read_image(other)], axis=1)).save(tmp_path / "two.png")
    outcome = identify_person(IdentifyConfig(people=people, face=tmp_path / "two.png"))
    assert outcome.asked[0].note == "2 faces found; the largest was taken"
    assert "Face: 2 faces found; the largest was taken." in str(outcome)


@pytest.mark.parametrize(
    ("name", "given", "status"),
    [("no.jpg", "face", "missing_file"), ("t.mp4", "face", "unreadable_image"), ("t.mp4", "voice", "unreadable_audio")],
)
def test_what_is_no_medium_is_a_status(people: Path, tmp_path: Path, name: str, given: str, status: str) -> None:
    (tmp_path / "t.mp4").write_text("no film", encoding="utf-8")
    outcome = identify_person(IdentifyConfig(people=people, **{given: tmp_path / name}))  # type: ignore[arg-type]
    assert outcome.asked[0].status == status
    assert name in outcome.asked[0].note


def test_a_stranger_is_refused_at_the_rate_that_is_asked_for(people: Path) -> None:
    known = EnrolledFolder.load(people).people
    stranger = EnrolledFolder.load(people).people
    stranger.remove([ANN])
    asked = asked_by(known, 0, "voice")
    config = IdentifyConfig(people=people, voice=Path("a"), false_accept=0.2)
    outcome = answer(stranger, asked, config)
    assert outcome.is_stranger
    assert outcome.name is None
    assert outcome.p_value is not None
    assert outcome.p_value > 0.2
    accepted = answer(stranger, asked, IdentifyConfig(people=people, voice=Path("a"), false_accept=1.0))
    assert not accepted.is_stranger


def test_a_rate_that_the_enrolment_cannot_promise_is_said_with_the_smallest_it_can(people: Path) -> None:
    known = EnrolledFolder.load(people).people
    config = IdentifyConfig(people=people, voice=Path("a"), false_accept=1e-6)
    outcome = answer(known, asked_by(known, 0, "voice"), config)
    assert outcome.false_accept == pytest.approx(1 / (1 + len(known.strangers[("voice",)])))
    (note,) = [note for note in outcome.notes if "1e-06" in note]
    assert note.startswith(f"False accepts: asked 1e-06, {outcome.false_accept:.3g} used")
    assert outcome.asked_false_accept == 1e-6
    assert f"; asked 1e-06, {outcome.false_accept:.3g} used" in str(outcome)
    assert str(outcome).count("False accepts") == 1


@pytest.mark.parametrize("how", ["sum", "max"])
def test_sum_and_max_are_of_probabilities(people: Path, how: str) -> None:
    known = EnrolledFolder.load(people).people
    asked = asked_by(known, 3, "face", "voice")
    config = IdentifyConfig(people=people, face=Path("a"), voice=Path("a"), combine=how, top=8)  # type: ignore[arg-type]
    outcome = answer(known, asked, config)
    expected: dict[str, list[float]] = {}
    for one in asked:
        assert one.vectors is not None
        alone = known.identify({one.about.modality: one.vectors}, top=8)
        for named in alone.ranked:
            expected.setdefault(named.name, []).append(named.probability)
        expected.setdefault("", []).append(alone.p_stranger)
    joined = {name: sum(shares) if how == "sum" else max(shares) for name, shares in expected.items()}
    total = math.fsum(joined.values())
    assert outcome.p_stranger == pytest.approx(joined.pop("") / total)
    assert {one.name: one.probability for one in outcome.ranked} == pytest.approx(
        {name: share / total for name, share in joined.items()}
    )
    shares = [one.probability for one in outcome.ranked]
    assert shares == sorted(shares, reverse=True)
    joint = known.identify({one.about.modality: one.vectors for one in asked}, top=8)  # type: ignore[misc]
    assert {one.name: one.log_likelihood_ratio for one in outcome.ranked} == {
        one.name: one.log_likelihood_ratio for one in joint.ranked
    }


def test_sum_of_one_modality_is_that_modality(people: Path) -> None:
    known = EnrolledFolder.load(people).people
    asked = asked_by(known, 3, "face")
    outcome = answer(known, asked, IdentifyConfig(people=people, face=Path("a"), combine="sum"))
    assert outcome.ranked[0].probability == known.identify({"face": asked[0].vectors}).ranked[0].probability  # type: ignore[dict-item]
    assert "need a face and a voice" in outcome.notes[0]


def test_a_modality_that_nobody_has_is_said(people: Path, tmp_path: Path, face: Path, voice: Path) -> None:
    folder = EnrolledFolder.load(people)
    faces = folder.people.channels["face"].samples
    EnrolledFolder(EnrolledPeople.enroll({"face": faces}), folder.recipe).save(tmp_path / "faces")
    outcome = identify_person(IdentifyConfig(people=tmp_path / "faces", face=face, voice=voice))
    assert outcome.ranked[0].name == ANN
    assert "Nobody is enrolled with a voice, so the voice was not used." in outcome.notes
    nothing = identify_person(IdentifyConfig(people=tmp_path / "faces", voice=voice))
    assert not nothing.decided
    assert "Nobody is enrolled with a voice" in str(nothing)


def test_a_person_with_a_face_only_is_named_by_both(people: Path) -> None:
    folder = EnrolledFolder.load(people)
    samples = {m: folder.people.channels[m].samples for m in folder.people.channels}
    samples["voice"] = samples["voice"].select(np.array([name != ANN for name in samples["voice"].people]))
    lacking = EnrolledPeople.enroll(samples)
    asked = asked_by(folder.people, 0, "face", "voice")
    outcome = answer(lacking, asked, IdentifyConfig(people=people, face=Path("a"), voice=Path("a")))
    assert outcome.ranked[0].name == ANN
    assert set(outcome.ranked[0].by_modality) == {"face"}


def test_what_is_no_folder_of_people_is_refused(tmp_path: Path, small_run: Path, face: Path) -> None:
    with pytest.raises(DataError, match="It holds nothing: it does not exist"):
        identify_person(IdentifyConfig(people=tmp_path / "absent", face=face))
    with pytest.raises(DataError, match="It holds a saved associator"):
        identify_person(IdentifyConfig(people=small_run / "best", face=face))
    with pytest.raises(ConfigError, match="Got neither"):
        IdentifyConfig(people=tmp_path)


def test_what_each_file_says_alone_has_its_numbers(people: Path, face: Path, voice: Path) -> None:
    outcome = identify_person(IdentifyConfig(people=people, face=face, voice=voice))
    known = EnrolledFolder.load(people).people
    seen, heard = outcome.asked
    assert outcome.threshold is not None
    assert outcome.is_stranger == (outcome.ranked[0].log_likelihood_ratio < outcome.threshold)  # type: ignore[operator]
    for one in (seen, heard):
        assert one.p_value is not None
        assert one.threshold is not None
        assert one.log_likelihood_ratio == outcome.ranked[0].by_modality[one.modality]
        n = len(known.strangers[(one.modality,)])
        assert one.p_value == pytest.approx(round(one.p_value * (n + 1)) / (n + 1))
        assert one.is_stranger == (one.log_likelihood_ratio < one.threshold)
    assert seen.speech_s is None
    assert heard.speech_s is not None
    assert heard.note == f"{heard.speech_s:.1f} s of speech"


def test_a_verdict_beside_other_percentages_is_explained(people: Path) -> None:
    """Somebody was named at p = 0.01 while the bars said "a stranger 84 %"."""
    known = EnrolledFolder.load(people).people
    for rate in (1e-6, 0.2, 1.0):
        config = IdentifyConfig(people=people, voice=Path("a"), false_accept=rate)
        for clip in range(16):
            outcome = answer(known, asked_by(known, clip, "voice"), config)
            assert outcome.p_stranger is not None
            differ = outcome.is_stranger != (outcome.p_stranger >= outcome.ranked[0].probability)
            said = [note for note in outcome.notes if "answer different questions" in note]
            assert len(said) == differ
            assert all("50 % of those who ask are strangers" in note for note in said)
    noise = [Asked(AskedWith("voice", "a", "ok", ""), -asked_by(known, 0, "voice")[0].vectors)]  # type: ignore[operator]
    outcome = answer(known, noise, IdentifyConfig(people=people, voice=Path("a"), false_accept=1.0))
    assert outcome.decided
    assert any("answer different questions" in note for note in outcome.notes)


def test_a_film_without_sound_has_no_voice(people: Path, tmp_path: Path) -> None:
    path = tmp_path / "mute.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5.0, (64, 64))
    for _ in range(5):
        film.write(np.full((64, 64, 3), 90, np.uint8))
    film.release()
    outcome = identify_person(IdentifyConfig(people=people, voice=path))
    assert outcome.asked[0].status == "no_audio_stream"
    assert "mute.avi" in outcome.asked[0].note
    assert not outcome.decided


def test_a_film_of_a_voice_without_a_face_names_by_the_voice_alone(people: Path, voice: Path, tmp_path: Path) -> None:
    path = tmp_path / "wall.mp4"
    sound = read_voice(voice)
    n_frames = round(5 * len(sound) / SAMPLE_RATE)
    write_video(path, [np.full((64, 64, 3), 90, np.uint8)] * n_frames, sound, fps=5)
    outcome = identify_person(IdentifyConfig(people=people, face=path, voice=path))
    assert outcome.asked[0].status == "no_face"
    assert "wall.mp4" in outcome.asked[0].note
    assert outcome.asked[1].status == "ok"
    assert outcome.ranked[0].by_modality.keys() == {"voice"}
