"""Checkpoints of FaceTones: {epoch, model_state_dict, optimizer_state_dict, loss}.

The adapter maps the 257 tokens of DINOv2-base to the space of SpeechBrain's x-vectors; it becomes the associator
`facetones`, whose voice side changes nothing, in a model that names both encoders.

Example:
    convert(read_state(Path("checkpoint_9.pth")), load_manifest("facetones"), {})
"""

from __future__ import annotations

from collections.abc import Mapping

from visavox.models.associators.base import Associator
from visavox.pipeline.converting.checkpoint_reading import PublishedState
from visavox.pipeline.converting.converted import Converted
from visavox.pipeline.converting.manifest import Manifest
from visavox.registry import ASSOCIATORS

MANIFESTS = ("facetones",)
REMEDY = (
    "Only the last published network is known (linear_seq of nine layers); earlier ones, with convolutions or more "
    "layers, are not."
)


def convert(state: PublishedState, manifest: Manifest, sizes: Mapping[str, int]) -> Converted:  # noqa: ARG001
    """Return the associator of a checkpoint that fits its manifest."""
    associator: Associator = ASSOCIATORS.build({"name": "facetones"})
    associator.load_tensors({f"face.{key}": state.tensors[key] for key in manifest.kept(state)})
    margin = state.tensors.get("loss_func.learnable_param")
    at = "" if margin is None else f", {float(margin):.4f}"
    kept_out = [f"`{key}`: {about}{at}" for key, about in manifest.not_kept.items() if key in state.tensors]
    return Converted(
        title="FaceTones, image to voice embedding",
        source=manifest.source,
        licence="not stated by its authors; for research only until they say otherwise",
        training_data="AVSpeech train (up to 150,000 clips, as its README tells); see the log of the run",
        associator=associator,
        frozen={"voice": {"name": "xvector"}, "face": {"name": "dinov2", "output": "tokens"}},
        left_out=(*kept_out, *(f"`{name}`" for name in state.beside)),
        notes=(
            "`VoiceFaceModel.from_pretrained(folder)` is the model. Its encoders, facebook/dinov2-base and "
            "speechbrain/spkrec-xvect-voxceleb, come from the hub at the first use (pip install visavox[hub]).",
            "Its match_scale is not fitted, so its probabilities are not calibrated; its ranks are.",
            "Its faces were squares around the place that AVSpeech names, without a face detector; ours are aligned.",
        ),
    )
