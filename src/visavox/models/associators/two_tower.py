"""Two small networks, one a modality, that meet on the unit sphere.

Each tower standardises its input, passes it through a multilayer perceptron and scales the result to length one.
In training it drops and blurs its input, since a thousand pairs are few for 80,000 weights. The training itself is
in `visavox.pipeline.training`; the objective in `visavox.objectives.info_nce`.

Example:
    >>> towers = TwoTower(4, 3, hidden=(8,), output_dim=2)
    >>> towers.encode_voice(np.ones((5, 4))).shape
    (5, 2)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.associators.base import Role, check_count, check_number, checked_vectors
from visavox.models.associators.network import NetworkAssociator
from visavox.models.standardise import Standardiser, StandardiserMode
from visavox.registry import ASSOCIATORS

Activation = Literal["relu", "gelu"]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": nn.functional.relu, "gelu": nn.functional.gelu}


class Tower(nn.Module):
    """One side: standardise, blur, drop, then linear layers with an activation and dropout between them.

    Args:
        sizes: length of the input, of each hidden layer, and of the output.
        input_dropout: probability that an input is set to zero in training, 0 to below 1.
        hidden_dropout: likewise for the outputs of hidden layers.
        input_noise: standard deviation of the Gaussian noise on the standardised input in training, 0 or more.
        activation: between the layers, "relu" or "gelu".
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        input_dropout: float,
        hidden_dropout: float,
        input_noise: float,
        activation: Activation = "relu",
    ) -> None:
        """Make the layers; `reset` fills them."""
        super().__init__()
        self.input_dropout = input_dropout
        self.hidden_dropout = hidden_dropout
        self.input_noise = input_noise
        self.activation = activation
        self.register_buffer("mean", torch.zeros(sizes[0]))
        self.register_buffer("scale", torch.ones(sizes[0]))
        # By way of "meta", which leaves torch's global generator alone: a constructor must not change what follows.
        layers = [nn.Linear(n_in, n_out, device="meta") for n_in, n_out in itertools.pairwise(sizes)]
        self.layers = nn.ModuleList(layers).to_empty(device="cpu")

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights and biases from U(-b, b), b = 1 / sqrt(inputs): torch's own rule for linear layers."""
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, output) float32, not yet of length one, for (n, input) float32 encoder vectors."""
        x = (x - self.mean) / self.scale
        if self.training and self.input_noise:
            noise = torch.randn(x.shape, generator=generator, device=x.device)
            x = torch.add(x, noise, alpha=self.input_noise)
        x = self._drop(x, self.input_dropout, generator)
        for layer in self.layers[:-1]:
            x = self._drop(ACTIVATIONS[self.activation](layer(x)), self.hidden_dropout, generator)
        return torch.as_tensor(self.layers[-1](x))

    def _drop(self, x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
        """Inverted dropout that takes its generator as an argument, at a quarter of nn.Dropout's time on a CPU."""
        if not self.training or not rate:
            return x
        kept = torch.rand(x.shape, generator=generator, device=x.device) >= rate
        return x * (kept * (1 / (1 - rate)))


@ASSOCIATORS.register("two_tower")
class TwoTower(NetworkAssociator):
    """A multilayer perceptron for each modality, with unit vectors coming out.

    Args:
        voice_dim: length of a voice vector.
        face_dim: length of a face vector.
        hidden: lengths of the hidden layers, the same on both sides; empty makes the towers linear.
        output_dim: length of the vectors that come out.
        input_dropout: probability that an input is dropped in training, 0 to 0.99.
        hidden_dropout: probability that a hidden unit is dropped in training, 0 to 0.99.
        input_noise: standard deviation of the Gaussian noise on the standardised inputs in training, 0 or more.
        activation: between the layers, "relu" or "gelu".
        mode: how the vectors are standardised first; see `Standardiser`.
        seed: of the first weights.
    """

    name: ClassVar[str] = "two_tower"

    def __init__(
        self,
        voice_dim: int,
        face_dim: int,
        *,
        hidden: Sequence[int] = (256,),
        output_dim: int = 64,
        input_dropout: float = 0.2,
        hidden_dropout: float = 0.5,
        input_noise: float = 0.5,
        activation: Activation = "relu",
        mode: StandardiserMode = "mean_deviation",
        seed: int = 0,
    ) -> None:
        """Store the arguments and draw the first weights."""
        super().__init__()
        for name, size in (("voice_dim", voice_dim), ("face_dim", face_dim), ("output_dim", output_dim)):
            check_count(name, size)
        if not isinstance(hidden, list | tuple):
            raise ConfigError(f"`hidden` must be a list of whole numbers, one a layer. Got {hidden!r}.")
        for size in hidden:
            check_count("hidden", size)
        check_number("input_dropout", input_dropout, at_least=0, at_most=0.99)
        check_number("hidden_dropout", hidden_dropout, at_least=0, at_most=0.99)
        check_number("input_noise", input_noise, at_least=0)
        check_count("seed", seed, at_least=0)
        if activation not in ACTIVATIONS:
            raise ConfigError(f"`activation` must be one of {', '.join(ACTIVATIONS)}. Got {activation!r}.")
        self.voice_dim = voice_dim
        self.face_dim = face_dim
        self.hidden = tuple(hidden)
        self.output_dim = output_dim
        self.input_dropout = input_dropout
        self.hidden_dropout = hidden_dropout
        self.input_noise = input_noise
        self.activation: Activation = activation
        self.mode: StandardiserMode = mode
        self.seed = seed
        self.voice_tower: Tower = self._tower(voice_dim)
        self.face_tower: Tower = self._tower(face_dim)
        self._standardisers = {
            "voice": Standardiser(voice_dim, mode=mode),
            "face": Standardiser(face_dim, mode=mode),
        }
        generator = torch.Generator().manual_seed(seed)
        self.voice_tower.reset(generator)
        self.face_tower.reset(generator)

    def _tower(self, n_in: int) -> Tower:
        return Tower(
            (n_in, *self.hidden, self.output_dim),
            input_dropout=self.input_dropout,
            hidden_dropout=self.hidden_dropout,
            input_noise=self.input_noise,
            activation=self.activation,
        )

    @property
    def dim(self) -> int:
        """Length of the vectors that come out: `output_dim`."""
        return self.output_dim

    def standardise(self, voice: np.ndarray, face: np.ndarray, *, weights: np.ndarray | None = None) -> TwoTower:
        """Take mean and spread of the inputs from the training pairs and return itself; do it before training.

        Args:
            voice: (n, voice_dim) floats, finite, n at least 2.
            face: (n, face_dim) floats, finite.
            weights: (n,) how much each pair counts; None counts all alike.

        Raises:
            DataError: a shape is another, a value is not finite, or a side does not vary.
        """
        for role, x, dim in (("voice", voice, self.voice_dim), ("face", face, self.face_dim)):
            side: Role = "voice" if role == "voice" else "face"
            standardiser = self._standardisers[role].fit(checked_vectors(x, dim, side), weights=weights)
            tower = self.voice_tower if role == "voice" else self.face_tower
            tower.mean.copy_(torch.from_numpy(standardiser.mean))
            tower.scale.copy_(torch.from_numpy(standardiser.scale))
        return self
