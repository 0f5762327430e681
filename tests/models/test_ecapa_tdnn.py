"""ECAPA-TDNN against SpeechBrain's names and shapes, and against a forward pass written from the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.models.ecapa_tdnn import DIM, LEAST_FRAMES, N_MELS, EcapaTDNN

Arrays = dict[str, np.ndarray]


def manifest() -> dict[str, tuple[int, ...]]:
    """Names and shapes in speechbrain/spkrec-ecapa-voxceleb's embedding_model.ckpt, without the counters."""
    found: dict[str, tuple[int, ...]] = {}

    def tdnn(at: str, n_in: int, n_out: int, size: int) -> None:
        found[f"{at}.conv.conv.weight"], found[f"{at}.conv.conv.bias"] = (n_out, n_in, size), (n_out,)
        found.update({f"{at}.norm.norm.{p}": (n_out,) for p in ("weight", "bias", "running_mean", "running_var")})

    tdnn("blocks.0", 80, 1024, 5)
    for block in (1, 2, 3):
        tdnn(f"blocks.{block}.tdnn1", 1024, 1024, 1)
        for part in range(7):
            tdnn(f"blocks.{block}.res2net_block.blocks.{part}", 128, 128, 3)
        tdnn(f"blocks.{block}.tdnn2", 1024, 1024, 1)
        at = f"blocks.{block}.se_block"
        found |= {f"{at}.conv1.conv.weight": (128, 1024, 1), f"{at}.conv1.conv.bias": (128,)}
        found |= {f"{at}.conv2.conv.weight": (1024, 128, 1), f"{at}.conv2.conv.bias": (1024,)}
    tdnn("mfa", 3072, 3072, 1)
    tdnn("asp.tdnn", 9216, 128, 1)
    found |= {"asp.conv.conv.weight": (3072, 128, 1), "asp.conv.conv.bias": (3072,)}
    found |= {f"asp_bn.norm.{p}": (6144,) for p in ("weight", "bias", "running_mean", "running_var")}
    return found | {"fc.conv.weight": (192, 6144, 1), "fc.conv.bias": (192,)}


def test_names_and_shapes_are_those_of_the_published_checkpoint() -> None:
    with torch.device("meta"):
        network = EcapaTDNN()
    state = {n: tuple(t.shape) for n, t in network.state_dict().items() if not n.endswith("num_batches_tracked")}
    assert state == manifest()
    assert len(state) == 200  # as the hub's file holds
    assert sum(p.numel() for p in network.parameters()) == 20_767_552  # "20.8 M"
    assert (N_MELS, DIM, LEAST_FRAMES) == (80, 192, 5)


def convolved(w: Arrays, at: str, x: np.ndarray, dilation: int = 1) -> np.ndarray:
    """(n_in, frames) -> (n_out, frames), frame by frame, with mirrored ends."""
    weight, bias = w[f"{at}.conv.weight"], w[f"{at}.conv.bias"]
    half = dilation * (weight.shape[2] - 1) // 2
    padded = np.pad(x, ((0, 0), (half, half)), mode="reflect")
    columns = [padded[:, t : t + 2 * half + 1 : dilation] for t in range(x.shape[1])]
    return np.stack([(weight * column).sum((1, 2)) + bias for column in columns], axis=1)


def normalised(w: Arrays, at: str, x: np.ndarray) -> np.ndarray:
    mean, var, weight, bias = (w[f"{at}.norm.{p}"][:, None] for p in ("running_mean", "running_var", "weight", "bias"))
    return (x - mean) / np.sqrt(var + 1e-5) * weight + bias


def tdnn(w: Arrays, at: str, x: np.ndarray, dilation: int = 1) -> np.ndarray:
    return normalised(w, f"{at}.norm", np.maximum(convolved(w, f"{at}.conv", x, dilation), 0))


def statistics(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    mean = np.array([sum(v * a for v, a in zip(row, ws, strict=True)) for row, ws in zip(x, weights, strict=True)])
    var = np.array(
        [sum(a * (v - m) ** 2 for v, a in zip(r, ws, strict=True)) for r, ws, m in zip(x, weights, mean, strict=True)]
    )
    return np.concatenate([mean, np.sqrt(np.maximum(var, 1e-12))])


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def by_name(w: Arrays, frames: np.ndarray) -> np.ndarray:
    """One voice (n_frames, 80), channels in eighths, from names and formulas."""
    x = tdnn(w, "blocks.0", frames.T)
    found = []
    for block, dilation in ((1, 2), (2, 3), (3, 4)):
        at = f"blocks.{block}"
        parts = np.split(tdnn(w, f"{at}.tdnn1", x), 8)
        for part in range(1, 8):
            seen = parts[part] + (parts[part - 1] if part > 1 else 0)
            parts[part] = tdnn(w, f"{at}.res2net_block.blocks.{part - 1}", seen, dilation)
        y = tdnn(w, f"{at}.tdnn2", np.concatenate(parts))
        inner = np.maximum(convolved(w, f"{at}.se_block.conv1", y.mean(1, keepdims=True)), 0)
        x = x + y * sigmoid(convolved(w, f"{at}.se_block.conv2", inner))
        found.append(x)
    x = tdnn(w, "mfa", np.concatenate(found))
    n = x.shape[1]
    whole = statistics(x, np.full_like(x, 1 / n))
    attention = np.tanh(tdnn(w, "asp.tdnn", np.concatenate([x, np.repeat(whole[:, None], n, axis=1)])))
    scores = np.exp(convolved(w, "asp.conv", attention))
    pooled = normalised(w, "asp_bn", statistics(x, scores / scores.sum(1, keepdims=True))[:, None])
    return convolved(w, "fc", pooled)[:, 0]


@pytest.mark.parametrize("n_frames", [LEAST_FRAMES, 23])
def test_each_voice_equals_the_forward_pass_by_name(n_frames: int) -> None:
    torch.manual_seed(0)
    network = EcapaTDNN(channels=16, attention_channels=4).eval()
    for name, tensor in network.state_dict().items():
        if name.endswith(("running_mean", "running_var", "norm.weight")):
            tensor.uniform_(0.5, 1.5)
        elif name == "asp.conv.conv.weight":
            tensor.mul_(10)  # so that frames weigh differently
    voices = torch.randn(2, n_frames, 80, generator=torch.Generator().manual_seed(n_frames))
    arrays = {n: t.double().numpy() for n, t in network.state_dict().items()}
    with torch.no_grad():
        found = network(voices).numpy()
        alone = network(voices[1:]).numpy()
    wanted = np.stack([by_name(arrays, voice) for voice in voices.double().numpy()])
    np.testing.assert_allclose(found, wanted, atol=1e-4)
    np.testing.assert_allclose(alone, found[1:], atol=1e-5)
    assert np.abs(wanted[0] - wanted[1]).max() > 0.01


def test_a_voice_shorter_than_its_mirrored_ends_cannot_pass() -> None:
    with pytest.raises(RuntimeError, match="[Pp]adding"):
        EcapaTDNN(channels=8, attention_channels=4).eval()(torch.zeros(1, LEAST_FRAMES - 1, 80))
