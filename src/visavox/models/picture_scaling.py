"""Pictures in [0, 1] to numbers around zero, by a mean and a deviation of each channel that are fixed in advance.

It is no batch normalisation: nothing is learned and nothing depends on a batch. The figures come from the training
pictures by way of `adapt`, or stay at what the constructor was given; they are saved with the network.

Example:
    >>> scaling = PictureScaling(3)
    >>> scaling.adapt(0.4, 0.2)
    >>> scaling(torch.full((1, 1, 1, 2), 0.8)).flatten().tolist()  # one channel becomes three
    [2.0, 2.0, 2.0, 2.0, 2.0, 2.0]

Source: the layer Normalization of Keras with its `adapt`, which the second system puts before its networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from visavox.errors import DataError

Numbers = float | Sequence[float] | Tensor

MEAN, DEVIATION = 0.5, 0.25


class PictureScaling(nn.Module):
    """Subtracts a mean and divides by a deviation, channel by channel.

    Args:
        n_channels: of the result, 1 or more.
        mean: one number, or one for each channel.
        std: standard deviation, above 0, likewise.

    Attributes:
        mean: (n_channels,) float32, saved and not trained.
        std: (n_channels,) float32, likewise.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, n_channels: int, *, mean: Numbers = MEAN, std: Numbers = DEVIATION) -> None:
        """Store the figures as buffers."""
        super().__init__()
        self.n_channels = n_channels
        self.register_buffer("mean", torch.zeros(n_channels))
        self.register_buffer("std", torch.ones(n_channels))
        self.adapt(mean, std)

    def adapt(self, mean: Numbers, std: Numbers) -> None:
        """Take the figures of the training pictures, and of those alone.

        Args:
            mean: over pictures and pixels: one number, or one for each channel.
            std: standard deviation, likewise.

        Raises:
            DataError: there are neither one nor `n_channels` numbers, one is not finite, or a deviation is not above 0.
        """
        checked_mean, checked_std = self._checked(mean, "mean"), self._checked(std, "deviation")
        if float(checked_std.min()) <= 0:
            raise DataError(
                f"The deviation of pictures must be above 0. Got {checked_std.tolist()}. Look at the training "
                "pictures: they are all of one grey."
            )
        with torch.no_grad():
            self.mean.copy_(checked_mean.expand(self.n_channels))
            self.std.copy_(checked_std.expand(self.n_channels))

    def _checked(self, given: Numbers, words: str) -> Tensor:
        numbers = torch.as_tensor(given, dtype=torch.float32, device="cpu").flatten()
        if len(numbers) not in (1, self.n_channels):
            raise DataError(
                f"The {words} of pictures must be one number or {self.n_channels}, one for each channel. "
                f"Got {len(numbers)}."
            )
        if not bool(torch.isfinite(numbers).all()):
            raise DataError(f"The {words} of pictures must be finite. Got {numbers.tolist()}.")
        return numbers

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (n, n_channels, height, width) of pictures (n, n_channels or 1, height, width); 1 is copied to all."""
        scaled: Tensor = (pictures - self.mean[:, None, None]) / self.std[:, None, None]
        return scaled
