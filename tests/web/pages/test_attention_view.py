"""Maps as pictures: the colours mean what the legend says."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from visavox.pipeline.match_attention import FaceAttention, MatchAttention
from visavox.pipeline.occlusion import VoiceEffect
from visavox.web.pages.attention_view import attention_html, colours, face_words, over, smoothed, voice_words


def attention(face: float = 1.0, voice: float = 2.0) -> MatchAttention:
    effect = np.zeros((256, 256), np.float32)
    effect[:64, 192:] = face
    heard = np.zeros((64, 120), np.float32)
    heard[16:32, 60:80] = voice
    crop = np.full((256, 256, 3), 128, np.uint8)
    level = np.full((64, 120), -40, np.float32)
    return MatchAttention(
        (FaceAttention(crop, effect), FaceAttention(crop, -effect)), VoiceEffect(level, heard, 3.0), 0, 1.0
    )


def pictures(html: str) -> list[np.ndarray]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found]


def test_what_speaks_for_it_is_orange_and_what_speaks_against_it_is_blue() -> None:
    painted = colours(np.array([[0.5, -0.5]], np.float32), largest=0.5)
    assert painted[0, 0, 0] > 150 > painted[0, 0, 2] and painted[0, 1, 2] > 150 > painted[0, 1, 0]


def test_nothing_covers_the_picture_where_there_is_no_effect() -> None:
    grey = np.full((16, 16), 99, np.float32)
    assert np.all(over(grey, np.zeros((16, 16), np.float32), largest=1.0) == 99)


def test_a_larger_effect_is_never_paler_up_to_the_end_of_the_scale() -> None:
    opacity = colours(np.linspace(0, 2, 50, dtype=np.float32)[None], largest=1.0)[0, :, 3]
    assert np.all(np.diff(opacity) >= 0) and opacity[-1] == opacity[25] == pytest.approx(0.8)


def test_smoothing_keeps_the_mean_and_the_place() -> None:
    effect = attention().faces[0].effect
    smooth = smoothed(effect)
    assert smooth.shape == effect.shape and smooth.mean() == pytest.approx(effect.mean(), rel=0.05)
    assert smooth[20, 230] == pytest.approx(1.0, abs=0.15) and abs(smooth[200, 50]) < 0.05


def test_the_maps_of_all_faces_have_one_scale() -> None:
    html = attention_html(attention(), ["a.jpg", "<b>.jpg"])
    faces = pictures(html)[:2]
    for_it, against = (face[20, 230].astype(int) for face in faces)
    assert for_it[0] - for_it[2] > 60 and against[2] - against[0] > 60
    assert abs(int(faces[0][200, 50].max()) - int(faces[0][200, 50].min())) <= 1, "grey where nothing matters"
    assert "Full colour is a change of the log odds by 1.00 on the faces and by 2.00 on the voice" in html
    assert "&lt;b&gt;.jpg" in html and "<b>.jpg" not in html


def test_low_pitch_is_at_the_bottom_of_the_voices_map() -> None:
    picture = pictures(attention_html(attention(), ["a", "b"]))[2].astype(int)
    height, width = picture.shape[:2]
    orange = (picture[..., 0] - picture[..., 2] > 40).nonzero()
    assert 0.4 * height < orange[0].mean() < 0.85 * height  # bands 16 to 32 of 64, counted from below
    assert orange[1].mean() == pytest.approx(70 / 120 * width, rel=0.1)


def test_words_say_where_and_which_way() -> None:
    found = attention()
    assert face_words(found.faces[0].effect) == "most for it: upper right of the picture (+1.00)"
    assert face_words(found.faces[1].effect) == "most against it: upper right of the picture (−1.00)"
    assert voice_words(found) == "most for it: 2.5 to 3.0 s, 614 to 1,768 Hz (+2.00)"
    assert "most against it" in voice_words(attention(voice=-1.0))


def test_the_middle_is_called_the_centre() -> None:
    effect = np.zeros((90, 90), np.float32)
    effect[45, 45] = 1
    assert face_words(effect) == "most for it: centre of the picture (+1.00)"


def test_noise_is_not_explained() -> None:
    quiet = attention(face=0.001, voice=0.001)
    assert face_words(quiet.faces[0].effect) == "no place matters"
    assert voice_words(quiet) == "no place of the voice matters"
    face = pictures(attention_html(quiet, ["a", "b"]))[0].astype(int)
    assert np.abs(face - 128).max() <= 12, "a thousandth is no colour"


def test_the_legend_says_in_words_what_colours_mean() -> None:
    html = attention_html(attention(), ["a", "b"])
    assert "orange: covering this makes the match less likely; it spoke for it" in html
    assert "blue: covering this makes the match more likely; it spoke against" in html
    assert "grey square" in html and "silence" in html
