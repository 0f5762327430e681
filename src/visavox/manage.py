"""The commands `corpus ...`: look at a corpus, ask for clips again, label, audit, export and merge it.

Example:
    visavox corpus status --corpus corpus
    visavox corpus retry --status network no_face --corpus corpus
    visavox corpus export --to webdataset --out shards --corpus corpus
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from visavox.config import CommandConfig
from visavox.corpus_config import (
    CorpusAuditConfig,
    CorpusExportConfig,
    CorpusGalleryConfig,
    CorpusLabelConfig,
    CorpusMergeConfig,
    CorpusRetryConfig,
    CorpusShowConfig,
    CorpusStatusConfig,
)
from visavox.pipeline.console import progress_bar


class Outcome(Protocol):
    """What one of these commands found or did: a dataclass that can say so."""

    def describe(self) -> str:
        """Return it as lines for a reader, each with its line end."""
        ...  # pragma: no cover


Work = Callable[..., Outcome]

WORK: Mapping[type[CommandConfig], tuple[str, str, str]] = {
    CorpusStatusConfig: ("corpus_status", "corpus_status", ""),
    CorpusShowConfig: ("corpus_show", "show_item", ""),
    CorpusRetryConfig: ("corpus_status", "ask_again", ""),
    CorpusGalleryConfig: ("corpus_gallery", "draw_gallery", "Drawing clips"),
    CorpusLabelConfig: ("corpus_labels", "label_corpus", "Labelling items"),
    CorpusAuditConfig: ("corpus_auditing", "audit_corpus", ""),
    CorpusExportConfig: ("corpus_export", "export_corpus", "Writing clips"),
    CorpusMergeConfig: ("corpus_merge", "merge_corpora", "Merging clips"),
}
"""Of each command: module of `visavox.pipeline`, function in it, words of its progress bar; "" where it is done at
once. A module is imported when its command runs, since some bring networks and `corpus status` must answer at once."""


def run(config: CommandConfig) -> int:
    """Do what the configuration asks for and print the outcome. Returns 0."""
    module, function, words = WORK[type(config)]
    work: Work = getattr(importlib.import_module(f"visavox.pipeline.{module}"), function)
    if words:
        with progress_bar(words, quiet=config.quiet) as progress:
            outcome = work(config, progress)
    else:
        outcome = work(config)
    if config.json:
        sys.stdout.write(json.dumps(as_json(outcome), indent=2, ensure_ascii=False) + "\n")
    elif not config.quiet:
        sys.stdout.write(outcome.describe())
    return 0


def as_json(outcome: Any) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(outcome), default=str))
    return values
