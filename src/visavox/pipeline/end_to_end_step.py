"""One optimiser step's gradients, from rows of prepared media: windows, changes, encoders, loss, and the way back.

Every process prepares the inputs of the whole batch, which takes the same random numbers everywhere, and sends its own
rows through the encoders. The vectors of all rows are gathered; heads and objectives then see the whole batch in every
process, with the same random numbers, so that their state and their gradients agree without being told. What flows back
into the encoders is added up. One process in one part is the plain training step.

Example:
    losses = BatchGradients(network, pairs, batches.people, settings).of(batch, draws, step=0)
    optimiser.step()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from visavox.batches.augment import augment_faces, augment_voices, random_windows
from visavox.batches.media_pairs import MediaPairs
from visavox.batches.person_batches import PersonBatch
from visavox.pipeline.cached_gradients import Inputs, encode, seeded
from visavox.pipeline.distributed import ALONE, Processes
from visavox.pipeline.end_to_end_network import BatchClips, JointNetwork
from visavox.pipeline.end_to_end_settings import EndToEndSettings

FRAMES_A_SECOND = 100  # of every voice encoder's prepared items


@dataclass(frozen=True)
class EpochDraws:
    """Where the random numbers of an epoch come from."""

    media: torch.Generator
    """Of windows and changes; on the CPU, the same in every process."""
    loss_seed: int
    """Of what heads and objectives draw; with the number of the step it is another one each time."""


@dataclass(frozen=True)
class BatchGradients:
    """Computes losses of batches and leaves the gradients of the whole batch at the parameters.

    Args:
        network: in training mode.
        pairs: what the rows of batches are of.
        people: (n_people,) int64, rising: the numbers in `pairs` of the people with a voice and a face.
        settings: windows, changes, parts.
        bfloat16: run the encoders under autocast.
        processes: who shares the work; each gets the same losses and gradients.
    """

    network: JointNetwork
    pairs: MediaPairs
    people: np.ndarray
    settings: EndToEndSettings
    bfloat16: bool = False
    processes: Processes = ALONE

    def of(self, batch: PersonBatch, draws: EpochDraws, *, step: int) -> dict[str, Tensor]:
        """Return the losses of a batch, without graph, and add its gradients to those of the parameters.

        Args:
            batch: rows of all processes; as many as there are processes, or more.
            draws: of the epoch.
            step: optimiser steps done; the objective is told of it.

        Returns:
            What `JointNetwork.losses` says.
        """
        network, processes, n = self.network, self.processes, len(batch.person)
        heard, seen = self.inputs(batch, draws.media)
        shares = shares_of(n, self.settings.accumulate, processes)
        rows = torch.from_numpy(np.concatenate(shares[processes.rank])).to(heard[0].device)
        if processes.count > 1:
            heard, seen = (tuple(x[rows] for x in side) for side in (heard, seen))
        sizes = [len(part) for part in shares[processes.rank]]
        own = encode(network, heard, seen, sizes=sizes, bfloat16=self.bfloat16)
        voice, face = (self._gathered(side, shares).requires_grad_() for side in (own.voice, own.face))
        clips = self._clips(batch, voice.device)
        loss_seed = int(np.random.SeedSequence([draws.loss_seed, step]).generate_state(1)[0])
        network.across.before_step(step)
        with seeded(voice.device, loss_seed):
            losses = network.losses(voice, face, clips)
            torch.autograd.backward(losses["loss"])
        own.backward(*(None if side.grad is None else side.grad[rows] for side in (voice, face)))
        self._share_gradients()
        return {name: value.detach() for name, value in losses.items()}

    def inputs(self, batch: PersonBatch, generator: torch.Generator) -> tuple[Inputs, Inputs]:
        """Return what the two encoders take of a batch: windows of the voices, and faces, all changed at random.

        Args:
            batch: n rows.
            generator: of everything that is drawn; on the CPU.

        Returns:
            What `collate` of the voice encoder gives, and of the face encoder, n rows each.
        """
        network, pairs, settings = self.network, self.pairs, self.settings
        window_s = settings.shortest_window_s
        if settings.longest_window_s > window_s:
            window_s += (settings.longest_window_s - window_s) * float(torch.rand((), generator=generator))
        n_frames = max(1, round(window_s * FRAMES_A_SECOND))
        windows = random_windows([pairs.voices[row] for row in batch.voice], n_frames, generator)
        spectra, *lengths = network.voice_encoder.collate(windows)
        (pictures,) = network.face_encoder.collate([pairs.faces[row] for row in batch.face])
        heard = augment_voices(spectra, settings.voice_augmentation, generator)
        seen = augment_faces(pictures, settings.face_augmentation, generator)
        return (heard, *lengths), (seen,)

    def _clips(self, batch: PersonBatch, device: torch.device) -> BatchClips:
        pairs, person = self.pairs, np.searchsorted(self.people, batch.person)  # 0 to n_people - 1
        names = (person, pairs.voice_video[batch.voice], pairs.face_video[batch.face])
        return BatchClips(*(torch.from_numpy(name).to(device) for name in names))

    def _gathered(self, own: Tensor, shares: Sequence[Sequence[np.ndarray]]) -> Tensor:
        """Return the rows of all processes in the order of the batch."""
        if self.processes.count == 1:
            return own
        whole = self.processes.gather(own, [sum(map(len, share)) for share in shares])
        places = np.argsort(np.concatenate([part for share in shares for part in share]))
        return whole[torch.from_numpy(places).to(whole.device)]

    def _share_gradients(self) -> None:
        """Add up what the encoders got; the rest has the whole batch's gradient already, and takes the first's."""
        if self.processes.count == 1:
            return
        encoders = {id(parameter) for parameter in self.network.encoder_parameters}
        given = [parameter for parameter in self.network.parameters() if parameter.grad is not None]
        self.processes.add_up([p.grad for p in given if id(p) in encoders and p.grad is not None])
        self.processes.copy_from_first([p.grad for p in given if id(p) not in encoders and p.grad is not None])


def shares_of(n: int, n_parts: int, processes: Processes) -> list[list[np.ndarray]]:
    """Return which rows of a batch go through the encoders where and when.

    The parts follow each other in the batch, and every process has a share of every part, so that batch normalisation
    sees the same rows together however many processes there are.

    Args:
        n: rows of the batch, at least one a process.
        n_parts: parts that are asked for, 1 or more; fewer are made where a process would go without rows.
        processes: how many there are.

    Returns:
        [process][part]: rising rows, (n_rows,) int64.

    Example:
        >>> [[part.tolist() for part in share] for share in shares_of(7, 2, Processes(count=2))]
        [[[0, 1], [4, 5]], [[2, 3], [6]]]
    """
    parts = np.array_split(np.arange(n), max(1, min(n_parts, n // processes.count)))
    return [[part[processes.own_rows(len(part), rank)] for part in parts] for rank in range(processes.count)]
