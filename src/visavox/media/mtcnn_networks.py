"""The three small networks of MTCNN: proposal, refinement and output.

They hold layers and weights only; how they are strung together (pyramid, suppression, boxes) is in
`visavox.media.detectors.mtcnn`. The weights are the three files that the package facenet-pytorch carries (MIT),
converted by its author from those of the paper; the package is never imported.

Source: Zhang, Zhang, Li and Qiao, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
Networks", IEEE Signal Processing Letters 2016, figure 2.

Example:
    >>> proposal = load_networks().proposal
    >>> probability, shifts = proposal(torch.zeros(1, 3, 12, 12))
    >>> probability.shape, shifts.shape
    (torch.Size([1, 1, 1]), torch.Size([1, 4, 1, 1]))
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import DataError
from visavox.media.carried_weights import carried_file


class ProposalNet(nn.Module):
    """Fully convolutional: one answer for each window of 12 px, every 2 px."""

    def __init__(self) -> None:
        """Lay out the layers under the names that the weight file uses."""
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 10, 3), nn.PReLU(10)
        self.conv2, self.prelu2 = nn.Conv2d(10, 16, 3), nn.PReLU(16)
        self.conv3, self.prelu3 = nn.Conv2d(16, 32, 3), nn.PReLU(32)
        self.conv4_1, self.conv4_2 = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return the probability of a face and the shifts of the box for every window.

        Args:
            image: (batch, 3, height, width) float32, -1 to 1, sides at least 12.

        Returns:
            (batch, rows, columns) probabilities, and (batch, 4, rows, columns) shifts of left, upper, right and
            lower edge in units of the window.
        """
        x = functional.max_pool2d(self.prelu1(self.conv1(image)), 2, ceil_mode=True)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return torch.softmax(self.conv4_1(x), dim=1)[:, 1], self.conv4_2(x)


class RefinementNet(nn.Module):
    """One answer for each patch of 24 px."""

    def __init__(self) -> None:
        """Lay out the layers under the names that the weight file uses."""
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 28, 3), nn.PReLU(28)
        self.conv2, self.prelu2 = nn.Conv2d(28, 48, 3), nn.PReLU(48)
        self.conv3, self.prelu3 = nn.Conv2d(48, 64, 2), nn.PReLU(64)
        self.dense4, self.prelu4 = nn.Linear(576, 128), nn.PReLU(128)
        self.dense5_1, self.dense5_2 = nn.Linear(128, 2), nn.Linear(128, 4)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Return (batch,) probabilities of a face and (batch, 4) shifts of the box.

        Args:
            patches: (batch, 3, 24, 24) float32, -1 to 1.
        """
        x = functional.max_pool2d(self.prelu1(self.conv1(patches)), 3, stride=2, ceil_mode=True)
        x = functional.max_pool2d(self.prelu2(self.conv2(x)), 3, stride=2, ceil_mode=True)
        x = self.prelu3(self.conv3(x))
        x = x.permute(0, 3, 2, 1).flatten(1)  # the first authors stored columns before rows: (batch, 3 * 3 * 64)
        x = self.prelu4(self.dense4(x))
        return torch.softmax(self.dense5_1(x), dim=1)[:, 1], self.dense5_2(x)


class OutputNet(nn.Module):
    """One answer with five points for each patch of 48 px."""

    def __init__(self) -> None:
        """Lay out the layers under the names that the weight file uses."""
        super().__init__()
        self.conv1, self.prelu1 = nn.Conv2d(3, 32, 3), nn.PReLU(32)
        self.conv2, self.prelu2 = nn.Conv2d(32, 64, 3), nn.PReLU(64)
        self.conv3, self.prelu3 = nn.Conv2d(64, 64, 3), nn.PReLU(64)
        self.conv4, self.prelu4 = nn.Conv2d(64, 128, 2), nn.PReLU(128)
        self.dense5, self.prelu5 = nn.Linear(1152, 256), nn.PReLU(256)
        self.dense6_1, self.dense6_2, self.dense6_3 = nn.Linear(256, 2), nn.Linear(256, 4), nn.Linear(256, 10)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return (batch,) probabilities, (batch, 4) shifts and (batch, 10) points: five x, then five y, 0 to 1.

        Args:
            patches: (batch, 3, 48, 48) float32, -1 to 1.
        """
        x = functional.max_pool2d(self.prelu1(self.conv1(patches)), 3, stride=2, ceil_mode=True)
        x = functional.max_pool2d(self.prelu2(self.conv2(x)), 3, stride=2, ceil_mode=True)
        x = functional.max_pool2d(self.prelu3(self.conv3(x)), 2, ceil_mode=True)
        x = self.prelu4(self.conv4(x))
        x = x.permute(0, 3, 2, 1).flatten(1)  # (batch, 3 * 3 * 128)
        x = self.prelu5(self.dense5(x))
        return torch.softmax(self.dense6_1(x), dim=1)[:, 1], self.dense6_2(x), self.dense6_3(x)


@dataclass(frozen=True)
class Networks:
    """The cascade's three networks, with weights, for inference only."""

    proposal: ProposalNet
    refinement: RefinementNet
    output: OutputNet


def load_networks() -> Networks:
    """Return the three networks with the weights that facenet-pytorch carries.

    Raises:
        MissingDependencyError: the package is not installed; the message holds the line that installs it.
        DataError: one of its files is corrupt.
    """
    with torch.device("meta"):  # without values, so that no time goes into random weights
        networks = Networks(ProposalNet(), RefinementNet(), OutputNet())
    _fill(networks.proposal, carried_file("facenet_pytorch", "data", "pnet.pt"))
    _fill(networks.refinement, carried_file("facenet_pytorch", "data", "rnet.pt"))
    _fill(networks.output, carried_file("facenet_pytorch", "data", "onet.pt"))
    return networks


def _fill(network: nn.Module, path: Path) -> None:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(state, assign=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError, AttributeError, TypeError, KeyError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise DataError(
            f"{path} holds no weights of MTCNN ({reason}). Install the package facenet-pytorch again."
        ) from error
    network.eval().requires_grad_(False)
