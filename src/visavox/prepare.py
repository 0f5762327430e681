"""The command `prepare`: a folder of videos, or of faces and voices, to a corpus.

Example:
    visavox prepare --root data/avspeech --out corpus
    visavox prepare --root world --source videos --out corpus
"""

from __future__ import annotations

import dataclasses
import json
import sys

from visavox.corpus.items import OK
from visavox.corpus_config import PrepareConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.corpus_building import PrepareSummary, build_corpus


def run(config: PrepareConfig) -> int:
    """Prepare the corpus and print how many items came out, by status. Returns 0."""
    with progress_bar("Preparing clips", quiet=config.quiet) as progress:
        summary = build_corpus(config, progress)
    if config.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(summary), indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(summary, config))
    return 0


def describe(summary: PrepareSummary, config: PrepareConfig) -> str:
    """Return the summary as lines for a reader."""
    again = f", {summary.n_again} tried again" if summary.n_again else ""
    lines = [f"{config.out}: {summary.n_clips} clips, {summary.n_new} of them new{again}, {summary.seconds:.1f} s"]
    for modality, counts in sorted(summary.n_items.items()):
        parts = [f"{count} {status}" for status, count in sorted(counts.items(), key=lambda pair: -pair[1])]
        lines.append(f"  {modality + 's':7} {', '.join(parts)}")
    extra = {kind: summary.source.get(f"n_extra_{kind}", 0) for kind in ("faces", "voices")}
    if any(extra.values()):
        lines.append(f"  {extra['faces']} faces and {extra['voices']} voices in {config.root} that no clip names")
    if summary.source.get("n_extra_videos"):
        lines.append(f"  {summary.source['n_extra_videos']} videos in {config.root} that no row names, left out")
    if "n_people" in summary.source:
        n_people = summary.source["n_people"]
        known = f"{n_people} {'person' if n_people == 1 else 'people'}, named by {summary.source['people_from']}"
        lines.append(f"  {known if n_people else 'nobody is known: each video counts as a person of its own'}")
    if summary.n_faces_not_found:
        lines.append(f"  {summary.n_faces_not_found} faces were not found; the centre of the image stands for them")
    if any(status != OK for counts in summary.n_items.values() for status in counts):
        lines.append(f"  what can be done about it: visavox corpus status --corpus {config.out}")
    return "\n".join(lines) + "\n"
