"""Who is tested: folders of pairs, subsets of a corpus, and the people that a generator knows."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.splits import Splits
from visavox.errors import ConfigError, DataError
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.tested_clips import find_tested_clips, read_tested_clips, refuse_drawn_people
from visavox.pipeline.splitting import SPLITS
from visavox.pipeline.voice_face_model import hash_identity


def config(out: Path, **more: Any) -> EvaluateConfig:
    return EvaluateConfig(out=out, protocol="reconstruction", quiet=True, **more)


def test_all_clips_with_a_face_and_a_voice_are_read(small_corpus: Path) -> None:
    clips = read_tested_clips(small_corpus, name="a world")
    assert len(clips) == 16 and len(set(clips.people)) == 8
    assert list(clips.clips) == sorted(clips.clips)
    assert all(path.is_file() for path in (*clips.crops, *clips.voices))
    assert set(clips.genders) <= {"m", "f", ""} and clips.catalog_hash


def test_a_subset_is_that_of_the_split(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"corpus": small_corpus, "splits": small_splits, "subset": "validation"}
    clips = find_tested_clips(config(tmp_path, **options))
    assert set(clips.clips) == set(Splits.load(small_splits / SPLITS).clips("validation"))
    assert clips.name == f"the validation people of {small_corpus.name}"
    assert find_tested_clips(config(tmp_path, **{**options, "subset": "all"})).name.startswith("all people of")


def test_the_hash_is_that_of_who_is_asked(small_corpus: Path) -> None:
    clips = read_tested_clips(small_corpus)
    fewer = dataclasses.replace(clips, clips=clips.clips[:3], people=clips.people[:3])
    assert clips.trial_hash == read_tested_clips(small_corpus).trial_hash != fewer.trial_hash


@pytest.mark.slow
def test_a_folder_of_pairs_is_prepared_on_the_spot(small_world: Path, tmp_path: Path) -> None:
    clips = find_tested_clips(config(tmp_path / "report", pairs=small_world, workers=1))
    assert len(clips) == 16 and clips.name == "world"
    assert (tmp_path / "report" / "corpus").is_dir()


def test_what_is_refused(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Say whose faces are drawn.*Got none"):
        find_tested_clips(config(tmp_path))
    with pytest.raises(ConfigError, match="Got both"):
        find_tested_clips(config(tmp_path, corpus=small_corpus, pairs=small_corpus))
    with pytest.raises(ConfigError, match="`subset` test needs --splits"):
        find_tested_clips(config(tmp_path, corpus=small_corpus))
    with pytest.raises(ConfigError, match="`subset` folds needs --splits"):
        read_tested_clips(small_corpus, splits=small_splits, subset="folds")
    with pytest.raises(DataError, match="must be a folder that `prepare` wrote"):
        read_tested_clips(tmp_path)


def test_people_whom_the_generator_learned_from_are_refused(small_corpus: Path, tiny_generator: Path) -> None:
    clips = read_tested_clips(small_corpus)
    generator = Generator.load(tiny_generator)
    refuse_drawn_people(generator, clips, model="tiny")
    known = dataclasses.replace(generator, people=frozenset({hash_identity(clips.people[0])}))
    with pytest.raises(DataError, match=f"'tiny' was trained on 1 of these people or videos .{clips.people[0]}"):
        refuse_drawn_people(known, clips, model="tiny")


def test_a_video_that_was_learned_from_counts_as_well_as_a_person(small_corpus: Path, tiny_generator: Path) -> None:
    clips = dataclasses.replace(read_tested_clips(small_corpus), videos=("film",) + ("",) * 15)
    generator = Generator.load(tiny_generator)
    known = dataclasses.replace(generator, people=frozenset({hash_identity("video:film")}))
    with pytest.raises(DataError, match="1 of these people or videos .video:film.*--subset train"):
        refuse_drawn_people(known, clips, model="tiny")
    nameless = dataclasses.replace(generator, people=frozenset({hash_identity("video:")}))
    refuse_drawn_people(nameless, clips, model="tiny")


def test_many_known_people_are_counted_and_three_are_named(small_corpus: Path, tiny_generator: Path) -> None:
    clips = read_tested_clips(small_corpus)
    everybody = frozenset(hash_identity(person) for person in clips.people)
    known = dataclasses.replace(Generator.load(tiny_generator), people=everybody)
    with pytest.raises(DataError, match=r"8 of these people or videos \(([^,]+, ){3}\.\.\.\)"):
        refuse_drawn_people(known, clips, model="tiny")


def test_everything_of_a_clip_stands_in_its_row(small_corpus: Path) -> None:
    clips = read_tested_clips(small_corpus)
    lengths = {len(part) for part in (clips.people, clips.videos, clips.genders, clips.crops, clips.voices)}
    assert lengths == {16}
    for clip, crop, voice in zip(clips.clips, clips.crops, clips.voices, strict=True):
        assert clip in crop.stem and clip in voice.stem


def test_a_missing_corpus_and_missing_splits_are_said(small_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must be a folder that `prepare` wrote"):
        find_tested_clips(config(tmp_path, corpus=tmp_path / "gone"))
    with pytest.raises(DataError):
        find_tested_clips(config(tmp_path, corpus=small_corpus, splits=tmp_path / "gone"))
