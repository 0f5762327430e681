"""The x-vector network with SpeechBrain's weights: a voice to 512 numbers; FaceTones' voice side.

    voice -> 24 bands in dB, less their means over time -> x-vector TDNN -> 512

Its weights have heard VoxCeleb 1 and 2: people of VoxCeleb's test lists for voices and faces are among its training
speakers, so that an evaluation there is not one of unseen voices. AVSpeech, which FaceTones uses, is other people for
the most part.

Example (needs the network, or the model in the hub's cache):
    XVectorEncoder().encode([np.zeros(16_000, np.float32)]).shape      # (1, 512)

Source: Snyder et al., "X-Vectors" (ICASSP 2018); the hub's speechbrain/spkrec-xvect-voxceleb.
"""

from __future__ import annotations

from torch import nn

from visavox.models.encoders.base import Provenance
from visavox.models.encoders.speechbrain import SpeechBrainEncoder
from visavox.models.xvector_tdnn import DIM, N_MELS, XVectorTDNN
from visavox.registry import ENCODERS


@ENCODERS.register("xvector")
class XVectorEncoder(SpeechBrainEncoder):
    """Frozen voice encoder.

    Args:
        source: "owner/model" on the hub, or a folder that holds `embedding_model.ckpt`; "" takes
            speechbrain/spkrec-xvect-voxceleb.
        revision: branch, tag or commit on the hub.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "xvector"
    dim = DIM
    published = "speechbrain/spkrec-xvect-voxceleb"
    n_mels = N_MELS
    provenance = Provenance(
        weights="speechbrain/spkrec-xvect-voxceleb, embedding_model.ckpt",
        training_data="VoxCeleb1 dev and VoxCeleb2 dev (voice only), 7,205 speakers; holds the people of VoxCeleb1's "
        "voice-face test lists",
        licence="Apache-2.0",
    )

    def __init__(self, *, source: str = "", revision: str = "main", device: str = "cpu") -> None:
        """Store the arguments; see `SpeechBrainEncoder`."""
        super().__init__(source=source, revision=revision, device=device)

    def build_network(self) -> nn.Module:
        """Return an `XVectorTDNN` with random weights."""
        return XVectorTDNN()
