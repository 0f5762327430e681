"""Pictures in memory for trainings of drawers: discs of a colour, whose labels can be seen in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from visavox.pipeline.drawing.pictures import DrawingMedia, LabelledPictures, PairedPictures


def made_pictures(n: int, px: int = 8, seed: int = 0) -> np.ndarray:
    """Return (n, px, px, 3) uint8: each of a colour of its own, brighter at the left."""
    rng = np.random.default_rng(seed)
    colours = rng.uniform(60, 200, (n, 1, 1, 3))
    light = np.linspace(1.2, 0.8, px)[None, None, :, None]
    return np.broadcast_to(colours * light, (n, px, px, 3)).round().astype(np.uint8)


def made_pairs(n: int, px: int = 8, seed: int = 0) -> PairedPictures:
    """Return n clips of n people, without files."""
    names = tuple(f"p{seed}-{row}" for row in range(n))
    paths = tuple(Path(f"{name}.x") for name in names)
    return PairedPictures(
        names, names, made_pictures(n, px, seed), paths, paths, tuple("mf"[row % 2] for row in range(n))
    )


def made_media(n_train: int = 7, n_validation: int = 4, n_labelled: int = 12, px: int = 8) -> DrawingMedia:
    """Return clips of two subsets, and labelled faces of which every fourth is held out."""
    pictures = made_pictures(n_labelled, px, seed=9)
    labelled = LabelledPictures(
        pictures,
        np.linspace(20, 60, n_labelled).astype(np.float32),
        pictures[:, 0, 0, 0] > 130 if n_labelled else np.zeros(0, np.bool_),
        (np.arange(n_labelled) % 5).astype(np.int64),
        np.arange(n_labelled) % 4 == 3,
    )
    paired = {"train": made_pairs(n_train, px, 1), "validation": made_pairs(n_validation, px, 2)}
    return DrawingMedia({**paired, "test": made_pairs(0, px, 3)}, labelled, px, "0123456789abcdef")
