"""Answers of the page Match: bars, notes, and errors in one line."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gradio")

from visavox.errors import ConfigError, MediaError
from visavox.pipeline import match_attention as attention_module
from visavox.pipeline.match_outcome import FaceOutcome, MatchOutcome
from visavox.web.pages import match as page
from visavox.web.pages.match import MOST_MAPS, attended, matched, outcome_html, thumbnail
from visavox.web.service_errors import UnavailableError

pytestmark = pytest.mark.usefixtures("own_uploads")

A = FaceOutcome("<a>.jpg", "ok", 0.8, 0.4, 1, "")
B = FaceOutcome("b.jpg", "ok", 0.2, 0.1, 3, "3 faces found; the largest was taken")
NONE = FaceOutcome("c.jpg", "no_face", None, None, 0, "No face found in c.jpg.")


class StandInEngine:
    """Answers with a given outcome; its decoder knows bytes that begin with "face"."""

    def __init__(self, outcome: MatchOutcome, timeout_s: float = 5.0) -> None:
        self.outcome, self.model = outcome, SimpleNamespace(name="base")
        self.slow_work, self.settings = threading.Lock(), SimpleNamespace(timeout_s=timeout_s, keep_uploads=None)
        self.lanes = SimpleNamespace(decoder=self)
        self.asked: list[Any] = []

    def match(self, voice: bytes, faces: list[bytes], *, names: list[str]) -> MatchOutcome:
        self.asked.append((voice, faces, names))
        return self.outcome

    def image(self, data: bytes, *, name: str) -> np.ndarray:
        if not data.startswith(b"face"):
            raise MediaError(f"{name} is none", status="unreadable_image")
        return np.full((40, 30, 3), data[4], np.uint8)

    def frames(self, data: bytes, *, name: str) -> list[np.ndarray]:
        return [self.image(data, name=name)]

    def voice(self, data: bytes, *, name: str) -> np.ndarray:
        return np.zeros(16_000, np.float32)


def outcome(*faces: FaceOutcome, voice_status: str = "ok", note: str = "") -> MatchOutcome:
    return MatchOutcome("v.wav", voice_status, note, 3.1, faces, "base")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, list[str]]:
    (tmp_path / "v.wav").write_bytes(b"voice")
    paths = []
    for number, content in enumerate((b"face1", b"face2", b"noface")):
        paths.append(tmp_path / f"{number}.jpg")
        paths[-1].write_bytes(content)
    return str(tmp_path / "v.wav"), [str(path) for path in paths]


def test_every_face_has_its_bar_and_its_note() -> None:
    html = outcome_html(outcome(A, B, NONE), ["data:1", "data:2", ""])
    assert "&lt;a&gt;.jpg is the most probable, 80.0 %" in html and "<a>.jpg" not in html
    assert html.count('role="meter"') == 2 and html.count("vx-best") == 1
    assert "3 faces found; the largest was taken" in html and "No face found in c.jpg." in html
    assert "A guess by base from 3.1 s of speech, given that one of these faces is the speaker's." in html


def test_too_little_speech_is_no_answer() -> None:
    html = outcome_html(outcome(A, B, voice_status="too_little_speech", note="Only 0.2 s\nof speech."), ["", ""])
    assert "No answer" in html and "Only 0.2 s\\nof speech." in html and "most probable" not in html


def test_one_usable_face_is_no_choice() -> None:
    alone = FaceOutcome("a.jpg", "ok", None, 0.4, 1, "")
    assert "At least two usable faces are needed." in outcome_html(outcome(alone, NONE), ["", ""])


def test_the_engine_gets_bytes_and_names(files: tuple[str, list[str]]) -> None:
    engine: Any = StandInEngine(outcome(A, B, NONE))
    html = matched(engine, files[0], files[1])
    assert engine.asked == [(b"voice", [b"face1", b"face2", b"noface"], ["v.wav", "0.jpg", "1.jpg", "2.jpg"])]
    assert html.count("data:image/jpeg") == 2 and html.count("no picture") == 1


def test_a_picture_that_cannot_be_read_has_none() -> None:
    engine: Any = StandInEngine(outcome(A, B))
    assert thumbnail(engine, b"zip", "x.jpg") == ""


@pytest.mark.parametrize("n, words", [(0, "Got 0."), (1, "Got 1.")])
def test_fewer_than_two_faces_is_one_line(n: int, words: str, files: tuple[str, list[str]]) -> None:
    with pytest.raises(ConfigError, match=f"A match needs at least 2 faces. {words}"):
        matched(StandInEngine(outcome()), files[0], files[1][:n])  # type: ignore[arg-type]


def test_the_likeliest_faces_are_looked_into_and_unusable_ones_left_out(
    files: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def looked(model: Any, voice: np.ndarray, faces: list[np.ndarray], *, progress: Any) -> Any:
        seen.update(model=model.name, n=len(voice), shades=[int(face[0, 0, 0]) for face in faces])
        progress(1, 4)
        return "attention"

    monkeypatch.setattr(page, "match_attention", looked)
    monkeypatch.setattr(page, "attention_html", lambda attention, names: f"{attention} of {names}")
    said: list[float] = []
    engine: Any = StandInEngine(outcome(B, A, NONE))
    html = attended(engine, files[0], files[1], lambda share, desc: said.append(share))
    assert html == "attention of ['<a>.jpg', 'b.jpg']"
    assert seen == {"model": "base", "n": 16_000, "shades": [ord("2"), ord("1")]} and said == [0.25]
    assert not engine.slow_work.locked() and MOST_MAPS >= 2
    assert attention_module.match_attention is not looked


def test_without_an_answer_nothing_is_looked_into(files: tuple[str, list[str]]) -> None:
    engine: Any = StandInEngine(outcome(NONE, NONE, NONE))
    assert "No answer" in attended(engine, files[0], files[1], None)


def test_one_at_a_time_is_looked_into(files: tuple[str, list[str]]) -> None:
    engine: Any = StandInEngine(outcome(A, B, NONE), timeout_s=0.01)
    with engine.slow_work, pytest.raises(UnavailableError, match="Others are looking"):
        attended(engine, files[0], files[1], None)
