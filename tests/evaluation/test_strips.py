"""Choosing strips and embedding their media."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from visavox.errors import ConfigError
from visavox.evaluation.measures import ProbeOutcome
from visavox.evaluation.strips import (
    FACE_PX,
    MAX_STRIPS,
    VOICE_S,
    Embedded,
    embed_face,
    embed_voice,
    pick_strips,
)


def outcome(name: str, margin: float) -> ProbeOutcome:
    return ProbeOutcome(f"{name}/voice", f"{name}/face", "x/face", 0.5 + margin, 0.5, 0.9)


def decoded(embedded: Embedded, kind: str) -> io.BytesIO:
    assert embedded.uri is not None
    head, _, data = embedded.uri.partition(",")
    assert head == f"data:{kind};base64"
    return io.BytesIO(base64.b64decode(data, validate=True))


def test_the_best_fall_and_the_very_worst_comes_first() -> None:
    outcomes = [outcome(name, margin) for name, margin in (("a", 0.1), ("b", 0.4), ("c", -0.3), ("d", -0.1))]
    strips = pick_strips(outcomes, paths={})
    assert [(s.kind, s.voice) for s in strips] == [
        ("best", "b/voice"),
        ("best", "a/voice"),
        ("worst", "c/voice"),
        ("worst", "d/voice"),
    ]


def test_a_strip_carries_its_scores_keys_and_paths(tmp_path: Path) -> None:
    paths = {"a/voice": tmp_path / "a.flac", "x/face": "x.jpg"}
    (strip,) = pick_strips([outcome("a", 0.25)], paths=paths)
    assert (strip.voice, strip.face, strip.wrong_face) == ("a/voice", "a/face", "x/face")
    assert (strip.score, strip.wrong_score, strip.margin, strip.share_beaten) == (0.75, 0.5, 0.25, 0.9)
    assert (strip.voice_path, strip.face_path, strip.wrong_face_path) == (str(tmp_path / "a.flac"), None, "x.jpg")


def test_a_person_appears_once_among_the_best_and_once_among_the_worst() -> None:
    outcomes = [outcome(str(i), 1 - i / 10) for i in range(8)]
    people = {f"{i}/voice": "AB"[i % 2] for i in range(8)}
    strips = pick_strips(outcomes, paths={}, people=people)
    assert [(s.kind, people[s.voice]) for s in strips] == [("best", "A"), ("worst", "B")]
    assert [s.voice for s in strips] == ["0/voice", "7/voice"]


def test_a_voice_without_a_person_is_its_own_even_where_a_person_has_its_name() -> None:
    outcomes = [outcome("a", 0.3), outcome("b", 0.2)]
    strips = pick_strips(outcomes, paths={}, people={"b/voice": "a/voice"})
    assert len(strips) == 2


def test_no_voice_is_in_both_kinds() -> None:
    for n in range(7):
        strips = pick_strips([outcome(str(i), i / 10) for i in range(n)], paths={})
        assert len(strips) == n
        assert len({s.voice for s in strips}) == n
        assert sum(s.kind == "best" for s in strips) == (n + 1) // 2


@given(st.lists(st.tuples(st.sampled_from("ABCDE"), st.integers(-3, 3)), max_size=12), st.integers(0, 4))
def test_voices_are_never_shown_twice_whoever_they_belong_to(rows: list[tuple[str, int]], n_strips: int) -> None:
    outcomes = [outcome(str(i), margin / 4) for i, (_, margin) in enumerate(rows)]
    people = {f"{i}/voice": person for i, (person, _) in enumerate(rows)}
    strips = pick_strips(outcomes, paths={}, people=people, n_strips=n_strips)
    assert len({s.voice for s in strips}) == len(strips)
    for kind, sign in (("best", -1), ("worst", 1)):
        chosen = [s for s in strips if s.kind == kind]
        assert len({people[s.voice] for s in chosen}) == len(chosen) <= n_strips
        assert [s.margin for s in chosen] == sorted((s.margin for s in chosen), key=lambda m: sign * m)


def test_there_are_at_most_as_many_of_each_kind_as_asked_for() -> None:
    outcomes = [outcome(str(i), i / 100) for i in range(60)]
    assert len(pick_strips(outcomes, paths={})) == 2 * MAX_STRIPS
    assert [s.kind for s in pick_strips(outcomes, paths={}, n_strips=2)] == ["best", "best", "worst", "worst"]
    assert pick_strips(outcomes, paths={}, n_strips=0) == ()


def test_outcomes_with_nan_are_never_chosen() -> None:
    outcomes = [outcome("a", math.nan), outcome("b", -math.inf), outcome("c", 0.1)]
    assert [s.voice for s in pick_strips(outcomes, paths={})] == ["c/voice"]


def test_equal_margins_keep_their_order() -> None:
    outcomes = [outcome(name, 0.25) for name in "abcd"]
    assert [s.voice for s in pick_strips(outcomes, paths={}, n_strips=1)] == ["a/voice", "d/voice"]


@pytest.mark.parametrize("n", [-1, 13])
def test_more_strips_than_a_page_holds_are_refused(n: int) -> None:
    with pytest.raises(ConfigError, match=f"`n_strips` must lie between 0 and 12. Got {n}"):
        pick_strips([], paths={}, n_strips=n)


def test_a_face_becomes_a_small_square_jpeg(tmp_path: Path) -> None:
    pixels = np.zeros((300, 600, 3), dtype=np.uint8)
    pixels[:, 150:450] = (200, 40, 40)  # the centre square
    Image.fromarray(pixels).save(tmp_path / "face.png")
    with Image.open(decoded(embed_face(tmp_path / "face.png"), "image/jpeg")) as image:
        assert (image.format, image.size) == ("JPEG", (FACE_PX, FACE_PX))
        corner = np.asarray(image)[4, 4]
    assert np.abs(corner.astype(int) - (200, 40, 40)).max() < 25


def test_a_tall_image_is_cut_to_its_centre_too(tmp_path: Path) -> None:
    pixels = np.zeros((90, 30, 3), dtype=np.uint8)
    pixels[30:60] = 255
    Image.fromarray(pixels).save(tmp_path / "tall.png")
    with Image.open(decoded(embed_face(tmp_path / "tall.png", side_px=32), "image/jpeg")) as image:
        assert np.asarray(image).min() > 200


def test_a_noisy_face_stays_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert len(decoded(embed_face(tmp_path / "noise.png"), "image/jpeg").getvalue()) < 25_000


def test_a_voice_becomes_a_short_mp3(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(10 * 16_000) / 16_000)
    soundfile.write(tmp_path / "voice.wav", tone, 16_000)
    sound = decoded(embed_voice(tmp_path / "voice.wav"), "audio/mpeg")
    assert len(sound.getvalue()) < 4_000 * VOICE_S
    samples, rate = soundfile.read(sound)
    assert rate == 16_000
    assert len(samples) / rate == pytest.approx(VOICE_S, abs=0.2)
    spectrum = np.abs(np.fft.rfft(samples[16_000:32_000]))
    assert spectrum.argmax() == pytest.approx(220, abs=2)


def test_a_voice_beyond_full_scale_is_clipped_not_wrapped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", 3.0 * np.ones(16_000), 16_000, subtype="FLOAT")
    samples, _ = soundfile.read(decoded(embed_voice(tmp_path / "loud.wav"), "audio/mpeg"))
    assert samples[2000:].min() > -0.5


@pytest.mark.parametrize("embed", [embed_face, embed_voice])
def test_no_path_and_broken_files_become_reasons(embed: object, tmp_path: Path) -> None:
    assert callable(embed)
    assert embed(None) == Embedded(None, "no file was named")
    assert embed(tmp_path / "absent") == Embedded(None, "missing file")
    (tmp_path / "empty").touch()
    assert embed(tmp_path / "empty") == Embedded(None, "empty file")
    (tmp_path / "text.jpg").write_text("neither a face nor a voice")
    broken = embed(tmp_path / "text.jpg")
    assert broken.uri is None
    assert broken.reason in {"unreadable image", "unreadable audio", "no audio stream"}


def test_a_reason_never_tells_where_the_file_lies(tmp_path: Path) -> None:
    assert str(tmp_path) not in embed_face(tmp_path / "absent").reason
