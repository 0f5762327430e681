"""Degraded vectors: what is encoded, what is kept, what is left out and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import Modality
from visavox.errors import DataError
from visavox.media.audio import read_voice
from visavox.media.degrading.base import Means
from visavox.media.degrading.table import find
from visavox.media.images import read_image
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
from visavox.pipeline.robustness import degraded_vectors
from visavox.pipeline.robustness.degraded_vectors import (
    N_BABBLERS,
    Clip,
    DegradedVectors,
    babblers,
    generator_of,
)

pytestmark = pytest.mark.usefixtures("tiny_encoders")
SPECS: Mapping[Modality, str] = {"voice": "tiny_voice", "face": "tiny_face"}
CLIPS = ("p0/a", "p0/b", "p1/c", "p2/d", "p3/e")


@pytest.fixture
def clips(make_corpus: Callable[..., Path], tmp_path: Path) -> dict[Modality, list[Clip]]:
    folder = make_corpus(tmp_path / "corpus", CLIPS)
    found: dict[Modality, list[Clip]] = {"voice": [], "face": []}
    with Catalog.open(folder / CATALOG) as catalog:
        for item in catalog.items():
            path = folder / str(item.path)
            found[item.modality].append(Clip(item.key, str(item.digest), path, str(item.person), item.video))
    return found


def source(folder: Path, clips: Mapping[Modality, list[Clip]], seed: int = 0, batch_size: int = 2) -> DegradedVectors:
    compute = Compute(device="cpu", batch_size=batch_size)
    return DegradedVectors(folder, SPECS, clips, seed=seed, compute=compute, workers=1)


def counted(made: DegradedVectors, *names: str) -> list[tuple[int, int]]:
    steps: list[tuple[int, int]] = []
    made.make([find(name) for name in names], lambda *step: steps.append(step))
    return steps


@pytest.mark.parametrize(("name", "modality"), [("white_noise", "voice"), ("tilt", "face")])
def test_vectors_are_those_of_the_degraded_media(
    name: str, modality: Modality, clips: dict[Modality, list[Clip]], tmp_path: Path
) -> None:
    made, row = source(tmp_path / "d", clips), find(name)
    counted(made, name)
    encoder = FrozenEncoder(SPECS[modality], modality, Compute(device="cpu"))
    read = read_voice if modality == "voice" else read_image
    for level in row.levels:
        found = made.found(row, level)
        assert found.rows.tolist() == [0, 1, 2, 3, 4]
        assert found.reasons == {}
        for clip, vector in zip(clips[modality], found.vectors, strict=True):
            media = row.run(read(clip.path), level, Means(generator_of(0, name, clip.digest)))
            assert np.allclose(vector, encoder.encode([media])[0], atol=1e-5)
    assert not np.allclose(made.found(row, row.levels[0]).vectors, made.found(row, row.levels[-1]).vectors)


def test_a_second_run_makes_nothing_and_a_broken_one_goes_on(
    clips: dict[Modality, list[Clip]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = source(tmp_path / "d", clips)
    work, calls = degraded_vectors._work, []

    def stops(job: degraded_vectors.Job) -> degraded_vectors.Done:
        calls.append(job)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return work(job)

    monkeypatch.setattr(degraded_vectors, "_work", stops)
    with pytest.raises(KeyboardInterrupt):
        counted(first, "blur")
    monkeypatch.setattr(degraded_vectors, "_work", work)
    steps = counted(source(tmp_path / "d", clips), "blur")
    assert steps[-1] == (16, 16)  # four levels of five clips, less two jobs of two clips
    again = source(tmp_path / "d", clips)
    assert counted(again, "blur") == []
    assert len(again.found(find("blur"), 8.0).rows) == 5


def test_a_key_tells_levels_seeds_and_degradations_apart(clips: dict[Modality, list[Clip]], tmp_path: Path) -> None:
    made, other = source(tmp_path / "d", clips), source(tmp_path / "d", clips, seed=1)
    keys = {made._key(find(name), level, "ff") for name in ("white_noise", "babble") for level in (5.0, 0.0)}
    keys |= {other._key(find(name), 5.0, "ff") for name in ("white_noise", "babble")}
    keys.add(made._key(find("white_noise"), 5.0, "fe"))
    assert len(keys) == 7
    fewer = source(tmp_path / "d", {**clips, "voice": clips["voice"][:3]})
    assert fewer._key(find("white_noise"), 5.0, "ff") in keys
    assert fewer._key(find("babble"), 5.0, "ff") not in keys  # others talk


def test_the_cache_of_the_corpus_stays_as_it_is(clips: dict[Modality, list[Clip]], tmp_path: Path) -> None:
    before = sorted((tmp_path / "corpus").rglob("*"))
    counted(source(tmp_path / "d", clips), "jpeg", "telephone")
    assert sorted((tmp_path / "corpus").rglob("*")) == before
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["embeddings.sqlite"]


def test_clips_that_cannot_be_degraded_are_counted_by_reason(clips: dict[Modality, list[Clip]], tmp_path: Path) -> None:
    clips["voice"][1].path.unlink()
    made, row = source(tmp_path / "d", clips), find("length")
    steps = counted(made, "length")
    assert steps[-1] == (30, 30)
    found = made.found(row, 10.0)
    assert found.vectors.shape == (0, 8)
    assert found.reasons == {"it holds less speech": 4, "its file cannot be read": 1}


def test_one_item_that_the_encoder_refuses_does_not_take_the_others_along(
    clips: dict[Modality, list[Clip]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = FrozenEncoder.encode
    bad: list[bytes] = []

    def picky(self: FrozenEncoder, items: list[np.ndarray]) -> np.ndarray:
        bad.extend([items[0].tobytes()] if not bad else [])
        if any(item.tobytes() == bad[0] for item in items):
            raise DataError("no")
        return encode(self, items)

    monkeypatch.setattr(FrozenEncoder, "encode", picky)
    made, row = source(tmp_path / "d", clips, batch_size=5), find("jpeg")
    counted(made, "jpeg")
    found = made.found(row, 50.0)
    assert len(found.rows) == 4
    assert found.reasons == {"the encoder refused it": 1}
    assert len(made.found(row, 20.0).rows) == 5


def test_clips_of_the_same_bytes_share_a_vector(clips: dict[Modality, list[Clip]], tmp_path: Path) -> None:
    twice = {**clips, "face": [*clips["face"], dataclasses.replace(clips["face"][0], key="again/face")]}
    made = source(tmp_path / "d", twice)
    assert counted(made, "jpeg")[-1] == (20, 20)
    found = made.found(find("jpeg"), 50.0)
    assert found.rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert np.array_equal(found.vectors[0], found.vectors[5])


def test_babble_is_of_other_people_and_other_videos(clips: dict[Modality, list[Clip]], tmp_path: Path) -> None:
    worker = degraded_vectors._Worker(SPECS, Compute(device="cpu"), babblers(clips["voice"], 0))
    pool = {clip.identity: clip for clip in worker.pool}
    assert set(pool) == {"p0", "p1", "p2", "p3"}
    heard = worker.others(clips["voice"][0])
    assert len(heard) == 3
    for identity in ("p1", "p2", "p3"):
        assert any(np.array_equal(voice, read_voice(pool[identity].path)) for voice in heard)
    film = dataclasses.replace(clips["voice"][0], video=pool["p1"].video)
    assert len(worker.others(film)) == 2
    assert clips["voice"][0].is_other_than(dataclasses.replace(clips["voice"][2], video=None))
    assert not clips["voice"][0].is_other_than(clips["voice"][1])
    counted(source(tmp_path / "d", clips), "babble")


def test_at_most_24_babble_and_who_depends_on_the_seed() -> None:
    voices = [Clip(f"{i}/voice", f"{i}", Path("x"), f"p{i // 2}", None) for i in range(120)]
    one, two = (babblers(voices, seed) for seed in (0, 1))
    assert len(one) == N_BABBLERS == 24
    assert len({clip.identity for clip in one}) == 24
    assert one == babblers(voices, 0)
    assert one != two
    assert all(int(clip.key.split("/")[0]) % 2 == 0 for clip in one)  # the first recording of each person


def test_noise_depends_on_clip_degradation_and_seed_alone() -> None:
    def drawn(*named: object) -> float:
        return float(generator_of(*named).standard_normal())  # type: ignore[arg-type]

    assert drawn(0, "white_noise", "aa") == drawn(0, "white_noise", "aa")
    several = {drawn(0, "white_noise", "aa"), drawn(1, "white_noise", "aa"), drawn(0, "babble", "aa")}
    assert len(several | {drawn(0, "white_noise", "ab")}) == 4
