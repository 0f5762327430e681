"""ECAPA-TDNN with SpeechBrain's weights: a voice to 192 numbers that tell speakers apart.

    voice -> 80 bands in dB, less their means over time -> ECAPA-TDNN -> 192

Its weights have heard VoxCeleb 1 and 2: people of VoxCeleb's test lists for voices and faces are among its training
speakers, so that an evaluation there is not one of unseen voices.

Example (needs the network, or the model in the hub's cache):
    ECAPAEncoder().encode([np.zeros(16_000, np.float32)]).shape      # (1, 192)

Source: Desplanques et al., "ECAPA-TDNN" (Interspeech 2020); the hub's speechbrain/spkrec-ecapa-voxceleb.
"""

from __future__ import annotations

from torch import nn

from visavox.models.ecapa_tdnn import DIM, N_MELS, EcapaTDNN
from visavox.models.encoders.base import Provenance
from visavox.models.encoders.speechbrain import SpeechBrainEncoder
from visavox.registry import ENCODERS


@ENCODERS.register("ecapa")
class ECAPAEncoder(SpeechBrainEncoder):
    """Frozen voice encoder.

    Args:
        source: "owner/model" on the hub, or a folder that holds `embedding_model.ckpt`; "" takes
            speechbrain/spkrec-ecapa-voxceleb.
        revision: branch, tag or commit on the hub.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "ecapa"
    dim = DIM
    published = "speechbrain/spkrec-ecapa-voxceleb"
    n_mels = N_MELS
    batch_size = 16
    provenance = Provenance(
        weights="speechbrain/spkrec-ecapa-voxceleb, embedding_model.ckpt",
        training_data="VoxCeleb1 dev and VoxCeleb2 dev (voice only), 7,205 speakers; holds the people of VoxCeleb1's "
        "voice-face test lists",
        licence="Apache-2.0",
    )

    def __init__(self, *, source: str = "", revision: str = "main", device: str = "cpu") -> None:
        """Store the arguments; see `SpeechBrainEncoder`."""
        super().__init__(source=source, revision=revision, device=device)

    def build_network(self) -> nn.Module:
        """Return an `EcapaTDNN` with random weights."""
        return EcapaTDNN()
