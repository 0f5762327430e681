"""The language that is spoken in a voice, by a classifier of the Hugging Face hub.

Any model that transformers loads for audio classification and that names languages as its classes will do, from a
folder or from the hub. transformers is imported when the first voice comes. It is no encoder: nothing here is cached.

Example (needs the package transformers and the model):
    spoken = SpokenLanguage("facebook/mms-lid-126")
    spoken.predict(voice)       # "eng"
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError

from visavox.errors import DataError, MissingDependencyError, one_line

SAMPLE_RATE = 16_000
MAX_S = 20.0  # what is heard of a voice; more costs time and hardly changes the answer
MIN_S = 1.0  # shorter voices are followed by silence up to here: the networks need some frames
NAMELESS = re.compile(r"LABEL_\d+")  # what transformers calls a class that nobody named
INSTALL = "The language of a voice needs transformers. Install it: pip install 'visavox[hub]'"


class SpokenLanguage:
    """Names the language of voices, one at a time, so that no voice depends on its neighbours.

    Args:
        model: folder, or id on the hub.
        device: where it runs: "cpu", "cuda", "mps".
    """

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        """Store the arguments; nothing is loaded before `predict`."""
        self.model = model
        self.device = device
        self._loaded: tuple[Any, Any] | None = None

    def predict(self, voice: np.ndarray) -> str:
        """Return the name of the language, as the model calls it ("eng", "de", ...).

        Args:
            voice: (samples,) float32 at 16 kHz; the first 20 s are heard.

        Raises:
            MissingDependencyError: transformers is not installed.
            DataError: the model cannot be had, or does not classify languages at 16 kHz.
        """
        features, network = self._tools()
        heard = voice[: int(MAX_S * SAMPLE_RATE)].astype(np.float32)
        heard = np.pad(heard, (0, max(0, int(MIN_S * SAMPLE_RATE) - len(heard))))
        inputs = features(heard, sampling_rate=SAMPLE_RATE, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            scores = network(**inputs).logits[0]  # (languages,)
        return str(network.config.id2label[int(scores.argmax())])

    def _tools(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = _load(self.model, self.device)
        return self._loaded


def _load(model: str, device: str) -> tuple[Any, Any]:
    """Return what turns samples into inputs, and the network."""
    transformers = _transformers()
    log = transformers.utils.logging
    verbosity, has_bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()  # what matters of its warnings is raised below
    log.disable_progress_bar()
    try:
        features, network, loading = _from_disk_or_hub(model, transformers)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        raise DataError(
            f"The language model {model!r} cannot be loaded ({type(error).__name__}: {_first_line(error)}). "
            "Check its name and the network, or give --language-model a folder that holds one."
        ) from error
    finally:
        log.set_verbosity(verbosity)
        if has_bar:
            log.enable_progress_bar()
    rate = getattr(features, "sampling_rate", SAMPLE_RATE)
    names = list(network.config.id2label.values())
    if rate != SAMPLE_RATE or len(names) < 2 or any(NAMELESS.fullmatch(name) for name in names):
        raise DataError(
            f"The language model {model!r} must hear {SAMPLE_RATE} Hz and name two or more languages. It hears {rate} "
            f"Hz and names {one_line(', '.join(names[:5]))}. Give a model for language identification."
        )
    if lacking := sorted(loading["missing_keys"]):
        raise DataError(
            f"The language model {model!r} lacks {len(lacking)} of its weights, {lacking[0]} for one: it would guess. "
            "Give a model that was trained for language identification."
        )
    return features, network.eval().to(device)


def _from_disk_or_hub(model: str, transformers: ModuleType) -> tuple[Any, Any, Any]:
    """Return features, network and what was found of its weights; the hub is asked for what is not on the disk."""

    def read(local_files_only: bool) -> tuple[Any, Any, Any]:
        # Code that lies beside somebody's weights is never run, nor asked about.
        options = {"trust_remote_code": False, "local_files_only": local_files_only}
        features = transformers.AutoFeatureExtractor.from_pretrained(model, **options)
        network = transformers.AutoModelForAudioClassification
        return features, *network.from_pretrained(model, output_loading_info=True, **options)

    try:
        return read(True)
    except OSError:
        if Path(model).is_dir():
            raise
        # It fails at once where the hub is not reached; transformers would try for a minute and say so each time.
        importlib.import_module("huggingface_hub").snapshot_download(model, allow_patterns=["*.json"])
        return read(False)


def _transformers() -> ModuleType:
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingDependencyError(INSTALL) from error


def _first_line(error: Exception) -> str:
    return one_line(str(error).strip().splitlines()[0] if str(error).strip() else "no reason given").rstrip(".")
