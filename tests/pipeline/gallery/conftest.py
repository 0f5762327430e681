"""What tests of searches share: a model whose pairs are calibrated, and a gallery that was made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.models.associators.cca import CCA
from visavox.pipeline.gallery.model_fingerprint import about_model
from visavox.pipeline.gallery.row_media import excerpt, thumbnail
from visavox.pipeline.voice_face_model import Preprocess, VoiceFaceModel
from visavox.retrieval.gallery_rows import GalleryRows
from visavox.retrieval.local_gallery import LocalGallery

DIM = 4
N_PEOPLE, N_CLIPS = 6, 2


@pytest.fixture
def calibrated_model() -> VoiceFaceModel:
    """A model of four numbers; a pair is worth 5 * cosine - 1 nats."""
    rng = np.random.default_rng(0)
    face = rng.normal(size=(60, 6))
    associator = CCA(6, 6, n_components=DIM, ridge_voice=1.0, ridge_face=1.0)
    associator.fit(face + 0.3 * rng.normal(size=face.shape), face)
    return VoiceFaceModel(associator, Preprocess(pair_slope=5.0, pair_intercept=-1.0), name="tiny")


@pytest.fixture
def tiny_gallery(calibrated_model: VoiceFaceModel, tmp_path: Path) -> LocalGallery:
    """Six people with two clips each; every clip has a face and a voice, whose vectors are drawn."""
    rng = np.random.default_rng(1)
    tables = []
    for modality in ("voice", "face"):
        n = N_PEOPLE * N_CLIPS
        vectors = rng.standard_normal((n, DIM)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        picture = rng.integers(0, 255, (40, 30, 3)).astype(np.uint8)
        sound = rng.uniform(-0.5, 0.5, 8000).astype(np.float32)
        media = thumbnail(picture) if modality == "face" else excerpt(sound)
        tables.append(
            GalleryRows(
                modality,  # type: ignore[arg-type]
                tuple(f"c{i}/{modality}" for i in range(n)),
                tuple(f"c{i}" for i in range(n)),
                tuple(f"<b>P{i // N_CLIPS}</b>" for i in range(n)),
                (None,) * n,
                {"gender": tuple("fm"[(i // N_CLIPS) % 2] for i in range(n))},
                vectors,
                (media,) * n,
            )
        )
    return LocalGallery.create(tmp_path / "tiny-gallery", about_model(calibrated_model), tables)
