"""Checkpoints of "Fusion and Orthogonal Projection" and of the FAME baseline: {epoch, state_dict}.

Everything in the weights is kept: both branches, the fusion and the classifier. The vectors that go in are not made
here: 4,096 numbers of VGGFace for a face, 512 of an utterance-level network for a voice, precomputed by the authors.

Example:
    convert(read_state(Path("checkpoint.pth.tar")), load_manifest("fop_gated"), {"dim": 128, ...})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from visavox.models.associators.fop import FOP
from visavox.persistence import Tensors
from visavox.pipeline.converting.checkpoint_reading import PublishedState
from visavox.pipeline.converting.converted import Converted
from visavox.pipeline.converting.manifest import Manifest

MANIFESTS = ("fop_gated", "fop_linear")
REMEDY = "Give a checkpoint of its main.py, with fusion gated or linear, or name another --kind."
LICENCE = "not stated by its authors; for research only until they say otherwise"

# ours -> published, both as prefixes
SIDES = {"linear.": "fc1.0.", "norm.": "fc1.1."}
GATE = {"hidden.": "attention.0.block.0.", "norm.": "attention.0.block.1.", "gate.": "attention.1."}


def convert(state: PublishedState, manifest: Manifest, sizes: Mapping[str, int]) -> Converted:
    """Return the associator of a checkpoint that fits its manifest.

    Args:
        state: the checkpoint.
        manifest: fop_gated or fop_linear.
        sizes: dim, voice_dim, face_dim, n_people.
    """
    gated = manifest.name == "fop_gated"
    arguments: dict[str, Any] = {"fusion": "gated" if gated else "linear", "n_classes": sizes["n_people"]}
    associator = FOP(sizes["voice_dim"], sizes["face_dim"], output_dim=sizes["dim"], **arguments)
    published = {
        f"{role}.{ours}": f"{role}_branch.{theirs}" for role in ("voice", "face") for ours, theirs in SIDES.items()
    }
    published |= {f"fusion.{ours}": f"fusion_layer.{theirs}" for ours, theirs in GATE.items()}
    published["classifier."] = "logits_layer."
    associator.load_tensors(_renamed(associator.tensors(), published, state.tensors))
    return Converted(
        title=f"FOP, {manifest.name.removeprefix('fop_')} fusion, {sizes['n_people']} training people",
        source=manifest.source,
        licence=LICENCE,
        training_data=f"{sizes['n_people']} people, as its classifier shows; the FAME baseline: MAV-Celeb",
        associator=associator,
        left_out=tuple(f"`{name}`" for name in state.beside),
        notes=(
            f"Voices are vectors of {sizes['voice_dim']} numbers and faces of {sizes['face_dim']}, made as its "
            "authors make them (VGGFace fc7 and an utterance-level network); no encoder of this package gives them.",
            "`Associator.from_pretrained(folder)` is the associator; `distances` gives the published score of a pair, "
            "lower for one person, `scored_voice` and `scored_face` the vectors behind it.",
            "`fuse` and `classify` give what its training looked at.",
        ),
    )


def _renamed(wanted: Tensors, published: Mapping[str, str], found: Tensors) -> Tensors:
    """Return the published arrays under our names."""
    renamed: Tensors = {}
    for name in wanted:
        if name == "fusion.weights":  # of the linear fusion: face first, then voice
            renamed[name] = np.concatenate([found["fusion_layer.weight1"], found["fusion_layer.weight2"]])
            continue
        ours = max((prefix for prefix in published if name.startswith(prefix)), key=len)
        renamed[name] = found[published[ours] + name.removeprefix(ours)]
    return renamed
