"""Batches of known people: every clip once, changes of training clips only, and functions of seed and epoch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.batches.augment import FaceAugmentation
from visavox.batches.identification_batches import IdentificationBatches, IdentificationClips, in_order
from visavox.errors import ConfigError, DataError

N, SAMPLES, PX = 7, 40, 6


def made(n: int = N) -> IdentificationClips:
    rng = np.random.default_rng(0)
    voices = np.zeros((n, SAMPLES), dtype=np.int16)
    voices[:, SAMPLES // 2] = 1000 * (1 + np.arange(n))  # one click, as loud as the clip's number
    return IdentificationClips(np.arange(n) % 3, voices, rng.integers(0, 255, (n, PX, PX, 3)).astype(np.uint8))


def clicks(batches: IdentificationBatches, epoch: int) -> dict[int, list[int]]:
    """Clip -> where its click stands in each of its appearances."""
    found: dict[int, list[int]] = {}
    for batch in batches.epoch(epoch):
        assert batch.voice is not None
        for voice, label in zip(batch.voice, batch.label, strict=True):
            clip = round(float(voice.max()) * 32768 / 1000) - 1
            assert int(label) == clip % 3
            found.setdefault(clip, []).append(int(voice.argmax()) - SAMPLES // 2)
    return found


def test_an_epoch_deals_every_clip_once_with_its_label_and_its_face() -> None:
    clips = made()
    batches = IdentificationBatches(clips, batch_size=3, seed=1)
    assert len(batches) == 3 and batches.n_clips == N
    seen = []
    for batch in batches.epoch(1):
        assert batch.face is not None and batch.voice is not None and clips.faces is not None
        for voice, face in zip(batch.voice, batch.face, strict=True):
            clip = round(float(voice.max()) * 32768 / 1000) - 1
            np.testing.assert_allclose(face.permute(1, 2, 0).numpy() * 255, clips.faces[clip], atol=1e-4)
            seen.append(clip)
    assert sorted(seen) == list(range(N))


def test_epochs_differ_and_a_seed_repeats_them() -> None:
    first = [b.label.tolist() for b in IdentificationBatches(made(), batch_size=3, shift_samples=4, seed=1).epoch(1)]
    again = [b.label.tolist() for b in IdentificationBatches(made(), batch_size=3, shift_samples=4, seed=1).epoch(1)]
    other = clicks(IdentificationBatches(made(), batch_size=3, shift_samples=4, seed=1), 2)
    assert first == again
    assert clicks(IdentificationBatches(made(), batch_size=3, shift_samples=4, seed=1), 1) != other


def test_shifts_are_drawn_anew_in_every_epoch_within_their_bounds() -> None:
    batches = IdentificationBatches(made(), batch_size=3, shift_samples=4, seed=0)
    found = [clicks(batches, epoch) for epoch in range(1, 40)]
    shifts = {place for epoch in found for places in epoch.values() for place in places}
    assert shifts == set(range(-4, 5))


def test_copies_are_fixed_one_each_way_and_three_times_the_clips() -> None:
    batches = IdentificationBatches(made(), batch_size=4, shift_samples=9, n_shifted_copies=2, seed=0)
    assert batches.n_clips == 3 * N and len(batches) == 6
    first, second = clicks(batches, 1), clicks(batches, 2)
    for clip in range(N):
        low, middle, high = sorted(first[clip])
        assert low <= 0 <= high and 0 in (low, middle, high)
        assert sorted(second[clip]) == [low, middle, high]


def test_order_and_unchanged_go_together_as_an_epoch_does() -> None:
    batches = IdentificationBatches(made(), batch_size=4, shift_samples=9, n_shifted_copies=2, seed=3)
    everything = torch.cat([batch.voice for batch in batches.unchanged(5) if batch.voice is not None])
    for (chosen, label), batch in zip(batches.order(2), batches.epoch(2), strict=True):
        assert torch.equal(everything[chosen], batch.voice)
        assert torch.equal(label, batch.label)


def test_faces_change_in_training_and_stay_between_0_and_1() -> None:
    clips = made()
    plain = IdentificationBatches(clips, batch_size=N, seed=0)
    changed = IdentificationBatches(clips, batch_size=N, faces=FaceAugmentation(brightness=0.9), seed=0)
    before, after = next(plain.epoch(1)), next(changed.epoch(1))
    assert before.face is not None and after.face is not None
    assert not torch.allclose(before.face, after.face)
    assert float(after.face.min()) >= 0 and float(after.face.max()) <= 1
    assert torch.equal(before.label, after.label)
    assert after.voice is not None and torch.equal(after.voice, before.voice)  # type: ignore[arg-type]


def test_in_order_changes_nothing() -> None:
    clips = made()
    batches = list(in_order(clips, 4))
    assert [len(batch.label) for batch in batches] == [4, 3]
    voices = torch.cat([batch.voice for batch in batches if batch.voice is not None])
    assert clips.voices is not None
    np.testing.assert_allclose(voices.numpy() * 32768, clips.voices)
    only = next(in_order(IdentificationClips(clips.labels, faces=clips.faces), 9))
    assert only.voice is None and only.face is not None and only.face.shape == (N, 3, PX, PX)


def test_clips_without_media_or_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="one clip or more. Got 2 labels and no voices or faces"):
        IdentificationClips(np.zeros(2, dtype=np.intp))
    with pytest.raises(DataError, match=r"Got 2 labels and \[3\] voices"):
        IdentificationClips(np.zeros(2, dtype=np.intp), voices=np.zeros((3, 5), dtype=np.int16))
    with pytest.raises(ConfigError, match="`n_shifted_copies` must be 0 where `shift_samples` is 0. Got 2"):
        IdentificationBatches(made(), batch_size=2, n_shifted_copies=2)


def test_copies_beside_each_other_and_plain_faces_are_what_is_kept() -> None:
    clips = made()
    batches = IdentificationBatches(
        clips, batch_size=4, shift_samples=9, n_shifted_copies=2, faces=FaceAugmentation(brightness=0.9), seed=3
    )
    parts = list(batches.unchanged(5))
    assert [len(part.label) for part in parts] == [5, 5, 5, 5, 1]
    assert torch.cat([part.label for part in parts]).tolist() == [i % 3 for i in range(N) for _ in range(3)]
    faces = torch.cat([part.face for part in parts if part.face is not None])
    assert clips.faces is not None
    np.testing.assert_allclose(faces[::3].permute(0, 2, 3, 1) * 255, clips.faces, atol=1e-4)
    assert torch.equal(faces[::3], faces[1::3]) and torch.equal(faces[::3], faces[2::3])


def test_an_epoch_depends_on_its_number_alone() -> None:
    options = {"batch_size": 3, "shift_samples": 4, "faces": FaceAugmentation(), "seed": 5}
    fresh, used = IdentificationBatches(made(), **options), IdentificationBatches(made(), **options)  # type: ignore[arg-type]
    for _ in used.epoch(1):
        break  # given up half-way
    for one, two in zip(fresh.epoch(3), used.epoch(3), strict=True):
        assert torch.equal(one.label, two.label)
        assert one.voice is not None and two.voice is not None and torch.equal(one.voice, two.voice)
        assert one.face is not None and two.face is not None and torch.equal(one.face, two.face)


def test_another_seed_draws_other_copies_and_another_order() -> None:
    def of(seed: int) -> IdentificationBatches:
        return IdentificationBatches(made(), batch_size=4, shift_samples=9, n_shifted_copies=2, seed=seed)

    places = [{clip: sorted(found) for clip, found in clicks(of(seed), 1).items()} for seed in (0, 0, 1)]
    assert places[0] == places[1] != places[2]
    orders = [torch.cat([chosen for chosen, _ in of(seed).order(1)]).tolist() for seed in (0, 0, 1)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(3 * N))
    assert len({tuple(torch.cat([c for c, _ in of(0).order(e)]).tolist()) for e in range(1, 6)}) == 5


def test_strangers_keep_their_label_and_samples_their_scale() -> None:
    clips = IdentificationClips(np.array([-1, 2]), np.array([[-32768, 0], [16384, 32767]], dtype=np.int16))
    (batch,) = in_order(clips, 5)
    assert batch.label.tolist() == [-1, 2] and batch.label.dtype == torch.int64
    assert batch.voice is not None and batch.voice.tolist() == [[-1.0, 0.0], [0.5, 32767 / 32768]]
