"""Checkpoints of SpeechBrain (embedding_model.ckpt): ECAPA-TDNN and the x-vector network for VoxCeleb.

Our encoders read this very file, from the hub or from a folder; here it is checked key by key and written anew, the
weights alone, for a machine without the hub.

Example:
    convert(read_state(Path("embedding_model.ckpt")), load_manifest("speechbrain_ecapa"), {})
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import torch

from visavox.models.encoders.speechbrain import FILE, SpeechBrainEncoder
from visavox.models.hub_weights import fill
from visavox.pipeline.converting.checkpoint_reading import PublishedState
from visavox.pipeline.converting.converted import Converted
from visavox.pipeline.converting.manifest import Manifest
from visavox.registry import ENCODERS

MANIFESTS = ("speechbrain_ecapa", "speechbrain_xvector")
REMEDY = "Give embedding_model.ckpt of spkrec-ecapa-voxceleb or spkrec-xvect-voxceleb; the classifier is not needed."
LICENCE = "Apache-2.0"
NETWORKS = {"speechbrain_ecapa": "ecapa", "speechbrain_xvector": "xvector"}


def convert(state: PublishedState, manifest: Manifest, sizes: Mapping[str, int]) -> Converted:  # noqa: ARG001
    """Return the voice encoder of a checkpoint that fits its manifest."""
    name = NETWORKS[manifest.name]
    tensors = {key: torch.from_numpy(np.array(state.tensors[key])) for key in manifest.kept(state)}
    encoder: SpeechBrainEncoder = ENCODERS.build(name)
    fill(encoder.build_network(), tensors, owner=name, where=state.path.name)  # the sure proof that it fits
    written = io.BytesIO()
    torch.save(tensors, written)
    return Converted(
        title=f"SpeechBrain's {name} for VoxCeleb",
        source=manifest.source,
        licence=LICENCE,
        training_data="VoxCeleb1 dev and VoxCeleb2 dev, voices",
        files={FILE: written.getvalue()},
        n_in_files=sum(tensor.numel() for tensor in tensors.values()),
        left_out=tuple(f"`{entry}`" for entry in state.beside),
        notes=(f"In a recipe: the voice encoder {{name: {name}}} with this folder as `source`.",),
    )
