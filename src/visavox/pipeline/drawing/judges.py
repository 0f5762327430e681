"""Who looks at drawn faces: face encoders that judge, and a classifier of gender, age and race.

Every picture, true or drawn, by us or by others, goes the same way: found by one detector, cut to the canonical crop,
encoded. dlib's descriptor judges always. A generator's own face encoder judges beside it and is marked "seen in
training", since what a drawer was taught by flatters it. Users may name further ones. Gender, age and race are read by
the boxed linear heads on dlib's features, learned from UTKFace.

Example:
    judges = FaceJudges(Generator.load("portrait"))
    [judge.name for judge in judges.judges]            # ['dlib', 'face_look']
    judges.look([judges.cut(picture).image])           # features, male, age
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.evaluation.reconstruction_record import Judge
from visavox.media.detectors.mtcnn import MtcnnDetector
from visavox.media.drawn_frame import crop_of_picture
from visavox.media.face_crop import FaceCrop, crop_face
from visavox.models.dlib_resnet import POOLED_DIM
from visavox.models.face_attributes import AGE, GENDER, RACES, boxed_face_attributes
from visavox.persistence import load_folder
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.inception_features import InceptionFeatures
from visavox.pipeline.drawing.predictor_training import classifier_of_encoder
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder, Spec

DLIB = "dlib"
VGG_FACE = "vgg_face"
FACE_ENCODER = "face_encoder"
SEEN = "seen_in_training"
NAME = re.compile(r"[a-z][a-z0-9_]*")
CHUNK = 64  # crops that are looked at together

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Looked:
    """What the judges and the classifier made of faces."""

    features: Mapping[str, NDArray[np.float32]]
    """Judge -> (n, dim)."""
    male: NDArray[np.float32]
    """(n,) above 0 for male."""
    age: NDArray[np.float32]
    """(n,) years."""
    race: NDArray[np.float32]
    """(n,) place in `visavox.models.face_attributes.RACES`."""
    classes: NDArray[np.float32] | None = None
    """(n, n_classes) probabilities of the people of VGG-Face; None where it does not judge."""


class FaceJudges:
    """Judges of one evaluation.

    Args:
        generator: whose own face encoder judges beside dlib; None: dlib alone.
        compute: where and how the encoders run.
        further: name -> specification of a face encoder that judges, too, with `seen_in_training` where a drawer
            learned from it; the encoder of `generator` is known as such.
        inception: features for the FID; None: there is none.

    Attributes:
        judges: dlib, the generator's own encoder, the further ones.
        own: the generator's own encoder; None where there is none.
        without_score: why there are no class probabilities, a sentence; "" where there are.
    """

    def __init__(
        self,
        generator: Generator | None = None,
        compute: Compute | None = None,
        *,
        further: Mapping[str, Spec] | None = None,
        inception: InceptionFeatures | None = None,
    ) -> None:
        """Load the encoders.

        Raises:
            ConfigError: a further judge has the name of another or no plain one, or an option that its encoder lacks.
            DataError: weights cannot be read.
            UnknownNameError: no encoder has this name.
        """
        self.compute = compute or Compute()
        self.inception = inception
        own = own_face_encoder(generator) if generator is not None else None
        name = None if own is None else _name_of(own)
        dlib = FrozenEncoder(DLIB, "face", self.compute)
        judges = [Judge(DLIB, _about(dlib), seen_in_training=name == DLIB)]
        self.encoders: dict[str, FrozenEncoder] = {DLIB: dlib}
        if own is not None and name is not None and name != DLIB:
            self.encoders[name] = FrozenEncoder(own, "face", self.compute)
            judges.append(Judge(name, _about(self.encoders[name]), seen_in_training=True))
        self.own = self.encoders.get(name) if name is not None else None
        self._classifier: Callable[[torch.Tensor], torch.Tensor] | None = None
        self._named_by = ""
        self.without_score = "No VGGFace score: no judge is VGG-Face with its fc8 (--judges)."
        for further_name, spec in (further or {}).items():
            judges.append(self._further(further_name, spec, seen_by=name))
        self.judges = tuple(judges)
        self._heads = boxed_face_attributes()
        views = {"name": DLIB, "output": "pooled", "flip": True, "views": list(self._heads.views)}
        self._pooled = FrozenEncoder(views, "face", self.compute)
        self._detector = MtcnnDetector()

    @property
    def classifier(self) -> dict[str, Any]:
        """What is known of the classifier: its name and its figures on faces that it did not learn from."""
        return {"name": "face_attributes", **self._heads.figures}

    def cut(self, picture: NDArray[np.uint8], *, is_drawn_square: bool = False) -> FaceCrop:
        """Return the canonical crop of the face in a picture, found anew; the centre where none is found.

        Args:
            picture: (height, width, 3) uint8 RGB.
            is_drawn_square: it is in the frame of `visavox.media.drawn_frame` and gets room about it first.
        """
        return crop_face(crop_of_picture(picture) if is_drawn_square else picture, self._detector)

    def look(self, crops: Sequence[NDArray[np.uint8]], progress: Progress | None = None) -> Looked:
        """Return what judges and classifier see in canonical crops.

        Args:
            crops: (256, 256, 3) uint8 RGB each.
            progress: called as progress(done, total).
        """
        features: dict[str, list[NDArray[np.float32]]] = {name: [] for name in self.encoders}
        pooled = []
        for at in range(0, len(crops), CHUNK):
            part = crops[at : at + CHUNK]
            for name, encoder in self.encoders.items():
                features[name].append(encoder.encode(part))
            pooled.append(self._pooled.encode(part))
            if progress is not None:
                progress(min(at + CHUNK, len(crops)), len(crops))
        width = POOLED_DIM * len(self._heads.views)
        told = self._heads.predict(np.concatenate(pooled) if pooled else np.zeros((0, width), np.float32))
        empty = {name: np.zeros((0, encoder.encoder.dim), np.float32) for name, encoder in self.encoders.items()}
        return Looked(
            {name: np.concatenate(parts) if parts else empty[name] for name, parts in features.items()},
            told[GENDER],
            told[AGE],
            np.stack([told[f"race_{race}"] for race in RACES]).argmax(axis=0).astype(np.float32),
            self._named(features),
        )

    def look_without_attributes(self, crops: Sequence[NDArray[np.uint8]]) -> dict[str, NDArray[np.float32]]:
        """Return judge -> (n, dim) features of canonical crops."""
        return {name: encoder.encode(list(crops)) for name, encoder in self.encoders.items()}

    def _further(self, name: str, given: Spec, *, seen_by: str | None) -> Judge:
        """Load a judge that the user named."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise ConfigError(f"`judges` must have names of small letters, digits and _. Got {name!r}.")
        if name in self.encoders:
            raise ConfigError(f"`judges` must not name {name!r}: it judges already. Name it otherwise or leave it out.")
        spec: dict[str, Any] = {"name": given} if isinstance(given, str) else dict(given)
        seen = spec.pop(SEEN, spec.get("name") == seen_by)
        if not isinstance(seen, bool):
            raise ConfigError(f"`{SEEN}` of the judge {name!r} must be true or false. Got {seen!r}.")
        self.encoders[name] = encoder = FrozenEncoder(spec, "face", self.compute)
        if spec["name"] == VGG_FACE and self._classifier is None:
            try:
                self._classifier = classifier_of_encoder(spec)
            except DataError:
                self.without_score = f"No VGGFace score: the checkpoint of the judge {name} holds no fc8."
            if self._classifier is not None:
                self._named_by, self.without_score = name, ""
        return Judge(name, _about(encoder), seen_in_training=seen)

    def _named(self, features: Mapping[str, Sequence[NDArray[np.float32]]]) -> NDArray[np.float32] | None:
        """Return (n, n_classes) probabilities of VGG-Face's people."""
        if self._classifier is None or not features[self._named_by]:
            return None
        with torch.inference_mode():
            parts = [torch.softmax(self._classifier(torch.from_numpy(x)), dim=-1) for x in features[self._named_by]]
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def own_face_encoder(generator: Generator) -> Spec | None:
    """Return the face encoder that a generator was taught by; None where its folder says nothing of one."""
    folder = generator.folder / FACE_ENCODER
    if (folder / "config.json").is_file():
        try:
            name = load_folder(folder).spec.get("name")
        except DataError as error:
            raise DataError(f"The face encoder of {generator.folder} cannot be read: {error}") from error
        return {"name": str(name), "weights": str(folder)}
    told = generator.choices.get(FACE_ENCODER)
    return told if isinstance(told, str | Mapping) else None


def _name_of(spec: Spec) -> str:
    return spec if isinstance(spec, str) else str(spec["name"])


def _about(encoder: FrozenEncoder) -> str:
    told = encoder.provenance
    return f"{told.weights}; learned from {told.training_data}"
