"""Self-attentive pooling over time, in the two forms of voxceleb_trainer: mean (SAP), mean and deviation (ASP).

    w = softmax over t of  tanh(W x_t + b) . a        SAP: sum of w_t x_t
                                                      ASP: that, and sqrt(max(sum of w_t x_t^2 - mean^2, 1e-5))

Each channel shares one weight a frame; ECAPA's pooling, where each channel has its own, is in
`visavox.models.ecapa_tdnn`.

Example:
    >>> pooled = attend(torch.ones(2, 5, 3), nn.Linear(3, 3), torch.zeros(3, 1), "asp", None)
    >>> pooled.shape, pooled[0, :3].tolist()
    (torch.Size([2, 6]), [1.0, 1.0, 1.0])

Source: Cai et al., "Exploring the Encoding Layer and Loss Function in End-to-End Speaker and Language Recognition
    System" (Odyssey 2018), equations 3 to 5; Okabe et al., "Attentive Statistics Pooling" (Interspeech 2018), equation
    6, with voxceleb_trainer's floor under the variance.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from visavox.models.frame_masks import time_mask

Pooling = Literal["sap", "asp"]
LEAST_VARIANCE = 1e-5


def attend(x: Tensor, linear: nn.Linear, attention: Tensor, pooling: Pooling, lengths: Tensor | None) -> Tensor:
    """Return one vector a voice.

    Args:
        x: (n, places, channels).
        linear: channels to channels.
        attention: (channels, 1).
        pooling: "sap" or "asp".
        lengths: (n,) int64, places that are voice, 1 or more; None: all.

    Returns:
        (n, channels) float32 for "sap", (n, 2 * channels) for "asp".
    """
    scores = (torch.tanh(linear(x)) @ attention).float()  # (n, places, 1)
    if lengths is not None:
        scores = scores.masked_fill(time_mask(lengths, x.shape[1])[..., None] == 0, float("-inf"))
    weights = torch.softmax(scores, dim=1)
    x = x.float()
    mean = (x * weights).sum(dim=1)
    if pooling == "sap":
        return mean
    variance = (x.square() * weights).sum(dim=1) - mean.square()
    return torch.cat([mean, variance.clamp_min(LEAST_VARIANCE).sqrt()], dim=1)
