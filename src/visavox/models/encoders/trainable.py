"""Encoders that can be trained: a small network of our own behind the contract of every encoder.

A trainable encoder is an `Encoder` whose network is open to a trainer, and whose weights are a folder. The way of one
item is

    media --prepare--> small array, kept in memory --collate--> tensors of a batch --network--> (n, dim)

and `encode` is all three in evaluation mode. It holds no loss and no optimiser: `visavox.pipeline` trains.

Example:
    >>> from visavox.models.encoders.face_cnn import FaceCNNEncoder
    >>> encoder = FaceCNNEncoder(seed=1)
    >>> crops = [np.full((256, 256, 3), grey, np.uint8) for grey in (0, 90)]
    >>> prepared = [encoder.prepare(crop) for crop in crops]
    >>> encoder.network(*encoder.collate(prepared)).shape
    torch.Size([2, 128])
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.models.encoders.base import Encoder, Provenance
from visavox.persistence import CONFIG_FILE, check_tensors, load_folder, resolve_model, save_folder

KIND = "encoder"
"""What `visavox.persistence` calls a folder of weights."""
LICENCE = "Apache-2.0"
"""Licence of weights that nothing but made-up or freely given media went into; `save_weights` takes another."""


class TrainableEncoder(Encoder):
    """An encoder with a network of its own, under a million parameters, that is trained on a CPU.

    A subclass sets `name`, `modality` and `dim`, and says how a network is built, how an item is prepared, and how
    prepared items become a batch.

    Args:
        weights: "" draws random weights from `seed`. Otherwise a folder that `save_weights` wrote, or a model that
            carries such a folder: a model folder, a run of `visavox train`, a boxed name.
        seed: of the random weights; 0 or more.
        device: where the network runs: "cpu", "cuda", "mps".

    Attributes:
        network: on `device`, in training mode as long as nobody says otherwise. `network(*collate(prepared))` is
            (n, dim), differentiable.
        provenance: where the weights at hand came from; training in memory does not change it, `save_weights` does.
    """

    unidentifying: ClassVar[frozenset[str]] = Encoder.unidentifying | {"weights", "seed"}
    batch_size = 64

    def __init__(self, *, weights: str = "", seed: int = 0, device: str = "cpu") -> None:
        """Build the network and read or draw its weights (some milliseconds).

        Raises:
            ConfigError: `seed` is below 0.
            DataError: the folder of weights is missing or damaged, or holds those of another encoder.
        """
        if seed < 0:
            raise ConfigError(f"`seed` of the encoder {self.name!r} must be 0 or more. Got {seed}.")
        self.weights = weights
        self.seed = seed
        self.device = device
        with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
            torch.manual_seed(seed)
            self.network = self.build_network()
        self.provenance = Provenance(weights=f"random, seed {seed}", training_data="none", licence=LICENCE)
        if weights:
            self._load(weights)
        self.network.to(device)

    @property
    def identifier(self) -> str:
        """Name, version and digest of the weights as they are now: not of where they lie."""
        return f"{self.name}-{self.version}(weights={self.digest})"

    @property
    def digest(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of every weight and buffer, with names and shapes."""
        found = hashlib.sha256()
        for name, array in sorted(self.tensors().items()):
            found.update(f"{name} {array.dtype} {array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()[:16]

    @property
    def n_parameters(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    @abstractmethod
    def build_network(self) -> nn.Module:
        """Return the network with fresh random weights."""

    @abstractmethod
    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Return what a trainer keeps in memory of one item; always the same for the same item.

        Args:
            item: as for `encode`.

        Returns:
            Face: (64, 64, 3) uint8 RGB. Voice: (n_frames, n_bands) float16, 100 frames a second.

        Raises:
            DataError: the item cannot be encoded: empty, not finite, of a wrong shape or type.
        """

    @abstractmethod
    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        """Return the arguments of `network` for a batch of prepared items, on `device`; one item or more.

        Returns:
            Face: (n, 3, 64, 64) float32 in [0, 1], channels last in memory. Voice: (n, n_frames, n_bands) float32,
            zeros behind the shorter ones, and the lengths (n,) int64 in frames.
        """

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Return one vector for each item, in order; the network is in evaluation mode meanwhile.

        Args:
            batch: as `Encoder.encode` says. May be empty.

        Returns:
            (len(batch), dim) float32, whatever the batch is made of, up to rounding.

        Raises:
            DataError: an item cannot be encoded: empty, not finite, of a wrong shape or type.
        """
        prepared = []
        for index, item in enumerate(batch):
            try:
                prepared.append(self.prepare(item))
            except DataError as error:
                raise DataError(f"Item {index} of the batch: {error}") from error
        return self.encode_prepared(prepared)

    def encode_prepared(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Return one vector for each item as `encode` does, from items that are prepared already.

        Args:
            prepared: n arrays of `prepare`.

        Returns:
            (n, dim) float32.
        """
        vectors = np.empty((len(prepared), self.dim), dtype=np.float32)
        was_training = self.network.training
        self.network.eval()
        try:
            with torch.inference_mode():
                for rows in self._groups(prepared):
                    found = self.network(*self.collate([prepared[row] for row in rows]))
                    vectors[rows] = found.float().cpu().numpy()
        finally:
            self.network.train(was_training)
        return vectors

    def _groups(self, prepared: Sequence[np.ndarray]) -> Iterator[list[int]]:
        """Yield which items go through the network together; by default all that came together."""
        if len(prepared):
            yield list(range(len(prepared)))

    def tensors(self) -> dict[str, np.ndarray]:
        """Return a copy of every weight and buffer, of its own shape, under its name in the network."""
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self.network.state_dict().items()}

    def save_weights(
        self,
        folder: Path | str,
        *,
        training_data: str = "",
        licence: str = LICENCE,
        overwrite: bool = False,
        half: bool = False,
    ) -> None:
        """Write the weights as they are now: config.json and model.safetensors.

        Args:
            folder: where; whole or not at all.
            training_data: what the weights were trained on, for reports and cards; "" repeats what is known of
                those that training began with.
            licence: of the weights, as an SPDX name.
            overwrite: replace a folder that holds something.
            half: keep floating-point weights as float16, half the size; they are read back as float32, so that round
                them first where vectors must stay the same.

        Raises:
            DataError: the folder holds something and `overwrite` is False, or it cannot be written.
        """
        arguments = {
            "version": self.version,
            "training_data": training_data or self.provenance.training_data,
            "licence": licence,
        }
        tensors = halved(self.tensors()) if half else self.tensors()
        save_folder(folder, kind=KIND, name=self.name, arguments=arguments, tensors=tensors, overwrite=overwrite)

    def _load(self, weights: str) -> None:
        folder = find_weights(weights, self.modality)
        saved = load_folder(folder, kind=KIND)
        if saved.name != self.name:
            raise DataError(f"{folder} holds weights of the encoder {saved.name!r}, not of {self.name!r}.")
        version, training_data, licence = (saved.arguments.get(key) for key in ("version", "training_data", "licence"))
        if not (isinstance(training_data, str) and isinstance(licence, str)):
            raise DataError(
                f"{folder / CONFIG_FILE} must say `training_data` and `licence` of the weights. Train them again."
            )
        if version != self.version:
            raise DataError(
                f"{folder} holds weights for version {version} of the encoder {self.name!r}, which is now version "
                f"{self.version}. Train them again."
            )
        state = self.network.state_dict()
        check_tensors(saved.tensors, {name: tuple(tensor.shape) for name, tensor in state.items()}, owner=self.name)
        self.network.load_state_dict({name: torch.from_numpy(array) for name, array in saved.tensors.items()})
        self.provenance = Provenance(f"{self.name} {self.digest}", training_data, licence)


def halved(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return arrays of floating-point numbers as float16, and the others as they are.

    Example:
        >>> [str(array.dtype) for array in halved({"a": np.ones(2, np.float32), "b": np.ones(2, np.int64)}).values()]
        ['float16', 'int64']
    """
    return {name: array.astype(np.float16) if array.dtype.kind == "f" else array for name, array in tensors.items()}


def inner_folder(modality: str) -> str:
    """Return the name of the folder that holds an encoder's weights inside a model folder.

    Example:
        >>> inner_folder("voice")
        'voice_encoder'
    """
    return f"{modality}_encoder"


def find_weights(weights: str, modality: str) -> Path:
    """Return the folder of an encoder's weights that a text means.

    Args:
        weights: a folder that `save_weights` wrote, or a model that carries one as voice_encoder or face_encoder: a
            model folder, a run of `visavox train`, a boxed name.
        modality: "voice" or "face".

    Raises:
        DataError: the folder is none, or the model carries no weights of its own.
        UnknownNameError: there is neither a folder nor a boxed model of this name.
    """
    folder = resolve_model(weights)
    carried = folder / inner_folder(modality)
    return carried if (carried / CONFIG_FILE).is_file() else folder
