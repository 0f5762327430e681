"""What a network that names people costs: parameters, multiply-accumulates, milliseconds, bytes.

Multiply-accumulates are counted while one clip passes: those of matrix products, convolutions and attention. Adding,
scaling, normalising and activations are not counted, as papers do not. The mel image and the face crop are not part of
the network. Milliseconds are of this machine, with the threads that torch has now.

Example:
    cost = network_cost(network, Path("run/networks/vit-voice"))
    cost.macs, cost.latency_ms
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from visavox.errors import DataError
from visavox.evaluation.identification_record import Cost
from visavox.models.identifiers.base import MEL_BANDS, MEL_FRAMES, Identifier
from visavox.persistence import TENSOR_FILE

N_TIMED, TIMED_S, N_WARM_UP = 50, 2.0, 3  # passes, or seconds if those are over sooner


def network_cost(identifier: Identifier, folder: Path, *, budget: int | None = None) -> Cost:
    """Return what it takes to name one clip.

    Args:
        identifier: on the CPU for times that can be compared; left in evaluation mode.
        folder: of the saved network, for the size of its weights.
        budget: most parameters that the design allows.

    Raises:
        DataError: the folder holds no weights.
    """
    path = folder / TENSOR_FILE
    if not path.is_file():
        raise DataError(f"{path} is missing. Save the network before its cost is measured.")
    return Cost(
        n_parameters=identifier.n_parameters,
        macs=count_macs(identifier),
        latency_ms=median_latency_ms(identifier),
        file_bytes=path.stat().st_size,
        budget=budget,
    )


def count_macs(identifier: Identifier) -> float:
    """Return the multiply-accumulates of one forward pass of one clip, half of what torch counts as operations."""
    counter = FlopCounterMode(display=False, custom_mapping={_ATTENTION: _attention_flop})
    with torch.inference_mode(), counter:
        identifier.eval()(**one_clip(identifier))
    return counter.get_total_flops() / 2


def median_latency_ms(identifier: Identifier) -> float:
    """Return the median time of a forward pass of one clip in float32, in milliseconds, after some that warm up."""
    clip = one_clip(identifier)
    identifier.eval()
    times_s: list[float] = []
    with torch.inference_mode():
        for _ in range(N_WARM_UP):
            identifier(**clip)
        while len(times_s) < N_TIMED and sum(times_s) < TIMED_S:
            started_s = time.perf_counter()
            identifier(**clip)
            _wait(clip)
            times_s.append(time.perf_counter() - started_s)
    return 1000 * median(times_s)


def one_clip(identifier: Identifier) -> dict[str, Tensor]:
    """Return media of one made-up clip, as the network takes them, on its device: shapes as of `Identifier.forward`."""
    device = next(identifier.parameters()).device
    made: dict[str, Tensor] = {}
    if "voice" in identifier.modalities:
        made["voice"] = torch.full((1, 1, MEL_BANDS, MEL_FRAMES), 0.5, device=device)
    if "face" in identifier.modalities:
        assert identifier.face_px is not None
        made["face"] = torch.full((1, 3, identifier.face_px, identifier.face_px), 0.5, device=device)
    return made


def _wait(clip: dict[str, Tensor]) -> None:
    """Let an accelerator finish, which answers before it has."""
    if any(tensor.is_cuda for tensor in clip.values()):
        torch.cuda.synchronize()


# The kernel of attention on a CPU, which torch's own table of operations lacks (2.6 to 2.13).
_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def _attention_flop(query: Any, key: Any, value: Any, *_args: Any, **_kwargs: Any) -> int:
    """Return the operations of softmax(q k^T) v from the shapes (..., n, d), (..., m, d), (..., m, e)."""
    (*leading, n, dim), m, out = query, key[-2], value[-1]
    return int(2 * math.prod(leading) * n * m * (dim + out))
