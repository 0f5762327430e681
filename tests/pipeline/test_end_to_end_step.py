"""A step's gradients: against a loop written out, in parts, and in shares that add up to the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from visavox.batches.augment import augment_faces, augment_voices, random_windows
from visavox.batches.media_pairs import MediaPairs
from visavox.batches.person_batches import PersonBatches
from visavox.pipeline.distributed import Processes
from visavox.pipeline.end_to_end_network import BatchClips, JointNetwork
from visavox.pipeline.end_to_end_settings import EndToEndSettings
from visavox.pipeline.end_to_end_step import BatchGradients, EpochDraws, shares_of

SETTINGS = EndToEndSettings(people_a_batch=6, output_dim=4, window_s=0.2)
MakeNetwork = Callable[..., JointNetwork]
Make = Callable[..., MediaPairs]


def batches(media: MediaPairs, settings: EndToEndSettings = SETTINGS) -> PersonBatches:
    size = settings.clips_a_person
    return PersonBatches(
        media.voice_person, media.face_person, people_a_batch=settings.people_a_batch, clips_a_person=size, seed=0
    )


def draws() -> EpochDraws:
    return EpochDraws(torch.Generator().manual_seed(7), loss_seed=8)


def still(network: JointNetwork) -> JointNetwork:
    """Take out what sees the rest of its batch, or draws."""
    network.voice.drop, network.face.norm = nn.Identity(), nn.Identity()
    return network


def gradients(network: JointNetwork) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def test_it_is_the_plain_step_bit_for_bit(make_network: MakeNetwork, make_media: Make) -> None:
    """Windows, changes, both networks with their dropout, one loss, one way back: as one would write it out."""
    media, settings = make_media(), SETTINGS
    dealt = batches(media)
    (batch, *_) = dealt.epoch(1)
    network, same = make_network(settings), make_network(settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        found = BatchGradients(network.train(), media, dealt.people, settings).of(batch, draws(), step=0)
    same.train()
    generator = torch.Generator().manual_seed(7)
    windows = random_windows([media.voices[row] for row in batch.voice], 20, generator)
    spectra, lengths = same.voice_encoder.collate(windows)
    (pictures,) = same.face_encoder.collate([media.faces[row] for row in batch.face])
    heard = augment_voices(spectra, settings.voice_augmentation, generator)
    seen = augment_faces(pictures, settings.face_augmentation, generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        voice, face = same((heard, lengths), (seen,))
    names = (batch.person, media.voice_video[batch.voice], media.face_video[batch.face])
    wanted = same.losses(voice, face, BatchClips(*(torch.from_numpy(name) for name in names)))
    wanted["loss"].backward()  # type: ignore[no-untyped-call]
    assert set(found) == set(wanted) and not any(value.requires_grad for value in found.values())
    assert all(torch.equal(found[name], value.detach()) for name, value in wanted.items())
    for name, gradient in gradients(same).items():
        assert torch.equal(gradients(network)[name], gradient), name


@pytest.mark.parametrize("accumulate", [2, 5, 100])
def test_parts_change_neither_loss_nor_gradients(make_network: MakeNetwork, make_media: Make, accumulate: int) -> None:
    media = make_media()
    dealt = batches(media)
    (batch, *_) = dealt.epoch(1)
    found = []
    for parts in (1, accumulate):
        network, settings = still(make_network(SETTINGS)), replace(SETTINGS, accumulate=parts)
        losses = BatchGradients(network, media, dealt.people, settings).of(batch, draws(), step=0)
        found.append((losses, gradients(network)))
    torch.testing.assert_close(found[1][0], found[0][0])
    assert set(found[0][1]) == set(found[1][1])
    for name, gradient in found[0][1].items():
        assert (found[1][1][name] - gradient).abs().max() <= 1e-5 * max(float(gradient.abs().max()), 1), name


@given(n=st.integers(1, 30), n_parts=st.integers(1, 9), count=st.integers(1, 5))
def test_every_row_is_somebodys_and_every_process_has_some_of_every_part(n: int, n_parts: int, count: int) -> None:
    if n < count:
        return
    shares = shares_of(n, n_parts, Processes(count=count))
    assert len(shares) == count and len({len(share) for share in shares}) == 1
    assert all(len(part) for share in shares for part in share)
    together = [np.sort(np.concatenate(parts)) for parts in zip(*shares, strict=True)]
    np.testing.assert_array_equal(np.concatenate(together), np.arange(n))  # parts follow each other
    assert len(together) == max(1, min(n_parts, n // count))


@dataclass(frozen=True)
class Played(Processes):
    """One of two processes, the other of which is played from notes of what it had to say."""

    said: list[Tensor] = field(default_factory=list)
    heard: list[Tensor] = field(default_factory=list)

    def gather(self, own: Tensor, counts: Sequence[int]) -> Tensor:
        self.said.append(own.detach().clone())
        other = self.heard[len(self.said) - 1] if self.heard else torch.zeros(counts[1 - self.rank], *own.shape[1:])
        return torch.cat([own.detach(), other] if self.is_first else [other, own.detach()])

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Leave the shares alone, for the test to add."""

    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Leave what must be equal alone, for the test to compare."""


def test_shares_of_the_gradient_add_up_to_the_whole(make_network: MakeNetwork, make_media: Make) -> None:
    """Encoders: the sum of both; heads and temperatures: the same in both. An odd number of rows, in three parts."""
    settings = replace(SETTINGS, clips_a_person=3, people_a_batch=3, accumulate=3)
    media = make_media(n_people=3, n_clips=3)
    dealt = batches(media, settings)
    (batch,) = dealt.epoch(1)
    whole = still(make_network(settings))
    wanted = BatchGradients(whole, media, dealt.people, settings).of(batch, draws(), step=0)
    rehearsal = [Played(rank, 2) for rank in (0, 1)]
    for process in rehearsal:
        step = BatchGradients(still(make_network(settings)), media, dealt.people, settings, processes=process)
        step.of(batch, draws(), step=0)
    found = []
    for rank in (0, 1):
        network, process = still(make_network(settings)), Played(rank, 2, heard=rehearsal[1 - rank].said)
        step = BatchGradients(network, media, dealt.people, settings, processes=process)
        torch.testing.assert_close(step.of(batch, draws(), step=0), wanted)
        found.append(gradients(network))
    for name, gradient in gradients(whole).items():
        if name.startswith(("voice.", "face.")):
            torch.testing.assert_close(found[0][name] + found[1][name], gradient, atol=1e-5, rtol=1e-5)
            assert not torch.allclose(found[0][name], gradient, atol=1e-5)
        else:
            assert torch.equal(found[0][name], found[1][name])
            torch.testing.assert_close(found[0][name], gradient, atol=1e-5, rtol=1e-5)


def test_one_length_is_drawn_for_the_whole_batch(make_network: MakeNetwork, make_media: Make) -> None:
    media = make_media()
    settings = replace(SETTINGS, window_s=(0.1, 0.25))
    dealt = batches(media, settings)
    (batch, *_) = dealt.epoch(1)
    step = BatchGradients(make_network(settings), media, dealt.people, settings)
    generator = torch.Generator().manual_seed(0)
    lengths = [step.inputs(batch, generator)[0][1].tolist() for _ in range(60)]
    assert all(len(set(of_batch)) == 1 for of_batch in lengths)
    drawn = {of_batch[0] for of_batch in lengths}
    assert min(drawn) == 10 and max(drawn) == 25 and len(drawn) > 10


def test_the_objective_is_told_of_the_step_and_draws_alike_whatever_the_encoders_draw(
    make_network: MakeNetwork, make_media: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = make_media()
    dealt = batches(media)
    (batch, *_) = dealt.epoch(1)
    network = make_network(SETTINGS)
    steps: list[int] = []
    drawn: list[float] = []
    losses = network.losses

    def drawing(*given: Tensor) -> dict[str, Tensor]:
        drawn.append(float(torch.rand(())))
        return losses(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(network, "losses", drawing)
    monkeypatch.setattr(network.across, "before_step", steps.append)
    step = BatchGradients(network, media, dealt.people, SETTINGS)
    for number in (3, 3, 4):
        torch.rand(())
        step.of(batch, draws(), step=number)
    assert steps == [3, 3, 4]
    assert drawn[0] == drawn[1] != drawn[2]


def test_people_are_numbered_from_0_without_gaps(make_network: MakeNetwork, make_media: Make) -> None:
    """A classifier has one row a person with both modalities; the catalog's numbers also count the others."""
    media = make_media(n_people=4)
    media = replace(media, voice_person=media.voice_person * 10 + 3, face_person=media.face_person * 10 + 3)
    settings = replace(SETTINGS, objective="shared_classifier")
    dealt = batches(media, settings)
    (batch,) = dealt.epoch(1)
    network = make_network(settings)
    network.prepare(n_people=4, n_rows=8, n_steps=1, generator=torch.Generator().manual_seed(0))
    found = BatchGradients(network, media, dealt.people, settings).of(batch, draws(), step=0)
    assert bool(torch.isfinite(found["loss"]))
