"""What is ECAPA's own; the rest is in test_speechbrain.py."""

from __future__ import annotations

from visavox.models.ecapa_tdnn import EcapaTDNN
from visavox.models.encoders.ecapa import ECAPAEncoder


def test_it_is_the_network_of_the_hub_with_its_bands() -> None:
    encoder = ECAPAEncoder()
    assert (encoder.name, encoder.dim, encoder.n_mels) == ("ecapa", 192, 80)
    assert encoder.source == "speechbrain/spkrec-ecapa-voxceleb"
    network = encoder.build_network()
    assert isinstance(network, EcapaTDNN)
    assert sum(p.numel() for p in network.parameters()) == 20_767_552


def test_it_says_that_it_has_heard_the_people_of_the_test_lists() -> None:
    provenance = ECAPAEncoder().provenance
    assert "holds the people of VoxCeleb1's voice-face test lists" in provenance.training_data
    assert provenance.licence == "Apache-2.0"
    assert provenance.weights == "speechbrain/spkrec-ecapa-voxceleb, embedding_model.ckpt"
