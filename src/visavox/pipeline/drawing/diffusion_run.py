"""`train --task diffusion`: autoencoder, denoiser and upsampler, one after the other, into one generator.

    out/diffusion.json       what decides the run; a resumed one must have the same
    out/metrics.jsonl, tensorboard/        numbers of all parts, by name
    out/pictures/, voices/   placed faces and vectors of voices, made once
    out/latents.safetensors  what the denoiser learns from
    out/member-PART/         state of a part in training
    out/generator/           what comes out, beside the parts of the generator that is named

A part that is done is not trained again; one that was interrupted goes on at its last whole epoch.

Example:
    outcome = train_diffusion(config, progress)
    [(row.part, row.figures) for row in outcome.rows]
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visavox.config import TrainConfig
from visavox.errors import ConfigError
from visavox.generation.parts import save_part
from visavox.media.drawn_frame import drawn_picture
from visavox.media.images import read_image
from visavox.models.diffusion.denoiser import Denoiser
from visavox.models.diffusion.face_autoencoder import FaceAutoencoder, LatentSpace, build_latent_space
from visavox.models.diffusion.upsampler import FACTOR, FaceUpsampler
from visavox.persistence import read_tensors, write_tensors
from visavox.pipeline.cached_gradients import seeded
from visavox.pipeline.drawing.autoencoder_training import encode_pictures, train_autoencoder
from visavox.pipeline.drawing.denoiser_training import train_denoiser
from visavox.pipeline.drawing.diffusion_faces import LearnedFaces, read_learned_faces
from visavox.pipeline.drawing.diffusion_folder import claim_run, finish_generator, start_generator
from visavox.pipeline.drawing.diffusion_settings import DiffusionSettings, PartSettings, read_diffusion_settings
from visavox.pipeline.drawing.step_training import StepOptions, StepState
from visavox.pipeline.drawing.told_faces import as_tensor
from visavox.pipeline.drawing.upsampler_training import train_upsampler
from visavox.pipeline.end_to_end import autocast_pays
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.training_log import RunPlace, read_metrics

LATENTS = "latents.safetensors"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PartRow:
    """One part, for the command to print."""

    part: str
    n_parameters: int
    steps: int
    seconds: float
    stopped: str
    """Why its training ended."""
    figures: Mapping[str, float]
    """Of its last epoch: loss, validation_psnr_db or validation_loss and validation_gain."""


@dataclass(frozen=True)
class DiffusionOutcome:
    """What `train --task diffusion` made."""

    folder: Path
    """Of the generator."""
    n_paired: int
    """Clips that were learned from."""
    n_unpaired: int
    """Faces without voices that were learned from."""
    imagined_score: float
    """Share of the variance of held-out voices that faces explain, by which voices were imagined; nan without."""
    rows: tuple[PartRow, ...]


def train_diffusion(config: TrainConfig, progress: Progress | None = None) -> DiffusionOutcome:
    """Train what draws by diffusion.

    Args:
        config: of the task diffusion.
        progress: called as progress(done, total): with pictures while they are read, then with steps of all parts.

    Raises:
        ConfigError: a setting is wrong, or `out` holds other files.
        DataError: no corpus or split, a run with other settings or pictures, a generator that does not fit, or a loss
            that is no number.
    """
    assert config.corpus is not None and config.splits is not None
    settings = read_diffusion_settings(config.drawing)
    build_parts(settings, voice_dim=1, seed=config.seed)  # refuses wrong options before anything is read
    claim_run(config, settings)
    start_generator(config.out, settings)
    faces = read_learned_faces(config, settings, progress)
    run = _Run(config, settings, faces, progress)
    return run.do()


@dataclass(frozen=True, eq=False)
class Parts:
    """The networks of a run, with fresh weights."""

    space: LatentSpace
    denoiser: Denoiser
    upsampler: FaceUpsampler | None
    arguments: Mapping[str, Mapping[str, Any]]
    """Part -> what builds it again."""


def build_parts(settings: DiffusionSettings, *, voice_dim: int, seed: int) -> Parts:
    """Return all networks with fresh weights, each drawn from the seed alone.

    Raises:
        ConfigError: an option is unknown or out of range.
    """
    arguments: dict[str, dict[str, Any]] = {"autoencoder": {**settings.autoencoder.options}}
    arguments["autoencoder"]["image_px"] = settings.image_px
    space = _built(
        settings.autoencoder, "autoencoder", seed, lambda name: build_latent_space(name, arguments["autoencoder"])
    )
    fixed = {"latent_shape": list(space.latent_shape), "kinds": list(settings.conditions), "voice_dim": voice_dim}
    arguments["denoiser"] = {**settings.denoiser.options, **fixed}
    denoiser = _built(settings.denoiser, "denoiser", seed, lambda _: Denoiser(**arguments["denoiser"]))
    upsampler = None
    if settings.upsampler is not None:
        arguments["upsampler"] = {**settings.upsampler.options}
        upsampler = _built(settings.upsampler, "upsampler", seed, lambda _: FaceUpsampler(**arguments["upsampler"]))
    return Parts(space, denoiser, upsampler, arguments)


def _built(entry: PartSettings, part: str, seed: int, build: Callable[[str], Any]) -> Any:
    drawn = int(np.random.SeedSequence([seed, len(part)]).generate_state(1)[0])  # the names differ in length
    try:
        with seeded(torch.device("cpu"), drawn):
            return build(entry.name)
    except (TypeError, ValueError) as error:
        said = re.sub(r"\w+\.__init__\(\) got an unexpected keyword argument", "takes no", " ".join(str(error).split()))
        raise ConfigError(f"The {part} {entry.name!r} of `drawing`: {said}. Mend `{part}`.") from error
    except ConfigError as error:
        raise ConfigError(f"The {part}: {error}") from error


class _Run:
    """The parts of one run, and the faces that they share."""

    def __init__(
        self, config: TrainConfig, settings: DiffusionSettings, faces: LearnedFaces, progress: Progress | None
    ) -> None:
        self.config, self.settings, self.faces, self.progress = config, settings, faces, progress
        self.device = Compute.of(config).torch_device
        self.parts = build_parts(settings, voice_dim=faces.voice_dim, seed=config.seed)
        self.folder = config.out / "generator"
        self.rows: list[PartRow] = []
        self.done = 0
        entries = [e for e in (settings.autoencoder, settings.denoiser, settings.upsampler) if e is not None]
        self.total = sum(entry.training.n_steps for entry in entries)

    def do(self) -> DiffusionOutcome:
        """Train every part that is not done, save it, and write the generator."""
        space = self._autoencoder()
        latents, held_out = self._latents(space)
        self._denoiser(latents, held_out)
        self._upsampler(space)
        faces = self.faces
        finish_generator(self.config, self.settings, faces, {row.part: asdict(row) for row in self.rows})
        score = faces.told.imagined.held_out_score if faces.told.imagined else float("nan")
        n_paired = faces.told.n_paired
        return DiffusionOutcome(self.folder, n_paired, len(faces.told) - n_paired, score, tuple(self.rows))

    def _options(self, part: str, **about: Any) -> StepOptions:
        """Return what the training of a part is told."""
        asked, pays = self.config.precision, autocast_pays(self.device)
        return StepOptions(
            seed=self.config.seed,
            bfloat16=asked == "bfloat16" or (asked == "auto" and pays),
            place=RunPlace(self.config.out, member=part),
            about={"faces": self.faces.digest, "arguments": self.parts.arguments[part], **about},
        )

    def _tick(self, done: int, _: int) -> None:
        if self.progress is not None:
            self.progress(self.done + done, self.total)

    def _finish(self, part: str, entry: PartSettings, network: nn.Module, state: StepState) -> None:
        """Save a trained part and note how it went."""
        self.done += entry.training.n_steps
        save_part(
            self.folder,
            part,
            name=entry.name,
            arguments=self.parts.arguments[part],
            network=network,
            half=self.settings.half,
        )
        lines = [line for line in read_metrics(self.config.out) if line.get("member") == part]
        left_out = ("member", "epoch", "step", "seconds")
        last = {k: v for k, v in (lines[-1] if lines else {}).items() if k not in left_out and v is not None}
        n = sum(p.numel() for p in network.parameters())
        self.rows.append(PartRow(part, n, state.step, round(state.seconds, 2), state.stopped, last))

    def _autoencoder(self) -> LatentSpace:
        entry, space, faces = self.settings.autoencoder, self.parts.space.to(self.device), self.faces
        if not isinstance(space, FaceAutoencoder):
            with torch.no_grad():
                space.standardise(as_tensor(faces.told.pictures[:2000]).to(self.device))
            self._finish("autoencoder", entry, space, StepState(space, _no_optimiser(), {}, stopped="nothing to train"))
            return space
        state = train_autoencoder(
            space,
            faces.told.pictures,
            faces.held_out_pictures,
            entry.training,
            self._options("autoencoder"),
            progress=self._tick,
        )
        self._finish("autoencoder", entry, space, state)
        return space

    def _latents(self, space: LatentSpace) -> tuple[Tensor, Tensor]:
        """Return the latents of all faces and of the validation clips, from the file where it has them."""
        identity = {
            "faces": self.faces.digest,
            "autoencoder": json.loads(json.dumps(self.settings.as_json()["autoencoder"])),
            "seed": self.config.seed,
        }
        file = self.config.out / LATENTS
        if file.is_file():
            tensors, metadata = read_tensors(file)
            if metadata.get("identity") == identity:
                return torch.from_numpy(tensors["latents"]), torch.from_numpy(tensors["held_out"])
        told = self.faces.validation
        pictures = (self.faces.told.pictures, told.pictures if told else self.faces.told.pictures[:0])
        low = self._options("autoencoder").bfloat16
        found = [encode_pictures(space, some, device=torch.device(self.device), bfloat16=low) for some in pictures]
        write_tensors(file, {"latents": found[0].numpy(), "held_out": found[1].numpy()}, {"identity": identity})
        return found[0], found[1]

    def _denoiser(self, latents: Tensor, held_out: Tensor) -> None:
        entry, faces = self.settings.denoiser, self.faces
        denoiser = self.parts.denoiser.to(self.device)
        state = train_denoiser(
            denoiser,
            latents,
            faces.told,
            None if faces.validation is None else (held_out, faces.validation),
            entry.training,
            self._options("denoiser", autoencoder=self.settings.as_json()["autoencoder"]),
            unpaired_share=self.settings.unpaired_share,
            progress=self._tick,
        )
        self._finish("denoiser", entry, denoiser, state)

    def _upsampler(self, space: LatentSpace) -> None:
        entry, network = self.settings.upsampler, self.parts.upsampler
        if entry is None or network is None:
            return
        network = network.to(self.device)
        media, px = self.faces.media, self.settings.image_px
        large = {
            subset: np.stack([drawn_picture(read_image(path), FACTOR * px) for path in clips.crops])
            if len(clips)
            else np.zeros((0, FACTOR * px, FACTOR * px, 3), np.uint8)
            for subset, clips in media.paired.items()
            if subset != "test"
        }
        small = media.paired["train"].pictures
        state = train_upsampler(
            network,
            small,
            large["train"],
            _round_trip(space, small, self.device),
            (media.paired["validation"].pictures, large["validation"]),
            entry.training,
            self._options("upsampler", autoencoder=self.settings.as_json()["autoencoder"]),
            progress=self._tick,
        )
        self._finish("upsampler", entry, network, state)


@torch.inference_mode()
def _round_trip(space: LatentSpace, pictures: Any, device: str) -> Any:
    """Return (n, px, px, 3) uint8: what the autoencoder makes of pictures."""
    parts = [
        space.decode(space.encode(as_tensor(pictures[at : at + 64]).to(device))).cpu()
        for at in range(0, len(pictures), 64)
    ]
    return (torch.cat(parts).permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()


def _no_optimiser() -> torch.optim.Optimizer:
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.0)
