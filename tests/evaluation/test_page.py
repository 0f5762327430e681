"""The page: well-formed, self-contained, escaped, and it says what was measured."""

from __future__ import annotations

import dataclasses
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.evaluation.drawings import Confusion, CostPoint, Pareto
from visavox.evaluation.hard_clips import HardClip
from visavox.evaluation.history import history_from_rows
from visavox.evaluation.knowable import Knowable, KnowableRow
from visavox.evaluation.measures import Curve, Measure
from visavox.evaluation.page import figure_grid, page, report_page, value_cells
from visavox.evaluation.plots import Figure
from visavox.evaluation.record import Baseline, Report, Section
from visavox.evaluation.strips import MAX_STRIPS, Strip

NAN = math.nan
VOID = {"meta", "img", "br", "link", "input", "hr"}
EVIL = "<script>alert('x')</script>\"&</td>"


class Outline(HTMLParser):
    """Checks that every element is closed in order, and collects attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"a repeated attribute in {tag}"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def row(
    value: float = 0.845, measure: str = "accuracy_1_of_2", *, group: str = "all", direction: str = "voice_to_face"
) -> Measure:
    ends = (NAN, NAN) if math.isnan(value) else (value - 0.03, value + 0.03)
    return Measure("matching", direction, group, measure, value, *ends, 0.5, 115, 40)


def made(*measures: Measure, **more: Any) -> Report:
    parts = {"title": "base on voxceleb", "curves": (), "provenance": {}, **more}
    return Report(measures=measures, **parts)


@pytest.fixture
def media(tmp_path: Path) -> dict[str, str]:
    """A face and a voice on disk, and a name of nothing."""
    noise = np.random.default_rng(0)
    Image.fromarray(noise.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(tmp_path / "face.jpg", quality=95)
    soundfile.write(tmp_path / "voice.flac", 0.1 * noise.standard_normal(16_000 * 8), 16_000)
    return {
        "face": str(tmp_path / "face.jpg"),
        "voice": str(tmp_path / "voice.flac"),
        "gone": str(tmp_path / "gone.jpg"),
    }


def strip(media: dict[str, str], kind: Any = "best", **more: Any) -> Strip:
    paths = {"voice_path": media["voice"], "face_path": media["face"], "wrong_face_path": media["face"], **more}
    return Strip(kind, "ann_1/voice", "ann_1/face", "bob_2/face", 0.91, 0.32, 0.975, **paths)


def full(media: dict[str, str]) -> Report:
    curve = (0.0, 0.5, 1.0)
    return made(
        row(),
        row(0.698, group="same_gender"),
        row(0.84, direction="face_to_voice"),
        row(NAN, group="same_gender", direction="face_to_voice"),
        row(0.6, "accuracy_1_of_4"),
        curves=tuple(Curve(n, "voice_to_face", "all", curve, curve, "x", "y") for n in ("roc", "det", "one_of_n")),
        provenance={
            "version": "9.9",
            "corpus": "voxceleb",
            "encoders": {"voice": {"name": "ge2e"}},
            "caveats": ["Few."],
        },
        baselines=(Baseline("gender alone", (row(0.745),), "given labels"), Baseline("random", (row(0.5),))),
        strips=(strip(media), strip(media, "worst", wrong_face_path=media["gone"])),
        notes=("A note.",),
        training=history_from_rows([{"epoch": 1, "loss": 2.0}, {"epoch": 2, "loss": 1.0}]),
    )


def test_a_full_page_is_well_formed(media: dict[str, str]) -> None:
    html = report_page(full(media))
    outline = Outline(html)
    assert html.startswith("<!doctype html>")
    assert [t for t, _ in outline.tags].count("h1") == 1
    for heading in ("One of two", "All measures", "Curves", "Training", "The best matches", "The worst matches"):
        assert heading in outline.text


def test_an_empty_page_is_well_formed_and_has_no_empty_sections() -> None:
    outline = Outline(report_page(made()))
    assert outline.named("section") == []
    assert "base on voxceleb" in outline.text


def test_nothing_is_fetched_from_anywhere(media: dict[str, str]) -> None:
    html = report_page(full(media))
    assert re.search(r"https?:|//\w", re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)) is None
    assert "@import" not in html
    assert re.search(r"url\(", html) is None
    for tag, attrs in Outline(html).tags:
        assert tag not in {"script", "link", "iframe", "object", "embed"}
        for name in ("src", "href", "srcset", "poster", "action"):
            assert (attrs.get(name) or "data:").startswith("data:")


def test_the_page_forbids_itself_every_request(media: dict[str, str]) -> None:
    policies = [m["content"] for m in Outline(report_page(full(media))).named("meta") if "http-equiv" in m]
    assert policies == ["default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"]


def test_undefined_is_written_and_nan_is_not() -> None:
    html = report_page(made(row(NAN), row(NAN, "map"), baselines=(Baseline("gender alone", (row(NAN),)),)))
    text = Outline(html).text
    assert text.count("undefined") >= 4
    assert re.search(r"\bnan\b", html, flags=re.IGNORECASE) is None


def test_everything_from_data_is_escaped(media: dict[str, str]) -> None:
    evil_row = Measure(EVIL, EVIL, EVIL, EVIL, 0.5, 0.4, 0.6, 0.5, 1, 1, EVIL)
    report = made(
        evil_row,
        row(),
        title=EVIL,
        curves=(Curve(EVIL, EVIL, EVIL, (0.0, 1.0), (0.0, 1.0), EVIL, EVIL),),
        provenance={EVIL: EVIL, "corpus": EVIL, "version": EVIL, "caveats": [EVIL], "map": {EVIL: [EVIL]}},
        baselines=(Baseline(EVIL, (evil_row,), EVIL),),
        strips=(Strip("best", EVIL, EVIL + "2", EVIL, 0.5, 0.4, 1.0, media["voice"], media["face"], EVIL),),
        notes=(EVIL,),
    )
    html = report_page(report)
    outline = Outline(html)
    assert outline.named("script") == []
    assert "<script" not in html
    assert EVIL in "".join(outline.words)
    assert any(EVIL in (attrs.get("aria-label") or "") for attrs in outline.named("audio"))


def test_strips_show_faces_and_play_voices(media: dict[str, str]) -> None:
    outline = Outline(report_page(made(strips=(strip(media),))))
    (audio,) = outline.named("audio")
    assert "controls" in audio
    assert (audio["src"] or "").startswith("data:audio/mpeg;base64,")
    assert audio["aria-label"] == "Voice of ann_1"
    images = outline.named("img")
    assert [image["alt"] for image in images] == ["own face", "hardest wrong face, clip bob_2"]
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in images)
    assert "Right own face beats 97.5 % of the others" in outline.text
    assert "0.910" in outline.text


def test_a_lost_and_a_tied_strip_are_named_so(media: dict[str, str]) -> None:
    lost = Strip("worst", "a/voice", "b/face", "c/face", -0.2, 0.2, 0.0)
    tied = Strip("worst", "a/voice", "a/face", "c/face", 0.2, 0.2, 0.5)
    text = Outline(report_page(made(strips=(lost, tied)))).text
    assert "Wrong own face beats 0.0 %" in text
    assert "−0.200" in text
    assert "Tied own face beats 50.0 %" in text


def test_missing_media_are_grey_boxes_with_the_reason(media: dict[str, str]) -> None:
    missing = strip(media, voice_path=media["gone"], face_path=None, wrong_face_path=media["voice"])
    outline = Outline(report_page(made(strips=(missing,))))
    assert outline.named("audio") == []
    assert outline.named("img") == []
    assert "No voice: missing file" in outline.text
    assert "No image: no file was named" in outline.text
    assert "No image: unreadable image" in outline.text


def test_the_page_of_most_strips_stays_under_three_megabytes(media: dict[str, str]) -> None:
    bare, one = (len(report_page(made(strips=strips))) for strips in ((), (strip(media),)))
    assert one - bare > 20_000
    assert bare + 2 * MAX_STRIPS * (one - bare) < 3_000_000


def test_tables_have_headers_for_columns_rows_and_groups(media: dict[str, str]) -> None:
    scopes = [th.get("scope") for th in Outline(report_page(full(media))).named("th")]
    assert set(scopes) == {"col", "row", "rowgroup"}


def test_every_row_of_the_table_is_as_wide_as_its_head() -> None:
    report = made(row(), row(NAN, "map"), row(0.3, "recall_at_1"), baselines=(Baseline("random", (row(0.5),)),))
    html = report_page(report)
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    widths = [
        sum(
            int(re.search(r'colspan="(\d+)"', cell)[1]) if "colspan" in cell else 1
            for cell in re.findall(r"<t[hd][^>]*>", r)
        )  # type: ignore[index]
        for r in rows
    ]
    assert len(set(widths)) == 1


def test_in_between_n_are_folded_away_but_there() -> None:
    outline = Outline(report_page(made(*(row(0.8, f"accuracy_1_of_{n}") for n in range(2, 6)))))
    assert len(outline.named("details")) == 1
    assert "1:4 accuracy, all pairs" in outline.text


def test_every_figure_has_a_text_for_those_who_cannot_see_it(media: dict[str, str]) -> None:
    drawings = [svg for svg in Outline(report_page(full(media))).named("svg") if "overflow" not in svg]
    assert len(drawings) >= 6
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in drawings)


def test_the_page_knows_dark_print_and_narrow_screens() -> None:
    html = report_page(made())
    for query in ("prefers-color-scheme: dark", "@media print", "max-width: 40rem", "tabular-nums"):
        assert query in html
    assert 'name="viewport"' in html


def test_the_note_on_people_is_always_there() -> None:
    assert "These faces and voices belong to people." in Outline(report_page(made())).text


def test_the_first_figure_needs_no_gender_baseline() -> None:
    text = Outline(report_page(made(row()))).text
    assert "gender alone" in text
    assert "undefined" in text


def test_value_cells_are_two_columns_either_way() -> None:
    assert value_cells(row()) == '<td class="value">84.5 %</td><td class="ci">81.5–87.5</td>'
    assert value_cells(None) == '<td class="undefined" colspan="2">undefined</td>'


def test_a_grid_of_no_figures_is_nothing() -> None:
    assert figure_grid([]) == ""
    assert figure_grid([Figure("a & b", "<svg></svg>", "<c>")]) == (
        '<div class="figures"><figure><b>a &amp; b</b><svg></svg><figcaption>&lt;c&gt;</figcaption></figure></div>'
    )


def test_the_frame_of_a_page_escapes_its_title_and_keeps_dollars() -> None:
    html = page("a < $title", header="<h1>$5</h1>", body="<p>$body</p>", made="$made")
    assert "<title>a &lt; $title</title>" in html
    assert "<h1>$5</h1>" in html
    Outline(html)


def test_best_matches_that_are_wrong_are_said_to_be(media: dict[str, str]) -> None:
    right = strip(media)
    wrong = dataclasses.replace(right, wrong_score=right.score + 0.1)
    assert "Even of these" not in report_page(made(row(), strips=(right,)))
    assert "Even of these 2 only 1 beat all wrong faces at once." in report_page(made(row(), strips=(right, wrong)))
    assert "Even of these" not in report_page(made(row(), strips=(right, dataclasses.replace(wrong, kind="worst"))))


def known(**more: Any) -> Knowable:
    rows = (
        KnowableRow("voice_to_face", "all", 0.5, 0.745, 0.845, 0.815, 0.875, 0.95, 0, NAN, 0.77, 0.7, 0.83, 115, 40),
        KnowableRow("face_to_voice", "all", 0.5, 0.745, 0.84, 0.81, 0.87, 0.95, 0, NAN, 0.76, 0.69, 0.82, 115, 40),
    )
    return Knowable("world.json", rows, **more)


def test_on_a_known_world_the_first_figure_is_how_much_was_learned(media: dict[str, str]) -> None:
    html = report_page(dataclasses.replace(full(media), knowable=known(notes=("How it was found.",))))
    outline = Outline(html)
    assert re.findall("<h2>(.*?)</h2>", html)[0] == "How much of what could be known was learned"
    assert "One of two" not in outline.text
    first = outline.named("svg")[0].get("aria-label") or ""
    assert first.startswith("How much of the knowable was learned, Voice → face.")
    assert "How it was found." in outline.text
    assert "warning" not in re.sub("<style>.*?</style>", "", html, flags=re.DOTALL)


def test_a_warning_stands_above_the_first_figure() -> None:
    html = report_page(made(row(), knowable=known(warnings=(f"It cheats. {EVIL}",))))
    Outline(html)
    assert html.index("It cheats. &lt;script&gt;") < html.index("<svg")


def test_what_to_type_next_ends_the_page_as_it_was_given() -> None:
    text = "Now:\n  visavox match a <b>"
    html = report_page(made(row(), provenance={"seed": 1}, next_steps=text))
    assert re.findall("<h2>(.*?)</h2>", html)[-1] == "What to type next"
    assert "<pre>Now:\n  visavox match a &lt;b&gt;</pre>" in html
    assert "What to type next" not in report_page(made(row()))


def test_the_column_of_ceilings_is_empty_where_there_is_none() -> None:
    report = made(row(), row(0.3, "map"), baselines=(Baseline("ceiling", (row(0.95),), "the best possible answers"),))
    outline = Outline(report_page(report))
    assert "95.0 %" in outline.text
    assert {"class": "quiet", "colspan": "2"} in outline.named("td")
    assert "undefined where it has no figure" not in outline.text


def test_yes_and_no_in_the_provenance_are_words() -> None:
    html = report_page(made(row(), provenance={"final": True, "listed": False}))
    assert "<dt>final</dt><dd>yes</dd>" in html
    assert "<dt>listed</dt><dd>no</dd>" in html


def test_what_stands_still_while_a_wide_table_scrolls_is_marked(media: dict[str, str]) -> None:
    """A heading over the whole width cannot stick to the left edge; the text in it can."""
    assert "<span>Matching, voice → face</span></th>" in report_page(full(media))


def test_an_identification_has_its_sections_first_and_its_measures_folded() -> None:
    found = Measure("identification", "vit", "test", "top_1", 0.9, 0.8, 1.0, 0.1, 20, 5)
    drawings = (
        Pareto("Size", "parameters", "top-1", (CostPoint("vit", "face", 1e6, 0.9, 0.8, 1.0, on_front=True),)),
        Confusion("Who is who", ("ann", "ben"), ((1.0, 1.0), (0.0, 2.0))),
    )
    section = Section("A table", "Words.", ("network",), (("vit",),), drawings=drawings)
    clip = HardClip("c7", "ann", EVIL, 0.9, 0.1, 2)
    html = report_page(made(found, sections=(section,), hard_clips=(clip,)))
    outline = Outline(html)
    assert EVIL not in html
    headings = re.findall("<h2>([^<]+)</h2>", html)
    assert headings == ["A table", "The hardest clips", "All measures"]
    assert "Show them. After each value its 95 % bootstrap interval over people." in outline.text
    assert [attrs["class"] for attrs in outline.named("circle")] == ["dot c0"]
    assert html.count('class="cell') == 3
    assert "No voice: no file was named" in outline.text
    assert "One of two" not in html
