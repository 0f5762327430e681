"""What is the x-vector's own; the rest is in test_speechbrain.py."""

from __future__ import annotations

from visavox.models.encoders.xvector import XVectorEncoder
from visavox.models.xvector_tdnn import XVectorTDNN


def test_it_is_the_network_of_the_hub_with_its_bands() -> None:
    encoder = XVectorEncoder()
    assert (encoder.name, encoder.dim, encoder.n_mels) == ("xvector", 512, 24)
    assert encoder.source == "speechbrain/spkrec-xvect-voxceleb"
    network = encoder.build_network()
    assert isinstance(network, XVectorTDNN)
    assert sum(p.numel() for p in network.parameters()) == 4_211_604


def test_it_says_that_it_has_heard_the_people_of_the_test_lists() -> None:
    provenance = XVectorEncoder().provenance
    assert "holds the people of VoxCeleb1's voice-face test lists" in provenance.training_data
    assert provenance.licence == "Apache-2.0"
    assert provenance.weights == "speechbrain/spkrec-xvect-voxceleb, embedding_model.ckpt"
