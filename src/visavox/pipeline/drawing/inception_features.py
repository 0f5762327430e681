"""Inception's last pooling, from an ONNX file of the user's: the features behind the FID.

No such network comes with the package. A FID belongs to one file: figures by two conversions are not compared, so the
report says the file's digest. How pictures are brought to 299 px (here: bilinear, from the canonical crop of 256 px)
moves it, too.

Example (needs the file):
    features = InceptionFeatures(Path("inception.onnx"))
    features.encode([np.zeros((256, 256, 3), np.uint8)]).shape     # (1, 2048)
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError, MissingDependencyError, one_line
from visavox.pipeline.exporting.onnx_file import runtime_errors

SIDE_PX = 299
DIM = 2048
CHUNK = 16  # pictures in one pass
QUIET = 3  # errors of onnxruntime only
REMEDY = f"It must take (n, 3, {SIDE_PX}, {SIDE_PX}) float32 and give (n, {DIM}): Inception's last pooling."


class InceptionFeatures:
    """Pictures to the features of a given network.

    Args:
        path: ONNX file. It takes (n, 3, 299, 299) float32, RGB from 0 to 1, n free or 1, and its first output is
            (n, 2048) float32, or (n, 2048, 1, 1).
    """

    def __init__(self, path: Path) -> None:
        """Open the file and try it on one picture.

        Raises:
            DataError: it is missing, no ONNX file, or takes or gives something else.
            MissingDependencyError: onnxruntime is not installed.
        """
        self.path = path
        if not path.is_file():
            raise DataError(f"`inception` must be an ONNX file. {path} is none.")
        try:
            runtime = importlib.import_module("onnxruntime")
        except ImportError as error:
            raise MissingDependencyError(
                "`inception` needs onnxruntime, which is not installed. Run: pip install visavox[export]"
            ) from error
        failures: tuple[type[Exception], ...] = (*runtime_errors(), RuntimeError, OSError, ValueError)
        self._failures = failures
        options = runtime.SessionOptions()
        options.log_severity_level = QUIET
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except failures as error:
            raise DataError(f"`inception` must be an ONNX file. {path} cannot be read: {_short(error)}") from error
        taken = self._session.get_inputs()
        if len(taken) != 1:
            raise DataError(f"{path} takes {len(taken)} inputs. {REMEDY}")
        self._name = taken[0].name
        size = taken[0].shape[0] if taken[0].shape else None
        self._chunk = 1 if size == 1 else CHUNK
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        self.encode([np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)] * 2)

    def encode(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return (n, 2048) float32.

        Args:
            pictures: square RGB, uint8, of any side.

        Raises:
            DataError: the network refuses its input, or gives another shape or a number that is not finite.
        """
        found = [self._pass(pictures[at : at + self._chunk]) for at in range(0, len(pictures), self._chunk)]
        return np.concatenate(found) if found else np.zeros((0, DIM), np.float32)

    def _pass(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        size = (SIDE_PX, SIDE_PX)
        scaled = np.stack([cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR) for picture in pictures])
        taken = np.ascontiguousarray(scaled.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
        try:
            given: Any = self._session.run(None, {self._name: taken})[0]
        except self._failures as error:
            raise DataError(f"{self.path} refuses pictures: {_short(error)}. {REMEDY}") from error
        found = np.asarray(given)
        if found.shape not in ((len(pictures), DIM), (len(pictures), DIM, 1, 1)) or not np.isfinite(found).all():
            raise DataError(
                f"{self.path} gives {found.shape} for {len(pictures)} pictures, or no finite numbers. {REMEDY}"
            )
        return found.reshape(len(pictures), DIM).astype(np.float32)


def _short(error: Exception) -> str:
    return one_line(" ".join(str(error).split()))[:120]
