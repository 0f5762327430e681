"""The command `convert`: a published checkpoint to a folder of ours; code in it is never run.

Example:
    visavox convert best.pth.tar --out models/sss
"""

from __future__ import annotations

import dataclasses
import json
import sys

from visavox.method_config import ConvertConfig
from visavox.pipeline.converting.conversion import ConvertOutcome, convert_checkpoint


def run(config: ConvertConfig) -> int:
    """Convert and print what came out. Returns 0."""
    outcome = convert_checkpoint(config)
    if config.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(outcome), indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(outcome))
    return 0


def describe(outcome: ConvertOutcome) -> str:
    """Return the outcome as lines for a reader."""
    lines = [f"{outcome.out}: {outcome.what} of {outcome.manifest}, {outcome.n_parameters:,} numbers"]
    lines += [f"  {note}" for note in outcome.notes]
    lines.append(f"  left out: {'; '.join(outcome.left_out) or 'nothing'}")
    return "\n".join(lines) + "\n"
