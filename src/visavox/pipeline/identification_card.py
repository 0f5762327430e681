"""The card of a network that names people: what it is, what it was trained on, what it is for and not for.

Example:
    text = network_card(about, {"validation_top_1": 0.9}, chosen)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from visavox.pipeline.identification_media import ChosenClips

USE = """## What it is for, and not for
Naming people who agreed to be known by it, in archives of their own and in experiments. It names one of the people
below whoever is shown: it does not notice a stranger by itself. It is not for surveillance, nor for any decision about
a person."""


def network_card(about: Mapping[str, Any], kept: Mapping[str, float], chosen: ChosenClips) -> str:
    """Return the card as Markdown.

    Args:
        about: what `training.json` says.
        kept: figures of the epoch whose network was kept.
        chosen: the clips of the experiment.
    """
    counts = ", ".join(f"{len(clips):,} {subset}" for subset, clips in chosen.clips.items())
    lines = [
        f"# Identifier `{about['name']}`",
        "",
        f"A network of {about['n_parameters']:,} parameters that names one of {len(chosen.people)} people from "
        f"{' and '.join(about['modalities'])}.",
        "",
        "## Training",
        f"- Data: {chosen.corpus.resolve().name}, clips: {counts}; split by {chosen.split_by}.",
        f"- Network: `{json.dumps(about['network'])}`",
        f"- Training: `{json.dumps(about['training'])}`",
        f"- {about['epochs']} epochs in {about['seconds']:.0f} s, {about['stopped']}.",
        f"- Kept: epoch {about['kept_epoch']}.",
        "",
        "## Results",
        f"- Validation, {len(chosen.clips['validation'])} clips: top-1 {100 * kept['validation_top_1']:.1f} %. "
        "Test clips: `visavox evaluate --protocol identification`.",
        "",
        USE,
        "",
    ]
    return "\n".join(lines)
