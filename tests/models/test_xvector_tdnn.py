"""The x-vector network against SpeechBrain's names and shapes, and against a forward pass written from the paper."""

from __future__ import annotations

import numpy as np
import torch

from visavox.models.xvector_tdnn import DIM, LEAST_FRAMES, N_MELS, XVectorTDNN

LAYERS = [(24, 512, 5, 1), (512, 512, 3, 2), (512, 512, 3, 3), (512, 512, 1, 1), (512, 1500, 1, 1)]
"""Channels in, channels out, size, dilation."""


def manifest() -> dict[str, tuple[int, ...]]:
    """Names and shapes in speechbrain/spkrec-xvect-voxceleb's embedding_model.ckpt."""
    found: dict[str, tuple[int, ...]] = {}
    for number, (n_in, n_out, size, _) in enumerate(LAYERS):
        found |= {f"blocks.{3 * number}.conv.weight": (n_out, n_in, size), f"blocks.{3 * number}.conv.bias": (n_out,)}
        at = f"blocks.{3 * number + 2}.norm"
        found |= {f"{at}.{part}": (n_out,) for part in ("weight", "bias", "running_mean", "running_var")}
        found[f"{at}.num_batches_tracked"] = ()
    return found | {"blocks.16.w.weight": (512, 3000), "blocks.16.w.bias": (512,)}


def test_names_and_shapes_are_those_of_the_published_checkpoint() -> None:
    network = XVectorTDNN()
    assert {n: tuple(t.shape) for n, t in network.state_dict().items()} == manifest()
    by_hand = sum(n_in * n_out * size + 3 * n_out for n_in, n_out, size, _ in LAYERS) + 3000 * 512 + 512
    assert sum(p.numel() for p in network.parameters()) == by_hand == 4_211_604
    assert (N_MELS, DIM, LEAST_FRAMES) == (24, 512, 4)


def by_name(w: dict[str, np.ndarray], frames: np.ndarray) -> np.ndarray:
    """One voice (n_frames, 24), frame by frame."""
    x = frames.T
    for number, (_, _, size, dilation) in enumerate(LAYERS):
        half = dilation * (size - 1) // 2
        padded = np.pad(x, ((0, 0), (half, half)), mode="reflect")
        weight = w[f"blocks.{3 * number}.conv.weight"]
        x = np.zeros((weight.shape[0], x.shape[1]))
        for t in range(x.shape[1]):
            for tap in range(size):
                x[:, t] += weight[:, :, tap] @ padded[:, t + tap * dilation]
        x += w[f"blocks.{3 * number}.conv.bias"][:, None]
        x = np.where(x > 0, x, 0.01 * x)
        at = f"blocks.{3 * number + 2}.norm"
        mean, var, scale, shift = (w[f"{at}.{p}"][:, None] for p in ("running_mean", "running_var", "weight", "bias"))
        x = (x - mean) / np.sqrt(var + 1e-5) * scale + shift
    mean = x.sum(1) / x.shape[1]
    deviation = np.sqrt(((x - mean[:, None]) ** 2).sum(1) / (x.shape[1] - 1)) + 1e-5
    return w["blocks.16.w.weight"] @ np.concatenate([mean, deviation]) + w["blocks.16.w.bias"]


def test_each_voice_equals_the_forward_pass_by_name() -> None:
    torch.manual_seed(0)
    network = XVectorTDNN().eval()
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "running_var", "norm.weight")):
            tensor.uniform_(0.5, 1.5)
    arrays = {n: t.double().numpy() for n, t in network.state_dict().items()}
    for n_frames in (LEAST_FRAMES, 17):
        voices = torch.randn(2, n_frames, 24)
        with torch.no_grad():
            found, alone = network(voices).numpy(), network(voices[1:]).numpy()
        wanted = np.stack([by_name(arrays, voice) for voice in voices.double().numpy()])
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        np.testing.assert_allclose(alone, found[1:], atol=1e-5)
        assert np.abs(wanted[0] - wanted[1]).max() > 1e-3
