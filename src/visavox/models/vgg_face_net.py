"""VGG-Face up to its second linear layer: faces of 224 px to the 4,096 numbers that Speech2Face learns to predict.

Thirteen 3x3 convolutions in five blocks, each block halving the picture, then fc6 and fc7, a ReLU after each. The names
of layers are those of the published conversions (conv1_1 ... fc7), so that checkpoints load name by name; what they
hold beside (fc8, its 2,622 people) has no place here.

    (n, 3, 224, 224) -> 64 64 | 128 128 | 256 256 256 | 512 512 512 | 512 512 512 | -> 25088 -> 4096 -> 4096

Example:
    >>> network = VGGFaceNet(channel_factor=1 / 32)
    >>> network(torch.zeros(1, 3, 224, 224)).shape
    torch.Size([1, 4096])

Source: Parkhi et al., "Deep Face Recognition" (BMVC 2015), table 3, configuration D; Simonyan and Zisserman, "Very deep
    convolutional networks" (2014). Means of the colours: https://www.robots.ox.ac.uk/~vgg/software/vgg_face, as
    keras_vggface's version 1 subtracts them.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Channels = Literal["bgr", "rgb"]

FACE_PX = 224
DIM = 4096
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions of each block."""
LAST_PX = 7
MEAN_RGB = (129.1863, 104.7624, 93.5940)
"""What is subtracted of red, green and blue, of 255."""


class VGGFaceNet(nn.Module):
    """Pictures of faces to the output of fc7 after its ReLU.

    Args:
        channels: order in which the colours enter the first convolution: "bgr" as keras_vggface (and Caffe) has it,
            "rgb" as conversions of the MatConvNet model do.
        channel_factor: what the width of every layer but fc7 is multiplied with; 1 is the published network, of
            134,260,544 parameters.
    """

    mean: Tensor

    def __init__(self, *, channels: Channels = "bgr", channel_factor: float = 1.0) -> None:
        """Lay out the layers with torch's random weights."""
        super().__init__()
        self.channels: Channels = channels
        self.channel_factor = channel_factor
        n_in = 3
        for number, block in enumerate(BLOCKS, start=1):
            for place, width in enumerate(block, start=1):
                n_out = max(1, round(width * channel_factor))
                self.add_module(f"conv{number}_{place}", nn.Conv2d(n_in, n_out, 3, padding=1))
                n_in = n_out
        n_hidden = max(1, round(DIM * channel_factor))
        self.fc6 = nn.Linear(n_in * LAST_PX**2, n_hidden)
        self.fc7 = nn.Linear(n_hidden, DIM)
        self.register_buffer("mean", torch.tensor(MEAN_RGB)[:, None, None], persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Return features.

        Args:
            faces: (n, 3, 224, 224) float RGB, 0 to 255.

        Returns:
            (n, 4096) float, 0 or more.
        """
        x = faces - self.mean
        if self.channels == "bgr":
            x = x.flip(1)
        for number, block in enumerate(BLOCKS, start=1):
            for place in range(1, len(block) + 1):
                x = functional.relu(self.get_submodule(f"conv{number}_{place}")(x), inplace=True)
            x = functional.max_pool2d(x, 2)
        x = functional.relu(self.fc6(x.flatten(1)))  # (n, 512 * 7 * 7), channel by channel
        features: Tensor = functional.relu(self.fc7(x))
        return features
