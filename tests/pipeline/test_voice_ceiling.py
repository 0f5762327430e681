"""A voice encoder against itself: a referee, edges, and the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.items import MediaItem
from visavox.errors import DataError
from visavox.media.audio import write_voice
from visavox.pipeline.voice_ceiling import MAX_CLIPS, VoiceCeiling, voice_ceiling


class Shape:
    """Encodes a voice as its mean and its mean square, so that halves can differ."""

    def encode(self, voices: list[np.ndarray]) -> np.ndarray:
        return np.array([[v.mean() + 0.1, (v**2).mean() + 0.1] for v in voices], dtype=np.float32)


def make_voices(folder: Path, people: list[str]) -> list[MediaItem]:
    (folder / "voices").mkdir()
    rng = np.random.default_rng(0)
    items = []
    for i, person in enumerate(people):
        voice = (rng.normal(size=1600) * 0.1 * (1 + i % 3)).astype(np.float32)
        write_voice(folder / f"voices/{i}.flac", voice)
        items.append(MediaItem(f"{i}/voice", str(i), "voice", person=person, path=f"voices/{i}.flac"))
    return items


def test_figures_equal_plain_loops(tmp_path: Path) -> None:
    from visavox.media.audio import read_voice

    items = make_voices(tmp_path, ["a", "b", "b", "c"])
    found = voice_ceiling(tmp_path, items, Shape())
    halves = []
    for item in items:
        voice = read_voice(tmp_path / str(item.path))
        halves.append([Shape().encode([half])[0] for half in (voice[:800], voice[800:])])

    def cosine(x: np.ndarray, y: np.ndarray) -> float:
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    positive = np.mean([cosine(*pair) for pair in halves])
    negative = np.mean(
        [cosine(halves[i][0], halves[j][1]) for i in range(4) for j in range(4) if items[i].person != items[j].person]
    )
    assert found is not None
    assert found.positive == pytest.approx(positive, abs=1e-6)
    assert found.negative == pytest.approx(negative, abs=1e-6)


def test_at_most_so_many_clips_are_heard(tmp_path: Path) -> None:
    items = make_voices(tmp_path, [f"p{i}" for i in range(MAX_CLIPS + 40)])
    found = voice_ceiling(tmp_path, items, Shape())
    assert found is not None
    assert found.n_clips == MAX_CLIPS


@pytest.mark.parametrize("people", [[], ["a"], ["a", "a"]])
def test_without_two_people_there_is_no_ceiling(tmp_path: Path, people: list[str]) -> None:
    assert voice_ceiling(tmp_path, make_voices(tmp_path, people), Shape()) is None


def test_the_file_goes_round(tmp_path: Path) -> None:
    VoiceCeiling(0.9, 0.5, 10).save(tmp_path / "c.json")
    assert VoiceCeiling.load(tmp_path / "c.json") == VoiceCeiling(0.9, 0.5, 10)
    assert VoiceCeiling.load(tmp_path / "no.json") is None
    (tmp_path / "c.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="damaged"):
        VoiceCeiling.load(tmp_path / "c.json")
