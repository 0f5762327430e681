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
from visavox.corpus.statuses import TRANSIENT
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
    lines = [
        f"{config.out}: {_count(summary.n_clips, 'clip')}, {summary.n_new} of them new{again}, {summary.seconds:.1f} s"
    ]
    for modality, counts in sorted(summary.n_items.items()):
        parts = [f"{count} {status}" for status, count in sorted(counts.items(), key=lambda pair: -pair[1])]
        lines.append(f"  {modality + 's':7} {', '.join(parts)}")
    extra = [int(str(summary.source.get(f"n_extra_{kind}s", 0))) for kind in ("face", "voice", "video")]
    if any(extra[:2]):
        lines.append(
            f"  {_count(extra[0], 'face')} and {_count(extra[1], 'voice')} in {config.root} that no clip names"
        )
    if extra[2]:
        lines.append(f"  {_count(extra[2], 'video')} in {config.root} that no row names, left out")
    if "n_people" in summary.source:
        n_people = int(str(summary.source["n_people"]))
        named_by = summary.source.get("people_from", "the source")
        known = f"{n_people} {'person' if n_people == 1 else 'people'}, named by {named_by}"
        lines.append(f"  {known if n_people else 'nobody is known: each video counts as a person of its own'}")
    if config.metadata and summary.n_new + summary.n_again and not summary.n_described:
        names = ", ".join(path.name for path in config.metadata)
        lines.append(f"  {names}: none of its people, videos or clips is in the corpus")
    if summary.n_faces_not_found and config.crop != "first_frame":
        n_faces = _count(summary.n_faces_not_found, "face")
        lines.append(f"  {n_faces} not found; the centre of the image stands there")
    statuses = [(status, n) for counts in summary.n_items.values() for status, n in counts.items() if status != OK]
    if any(status in TRANSIENT for status, _ in statuses):
        names = ", ".join(sorted({status for status, _ in statuses if status in TRANSIENT}))
        lines.append(f"  what failed for a reason that passes ({names}) is tried again by the same command")
    if statuses:
        lines.append(f"  what can be done about the rest: visavox corpus status --corpus {config.out}")
    return "\n".join(lines) + "\n"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
