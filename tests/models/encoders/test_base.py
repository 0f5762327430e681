"""The identifier is a cache key: it changes with whatever changes the vectors, and with nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from visavox.models.encoders.base import INSTALL_LINE, Encoder, Provenance


class Means(Encoder):
    """Mean of each face, scaled."""

    name, modality, dim = "means", "face", 1
    provenance = Provenance(weights="none", training_data="none", licence="Apache-2.0")

    def __init__(self, *, scale: float = 1.0, crop: str = "all", device: str = "cpu", batch_size: int = 4) -> None:
        self.scale = scale
        self.crop = crop
        self.device = device
        self.batch_size = batch_size

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[self.scale * face.mean()] for face in batch], dtype=np.float32).reshape(-1, 1)


class Bare(Means):
    """An encoder without arguments, of a later version."""

    name, version = "bare", "3"

    def __init__(self) -> None:
        super().__init__()


def test_the_identifier_holds_name_version_and_every_parameter_in_order() -> None:
    assert Means(scale=2.0).identifier == "means-1(crop='all', scale=2.0)"
    assert Bare().identifier == "bare-3()"


def test_defaults_and_the_same_values_given_are_one_identifier() -> None:
    assert Means().identifier == Means(scale=1.0, crop="all").identifier


def test_where_and_how_fast_it_runs_does_not_change_the_identifier() -> None:
    assert Means(device="cuda", batch_size=99).identifier == Means().identifier


def test_whatever_changes_the_vectors_changes_the_identifier() -> None:
    identifiers = {e.identifier for e in (Means(), Means(scale=2.0), Means(crop="eyes"), Bare())}
    assert len(identifiers) == 4


def test_an_encoder_without_encode_cannot_be_made() -> None:
    class Unfinished(Encoder):
        name = "unfinished"

    with pytest.raises(TypeError, match="encode"):
        Unfinished()  # type: ignore[abstract]


def test_an_empty_batch_has_the_right_width() -> None:
    assert Means().encode([]).shape == (0, Means().dim)


def test_a_provenance_cannot_be_changed_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        Means().provenance.licence = "MIT"  # type: ignore[misc]


def test_the_line_that_installs_the_weights_is_the_documented_one() -> None:
    assert INSTALL_LINE == "pip install --no-deps -r requirements-offline.txt"
