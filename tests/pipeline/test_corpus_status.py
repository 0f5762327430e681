"""Tests of `corpus status` and `corpus retry`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.statuses import STATUSES
from visavox.corpus_config import CorpusRetryConfig, CorpusStatusConfig
from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.pipeline.corpus_status import ask_again, corpus_status, settings_line

MakeCorpus = Callable[..., Path]
FAILED = {"p0/a/face": "no_face", "p0/b/face": "no_face", "p1/c.d/face": "no_face", "p0/a/voice": "network"}


@pytest.fixture
def corpus(tmp_path: Path, make_corpus: MakeCorpus) -> Path:
    return make_corpus(tmp_path / "corpus", failed=FAILED)


def test_status_counts_items_by_modality_and_status(corpus: Path) -> None:
    status = corpus_status(CorpusStatusConfig(corpus=corpus))
    assert (status.n_clips, status.n_people, status.n_videos, status.n_to_redo) == (3, 2, 3, 1)
    found = {(count.modality, count.status): count for count in status.counts}
    assert {key: count.n_items for key, count in found.items()} == {
        ("face", "no_face"): 3,
        ("voice", "ok"): 2,
        ("voice", "network"): 1,
    }
    failure = found["face", "no_face"]
    assert failure.meaning == STATUSES["no_face"].meaning
    assert failure.examples == ("p0/a/face", "p0/b/face")
    assert found["voice", "ok"].examples == ()
    assert found["voice", "network"].is_transient
    assert not status.hours_are_estimated
    assert status.speech_hours == pytest.approx(2 * 0.5 / 3600)
    assert status.voice_hours >= 2 / 3600


def test_the_text_says_meaning_remedy_examples_and_settings(corpus: Path) -> None:
    text = corpus_status(CorpusStatusConfig(corpus=corpus)).describe()
    for words in ("3 clips, 2 people, 3 videos", "no face was found", "as p0/a/face, p0/b/face", "run prepare again"):
        assert words in text
    assert "the next `prepare` tries 1 clip again" in text
    assert "made from videos (talks), detector mtcnn, crop aligned" in text
    assert text.endswith("\n")


def test_ok_comes_first_and_then_the_most_frequent(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    failed = {"x/0/voice": "silent", "x/1/voice": "no_speech", "x/2/voice": "no_speech"}
    corpus = make_corpus(tmp_path, [f"x/{n}" for n in range(4)], failed)
    counts = corpus_status(CorpusStatusConfig(corpus=corpus)).counts
    assert [count.status for count in counts if count.modality == "voice"] == ["ok", "no_speech", "silent"]


def test_a_corpus_without_failures_says_so(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    assert "nothing failed" in corpus_status(CorpusStatusConfig(corpus=make_corpus(tmp_path))).describe()


def test_failures_that_stay_point_to_retry(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, failed={"p0/a/face": "no_face"})
    assert "`corpus retry --status NAME` asks for it" in corpus_status(CorpusStatusConfig(corpus=corpus)).describe()


def test_a_status_of_another_version_is_counted(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, failed={"p0/a/face": "eclipse"})
    text = corpus_status(CorpusStatusConfig(corpus=corpus)).describe()
    assert "eclipse  a status that this version does not know" in text


def test_names_with_line_ends_stay_on_their_line(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/new\nline"], {"p/new\nline/face": "no_face"})
    assert "as p/new\\nline/face" in corpus_status(CorpusStatusConfig(corpus=corpus)).describe()


def test_a_folder_without_a_catalog_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no catalog at"):
        corpus_status(CorpusStatusConfig(corpus=tmp_path))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "made from an unnamed source"),
        ({"source": "pairs"}, "made from pairs"),
        (
            {"source": {"name": "avspeech", "list": "a\nb.csv"}, "clip": {"n_faces": 2}},
            "made from avspeech (a\\nb.csv), n faces 2",
        ),
    ],
)
def test_settings_of_any_form_fit_on_a_line(settings: dict[str, object], line: str) -> None:
    assert settings_line(settings) == line


def test_retry_marks_the_clips_of_a_status_once(corpus: Path) -> None:
    asked = ask_again(CorpusRetryConfig(corpus=corpus, status=("no_face",)))
    assert (asked.n_marked, asked.n_to_redo) == (3, 3)
    assert "Run the same `visavox prepare` again" in asked.describe()
    again = ask_again(CorpusRetryConfig(corpus=corpus, status=("no_face",)))
    assert (again.n_marked, again.n_to_redo) == (0, 3)
    with Catalog.open(corpus / CATALOG) as catalog:
        assert catalog.clips_to_redo() == {"p0/a", "p0/b", "p1/c.d"}


def test_retry_of_a_status_that_no_clip_has_marks_none(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    asked = ask_again(CorpusRetryConfig(corpus=make_corpus(tmp_path), status=("silent",)))
    assert (asked.n_marked, asked.n_to_redo) == (0, 0)
    assert "nothing is to be prepared again" in asked.describe()


def test_retry_without_a_status_lists_those_of_the_corpus(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="Got none. This corpus has: network, no_face."):
        ask_again(CorpusRetryConfig(corpus=corpus))


def test_retry_of_a_misspelt_status_gives_the_nearest(corpus: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'no_face'"):
        ask_again(CorpusRetryConfig(corpus=corpus, status=("no-face",)))


def test_retry_of_what_did_not_fail_is_refused(corpus: Path) -> None:
    with pytest.raises(ConfigError, match="give `prepare` --overwrite"):
        ask_again(CorpusRetryConfig(corpus=corpus, status=("ok",)))


@pytest.mark.parametrize(
    ("hours", "words"),
    [(1234.56, "1,234.6 h of voices"), (1.0, "1.0 h"), (0.999, "59.9 min"), (1 / 60, "1.0 min"), (0.001, "3.6 s")],
)
def test_durations_are_said_in_the_unit_that_fits(corpus: Path, hours: float, words: str) -> None:
    status = replace(corpus_status(CorpusStatusConfig(corpus=corpus)), voice_hours=hours, hours_are_estimated=False)
    assert words in status.describe().splitlines()[0]
    assert "about" not in status.describe().splitlines()[0]
    assert "about " + words in replace(status, hours_are_estimated=True).describe().splitlines()[0]


def test_one_of_each_is_said_as_one(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, ["p/a"], {"p/a/face": "no_face"})
    first = corpus_status(CorpusStatusConfig(corpus=corpus)).describe().splitlines()[0]
    assert ": 1 clip, 1 person, 1 video; " in first
    asked = ask_again(CorpusRetryConfig(corpus=corpus, status=("no_face",)))
    assert "1 clip with status no_face marked, 1 to be prepared again in all" in asked.describe()


def test_counts_and_meanings_stand_under_each_other(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    failed = {"x/0/face": "no_face", "x/1/face": "several_faces"}
    corpus = make_corpus(tmp_path, [f"x/{n}" for n in range(12)], failed)
    lines = corpus_status(CorpusStatusConfig(corpus=corpus)).describe().splitlines()
    faces = lines[lines.index("  faces") + 1 : lines.index("")] or lines[lines.index("  faces") + 1 :]
    counts = [line for line in faces if line.strip() and line.split()[0].isdigit()][:3]
    assert [line.split()[:2] for line in counts] == [["10", "ok"], ["1", "no_face"], ["1", "several_faces"]]
    meanings = [STATUSES[line.split()[1]].meaning for line in counts]
    assert len({line.index(meaning) for line, meaning in zip(counts, meanings, strict=True)}) == 1


def test_retry_of_several_statuses_counts_a_clip_once(corpus: Path) -> None:
    asked = ask_again(CorpusRetryConfig(corpus=corpus, status=("no_face", "network", "no_face")))
    assert (asked.n_marked, asked.n_to_redo) == (3, 3)  # the clip of both failures is one


def test_retry_takes_a_status_of_another_version_that_is_there(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    corpus = make_corpus(tmp_path, failed={"p0/a/face": "eclipse"})
    assert ask_again(CorpusRetryConfig(corpus=corpus, status=("eclipse",))).n_marked == 1


def test_retry_of_a_wrong_status_marks_none_of_the_right_ones(corpus: Path) -> None:
    with pytest.raises(UnknownNameError):
        ask_again(CorpusRetryConfig(corpus=corpus, status=("no_face", "eclipse")))
    with Catalog.open(corpus / CATALOG) as catalog:
        assert catalog.clips_to_redo() == {"p0/a"}  # of the network alone


def test_status_changes_nothing(corpus: Path) -> None:
    before = (corpus / CATALOG).read_bytes()
    corpus_status(CorpusStatusConfig(corpus=corpus))
    assert (corpus / CATALOG).read_bytes() == before
