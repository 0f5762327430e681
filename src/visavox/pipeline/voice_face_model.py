"""The whole model: from files of a voice and faces to probabilities.

It owns the way from bytes to vectors (reading, speech, face detection, frozen encoders) and an associator that
brings both into one space. A model folder holds config.json and model.safetensors (the associator),
preprocess.json (everything before it), people.json (hashes of the people it was trained on) and a card; where the
encoders were trained too, voice_encoder/ and face_encoder/ with their weights.

Example:
    model = VoiceFaceModel.from_pretrained("base")
    model.match("voice.wav", ["a.jpg", "b.jpg"]).probabilities
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.items import MODALITIES
from visavox.errors import ConfigError, DataError, MediaError
from visavox.metrics.calibrators import LogisticCalibrator
from visavox.models.associators.base import Associator
from visavox.persistence import resolve_model
from visavox.pipeline.carried_encoders import with_full_path, with_inner_path
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.match_outcome import MatchOutcome
from visavox.pipeline.matching import PlacedFace, PlacedVoice, match_placed
from visavox.pipeline.media_vectors import Face, HeardVoice, MediaEncoder, MediaRecipe, SeenFace, Voice, shown_name

PREPROCESS, PEOPLE = "preprocess.json", "people.json"


@dataclass(frozen=True)
class Preprocess:
    """Everything between a file and the associator; a model is only valid with the one it was trained with."""

    voice_encoder: str | Mapping[str, Any] = "ge2e"
    """Registered voice encoder with its options; `weights`, where it has them, as a path in full."""
    face_encoder: str | Mapping[str, Any] = "dlib"
    """Registered face encoder with its options; `weights`, where it has them, as a path in full."""
    detector: str = "mtcnn"
    """Registered face detector."""
    min_speech_s: float = 0.5
    """Seconds of speech that a voice must hold."""
    match_scale: float = 10.0
    """Inverse temperature of the choice among faces: probabilities are softmax(match_scale * similarity).
    Fitted on held-out training people by maximum likelihood."""
    pair_slope: float | None = None
    """With `pair_intercept`: pair_slope * similarity + pair_intercept is the log likelihood ratio, in nats, that one
    voice and one face are of one person. Fitted on held-out training people; None where nobody fitted it."""
    pair_intercept: float | None = None
    """See `pair_slope`."""


class VoiceFaceModel:
    """Matches voices with faces of people it has never met.

    Args:
        associator: brings voice and face vectors into one space.
        preprocess: what turns files into the vectors that the associator was trained on.
        name: how the model was asked for; reports and outcomes repeat it.
        people: hashes of the people or videos it was trained on (`hash_identity`).
        compute: where and how the encoders run.
    """

    def __init__(
        self,
        associator: Associator,
        preprocess: Preprocess,
        *,
        name: str = "unnamed",
        people: frozenset[str] = frozenset(),
        compute: Compute | None = None,
    ) -> None:
        self.associator = associator
        self.preprocess = preprocess
        self.name = name
        self.people = people
        self.compute = compute or Compute()
        recipe = MediaRecipe(
            preprocess.voice_encoder, preprocess.face_encoder, preprocess.detector, preprocess.min_speech_s
        )
        self.media = MediaEncoder(recipe, self.compute)
        """The way from files to vectors of the frozen encoders."""

    def __repr__(self) -> str:
        """Return the name, what it is made of, and on how many people it was trained."""
        encoders = (self.preprocess.voice_encoder, self.preprocess.face_encoder)
        voice, face = (spec if isinstance(spec, str) else spec.get("name", "?") for spec in encoders)
        kind = type(self.associator).__name__
        return (
            f"VoiceFaceModel({self.name!r}: {voice} + {face}, {kind}, trained on {len(self.people)} people or videos)"
        )

    @classmethod
    def from_pretrained(cls, name: str | Path, *, compute: Compute | None = None) -> VoiceFaceModel:
        """Return a model from a boxed name ("base"), a folder, a run of `visavox train`, or a hub id.

        Raises:
            DataError: the folder is incomplete or corrupted; the message names the file.
            ConfigError: no model has this name; the message lists the boxed ones.
        """
        folder = resolve_model(name)
        for inner in (folder / "best", folder):
            if (inner / PREPROCESS).is_file():
                folder = inner
                break
        else:
            raise DataError(f"{folder} holds no {PREPROCESS}, so it is no model folder. Make one with: visavox train")
        preprocess = _read_preprocess(folder / PREPROCESS)
        people = _read_people(folder / PEOPLE)
        return cls(Associator.from_folder(folder), preprocess, name=str(name), people=people, compute=compute)

    def save_pretrained(self, folder: Path, *, card: str, overwrite: bool = False) -> None:
        """Write the model folder, whole or not at all; `card` becomes its README.md.

        The weights of trained encoders are copied in, so that the folder needs no other.

        Raises:
            DataError: the folder holds something and `overwrite` is False, it cannot be written, or the weights of an
                encoder cannot be read.
        """
        voice_encoder, voice_files = with_inner_path(self.preprocess.voice_encoder, "voice")
        face_encoder, face_files = with_inner_path(self.preprocess.face_encoder, "face")
        preprocess = dataclasses.replace(self.preprocess, voice_encoder=voice_encoder, face_encoder=face_encoder)
        files: dict[str, str | bytes] = {
            **voice_files,
            **face_files,
            PREPROCESS: json.dumps(dataclasses.asdict(preprocess), indent=2),
            PEOPLE: json.dumps(sorted(self.people)),
            "README.md": card,
        }
        self.associator.save_pretrained(folder, extra_files=files, overwrite=overwrite)

    def encode_voice(self, voice: Voice) -> np.ndarray:
        """Return the unit vector of a voice in the common space.

        Args:
            voice: a sound file, a video that stands for its voice, or (samples,) float32 at 16 kHz.

        Returns:
            (dim,) float32.

        Raises:
            MediaError: unreadable, silent, or too little speech; `status` says which.
        """
        return self._voice(voice).vector

    def encode_face(self, face: Face) -> np.ndarray:
        """Return the unit vector of the largest face of an image in the common space.

        Args:
            face: an image, a video that stands for its face, or (height, width, 3) uint8 RGB.

        Returns:
            (dim,) float32.

        Raises:
            MediaError: unreadable, or no face found; `status` says which.
        """
        return self._face(face).vector

    def similarity(self, voice: Voice, face: Face) -> float:
        """Return the cosine of a voice and a face in the common space, -1 to 1; larger is more alike."""
        return float(self.encode_voice(voice) @ self.encode_face(face))

    def pair_ratio(self, similarity: np.ndarray) -> np.ndarray | None:
        """Return how much better one person explains a voice and a face than two people do.

        Args:
            similarity: (...) float, cosines of voices and faces in the common space.

        Returns:
            (...) float64, log likelihood ratios in nats; None for a model whose ratios were never calibrated.
        """
        if self.preprocess.pair_slope is None or self.preprocess.pair_intercept is None:
            return None
        ratios: np.ndarray = LogisticCalibrator(
            self.preprocess.pair_slope, self.preprocess.pair_intercept
        ).log_likelihood_ratio(similarity)
        return ratios

    def match(self, voice: Voice, faces: Sequence[Face]) -> MatchOutcome:
        """Say which of several faces belongs to a voice.

        Args:
            voice: as for `encode_voice`.
            faces: two or more, as for `encode_face`.

        Returns:
            A probability for each usable face; those without a face, and a voice without speech, are outcomes
            with a status and a note, not errors.

        Raises:
            ConfigError: fewer than two faces, or the same face twice.
        """
        _check_candidates(faces)
        placed: list[tuple[str, PlacedFace | MediaError]] = []
        for number, face in enumerate(faces, start=1):
            try:
                found: PlacedFace | MediaError = self._face(face)
            except MediaError as error:
                found = error
            placed.append((shown_name(face, f"face {number}"), found))
        try:
            heard: PlacedVoice | MediaError = self._voice(voice)
        except MediaError as error:
            heard = error
        name = shown_name(voice, "voice")
        return match_placed(name, heard, placed, scale=self.preprocess.match_scale, model=self.name)

    def place_voice(self, heard: HeardVoice) -> PlacedVoice:
        """Return a voice that was encoded elsewhere, by `media`, in the common space."""
        return PlacedVoice(self.associator.encode_voice(heard.vectors)[0], heard.speech_s)

    def place_face(self, seen: SeenFace) -> PlacedFace:
        """Return a face that was encoded elsewhere, by `media`, in the common space."""
        return PlacedFace(self.associator.encode_face(seen.vectors)[0], seen.n_faces, seen.note)

    def _voice(self, voice: Voice) -> PlacedVoice:
        return self.place_voice(self.media.voice(voice))

    def _face(self, face: Face) -> PlacedFace:
        return self.place_face(self.media.face(face))


def hash_identity(identity: str) -> str:
    """Return a short hash of a person or video: enough to find an overlap, not to list who was trained on.

    Example:
        >>> len(hash_identity("id10001"))
        16
    """
    return hashlib.sha256(f"visavox:{identity}".encode()).hexdigest()[:16]


def overlap(model: VoiceFaceModel, identities: Iterable[str]) -> list[str]:
    """Return those identities that the model was trained on, in order, each once."""
    return sorted({identity for identity in identities if hash_identity(identity) in model.people})


def _check_candidates(faces: Sequence[Face]) -> None:
    if len(faces) < 2:
        raise ConfigError(f"`faces` must hold at least 2 candidates. Got {len(faces)}. Give two faces or more.")
    seen: dict[str, str] = {}
    for number, face in enumerate(faces, start=1):
        name = shown_name(face, f"face {number}")
        if isinstance(face, np.ndarray):
            content = face.tobytes()
        elif Path(face).is_file():
            content = Path(face).read_bytes()
        else:
            continue
        digest = hashlib.sha256(content).hexdigest()
        if digest in seen:
            raise ConfigError(f"`faces` must differ. {name} is the same as {seen[digest]}. Give each face once.")
        seen[digest] = name


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DataError(f"{path} is missing, so the model folder is incomplete. Copy or train it again.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no valid JSON ({error}). Copy or train the model again.") from error


def _read_preprocess(path: Path) -> Preprocess:
    values = _read_json(path)
    known = {field.name for field in dataclasses.fields(Preprocess)}
    if not isinstance(values, dict) or set(values) - known:
        extra = sorted(set(values) - known) if isinstance(values, dict) else type(values).__name__
        raise DataError(f"{path} holds {extra}, which this version does not know. Known: {', '.join(sorted(known))}.")
    for modality in MODALITIES:
        key = f"{modality}_encoder"
        if key in values:
            values[key] = with_full_path(values[key], path.parent, modality)
    preprocess = Preprocess(**values)
    specs = (preprocess.voice_encoder, preprocess.face_encoder)
    numbers = (preprocess.min_speech_s, preprocess.match_scale)
    fits = all(isinstance(spec, str | dict) for spec in specs) and isinstance(preprocess.detector, str)
    if not fits or not all(isinstance(n, int | float) and math.isfinite(n) and n >= 0 for n in numbers):
        raise DataError(
            f"{path} must name encoders and a detector and hold finite numbers of at least 0. Got {values}. "
            "Copy or train the model again."
        )
    calibration = (preprocess.pair_slope, preprocess.pair_intercept)
    given = [n for n in calibration if n is not None]
    if len(given) == 1 or not all(isinstance(n, int | float) and math.isfinite(n) for n in given):
        raise DataError(
            f"{path} must give `pair_slope` and `pair_intercept` as finite numbers, or neither. Got {calibration}. "
            "Copy or train the model again."
        )
    if preprocess.match_scale == 0:
        raise DataError(f"{path} must have a `match_scale` above 0, else every face is as probable. Train it again.")
    return preprocess


def _read_people(path: Path) -> frozenset[str]:
    """Return whom the model was trained on; without that list nobody could refuse to test it on them."""
    hashes = _read_json(path)
    if not isinstance(hashes, list) or not all(isinstance(entry, str) for entry in hashes):
        raise DataError(f"{path} must be a list of texts, the hashes of people. Copy or train the model again.")
    return frozenset(hashes)
