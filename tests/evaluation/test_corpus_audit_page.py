"""The page of an audit: whole, closed to the network, and harmless whatever the names are."""

from __future__ import annotations

import dataclasses
import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.corpus.alike_pairs import AlikePair, AlikePairs
from visavox.corpus.audit import Audit, AuditThresholds, Finding
from visavox.corpus.corpus_audit import VERDICTS, Acquaintance, CorpusAudit, ListFinding, SharedVideo
from visavox.corpus.people_lists import ListRow, Match, Shared
from visavox.evaluation.corpus_audit_page import HEARD, MAX_CARDS, corpus_audit_page

VOID = {"meta", "img", "br"}


class Balance(HTMLParser):
    """Raises unless every tag is closed in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def pair(verdict: str, a: str = "a", b: str = "b", **known: Any) -> AlikePair:
    values: dict[str, Any] = {"person_a": "Ann", "person_b": "Bo", "video_a": "v", "video_b": "w", "hash_distance": 1}
    return AlikePair(verdict, a, b, **(values | known))


def audited(*pairs: AlikePair, **changed: Any) -> CorpusAudit:
    found = CorpusAudit("films", 2, 2, 3, 3, 3, AlikePairs(pairs, {"same_face": 0}, {}, 0), (), (), (), (), None)
    return dataclasses.replace(found, **changed)


@pytest.fixture
def media(tmp_path: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """A face and a voice of the clips a and b."""
    rng = np.random.default_rng(0)
    for clip in "ab":
        Image.fromarray(rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(tmp_path / f"{clip}.jpg")
        soundfile.write(tmp_path / f"{clip}.flac", rng.normal(size=80_000) * 0.1, 16_000)
    return {clip: tmp_path / f"{clip}.jpg" for clip in "ab"}, {clip: tmp_path / f"{clip}.flac" for clip in "ab"}


def test_every_tag_is_closed_and_nothing_is_asked_of_the_network(media: Any) -> None:
    faces, voices = media
    page = corpus_audit_page(
        audited(*(pair(verdict) for verdict in VERDICTS), not_checked={"lists": "none"}), faces=faces, voices=voices
    )
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    assert not {"script", "link", "iframe"} & parser.names
    assert "default-src 'none'" in page
    assert all(uri.startswith("data:") for uri in re.findall(r'src="([^"]*)"', page))


def test_pairs_are_shown_side_by_side_and_heard_where_a_listener_judges(media: Any) -> None:
    faces, voices = media
    for verdict in VERDICTS:
        page = corpus_audit_page(audited(pair(verdict)), faces=faces, voices=voices)
        assert page.count("data:image/jpeg;base64") == 2
        assert page.count("data:audio/mpeg;base64") == (2 if verdict in HEARD else 0)
        assert VERDICTS[verdict].title in page
        assert escape(VERDICTS[verdict].remedy) in page
        assert 'alt="Face of a"' in page


def test_a_page_with_all_its_pairs_stays_small(media: Any) -> None:
    faces, voices = media
    pairs = [pair("two_names") for _ in range(MAX_CARDS)]
    # Pictures of noise are the largest that there are.
    assert len(corpus_audit_page(audited(*pairs), faces=faces, voices=voices)) < 5_000_000 / len(VERDICTS) * 1.6


def test_what_is_missing_has_a_grey_box_with_its_reason(tmp_path: Path) -> None:
    page = corpus_audit_page(audited(pair("two_names")), faces={"a": tmp_path / "none.jpg"})
    assert "No image: missing file" in page
    assert page.count("No image: no file was named") == 1
    assert page.count("No voice: no file was named") == 2


def test_names_are_escaped_everywhere() -> None:
    evil = "<script>alert('x')</script>\"&"
    match = Match(evil, evil, ListRow())
    finding = Finding(evil, "error", evil, evil, 1.0, "train", "test", evil)
    page = corpus_audit_page(
        audited(
            pair("two_names", a=evil, b=f"{evil} 2", person_a=evil, video_a=evil),
            corpus=evil,
            spellings=((evil, "x"),),
            shared_videos=(SharedVideo(evil, (evil, "b"), 2),),
            lists=(ListFinding(evil, 1, 1, Shared((match,), (match,), (), 0)),),
            acquaintances=(Acquaintance(evil, evil, (evil,), evil),),
            sides=Audit((finding,), {evil: 1}, {}, 1, 0, AuditThresholds()),
            not_checked={evil: evil},
        )
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 15


def test_pairs_beyond_the_cards_are_in_a_table() -> None:
    pairs = [pair("alike_face", a=f"clip {n}") for n in range(MAX_CARDS + 3)]
    page = corpus_audit_page(audited(*pairs))
    assert page.count('<li class="strip">') == MAX_CARDS
    assert "3 more pairs; audit.json names all that are listed" in page
    assert f"Faces that are nearly the same: {MAX_CARDS + 3} pairs" in page
    assert f'<th scope="row">clip {MAX_CARDS + 2}</th>' in page


def test_the_head_says_how_sure_it_is() -> None:
    assert "What is certain comes first" in corpus_audit_page(audited(pair("two_names")))
    assert "None of it is certain" in corpus_audit_page(audited(pair("alike_face")))
    clean = corpus_audit_page(audited())
    assert "certain" not in clean.split("<main>")[0].split("<header")[1]
    assert "keep it with the corpus" in clean


def test_only_what_has_something_to_say_has_a_section() -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", corpus_audit_page(audited()))
    assert headings == ["What was looked for"]
    sides = Audit((), {"person": 0}, {}, 3, 0, AuditThresholds())
    lists = (ListFinding("l.csv", 3, 0, Shared((), (), (), 0)),)
    more = audited(pair("alike_voice"), sides=sides, lists=lists, acquaintances=(Acquaintance("m", "t"),))
    assert re.findall(r"<h2>(.*?)</h2>", corpus_audit_page(more)) == [
        "What was looked for",
        "Voices that are nearly the same: 1 pair",
        "Shared with given lists",
        "What the models have met",
        "Two sides of the split",
    ]
