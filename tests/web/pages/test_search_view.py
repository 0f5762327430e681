"""The answer of a search: nobody here stands where its probability puts it."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome
from visavox.retrieval.gallery_rows import ModalityInfo
from visavox.web.pages.search_view import gallery_html, outcome_html


class StandInGallery:
    """Has a picture and a sound of "a" and of nobody else."""

    def thumbnail(self, key: str) -> bytes | None:
        return b"\xff\xd8picture" if key.startswith("a") else None

    def excerpt(self, key: str) -> bytes | None:
        return b"OggSsound" if key.startswith("a") else None


GALLERY: Any = StandInGallery()


def outcome(*probabilities: float | None, p_nobody: float | None = 0.3, **changes: Any) -> SearchOutcome:
    hits = tuple(
        SearchHit(rank, f"{name}/face", f"{name}-clip", f"<{name}>", 0.5 - 0.1 * rank, p, {"gender": "f"})
        for rank, (name, p) in enumerate(zip("abcdef", probabilities, strict=False), start=1)
    )
    told: dict[str, Any] = {
        "query": "v.wav", "query_modality": "voice", "against": "face", "status": "ok", "note": "3.0 s of speech",
        "hits": hits, "p_nobody": p_nobody, "prior_nobody": 0.5, "n_candidates": len(hits), "by": "person",
        "notes": ("A note.",), "model": "base", "gallery": "g", "p_others": None,
    }  # fmt: skip
    return SearchOutcome(**{**told, **changes})


def names(html: str) -> list[str]:
    return re.findall(r'<span class="name">([^<]*)</span>', html)


def test_rows_stand_in_the_order_of_their_probabilities() -> None:
    html = outcome_html(outcome(0.5, 0.2, p_nobody=0.3), GALLERY)
    assert names(html) == ["&lt;a&gt;", "nobody here", "&lt;b&gt;"]
    assert "&lt;a&gt; is the most probable, 50.0 %" in html and html.count("vx-best") == 1
    assert html.index("vx-best") < html.index(">nobody here<")


def test_nobody_here_is_an_answer() -> None:
    html = outcome_html(outcome(0.2, 0.1, p_nobody=0.7), GALLERY)
    assert names(html)[0] == "nobody here" and "Nobody here, 70.0 %" in html
    assert re.search(r'vx-best">.*nobody here', html)


def test_those_who_are_not_shown_are_counted() -> None:
    html = outcome_html(outcome(0.5, p_nobody=0.3, n_candidates=1201, p_others=0.2), GALLERY)
    assert names(html)[-1] == "1,200 others together" and "among 1,201 people with a face" in html


def test_without_calibration_there_are_ranks_and_no_bars() -> None:
    html = outcome_html(outcome(None, None, p_nobody=None), GALLERY)
    assert "is the most alike" in html and "meter" not in html and "nobody here" not in html


def test_faces_are_seen_and_voices_are_heard() -> None:
    faces = outcome_html(outcome(0.5, 0.2), GALLERY)
    assert faces.count("data:image/jpeg") == 1 and "<audio" not in faces and "no picture" in faces
    voices = outcome_html(outcome(0.5, 0.2, against="voice", query_modality="face"), GALLERY)
    assert voices.count("<audio controls") == 1 and "data:audio/ogg" in voices and "<img" not in voices
    assert 'aria-label="Voice of &lt;a&gt;"' in voices and "vx-sounds" in voices


def test_what_is_known_and_what_is_to_be_read_beside_it_are_there() -> None:
    html = outcome_html(outcome(0.5), GALLERY)
    assert "gender f; cosine 0.40" in html and "A note." in html and "(3.0 s of speech)" in html
    assert "given that nobody here has 50 % beforehand" in html


def test_clips_are_named_by_clip() -> None:
    assert names(outcome_html(outcome(0.5, by="clip"), GALLERY))[0] == "a-clip"


def test_a_query_that_cannot_be_used_says_why() -> None:
    html = outcome_html(outcome(status="silent", note="The voice is silent\n."), GALLERY)
    assert "No answer" in html and "The voice is silent\\n." in html and "vx-bars" not in html


def test_an_empty_answer_is_said() -> None:
    assert "Nobody could be found" in outcome_html(outcome(p_nobody=None), GALLERY)


def test_name_and_size_of_a_gallery() -> None:
    about = ModalityInfo(n_rows=2_000, n_people=1_000, n_media=0, indexes={})
    info: Any = SimpleNamespace(folder=Path("/x/<g>"), modalities={"face": about})
    html = gallery_html(info)
    assert "1,000 people with a face (2,000 clips)" in html and "&lt;g&gt;" in html
    info.modalities = {}
    assert "holds nobody yet" in gallery_html(info)
