"""The command `embed`: a corpus to embedding tables, through the cache.

Example:
    visavox embed --corpus corpus --out embeddings
"""

from __future__ import annotations

import json
import sys

from visavox.config import EmbedConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.embedding import UNTRAINED, embed_corpus, is_untrained


def run(config: EmbedConfig) -> int:
    """Embed every usable item and print the shapes of the tables. Returns 0."""
    with progress_bar("Embedding", quiet=config.quiet) as progress:
        tables = embed_corpus(config, progress)
    rows = [
        {"modality": t.modality, "encoder": t.encoder, "n": len(t), "dim": t.dim} for t in (tables.voice, tables.face)
    ]
    if config.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif not config.quiet:
        for row in rows:
            sys.stdout.write(f"{config.out}: {row['n']} {row['modality']}s x {row['dim']} by {row['encoder']}\n")
        for modality, about in tables.about["encoders"].items():
            if is_untrained(about):
                sys.stdout.write(f"Warning: the {modality} encoder {UNTRAINED}\n")
    return 0
