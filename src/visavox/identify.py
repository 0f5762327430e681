"""The command `identify`: who is it, of the people I know?

Example:
    visavox identify people --face a.jpg --voice a.wav
"""

from __future__ import annotations

import json
import sys

from visavox.identification_config import IdentifyConfig
from visavox.pipeline.identifying import identify_person


def run(config: IdentifyConfig) -> int:
    """Identify and print who it is. Returns 0 if somebody is named, 1 for a stranger or where nothing was usable."""
    outcome = identify_person(config)
    if config.json:
        sys.stdout.write(json.dumps(outcome.to_dict(), indent=2) + "\n")
    else:
        sys.stdout.write(f"{outcome}\n")
    return 0 if outcome.decided else 1
