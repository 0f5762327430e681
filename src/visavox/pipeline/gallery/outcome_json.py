"""Outcomes of the commands `gallery ...` as JSON text.

Example:
    >>> from visavox.pipeline.gallery.gathering import BadClip
    >>> outcome_json(BadClip("a", "face", "no_face", "none found")).splitlines()[1]
    '  "clip": "a",'
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any


def outcome_json(outcome: Any) -> str:
    """Return a dataclass as indented JSON; paths are texts, and names that are no Unicode are escaped."""
    return json.dumps(dataclasses.asdict(outcome), indent=2, default=str)
