"""One network to one ONNX file, kept only if onnxruntime computes the same.

Axes are found by trying: the first axis of every input is the batch, and any other axis whose length differs between
two batches of inputs is dynamic, too. The file is then run on batches of 1, 2 and 17 against what
the package itself computes.

Example:
    figures = write_onnx(part, Path("voice_tower.onnx"))
    figures["largest_difference"]
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visavox.errors import DataError, MissingDependencyError, one_line
from visavox.pipeline.exporting.networks import Part

OPSET = 18
"""Version of the ONNX operators that the files use."""
BATCHES = (1, 2, 17)
"""Batch sizes of the check."""
TOLERANCE = 1e-4
"""Largest difference from torch, as a share of the largest number that comes out, or of 1 where that is below."""
MODULES = ("onnx", "onnxscript", "onnxruntime")


def require_onnx() -> None:
    """Import what writing and checking need.

    Raises:
        MissingDependencyError: one of them is not installed; the message names the line that installs them.
    """
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError as error:
            raise MissingDependencyError(
                f"`visavox export` needs {module}, which is not installed. Run: pip install visavox[export]"
            ) from error


def write_onnx(part: Part, path: Path) -> dict[str, Any]:
    """Write a network and check the file.

    Args:
        part: the network.
        path: the file; gone again where the check fails.

    Returns:
        What export.json says of it: file, about, inputs, outputs, opset, batches, largest_difference, tolerance.

    Raises:
        DataError: torch cannot write the network, or onnxruntime computes something else.
    """
    example = part.make_inputs(3, np.random.default_rng(0))
    other = part.make_inputs(4, np.random.default_rng(0))
    batch = torch.export.Dim("batch")
    shapes = tuple(_dynamic(a, b, batch) for a, b in zip(example, other, strict=True))
    failures: tuple[type[Exception], ...] = (torch.onnx.OnnxExporterError, RuntimeError, ValueError, *runtime_errors())
    try:
        with _quiet():
            torch.onnx.export(
                part.network,
                example,
                path,
                dynamo=True,
                dynamic_shapes=shapes,
                opset_version=OPSET,
                external_data=False,
                input_names=list(part.input_names),
                output_names=["vectors"],
                verbose=False,
            )
        found = _check(part, path)
    except failures as error:
        path.unlink(missing_ok=True)
        reason = one_line(" ".join(str(error.__cause__ or error).split()))[:120]
        raise DataError(f"{part.name} cannot be written as ONNX: {reason}. Leave it to torch.") from error
    if found["largest_difference"] > found["tolerance"]:
        path.unlink(missing_ok=True)
        raise DataError(
            f"{path.name} differs from what the package computes by {found['largest_difference']:.1e}, more than "
            f"{found['tolerance']:.1e} of the largest number, so it is not kept. Report it with the model's config."
        )
    return {"file": path.name, "about": part.about, "opset": OPSET, "batches": list(BATCHES), **found}


def runtime_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of onnxruntime, which share no class of their own."""
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    return tuple(kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception))


def _dynamic(a: torch.Tensor, b: torch.Tensor, batch: Any) -> dict[int, Any]:
    axes: dict[int, Any] = {0: batch}
    for axis in range(1, a.ndim):
        if a.shape[axis] != b.shape[axis]:
            axes[axis] = torch.export.Dim.DYNAMIC
    return axes


def _check(part: Part, path: Path) -> dict[str, Any]:
    runtime = importlib.import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    differences = []
    rng = np.random.default_rng(1)
    for n in BATCHES:
        inputs = part.make_inputs(n, rng)
        wanted = part.reference(*inputs)
        found = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})[0]
        if found.shape != wanted.shape or not np.isfinite(found).all():
            raise ValueError(f"a batch of {n} gives {found.shape} instead of {wanted.shape}, or numbers not finite")
        scale = max(1.0, float(np.abs(wanted).max()))
        differences.append(float(np.abs(found - wanted).max()) / scale)
    return {
        "inputs": {given.name: [str(size) for size in given.shape] for given in session.get_inputs()},
        "outputs": {given.name: [str(size) for size in given.shape] for given in session.get_outputs()},
        "largest_difference": max(differences),
        "tolerance": TOLERANCE,
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter says about itself off the terminal."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        registration.setLevel(level)
