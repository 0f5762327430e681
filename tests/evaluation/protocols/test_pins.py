"""The protocol "pins" by its name."""

from __future__ import annotations

from visavox.evaluation.listed_protocol import ListedProtocol
from visavox.registry import PROTOCOLS


def test_it_is_registered_under_its_name_and_says_whose_lists_it_reads() -> None:
    protocol = PROTOCOLS.build({"name": "pins", "n_resamples": 7})
    assert isinstance(protocol, ListedProtocol)
    assert (protocol.name, protocol.n_resamples) == ("pins", 7)
    assert "901 / 100 / 250" in protocol.about
    assert protocol.measure_names[:3] == ["accuracy_1_of_N", "auc", "eer"]
