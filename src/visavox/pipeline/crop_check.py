"""Whether the face crops of a corpus are of the kind that an encoder was made for.

Encoders of this package read aligned crops with a margin of 0.5. A picture cut in another way has the same type, and
would give vectors that mean nothing.

Example:
    >>> refuse_other_crops({"crop": "aligned", "margin": 0.5}, where="corpus")
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from visavox.errors import ConfigError

MARGIN = 0.5


def refuse_other_crops(clip: Mapping[str, Any], *, where: str) -> None:
    """Raise unless the crops of a corpus are aligned, with the usual margin.

    Args:
        clip: settings of the clips, as the catalog keeps them; a corpus that says nothing has the usual ones.
        where: the corpus, for the message.

    Raises:
        ConfigError: its crops are of another kind.
    """
    crop, margin = clip.get("crop", "aligned"), clip.get("margin", MARGIN)
    if crop != "aligned" or margin != MARGIN:
        raise ConfigError(
            f"The face encoders here read crops of the kind 'aligned' with a margin of {MARGIN}. {where} has {crop!r} "
            f"with {margin}. Prepare a corpus without --crop and --margin, or take this one elsewhere with: "
            "visavox corpus export"
        )
