"""Checkpoints of voxceleb_trainer: thin ResNet-34 with squeeze and excitation (baseline_lite_ap.model and its like).

The names carry `__S__.` before the network and `__L__.` before the loss; the loss is left out.

Example:
    convert(read_state(Path("baseline_lite_ap.model")), load_manifest("voxceleb_trainer"), {})
"""

from __future__ import annotations

from collections.abc import Mapping

from visavox.pipeline.converting.checkpoint_reading import PublishedState
from visavox.pipeline.converting.converted import Converted, published_encoder, recipe_spec
from visavox.pipeline.converting.manifest import Manifest

MANIFESTS = ("voxceleb_trainer",)
REMEDY = "Only ResNetSE34L with SAP pooling and 512 outputs is known; other networks of its models/ are not."
ENCODER = "thin_resnet34"
LICENCE = "MIT, as the code; see the repository"
TRAINING_DATA = "VoxCeleb2 dev, voices, as its README tells"


def convert(state: PublishedState, manifest: Manifest, sizes: Mapping[str, int]) -> Converted:  # noqa: ARG001
    """Return the voice encoder of a checkpoint that fits its manifest."""
    tensors = {ours: state.tensors[key] for key, ours in manifest.kept(state).items()}
    # As its code reads voices: whole, without the loop to 10 s of Seeking the Shape of Sound.
    encoder = published_encoder(
        ENCODER, tensors, weights=state.path.name, training_data=TRAINING_DATA, licence=LICENCE, length_s=0.0
    )
    dropped = [f"`{key}`: {about}" for key, about in manifest.not_kept.items() if key in state.tensors]
    return Converted(
        title="Thin ResNet-34 of voxceleb_trainer",
        source=manifest.source,
        licence=LICENCE,
        training_data=TRAINING_DATA,
        encoders={"voice": encoder},
        left_out=(*dropped, *(f"`{name}`" for name in state.beside)),
        notes=(f"In a recipe: the voice encoder {recipe_spec(encoder)} with this folder as `weights`.",),
    )
