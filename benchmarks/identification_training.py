"""Prints how fast a MobileViT trains on this machine, and what its formulation is worth, on made-up pictures.

    python benchmarks/identification_training.py mobilevit [--people 49] [--batch 32] [--steps 8] [--picture 256]

A step is forward, backward and Adam. The rows are the network as it is in float32 and in bfloat16, then in bfloat16
with one part of its formulation taken back; with transformers installed, also its MobileViT of the same layout, whose
heads are half as wide. Each row says milliseconds a sample, of the wall and of the processor by thread (the latter
counts where other programs run), and the minutes of 40 epochs of 2,850 samples. The best step of a row counts. Nothing
here is a test: a number that is too large is for a person to look at. Close other programs first.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.models import mobile_vit
from visavox.models.identifiers.mobilevit import MobileViTIdentifier

N_SAMPLES, N_EPOCHS = 2850, 40  # of the experiment
WARM_UP_STEPS = 3
Classify = Callable[[Tensor], Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=["mobilevit"])
    parser.add_argument("--people", type=int, default=49)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--picture", type=int, default=256)
    mobilevit(parser.parse_args())


def mobilevit(given: argparse.Namespace) -> None:
    """Print one row a variant."""
    sys.stdout.write(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batches of {given.batch}\n")

    def ours() -> tuple[nn.Module, Classify]:
        network = MobileViTIdentifier(n_people=given.people, modality="face", picture_px=given.picture)
        return network, lambda pictures: network(face=pictures)

    line("float32", measure(*ours(), given, bfloat16=False))
    line("bfloat16", measure(*ours(), given, bfloat16=True))
    for name, part, plain in (
        ("with PyTorch's fused attention", "attend", functional.scaled_dot_product_attention),
        ("with PyTorch's dropout", "drop_quickly", functional.dropout),
        ("with PyTorch's strided gradient", "filter_channels", lambda x, convolution: convolution(x)),
    ):
        with replaced(part, plain):
            line(f"bfloat16 {name}", measure(*ours(), given, bfloat16=True))
    if importlib.util.find_spec("transformers"):
        line("bfloat16, that of transformers", measure(*theirs(given), given, bfloat16=True))


def theirs(given: argparse.Namespace) -> tuple[nn.Module, Classify]:
    """Return the network of transformers with the same layout."""
    from transformers import MobileViTConfig, MobileViTForImageClassification

    config = MobileViTConfig(
        image_size=given.picture,
        patch_size=2,
        hidden_sizes=[64, 80, 96],
        neck_hidden_sizes=[16, 16, 24, 48, 64, 80, 512],
        num_attention_heads=2,
        mlp_ratio=2.0,
        expand_ratio=2.0,
        num_labels=given.people,
    )
    network: Any = MobileViTForImageClassification(config)
    network = network.to(memory_format=torch.channels_last)
    return network, lambda pictures: network(pictures.contiguous(memory_format=torch.channels_last)).logits


@contextmanager
def replaced(part: str, plain: Any) -> Iterator[None]:
    """Put another function in the place of one of `visavox.models.mobile_vit`."""
    kept = getattr(mobile_vit, part)
    setattr(mobile_vit, part, plain)
    try:
        yield
    finally:
        setattr(mobile_vit, part, kept)


def measure(
    network: nn.Module, classify: Classify, given: argparse.Namespace, *, bfloat16: bool
) -> tuple[float, float]:
    """Return the least milliseconds a sample of a step: of the wall, and of the processor by thread."""
    draws = torch.Generator().manual_seed(0)
    pictures = torch.rand(given.batch, 3, given.picture, given.picture, generator=draws)
    people = torch.randint(given.people, (given.batch,), generator=draws)
    optimiser = torch.optim.Adam(network.train().parameters(), 2e-3, fused=True)
    walls, processors = [], []
    for _ in range(WARM_UP_STEPS + given.steps):
        wall, processor = time.perf_counter(), time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = functional.cross_entropy(classify(pictures).float(), people, label_smoothing=0.1)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        walls.append(time.perf_counter() - wall)
        processors.append((time.process_time() - processor) / torch.get_num_threads())
    return 1e3 * min(walls[WARM_UP_STEPS:]) / given.batch, 1e3 * min(processors[WARM_UP_STEPS:]) / given.batch


def line(name: str, measured: tuple[float, float]) -> None:
    wall, processor = measured
    minutes = wall * N_SAMPLES * N_EPOCHS / 60e3
    sys.stdout.write(f"{name:45s} {wall:6.1f} ms ({processor:5.1f} busy) a sample, {minutes:5.1f} min\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
