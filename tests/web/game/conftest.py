"""Pools of a game without anybody in them: coloured squares and tones, made in a moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.pipeline.game_pool_folder import FACES, VOICES, GamePool, PoolItem

MakeGamePool = Callable[..., GamePool]


@pytest.fixture
def make_game_pool(tmp_path: Path) -> MakeGamePool:
    """Make a pool of these genders; the model hears who a person is unless told otherwise."""
    return lambda genders="ffffmmmm", **options: write_pool(tmp_path / "pool", list(genders), **options)


@pytest.fixture
def game_pool(make_game_pool: MakeGamePool) -> GamePool:
    """Four women and four men."""
    return make_game_pool()


def write_pool(
    folder: Path, genders: Sequence[str | None], *, similarity: np.ndarray | None = None, voice_s: float = 0.2
) -> GamePool:
    for name in (FACES, VOICES):
        (folder / name).mkdir(parents=True)
    items = []
    time_s = np.arange(round(voice_s * 16_000)) / 16_000
    for number, gender in enumerate(genders):
        item = PoolItem(f"{gender}{number}", f"person {number}", gender, f"{number}.jpg", f"{number}.wav")
        colour = (40 + 20 * number, 200 - 15 * number, 90)
        Image.new("RGB", (64, 64), colour).save(folder / FACES / item.face)
        tone = 0.2 * np.sin(2 * np.pi * (150 + 25 * number) * time_s)
        soundfile.write(folder / VOICES / item.voice, tone, 16_000, subtype="PCM_16")
        items.append(item)
    if similarity is None:
        similarity = np.eye(len(items), dtype=np.float32)
    pool = GamePool(folder, tuple(items), "oracle", similarity.astype(np.float32), simulated=True)
    pool.save()
    return pool
