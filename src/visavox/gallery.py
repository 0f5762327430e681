"""The commands `gallery ...`: make, change, look at and export what `search` and `serve` look things up in.

Example:
    visavox gallery build --pairs clips --out gallery
    visavox gallery add gallery --pairs more
    visavox gallery remove gallery --people Ann
    visavox gallery info gallery --verify
    visavox gallery export gallery --out exported
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Protocol

from visavox.config import CommandConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.gallery.outcome_json import outcome_json
from visavox.retrieval_config import (
    GalleryAddConfig,
    GalleryBuildConfig,
    GalleryExportConfig,
    GalleryInfoConfig,
    GalleryRemoveConfig,
)


class Outcome(Protocol):
    """What one of these commands found or did: a dataclass that can say so."""

    def describe(self) -> str:
        """Return it as lines for a reader, each with its line end."""
        ...  # pragma: no cover


Work = Callable[..., Outcome]

WORK: Mapping[type[CommandConfig], tuple[str, str, str]] = {
    GalleryBuildConfig: ("changing", "build_gallery", "Building the gallery"),
    GalleryAddConfig: ("changing", "add_to_gallery", "Adding to the gallery"),
    GalleryRemoveConfig: ("changing", "remove_from_gallery", ""),
    GalleryInfoConfig: ("telling", "tell_gallery", ""),
    GalleryExportConfig: ("exporting", "export_gallery", "Exporting the gallery"),
}
"""Of each command: module of `visavox.pipeline.gallery`, function in it, words of its progress bar; "" for none."""


def run(config: CommandConfig) -> int:
    """Do what the configuration asks for and print the outcome. Returns 0."""
    module, function, words = WORK[type(config)]
    work: Work = getattr(importlib.import_module(f"visavox.pipeline.gallery.{module}"), function)
    if words:
        with progress_bar(words, quiet=config.quiet) as progress:
            outcome = work(config, progress)
    else:
        outcome = work(config)
    if config.json:
        sys.stdout.write(outcome_json(outcome) + "\n")
    elif not config.quiet or isinstance(config, GalleryInfoConfig):
        sys.stdout.write(outcome.describe())
    return 0
