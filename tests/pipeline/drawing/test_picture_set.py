"""Pictures of a training: which are shown how often, and how they are changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.pipeline.drawing.made_media import made_media, made_pictures

from visavox.pipeline.drawing.picture_set import as_tensor, changed, training_pictures


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_held_out_faces_and_other_subsets_are_not_learned_from() -> None:
    media = made_media()
    pictures = training_pictures(media, corpus_copies=2)
    kept = ~media.labelled.held_out
    assert pictures.n_labelled == kept.sum() == 9 and len(pictures.pictures) == 9 + 7 and len(pictures) == 9 + 2 * 7
    assert np.array_equal(pictures.pictures[:9], media.labelled.pictures[kept])
    assert np.array_equal(pictures.pictures[9:], media.paired["train"].pictures)
    for name, values in (("age", pictures.age), ("male", pictures.male), ("race", pictures.race)):
        assert np.array_equal(values, getattr(media.labelled, name)[kept])


def test_an_epoch_shows_labelled_faces_once_and_those_of_the_corpus_as_often_as_asked() -> None:
    counts = np.bincount(training_pictures(made_media(), corpus_copies=3).rows)
    assert counts.tolist() == [1] * 9 + [3] * 7


def test_without_labelled_faces_the_corpus_is_enough() -> None:
    pictures = training_pictures(made_media(n_labelled=0), corpus_copies=1)
    assert pictures.n_labelled == 0 and len(pictures) == 7


def test_a_batch_has_the_pixels_of_its_rows() -> None:
    pictures = training_pictures(made_media(), corpus_copies=1)
    batch = pictures.batch(torch.tensor([3, 12]))
    assert batch.shape == (2, 3, 8, 8) and batch.is_contiguous(memory_format=torch.channels_last)
    assert np.allclose(batch[1].permute(1, 2, 0).numpy() * 255, pictures.pictures[12])


def test_numbers_go_from_0_to_1() -> None:
    pictures = np.zeros((1, 8, 8, 3), np.uint8)
    pictures[0, 2, 5] = (255, 0, 51)
    assert as_tensor(pictures)[0, :, 2, 5].tolist() == pytest.approx([1, 0, 0.2])


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    pictures = as_tensor(made_pictures(5))
    assert torch.equal(changed(pictures, flip=0, colour=0, generator=generator()), pictures)


def test_all_are_mirrored_or_half_of_them() -> None:
    pictures = as_tensor(made_pictures(200))
    assert torch.equal(changed(pictures, flip=1, colour=0, generator=generator()), pictures.flip(3))
    some = changed(pictures, flip=0.5, colour=0, generator=generator())
    turned = (some != pictures).flatten(1).any(dim=1)
    assert 70 < int(turned.sum()) < 130
    assert torch.equal(some[turned], pictures.flip(3)[turned])


def test_colours_are_what_a_plain_loop_makes_of_them() -> None:
    pictures = as_tensor(made_pictures(3))
    found = changed(pictures, flip=0, colour=0.2, generator=generator(4))
    again = generator(4)
    torch.rand(3, 1, 1, 1, generator=again)
    drawn = torch.rand(3, 5, 1, 1, generator=again)
    for row in range(3):
        contrast, brightness, *colours = (0.8 + 0.4 * float(number) for number in drawn[row].flatten())
        mean = float(pictures[row].mean())
        for channel in range(3):
            wanted = ((pictures[row, channel] - mean) * contrast + mean) * brightness * colours[channel]
            assert torch.allclose(found[row, channel], wanted.clamp(0, 1), atol=1e-5)
    assert not torch.equal(found, pictures) and 0 <= float(found.min()) <= float(found.max()) <= 1


def test_changes_depend_on_the_generator_alone_and_leave_the_pictures() -> None:
    pictures = as_tensor(made_pictures(6))
    before = pictures.clone()
    one, two = (changed(pictures, flip=0.5, colour=0.1, generator=generator(2)) for _ in range(2))
    assert torch.equal(one, two) and torch.equal(pictures, before)
    assert not torch.equal(one, changed(pictures, flip=0.5, colour=0.1, generator=generator(3)))
