"""Pictures to latents and back: shapes, scales, what is refused, and that nothing is lost in pixel space."""

from __future__ import annotations

import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.diffusion.face_autoencoder import FaceAutoencoder, PixelSpace, build_latent_space

SMALL = {"image_px": 16, "channels": (16, 32)}


def fresh(**options: object) -> FaceAutoencoder:
    torch.manual_seed(0)
    return FaceAutoencoder(**{**SMALL, **options})  # type: ignore[arg-type]


def test_64_px_become_four_planes_of_16() -> None:
    space = FaceAutoencoder(image_px=64)
    assert space.latent_shape == (4, 16, 16)
    assert 1_000_000 < sum(p.numel() for p in space.parameters()) < 2_700_000
    with torch.no_grad():
        latents = space.encode(torch.rand(1, 3, 64, 64))
        assert latents.shape == (1, 4, 16, 16)
        assert space.decode(latents).shape == (1, 3, 64, 64)


def test_pictures_come_back_in_their_range() -> None:
    space = fresh()
    with torch.no_grad():
        made = space.decode(30 * torch.randn(3, *space.latent_shape))
    assert made.shape == (3, 3, 16, 16)
    assert made.min() >= 0
    assert made.max() <= 1
    assert made.std() > 0


def test_the_posterior_is_that_of_diffusers_on_patches_by_hand() -> None:
    space, picture = fresh(), torch.rand(1, 3, 16, 16)
    patches = torch.zeros(1, 12, 8, 8)
    for channel in range(3):
        for y in range(2):
            for x in range(2):
                patches[0, 4 * channel + 2 * y + x] = 2 * picture[0, channel, y::2, x::2] - 1
    with torch.no_grad():
        expected = space.network.encode(patches).latent_dist
        mean, log_variance = space.posterior(picture)
    torch.testing.assert_close(mean, expected.mean)
    torch.testing.assert_close(log_variance, expected.logvar)


def test_standardised_latents_have_mean_0_and_deviation_1() -> None:
    space, pictures = fresh(), torch.rand(40, 3, 16, 16)
    with torch.no_grad():
        space.standardise(space.raw(pictures))
        latents = space.encode(pictures)
        torch.testing.assert_close(latents.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
        torch.testing.assert_close(latents.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-4, rtol=0)
        torch.testing.assert_close(space.decode(latents), space.pictures(space.raw(pictures)).clamp(0, 1))


def test_pixel_space_loses_nothing() -> None:
    space, pictures = PixelSpace(image_px=32), torch.rand(5, 3, 32, 32)
    space.standardise(space.raw(pictures))
    assert space.latent_shape == (3, 32, 32)
    torch.testing.assert_close(space.decode(space.encode(pictures)), pictures)
    assert not list(space.parameters())


def test_weights_and_scales_survive_saving() -> None:
    space, other = fresh(), FaceAutoencoder(**SMALL)  # type: ignore[arg-type]
    pictures = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        space.standardise(space.raw(pictures))
        other.load_state_dict(space.state_dict())
        torch.testing.assert_close(other.encode(pictures), space.encode(pictures))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_px": 18}, "`image_px` must be a multiple of 4"),
        ({"channels": (10, 32)}, "`channels` multiples of 16"),
        ({"channels": ()}, "`image_px` must be a multiple"),
        ({"patch_px": 0}, "`image_px` must be a multiple"),
        ({"layers": 0}, "`latent_channels` and `layers` must be at least 1"),
        ({"latent_channels": 0}, "must be at least 1"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        fresh(**options)
    assert "\n" not in str(error.value)


def test_large_pictures_need_an_autoencoder() -> None:
    with pytest.raises(ConfigError, match="8 to 64 px. Got `image_px` 128"):
        PixelSpace(image_px=128)


def test_spaces_are_built_by_name() -> None:
    assert isinstance(build_latent_space("pixels", {"image_px": 8}), PixelSpace)
    assert isinstance(build_latent_space("kl", SMALL), FaceAutoencoder)
    with pytest.raises(ConfigError, match="one of kl, pixels. Got 'vq'"):
        build_latent_space("vq", {})
