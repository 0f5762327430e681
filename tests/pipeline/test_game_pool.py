"""Making a pool: who is in it, what is heard, what the model thinks, and what is refused."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.corpus.items import Attribute, MediaItem
from visavox.errors import ConfigError, DataError
from visavox.game_config import GamePoolConfig
from visavox.media.images import read_image
from visavox.pipeline.frozen_encoder import FrozenEncoder
from visavox.pipeline.game_pool import (
    Pair,
    all_pairs_accuracy,
    choose_people,
    excerpt,
    gender_of,
    make_pool,
)
from visavox.pipeline.game_pool_folder import GamePool
from visavox.pipeline.voice_face_model import VoiceFaceModel


def pair(clip: str, person: str, gender: str | None) -> Pair:
    attributes = {"gender": Attribute(gender)} if gender else {}
    return Pair(
        MediaItem(f"{clip}/voice", clip, "voice", person=person, attributes=attributes),
        MediaItem(f"{clip}/face", clip, "face", person=person, attributes=attributes),
    )


def people(genders: str) -> list[Pair]:
    """One clip of each; "?" is of unknown gender."""
    return [pair(f"c{i}", f"p{i}", None if g == "?" else g) for i, g in enumerate(genders)]


def test_one_clip_of_each_person_in_the_order_of_names() -> None:
    pairs = [
        pair(f"{name}-{clip}", name, gender) for name, gender in zip("dbca", "mmff", strict=True) for clip in "xyz"
    ]
    chosen, notes = choose_people(pairs, seed=0)
    assert [found.voice.person for found in chosen] == ["a", "b", "c", "d"]
    assert notes == ()
    again, _ = choose_people(pairs[::-1], seed=0)
    assert again == chosen


def test_the_seed_takes_other_clips_and_newcomers_change_nobodys() -> None:
    pairs = [pair(f"{name}-{clip}", name, g) for name, g in zip("abcd", "ffmm", strict=True) for clip in range(20)]
    clips = [tuple(found.voice.clip for found in choose_people(pairs, seed=seed)[0]) for seed in range(4)]
    assert len(set(clips)) == 4
    more, _ = choose_people([*pairs, pair("e-0", "e", "f")], seed=0)
    assert tuple(found.voice.clip for found in more[:4]) == clips[0]


def test_people_of_unknown_gender_are_left_out_where_there_are_levels() -> None:
    chosen, notes = choose_people(people("ff?mm?"), seed=0)
    assert [gender_of(found) for found in chosen] == ["f", "f", "m", "m"]
    assert notes == ("2 people are left out: their gender, which the difficulty goes by, is unknown.",)


@pytest.mark.parametrize("genders", ["????", "f?m?", "ff??"])
def test_without_levels_everybody_is_in(genders: str) -> None:
    chosen, (note,) = choose_people(people(genders), seed=0)
    assert len(chosen) == 4
    assert "this game has no levels: any two faces may meet" in note


@pytest.mark.parametrize("genders", ["ffff", "ffm", "mmmf", "mm"])
def test_too_few_of_a_gender_is_one_line(genders: str) -> None:
    counted = f"{genders.count('f')} women, {genders.count('m')} men"
    with pytest.raises(DataError, match=f"needs 2 women and 2 men or more. Got {counted}"):
        choose_people(people(genders), seed=0)


def test_one_person_is_no_game() -> None:
    with pytest.raises(DataError, match=r"needs 2 people or more .* Got 1\."):
        choose_people([pair("a", "p", "f"), pair("b", "p", "f")], seed=0)


def test_the_face_says_the_gender_first_and_other_words_are_none() -> None:
    voice = MediaItem("c/voice", "c", "voice", attributes={"gender": Attribute("m")})
    face = MediaItem("c/face", "c", "face", attributes={"gender": Attribute("f")})
    assert gender_of(Pair(voice, face)) == "f"
    assert gender_of(Pair(voice, MediaItem("c/face", "c", "face"))) == "m"
    assert gender_of(pair("c", "p", "female")) is None


def test_an_excerpt_is_the_loudest_stretch() -> None:
    """The slow referee: the energy of every stretch that may begin at a tenth of a second."""
    rng = np.random.default_rng(0)
    voice = (rng.normal(size=40_000) * np.repeat(rng.uniform(size=40), 1000)).astype(np.float32)
    cut = excerpt(voice, 0.7)
    starts = range(0, 40_000 - 11_200 + 1, 1600)
    best = max(starts, key=lambda start: float((voice[start : start + 11_200].astype(float) ** 2).sum()))
    np.testing.assert_array_equal(cut, voice[best : best + 11_200])


def test_a_short_voice_is_taken_whole_and_equal_stretches_from_the_beginning() -> None:
    voice = np.full(32_000, 0.5, np.float32)
    assert excerpt(voice, 2.0) is voice
    assert excerpt(voice, 5.0) is voice
    assert excerpt(np.arange(4) * 0 + np.float32(1), 1e-9).shape == (1,)
    marked = voice.copy()
    marked[::2] *= -1
    np.testing.assert_array_equal(excerpt(marked, 1.0), marked[:16_000])


def test_all_pairs_accuracy_counts_pairs() -> None:
    rng = np.random.default_rng(1)
    similarity = rng.integers(0, 4, size=(7, 7)).astype(np.float32)
    won, n = 0.0, 0
    for voice in range(7):
        for face in range(7):
            if voice != face:
                n += 1
                own, another = similarity[voice, voice], similarity[voice, face]
                won += 1.0 if own > another else 0.5 if own == another else 0.0
    assert all_pairs_accuracy(similarity) == pytest.approx(won / n)
    assert all_pairs_accuracy(np.ones((4, 4), np.float32)) == 0.5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"corpus": Path("a"), "pairs": Path("b")}, "two sources"),
        ({"columns": {"person": "who"}}, "`columns` names columns"),
        ({"people": 3}, "`people` must be 4 or more"),
        ({"max_voice_s": 0.0}, "`max_voice_s` must be above 0"),
        ({"max_voice_s": float("nan")}, "`max_voice_s` must be above 0"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    tmp_path: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        make_pool(GamePoolConfig(out=tmp_path / "pool", **options))  # type: ignore[arg-type]
    assert not (tmp_path / "pool").exists()


def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="something that is no pool"):
        make_pool(GamePoolConfig(out=tmp_path, overwrite=True))
    (tmp_path / "pool.json").write_text("{}")
    with pytest.raises(DataError, match="holds a pool already"):
        make_pool(GamePoolConfig(out=tmp_path))
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.slow
def test_a_pool_of_simulated_people_is_what_the_model_sees_and_hears(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    config = GamePoolConfig(out=tmp_path / "pool", people=4, max_voice_s=1.5, workers=1)
    outcome = make_pool(config, lambda done, total: steps.append((done, total)))
    pool = GamePool.load(tmp_path / "pool")
    assert (outcome.n_people, outcome.n_women, outcome.n_men, outcome.model) == (4, 2, 2, "world")
    assert pool.simulated
    assert pool.has_levels
    assert steps[-1] == (8, 8)
    assert steps == sorted(steps)
    assert "visavox game play --pool" in outcome.describe()
    for item in pool.items:
        with Image.open(pool.face_file(item.id)) as face:
            assert (face.format, face.size) == ("JPEG", (256, 256))
        about = soundfile.info(pool.voice_file(item.id))
        assert (about.format, about.subtype, about.samplerate, about.channels) == ("WAV", "PCM_16", 16_000, 1)
        assert about.duration <= 1.5
    model = VoiceFaceModel.from_pretrained("world")
    voices = [soundfile.read(pool.voice_file(item.id), dtype="float32")[0] for item in pool.items]
    faces = [read_image(pool.face_file(item.id)) for item in pool.items]
    heard = FrozenEncoder(model.preprocess.voice_encoder, "voice").encode(voices)
    seen = FrozenEncoder(model.preprocess.face_encoder, "face").encode(faces)
    expected = model.associator.encode_voice(heard) @ model.associator.encode_face(seen).T
    np.testing.assert_allclose(pool.similarity, expected, atol=1e-5)
    assert expected.std() > 0.05
    assert make_pool(GamePoolConfig(out=tmp_path / "pool", people=4, workers=1, overwrite=True)).n_people == 4
    assert GamePool.load(tmp_path / "pool").items == pool.items


@pytest.mark.slow
def test_a_pool_of_a_corpus_and_of_pairs(small_corpus: Path, small_world: Path, tmp_path: Path) -> None:
    outcome = make_pool(GamePoolConfig(out=tmp_path / "a", corpus=small_corpus, model="world"))
    assert (outcome.n_women, outcome.n_men) == (4, 4)
    assert not GamePool.load(tmp_path / "a").simulated
    pairs = tmp_path / "pairs"
    shutil.copytree(small_world, pairs)
    table = (pairs / "clips.csv").read_text().replace("gender", "sex", 1)
    (pairs / "clips.csv").write_text(table)
    config = GamePoolConfig(
        out=tmp_path / "b", pairs=pairs, columns={"gender": "sex"}, model="world", seed=0, workers=1
    )
    assert make_pool(config).n_people == 8
    assert GamePool.load(tmp_path / "b").genders == GamePool.load(tmp_path / "a").genders


@pytest.mark.slow
def test_a_corpus_without_faces_is_one_line(small_corpus: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(small_corpus, corpus)
    with sqlite3.connect(corpus / "catalog.sqlite") as connection:
        connection.execute("UPDATE items SET status = 'no_face' WHERE modality = 'face'")
    with pytest.raises(DataError, match=r"has both a voice and a face that can be used \(16 face no_face\)"):
        make_pool(GamePoolConfig(out=tmp_path / "pool", corpus=corpus, model="world"))
    assert not (tmp_path / "pool").exists()
