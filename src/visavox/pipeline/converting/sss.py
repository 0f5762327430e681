"""Checkpoints of "Seeking the Shape of Sound": best.pth.tar, ckp_*.pth.tar, id_weight.pth, and its first IR-50.

A checkpoint of the whole network becomes a whole model: thin ResNet-34 and IR-50 as encoders, the heads as associator
`sss`, and beside them two tables that only training needs: identity_weights.safetensors ("weight" and "loss_mean",
(n_people,) each, of the three-step re-weighting) and classifier.safetensors ("weight", (n_people, 128)).

Example:
    convert(read_state(Path("best.pth.tar")), load_manifest("sss"), {"n_people": 924})
"""

from __future__ import annotations

from collections.abc import Mapping

from visavox.models.associators.sss import SSS
from visavox.persistence import Tensors
from visavox.pipeline.converting.checkpoint_reading import PublishedState
from visavox.pipeline.converting.converted import Converted, published_encoder, recipe_spec
from visavox.pipeline.converting.manifest import Manifest
from visavox.pipeline.converting.voxceleb_trainer import ENCODER as VOICE_ENCODER

MANIFESTS = ("sss", "sss_identity_weights", "ir50")
REMEDY = (
    "Give best.pth.tar or ckp_*.pth.tar of its train.py, id_weight.pth of extract_id_weight.py, or the IR-50 weights."
)
FACE_ENCODER = "ir50"
LICENCE = "MIT, as the code; the IR-50 inside was trained on MS-Celeb-1M, which was withdrawn"
TRAINING_DATA = "VoxCeleb1 and VGGFace, the published split; before that VoxCeleb2 voices and MS-Celeb-1M faces"
HEAD = {"norm.": "fc.0.", "linear.": "fc.2."}  # ours -> published


def convert(state: PublishedState, manifest: Manifest, sizes: Mapping[str, int]) -> Converted:
    """Return the model, the face encoder or the weights of identities that a checkpoint holds.

    Args:
        state: the checkpoint.
        manifest: sss, ir50 or sss_identity_weights.
        sizes: n_people.
    """
    if manifest.name == "sss_identity_weights":
        return _identity_weights(state, manifest, sizes)
    if manifest.name == "ir50":
        return _face_encoder(state, manifest)
    return _whole(state, manifest, sizes)


def _whole(state: PublishedState, manifest: Manifest, sizes: Mapping[str, int]) -> Converted:
    found = state.tensors
    associator = SSS(512, 512)
    heads: Tensors = {}
    for name in associator.tensors():
        role, part, rest = name.split(".", 2)
        heads[name] = found[f"{role[0].upper()}.{HEAD[part + '.']}{rest}"]
    associator.load_tensors(heads)
    encoders = {}
    for modality, name, prefix, options in (
        ("voice", VOICE_ENCODER, "V.model.", {}),
        ("face", FACE_ENCODER, "F.model.", {"view": "whole"}),  # it saw the whole picture of a face
    ):
        network = {ours: found[key] for key, ours in manifest.kept(state, prefix).items()}
        about = {"weights": state.path.name, "training_data": TRAINING_DATA, "licence": LICENCE}
        encoders[modality] = published_encoder(name, network, **about, **options)
    dropped = [f"`{key}`: {about}" for key, about in manifest.not_kept.items() if key in found]
    return Converted(
        title=f"Seeking the Shape of Sound, {sizes['n_people']} training people",
        source=manifest.source,
        licence=LICENCE,
        training_data=TRAINING_DATA,
        associator=associator,
        encoders=encoders,
        tables={
            "identity_weights.safetensors": {"weight": found["center.weight"], "loss_mean": found["center.loss_mean"]},
            "classifier.safetensors": {"weight": found["F.cls.weight"]},
        },
        left_out=(*dropped, *(f"`{name}`" for name in state.beside)),
        notes=(
            "`VoiceFaceModel.from_pretrained(folder)` is the model. Its match_scale is not fitted, so its "
            "probabilities are not calibrated; its ranks are.",
            "Its faces were crops of VGGFace and ours are aligned crops: figures on other crops are not the published.",
            "The objective `seeking_shape` takes identity_weights.safetensors; `identity_order` names vox1_train.csv.",
        ),
    )


def _face_encoder(state: PublishedState, manifest: Manifest) -> Converted:
    tensors = {ours: state.tensors[key] for key, ours in manifest.kept(state).items()}
    licence, training_data = "not stated with the file; MS-Celeb-1M was withdrawn", "MS-Celeb-1M, aligned"
    encoder = published_encoder(
        FACE_ENCODER, tensors, weights=state.path.name, training_data=training_data, licence=licence
    )
    return Converted(
        title="IR-50 for faces, the start of Seeking the Shape of Sound",
        source=manifest.source,
        licence=licence,
        training_data=training_data,
        encoders={"face": encoder},
        left_out=tuple(f"`{name}`" for name in state.beside),
        notes=(f"In a recipe: the face encoder {recipe_spec(encoder)} with this folder as `weights`.",),
    )


def _identity_weights(state: PublishedState, manifest: Manifest, sizes: Mapping[str, int]) -> Converted:
    return Converted(
        title=f"Weights of {sizes['n_people']} identities",
        source=manifest.source,
        licence="MIT, as the code",
        training_data="VoxCeleb1 and VGGFace, the published split",
        tables={"identity_weights.safetensors": {"weight": state.tensors["center.weight"]}},
        left_out=tuple(f"`{name}`" for name in state.beside),
        notes=("The objective `seeking_shape` takes the file; `identity_order`: vox1_train.csv says whose they are.",),
    )
