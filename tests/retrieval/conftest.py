"""What tests of galleries share: rows drawn by a seed, and a small gallery of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.items import Modality
from visavox.retrieval.gallery_rows import GalleryAbout, GalleryRows
from visavox.retrieval.local_gallery import LocalGallery

MakeRows = Callable[..., GalleryRows]


def make_rows(
    n: int, *, seed: int = 0, modality: Modality = "face", prefix: str = "c", dim: int = 8, per_person: int = 2
) -> GalleryRows:
    vectors = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return GalleryRows(
        modality,
        tuple(f"{prefix}{i}/{modality}" for i in range(n)),
        tuple(f"{prefix}{i}" for i in range(n)),
        tuple(f"p{i // per_person}" for i in range(n)),
        (None,) * n,
        {
            "gender": tuple("fm"[i % 2] for i in range(n)),
            "age": tuple(str(20 + i) if i % 3 else None for i in range(n)),
        },
        vectors,
        tuple(f"{modality} {prefix}{i} {seed}".encode() if i % 5 else None for i in range(n)),
    )


@pytest.fixture
def rows() -> MakeRows:
    """Makes rows: two clips a person, gender by turns, every third age unknown, every fifth without media."""
    return make_rows


@pytest.fixture
def about() -> GalleryAbout:
    return GalleryAbout("base", "00" * 32, 8, {"voice": {"name": "ge2e"}, "face": {"name": "dlib"}})


@pytest.fixture
def gallery(tmp_path: Path, about: GalleryAbout) -> LocalGallery:
    """40 faces of 20 people and 10 voices of 5 of them."""
    return LocalGallery.create(tmp_path / "gallery", about, [make_rows(10, modality="voice", seed=1), make_rows(40)])
