"""The scaling of pictures against numbers made by hand, and what it refuses."""

from __future__ import annotations

import pytest
import torch

from visavox.errors import DataError
from visavox.models.picture_scaling import PictureScaling


def test_each_channel_goes_by_its_own_figures() -> None:
    scaling = PictureScaling(2)
    scaling.adapt([0.5, 0.25], [0.5, 0.125])
    pictures = torch.tensor([[[[0.0, 1.0]], [[0.25, 0.5]]]])  # (1, 2, 1, 2)
    assert scaling(pictures).tolist() == [[[[-1.0, 1.0]], [[0.0, 2.0]]]]


def test_one_channel_and_one_figure_serve_all_channels() -> None:
    scaling = PictureScaling(4)
    assert scaling.mean.tolist() == [0.5] * 4 and scaling.std.tolist() == [0.25] * 4
    scaling.adapt(torch.tensor(0.25), torch.tensor([0.5]))
    assert scaling(torch.full((3, 1, 5, 2), 0.75)).shape == (3, 4, 5, 2)
    assert torch.equal(scaling(torch.full((3, 1, 5, 2), 0.75)), torch.ones(3, 4, 5, 2))


def test_adapted_training_pictures_have_mean_zero_and_deviation_one() -> None:
    pictures = (
        torch.rand(20, 3, 6, 7, generator=torch.Generator().manual_seed(0))
        * torch.tensor([0.2, 0.5, 1.0])[:, None, None]
    )
    scaling = PictureScaling(3)
    scaling.adapt(pictures.mean((0, 2, 3)), pictures.std((0, 2, 3), correction=0))
    found = scaling(pictures)
    assert found.mean((0, 2, 3)).abs().max() < 1e-5
    assert (found.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-5


def test_the_figures_are_saved_and_not_learned() -> None:
    first, second = PictureScaling(3), PictureScaling(3)
    first.adapt([0.1, 0.2, 0.3], 0.4)
    second.load_state_dict(first.state_dict())
    assert second.mean.tolist() == first.mean.tolist() and second.std.tolist() == pytest.approx([0.4] * 3)
    assert list(first.parameters()) == []


@pytest.mark.parametrize(
    ("mean", "std", "words"),
    [
        ([0.1, 0.2], 0.5, "The mean of pictures must be one number or 3, one for each channel. Got 2."),
        (0.5, [1.0] * 4, "The deviation of pictures must be one number or 3, one for each channel. Got 4."),
        (float("nan"), 1.0, r"The mean of pictures must be finite. Got \[nan\]."),
        (0.5, float("inf"), r"The deviation of pictures must be finite. Got \[inf\]."),
        (0.5, [0.5, 0.0, 0.5], "above 0. Got .* Look at the training pictures: they are all of one grey."),
    ],
)
def test_what_scales_nothing_is_refused_and_changes_nothing(mean: object, std: object, words: str) -> None:
    scaling = PictureScaling(3)
    with pytest.raises(DataError, match=words):
        scaling.adapt(mean, std)  # type: ignore[arg-type]
    assert scaling.mean.tolist() == [0.5] * 3 and scaling.std.tolist() == [0.25] * 3
