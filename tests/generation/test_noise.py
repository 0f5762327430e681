"""Noise of a sample: its own, whatever else is drawn."""

from __future__ import annotations

import torch

from visavox.generation.noise import first_noise, sample_generator


def test_a_sample_has_the_same_noise_in_any_company() -> None:
    many = first_noise(5, range(6), (2, 3, 3))
    for sample in range(6):
        assert torch.equal(first_noise(5, [sample], (2, 3, 3))[0], many[sample])
    assert torch.equal(first_noise(5, [4, 1], (2, 3, 3)), many[[4, 1]])


def test_samples_and_seeds_differ() -> None:
    rows = [first_noise(seed, [sample], (50,))[0] for seed in (0, 1, 2) for sample in (0, 1, 2)]
    for index, row in enumerate(rows):
        for other in rows[index + 1 :]:
            assert (row - other).abs().max() > 0.1  # seed 1 of sample 0 is not seed 0 of sample 1 either


def test_it_is_standard_normal() -> None:
    noise = first_noise(3, range(20), (4, 16, 16))
    assert abs(float(noise.mean())) < 0.03
    assert abs(float(noise.std()) - 1) < 0.03


def test_the_generator_is_fresh_every_time_and_touches_no_other() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, second = (torch.randn(3, generator=sample_generator(9, 9)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


def test_large_seeds_are_told_apart() -> None:
    assert not torch.equal(first_noise(2**40, [0], (4,)), first_noise(0, [0], (4,)))
