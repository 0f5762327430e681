"""The report on drawn faces: sections in order, provenance, the page, JSON and back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.drawn_faces import contestant, drawn_faces, true_faces

from visavox.errors import DataError
from visavox.evaluation.drawings import Sheet
from visavox.evaluation.identification_report import ReportSettings
from visavox.evaluation.page import report_page
from visavox.evaluation.reconstruction_record import DrawnFaces, Redrawn
from visavox.evaluation.reconstruction_report import (
    FIRST_SAMPLE,
    MEANS_OF_DRAWN,
    MET,
    OF_OTHERS,
    SHARED,
    drawer_section,
    reconstruction_report,
    sheet_section,
)
from visavox.evaluation.record import Report
from visavox.evaluation.report import read_report, write_report
from visavox.evaluation.section_tables import section_html
from visavox.evaluation.tables import figure_lines, knowable_summary, markdown

SETTINGS = ReportSettings(seed=0, n_resamples=100, provenance={"version": "1", "date": "2026-01-01"}, next_steps="next")


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Sheet:
    path = tmp_path_factory.mktemp("sheets") / "people-1.jpg"
    Image.fromarray(np.full((20, 30, 3), 120, np.uint8)).save(path)
    return Sheet("a to b", str(path), "Guesses.")


@pytest.fixture(scope="module")
def report(sheet: Sheet) -> Report:
    return reconstruction_report(drawn_faces(), settings=SETTINGS, title="Faces on a world", sheets=(sheet,))


def test_its_sections_come_in_order(report: Report) -> None:
    assert [section.title for section in report.sections] == [
        "Whose face is it, asked dlib",
        "Whose face is it, asked face_look",
        "Which drawer is better",
        "Gender, race and age",
        "Like photographs?",
        "Pixel by pixel",
        "Do samples differ?",
        "Learned by heart?",
        "The faces",
        "Who drew",
    ]


def test_it_says_who_judged_what_was_told_and_that_all_are_guesses(report: Report) -> None:
    about = report.provenance["reconstruction"]
    assert about["judges"] == {"dlib": "not seen in training", "face_look": "seen in training"}
    assert about["contestants"]["face to face"] == "face (from the true face)"
    assert report.provenance["counts"] == {"people": 8, "voices": 24, "faces": 24}
    assert any("is a guess" in sentence for sentence in report.provenance["caveats"])
    assert report.next_steps == "next"


def test_it_goes_to_disk_and_back(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path)
    assert read_report(tmp_path) == report


def test_the_page_begins_with_the_figure_and_holds_the_sheet(report: Report) -> None:
    page = report_page(report)
    assert "the face network dlib picks the speaker" in page
    assert page.count('<figure class="sheet">') == 1 and "data:image/jpeg;base64," in page
    assert page.index("What the figures do not say") < page.index("Whose face is it, asked dlib")


def test_markdown_and_terminal_say_the_same(report: Report, sheet: Sheet) -> None:
    text = markdown(report)
    assert f"(<{Path(sheet.path).parent.name}/people-1.jpg>)" in text and "## Learned by heart?" in text
    assert knowable_summary(report)[0].startswith("Shown a face drawn from a voice")
    assert any(line.strip().startswith("1:2 matching, ours, dlib all:") for line in figure_lines(report))


def test_a_leak_leads_the_caveats() -> None:
    true = true_faces()
    heard = (np.arange(24) + 3) % 24
    peeking = contestant(true, noise=0.1, redrawn=Redrawn(heard, true.features))
    drawn = dataclasses.replace(drawn_faces(), true=true, contestants=(peeking,))
    found = reconstruction_report(drawn, settings=SETTINGS, title="t")
    assert "leaks into the pictures" in found.provenance["caveats"][0]
    with pytest.raises(DataError, match="no contestant"):
        reconstruction_report(drawn, settings=SETTINGS, title="t", against="nobody")


def test_a_page_holds_four_sheets_and_names_the_others() -> None:
    sheets = [Sheet(f"part {i}", f"report/sheets/people-{i}.jpg") for i in range(1, 7)]
    section = sheet_section(sheets)
    assert section is not None and len(section.drawings) == 4
    assert section.notes == ("2 more sheets lie beside this report, people-5.jpg to people-6.jpg.",)


def test_without_sheets_there_is_no_such_section() -> None:
    assert sheet_section(()) is None


def test_notes_of_drawers_are_kept() -> None:
    true = true_faces()
    drawn = dataclasses.replace(drawn_faces(), contestants=(contestant(true, note="Two voices are missing."),))
    assert drawer_section(drawn).notes == ("ours: Two voices are missing.",)


def caveats(drawn: DrawnFaces, **provenance: str) -> list[str]:
    settings = ReportSettings(0, 100, dict(provenance), "")
    found = reconstruction_report(drawn, settings=settings, title="t").provenance["caveats"]
    return [str(sentence) for sentence in found]


def test_a_caveat_stands_where_it_is_true_and_nowhere_else() -> None:
    drawn = drawn_faces()
    ours, theirs, own, average = drawn.contestants
    said = caveats(drawn)
    assert FIRST_SAMPLE in said and SHARED in said and OF_OTHERS in said
    assert MEANS_OF_DRAWN not in said and MET not in said
    alone = caveats(dataclasses.replace(drawn, contestants=(theirs, average), training=None))
    assert OF_OTHERS in alone and MEANS_OF_DRAWN in alone
    assert SHARED not in alone and FIRST_SAMPLE not in alone
    assert OF_OTHERS not in caveats(dataclasses.replace(drawn, contestants=(ours, own)))


def test_people_whom_the_model_learned_from_are_said_to_be_such() -> None:
    said = caveats(drawn_faces(), subset="train")
    assert MET in said and SHARED not in said
    assert SHARED in caveats(drawn_faces(), subset="test")


def test_kinds_of_drawers_are_words() -> None:
    kinds = [row[1] for row in drawer_section(drawn_faces()).rows]
    assert kinds == ["a model", "pictures of others", "what the decoder can", "control"]


def test_an_honest_drawer_is_accused_of_nothing() -> None:
    assert not any("leaks into" in sentence for sentence in caveats(drawn_faces()))


def test_what_cannot_be_had_is_in_the_page() -> None:
    drawn = dataclasses.replace(drawn_faces(), without_fid="No FID: why.", without_score="No VGGFace score: why.")
    page = report_page(reconstruction_report(drawn, settings=SETTINGS, title="t"))
    assert "No FID: why." in page and "No VGGFace score: why." in page


def test_ages_have_one_decimal_and_races_a_caveat_on_the_page(report: Report) -> None:
    html = section_html(next(section for section in report.sections if section.title == "Gender, race and age"))
    assert "race as of the true face %" in html and "five classes of annotators" in html
    assert ">5.0<" in html and ">5.000<" not in html
