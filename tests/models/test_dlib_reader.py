"""The reader of dlib's weight files, against files written by a small writer of the same format."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.errors import DataError
from visavox.media.carried_weights import carried_file
from visavox.models.dlib_reader import Cursor, read_network
from visavox.models.dlib_resnet import WEIGHTS_FILE

EMPTY = (0, 0, 0, 0)


def integer(value: int) -> bytes:
    """An integer as dlib writes it."""
    size = max(1, math.ceil(abs(value).bit_length() / 8))
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def integers(*values: int) -> bytes:
    return b"".join(integer(value) for value in values)


def real(value: float) -> bytes:
    mantissa, exponent = math.frexp(value)
    return integers(int(mantissa * 2**24), exponent - 24) if value else integers(0, 11)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


def tensor(values: np.ndarray, sizes: tuple[int, ...]) -> bytes:
    return integers(2, *sizes) + struct.pack(f"<{values.size}f", *values.ravel())


def state(flags: bytes = b"110") -> bytes:
    return flags + integers(2, *EMPTY) * 3


RATES = real(1.0) * 3 + real(0.0)
KERNEL = np.arange(4 * 3 * 1 * 1, dtype=np.float32).reshape(4, 3, 1, 1) / 8
BIAS = np.array([0.5, -1, 2, 4], np.float32)


def convolution() -> bytes:
    weights = np.concatenate([KERNEL.ravel(), BIAS])
    head = text("con_4") + tensor(weights, (16, 1, 1, 1)) + integers(4, 1, 1, 2, 2, 0, 0)
    return head + integers(1, 4, 3, 1, 1) + integers(1, 1, 4, 1, 1) + RATES


def affine() -> bytes:
    views = integers(1, 1, 4, 1, 1) * 2
    return text("affine_") + tensor(np.arange(8, dtype=np.float32), (8, 1, 1, 1)) + views + integer(0)


def matrix() -> bytes:
    head = text("fc_2") + integers(2, 4) + tensor(np.arange(8, dtype=np.float32), (4, 2, 1, 1))
    return head + integers(1, 4, 2, 1, 1) + integers(1, *EMPTY) + integer(1) + RATES


def opening(n_layers: int = 5, loss: str = "loss_metric_2", picture: str = "input_rgb_image_sized") -> bytes:
    head = integer(1) + text(loss) + real(0.04) + real(0.6)
    versions = integers(*[2] * (n_layers - 1), 1, 3)  # the 1 is a name tag, which has no content
    return head + versions + text(picture) + real(122.75) + real(117.0) + real(104.25) + integers(8, 8)


def pooling() -> bytes:
    return text("avg_pool_2") + integers(2, 2, 2, 2, 0, 0)


def network() -> bytes:
    layers = [convolution(), affine(), text("relu_"), pooling(), matrix()]
    body = b"".join(layer + state() + (integer(1) if index == 0 else b"") for index, layer in enumerate(layers))
    return opening() + body


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network.dat"


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_every_integer_comes_back(value: int) -> None:
    assert Cursor(integer(value), "x").integer() == value


@given(st.floats(-1e6, 1e6, width=32))
def test_every_ordinary_number_comes_back(value: float) -> None:
    assert Cursor(real(value), "x").real() == pytest.approx(value, rel=1e-6, abs=1e-30)


def test_a_network_comes_back_layer_by_layer(path: Path) -> None:
    path.write_bytes(network())
    found = read_network(path)
    assert found.channel_means == (122.75, 117.0, 104.25)
    assert found.input_px == 8
    kinds = [layer.kind for layer in found.layers]
    assert kinds == ["con_4", "affine_", "relu_", "avg_pool_2", "fc_2"]
    assert [layer.settings for layer in found.layers] == [
        (4, 1, 1, 2, 2, 0, 0, 3),
        (4,),
        (),
        (2, 2, 2, 2, 0, 0),
        (2, 4),
    ]
    np.testing.assert_array_equal(found.layers[0].weights, np.concatenate([KERNEL.ravel(), BIAS]))
    np.testing.assert_array_equal(found.layers[4].weights, np.arange(8))
    assert [len(layer.weights) for layer in found.layers] == [16, 8, 0, 0, 8]
    assert all(layer.weights.dtype == np.float32 for layer in found.layers)


def test_a_file_that_ends_anywhere_too_early_is_one_clean_error(path: Path) -> None:
    whole = network()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="is not a complete weight file of dlib") as caught:
            read_network(path)
        assert "\n" not in str(caught.value)


def test_bytes_after_the_end_are_refused(path: Path) -> None:
    path.write_bytes(network() + b"more")
    with pytest.raises(DataError, match="4 bytes follow the end"):
        read_network(path)


def test_a_changed_byte_is_an_error_or_another_number_but_never_a_crash(path: Path) -> None:
    whole = network()
    n_refused = 0
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            read_network(path)
        except DataError as error:
            n_refused += 1
            assert "\n" not in str(error)
    assert n_refused > len(whole) / 2  # the rest are values: weights, means, rates


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x01\x02", "the version of the loss layer is 2, not 1"),
        (b"\x11\x02", "begins no integer"),
        (b"\x00", "begins no integer"),
        (b"\x09" + bytes(9), "begins no integer"),
        (opening(loss="loss_other"), "the loss is called 'loss_other'"),
        (opening(picture="input_grey"), "the input is called 'input_grey'"),
        (opening() + text("lstm_"), "a layer is called 'lstm_'"),
        (opening() + text("relu_") + b"112", "a flag is neither 0 nor 1"),
        (opening() + text("relu_") + b"110" + integers(3), "the version of a tensor is 3, not 2"),
        (opening() + text("relu_") + b"110" + integers(2, 1, 1, 1, 1), r"sizes \(1, 1, 1, 1\), not \(0, 0, 0, 0\)"),
        (opening() + text("affine_") + integers(2, 10**9, 9, 9, 9), "a tensor has the sizes"),
        (opening() + text("affine_") + integers(2, -1, 1, 1, 1), "a tensor has the sizes"),
        (opening() + text("affine_") + tensor(np.array([np.nan, 1]), (2, 1, 1, 1)), "is not a finite number"),
        (opening() + text("affine_") + tensor(np.ones(3), (3, 1, 1, 1)), "has 3 weights, not 2"),
        (integer(1) + text("loss_metric_2") + integers(1, 32000), "a number has the exponent 32000"),
        (opening()[:-4] + integers(8, 9), "the input is 8x9, not square"),
    ],
)
def test_each_oddity_is_named_with_its_place(content: bytes, words: str, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_network(path)
    assert " at byte " in str(caught.value)


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_network(tmp_path / "missing.dat")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_network(tmp_path)


def test_the_published_file_is_read_to_its_last_byte() -> None:
    network_read = read_network(carried_file(*WEIGHTS_FILE))
    kinds = [layer.kind for layer in network_read.layers]
    assert kinds.count("con_4") == kinds.count("affine_") == 29
    assert kinds[-1] == "fc_2"
    assert sum(len(layer.weights) for layer in network_read.layers) == 5_614_592
    np.testing.assert_allclose(network_read.channel_means, (122.782, 117.001, 104.298), atol=1e-4)
