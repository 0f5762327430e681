"""The protocol "fame" by its name."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.evaluation.listed_protocol import ListedProtocol
from visavox.evaluation.protocols.fame import distances
from visavox.metrics.listed_scores import unit_rows
from visavox.registry import PROTOCOLS


def test_it_is_registered_under_its_name_and_says_whose_lists_it_reads() -> None:
    protocol = PROTOCOLS.build({"name": "fame", "n_resamples": 7})
    assert isinstance(protocol, ListedProtocol)
    assert (protocol.name, protocol.n_resamples) == ("fame", 7)
    assert "MAV-Celeb" in protocol.about
    assert protocol.measure_names[:3] == ["accuracy_1_of_N", "auc", "eer"]


def test_the_distance_is_that_of_the_two_unit_vectors() -> None:
    rng = np.random.default_rng(0)
    voices, faces = (unit_rows(rng.normal(size=(20, 5))) for _ in range(2))
    found = distances(np.einsum("ij,ij->i", voices, faces))
    assert found == pytest.approx(np.linalg.norm(voices - faces, axis=1), abs=1e-12)
    assert distances(np.array([1.0 + 1e-15, -1.0])).tolist() == [0.0, 2.0]
