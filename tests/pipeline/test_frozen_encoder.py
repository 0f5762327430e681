"""Encoders with a device, a number format and a batch size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, UnknownNameError
from visavox.models.encoders.base import Encoder, Provenance
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder, build_encoder, use_threads
from visavox.registry import ENCODERS


class ToyMean(Encoder):
    name = "toy_mean"
    modality = "voice"
    dim = 2
    provenance = Provenance("none", "none", "Apache-2.0")

    def __init__(self, gain: float = 1.0, device: str = "cpu") -> None:
        self.gain = gain
        self.device = device
        self.batches: list[int] = []

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        self.batches.append(len(batch))
        rows = torch.tensor([[float(v.mean()) * self.gain, 1.0] for v in batch])
        return (rows @ torch.eye(2)).float().numpy()


@pytest.fixture(autouse=True)
def toy_encoder() -> Iterator[None]:
    ENCODERS.register("toy_mean")(ToyMean)
    yield
    del ENCODERS._factories["toy_mean"]


def test_batches_have_the_size_asked_for_and_the_order_is_kept() -> None:
    encoder = FrozenEncoder({"name": "toy_mean", "gain": 2.0}, "voice", Compute(batch_size=3))
    voices = [np.full(4, i, dtype=np.float32) for i in range(7)]
    assert encoder.encode(voices)[:, 0].tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert encoder.encoder.batches == [3, 3, 1]  # type: ignore[attr-defined]


def test_nothing_to_encode_gives_no_rows() -> None:
    assert FrozenEncoder("toy_mean", "voice").encode([]).shape == (0, 2)


def test_the_number_format_is_part_of_the_identifier_and_changes_the_arithmetic() -> None:
    plain, low = FrozenEncoder("toy_mean", "voice"), FrozenEncoder("toy_mean", "voice", Compute(precision="bfloat16"))
    assert low.identifier == plain.identifier + "+bfloat16"
    voice = [np.full(4, 1.2345678, dtype=np.float32)]
    assert plain.encode(voice)[0, 0] == pytest.approx(1.2345678, abs=1e-6)
    assert low.encode(voice)[0, 0] == pytest.approx(1.2345678, rel=1e-2)
    assert low.encode(voice)[0, 0] != plain.encode(voice)[0, 0]


def test_the_device_is_not_part_of_the_identifier() -> None:
    assert "device" not in FrozenEncoder("toy_mean", "voice", Compute(device="cpu")).identifier


def test_an_encoder_of_the_other_modality_is_refused() -> None:
    with pytest.raises(ConfigError, match="'toy_mean' encodes a voice. Give a face encoder"):
        build_encoder("toy_mean", "face")


def test_an_unknown_name_or_option_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'ge2e'"):
        build_encoder("ge2", "voice")
    with pytest.raises(ConfigError, match="takes no 'colour'"):
        build_encoder({"name": "toy_mean", "colour": 1}, "voice")


def test_a_batch_size_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match="`batch_size` must be at least 1. Got 0"):
        Compute(batch_size=0)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=f"Got '{device}'. Use --device cpu"):
        Compute(device=device)  # type: ignore[arg-type]
    assert Compute().torch_device == "cpu"


def test_auto_takes_cuda_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Compute().torch_device == "cuda"


def test_a_thread_says_how_many_threads_its_networks_use() -> None:
    before = torch.get_num_threads()
    use_threads(2)
    assert torch.get_num_threads() == 2
    use_threads(before)
    assert torch.get_num_threads() == before
