"""Faces from a voice in one pass: a predicted face feature, its scatter, and the decoder of features to pictures.

Sample 0 is the expected face: of what is predicted, p, and of nobody in particular, c, the picture of
c + guidance * (p - c). Every other sample adds what a voice does not tell, as true features scatter about predicted
ones: c + guidance * (p - c) + spread @ z_i, with z_i drawn from the seed and i alone.

Example:
    drawer = DecoderDrawer.from_generator(Path("portrait"), image_px=64, choices={"guidance": 1.5})
    drawer.draw(DrawingRequest(heard, n_samples=8, seed=0)).shape      # (8, 64, 64, 3)
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.errors import ConfigError
from visavox.generation.drawers.base import DrawingRequest, FaceDrawer, HeardForDrawing, Progress
from visavox.generation.parts import built_part, load_part
from visavox.models.face_decoders.base import FaceDecoder
from visavox.models.face_predictors.base import FacePredictor
from visavox.models.speech_image import SpeechForm, speech_image
from visavox.registry import DRAWERS, FACE_DECODERS, PREDICTORS

CHUNK = 8
"""Pictures a pass, never more or fewer: sums are rounded by the size of a batch, and a picture must be the same to the
last bit however many are drawn with it."""
GUIDANCE = 1.0


@DRAWERS.register("decoder")
class DecoderDrawer(FaceDrawer):
    """Draws by a predictor and a decoder.

    Args:
        predictor: voice to face feature; put into evaluation mode.
        decoder: face feature to picture, of the same dimension; put into evaluation mode.
        guidance: its own default, 0 or more.
        device: where both run.
    """

    name = "decoder"
    conditions = ("voice",)

    def __init__(
        self, predictor: FacePredictor, decoder: FaceDecoder, *, guidance: float = GUIDANCE, device: str = "cpu"
    ) -> None:
        """Take both networks.

        Raises:
            ConfigError: their features are of different length.
        """
        if predictor.feature_dim != decoder.feature_dim:
            raise ConfigError(
                f"The predictor gives features of {predictor.feature_dim} numbers, the decoder takes "
                f"{decoder.feature_dim}. Train both in one run."
            )
        self.predictor = predictor.to(device).eval()
        self.decoder = decoder.to(device).eval()
        self.guidance = guidance
        self.device = device
        self.image_px = decoder.image_px

    @classmethod
    def from_generator(
        cls, folder: Path, *, image_px: int, choices: Mapping[str, Any], device: str = "cpu"
    ) -> DecoderDrawer:
        """Return the drawer of a generator's folder.

        Args:
            folder: with the parts predictor and decoder.
            image_px: side of a picture that the generator says.
            choices: {"guidance": ...}; what else they hold is not for it.
            device: where it runs.

        Raises:
            DataError: a part is missing, damaged or of another version.
            ConfigError: parts that do not fit each other, or a decoder of another size.
        """
        predictor: FacePredictor = built_part(folder, "predictor", PREDICTORS.build)
        decoder: FaceDecoder = built_part(folder, "decoder", FACE_DECODERS.build)
        if decoder.image_px != image_px:
            raise ConfigError(
                f"The decoder of {folder} draws {decoder.image_px} px, its generator says {image_px}. Train it again."
            )
        load_part(predictor, folder, "predictor")
        load_part(decoder, folder, "decoder")
        return cls(predictor, decoder, guidance=float(choices.get("guidance", GUIDANCE)), device=device)

    def draw(self, request: DrawingRequest, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Return (n_samples, image_px, image_px, 3) uint8 RGB pictures, samples first_sample and those after it.

        Raises:
            ConfigError: a condition that is not of the voice.
        """
        refused = [condition.name for condition in request.told if condition.name not in self.conditions]
        if refused:
            raise ConfigError(
                f"The method decoder can be told {' and '.join(self.conditions)}, not {', '.join(refused)}. "
                "Leave that out, or use --method diffusion with a model that was trained with it."
            )
        with torch.inference_mode():
            return self.pictures(self.features(request), progress)

    def pictures(self, features: Tensor, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Return (n, image_px, image_px, 3) uint8 RGB pictures of (n, feature_dim) float32 features."""
        drawn = np.zeros((len(features), self.image_px, self.image_px, 3), np.uint8)
        with torch.inference_mode():
            for at in range(0, len(features), CHUNK):
                some = features[at : at + CHUNK]
                full = torch.cat([some, some[-1:].expand(CHUNK - len(some), -1)])
                drawn[at : at + CHUNK] = as_pictures(self.decoder(full))[: len(some)]
                if progress is not None:
                    progress(min(at + CHUNK, len(features)), len(features))
        return drawn

    def features(self, request: DrawingRequest) -> Tensor:
        """Return (n_samples, feature_dim) float32: what is drawn of each sample."""
        centre, spread = self.predictor.centre, self.predictor.spread
        guidance = self.guidance if request.guidance is None else request.guidance
        expected = centre + guidance * (self.predict(request.heard) - centre)
        rows = []
        for sample in range(request.first_sample, request.first_sample + request.n_samples):
            scatter = torch.zeros(spread.shape[1])
            if sample:
                generator = torch.Generator().manual_seed(sample_seed(request.seed, sample))
                scatter = torch.randn(spread.shape[1], generator=generator)
            rows.append(expected + spread @ scatter.to(self.device))
        return torch.stack(rows)

    def predict(self, heard: HeardForDrawing) -> Tensor:
        """Return the (feature_dim,) float32 feature that is predicted of a voice, without guidance.

        Raises:
            ConfigError: the vector is of another voice encoder.
        """
        if self.predictor.takes == "spectrogram":
            form: SpeechForm = getattr(self.predictor, "form", "real_imaginary")
            heard_as: NDArray[np.floating[Any]] = speech_image(heard.samples, form=form)
        else:
            heard_as = heard.vector
            wanted = getattr(self.predictor, "input_dim", len(heard_as))
            if heard_as.shape != (wanted,):
                raise ConfigError(
                    f"The predictor listens to vectors of {wanted} numbers. Got {heard_as.shape}. "
                    "Use the voice encoder that it was trained with."
                )
        voice = torch.from_numpy(np.asarray(heard_as, np.float32)).to(self.device)
        found: Tensor = self.predictor(voice[None])[0]
        return found


def sample_seed(seed: int, sample: int) -> int:
    """Return the seed of one sample's random numbers: of the request's seed and the sample's number alone."""
    words = np.random.SeedSequence([seed, sample]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


def as_pictures(drawn: Tensor) -> NDArray[np.uint8]:
    """Return (n, px, px, 3) uint8 of (n, 3, px, px) float in 0..1; halves are rounded to even."""
    rounded = (drawn.float().clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(rounded.permute(0, 2, 3, 1).cpu().numpy())
