"""The command `generate`: what may the speaker look like?

Example:
    visavox generate voice.wav --out faces --samples 8 --seed 0
"""

from __future__ import annotations

import json
import sys
from typing import Any

from visavox.generation_config import GenerateConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.drawing.generating import generate_faces


def run(config: GenerateConfig) -> int:
    """Draw, write, and print what was written. Returns 0, or 130 where Ctrl-C left nothing."""
    try:
        with progress_bar("Drawing", quiet=config.quiet) as progress:
            outcome = generate_faces(config, progress)
    except KeyboardInterrupt:
        sys.stderr.write(f"visavox: interrupted. {config.out} is as it was: nothing was written.\n")
        return 130
    if config.json:
        sys.stdout.write(json.dumps({"out": str(outcome.out), **outcome.facts}, indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(str(outcome.out), outcome.facts))
    return 0


def describe(out: str, facts: dict[str, Any]) -> str:
    """Return what was written as lines for a reader; the first says that these are guesses."""
    voice, n = facts["voice"], facts["n_samples"]
    faces = "1 guess of a face" if n == 1 else f"{n:,} guesses of a face"
    how = f"by {facts['method']} of {facts['model']}, {facts['image_px']} px"
    sheets = ", ".join(facts["contact_sheets"][:2]) + (" ..." if len(facts["contact_sheets"]) > 2 else "")
    lines = [
        f"{out}: {faces}, {how}, seed {facts['seed']}, guidance {facts['guidance']:g}",
        f"  heard {voice['speech_s']:.1f} s of speech; told: {facts['provenance']}",
        f"  {sheets}, {facts['pictures'][0]['file']}{' ...' if n > 1 else ''}, faces.json",
        *(f"  note: {note}" for note in facts["notes"]),
        f"  {facts['disclaimer']}",
    ]
    return "\n".join(lines) + "\n"
