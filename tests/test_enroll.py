"""The command `enroll`: what it prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.enroll import describe, kept
from visavox.pipeline import enrolling
from visavox.pipeline.enrolled_folder import UNFINISHED, saved_at
from visavox.pipeline.enrolling import EnrollOutcome


def test_enrolling_twice_doubles_nothing_and_says_so(
    small_corpus: Path, small_embeddings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = ["--corpus", str(small_corpus), "--embeddings", str(small_embeddings)]
    words = ["enroll", *source, "--out", str(tmp_path / "people")]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "people: 8 people enrolled with 16 voices and 16 faces, " in lines[0]
    assert lines[1] == "  32 vectors added, 8 new people"
    assert any(line.startswith("  voices compared by ") for line in lines)
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "8 people enrolled with 16 voices and 16 faces" in lines[0]
    assert lines[1] == "  0 vectors added, 0 new people; 32 were enrolled already and count once"
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["n_people"], told["n_new"], told["n_known"]) == (8, 0, 32)
    assert main([*words[:1], "--out", words[-1], "--rename", "{w0-person-0001: Ann}", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main([*words[:1], "--out", words[-1], "--remove", "Ann", "w0-person-0002"]) == 0
    assert "  removed: Ann, w0-person-0002; their vectors, clips and names are gone; what" in capsys.readouterr().out
    assert main([*words[:1], "--out", words[-1], "--rename", "{w0-person-0003: 3}", "--quiet"]) == 0
    assert main([*words[:1], "--out", words[-1], "--rename", "{3: 18}"]) == 0
    assert "  renamed: 3 is 18\n" in capsys.readouterr().out
    assert main([*words[:1], "--out", words[-1], "--remove", "18", "18", "--refit"]) == 0
    assert "  removed: 18; nothing of theirs is kept, nor rests on them\n" in capsys.readouterr().out


def interrupted_at(patch: pytest.MonkeyPatch, name: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with patch.context() as inner:
        inner.setattr(enrolling, name, interrupt)
        assert main(words) == 130
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_ctrl_c_says_what_is_kept_and_no_more(
    small_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was said that what was done is kept, when nothing had been done."""
    out = tmp_path / "people"
    words = ["enroll", "--pairs", str(small_world), "--out", str(out), "--workers", "1"]
    nothing = "visavox: interrupted. Nothing was done yet, and nobody is enrolled or changed.\n"
    assert interrupted_at(monkeypatch, "prepare_clips", words, capsys) == nothing
    corpus = tmp_path / "people" / UNFINISHED / "ab" / "corpus"
    corpus.mkdir(parents=True)
    with Catalog.create(corpus / CATALOG, {}) as catalog:
        catalog.add_clip([MediaItem("k", "c", "voice", person="Ann")])
    assert interrupted_at(monkeypatch, "prepare_clips", words, capsys) == (
        f"visavox: interrupted. Nobody is enrolled or changed yet. 1 prepared clip kept in {out / UNFINISHED}: run the "
        "same command again to go on, or delete that folder.\n"
    )
    before = saved_at(out)
    (out / "config.json").write_text("{}")
    assert kept(out, before) == f"{out} is written: all that was asked for is done."


def test_an_outcome_in_words() -> None:
    outcome = EnrollOutcome(
        Path("people"),
        1,
        {"face": 2},
        n_new=2,
        new_people=("Ann",),
        renamed={"Bob": "Ann"},
        removed=("Cem",),
        unusable={"voice": {"silent": 4, "missing_file": 1}},
        unusable_clips={"voice": {"silent": ("a", "b", "c"), "missing_file": ("d",)}},
        backends={"face": {"name": "cosine"}},
        notes=("Ann has faces only.",),
        seconds=1.25,
    )
    assert describe(outcome).splitlines() == [
        "people: 1 person enrolled with 2 faces, 1.2 s",
        "  2 vectors added, 1 new person",
        "  removed: Cem; their vectors, clips and names are gone; what was learned from everybody together (means, "
        "projections, calibration) still rests on them until --refit",
        "  renamed: Bob is Ann",
        "  faces compared by cosine",
        "  voices not used: 4 silent (a, b, c, ...), 1 missing_file (d)",
        "  Ann has faces only.",
    ]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "Say whom to enrol"),
        (["--remove", "Ann"], 2, "Nobody is enrolled in "),
        (["--pairs", "absent"], 2, "The source folder absent does not exist"),
        (["--corpus", "absent"], 1, "There is no catalog at absent"),
        (["--embeddings", "absent"], 1, "absent holds no voice.parquet"),
    ],
)
def test_bad_use_is_one_line_and_leaves_nothing_behind(
    words: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["enroll", "--out", str(tmp_path / "people"), *words]) == code
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert not (tmp_path / "people").exists()
