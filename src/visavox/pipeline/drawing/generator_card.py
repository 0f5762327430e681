"""The card of a generator of faces: what it is, what it learned from, how it did, and what it must not be used for.

Example:
    text = generator_card("portrait", about, figures)
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

LICENCE = "unspecified: it follows from the training data"
USE = """## What it is for, and not for
Research on what a voice tells of a face, and play. A picture is a guess at how a speaker of this kind may look: mostly
gender, age and how such people looked in the training data. It is never the portrait of a person, no evidence, and
nothing to find or to judge anybody by.

## Where it fails
- Hair, beards, glasses, skin and light are hardly in a voice: they are those of the mean of such faces.
- A voice that is high for a man or low for a woman is drawn as the other gender; children were not learned from.
- People unlike those of the training data are drawn like those of it.
- Noise, music, two speakers or less than two seconds of speech give a face close to the mean, or a wrong one."""


def generator_card(
    name: str, about: Mapping[str, Any], stages: Mapping[str, Mapping[str, Any]], *, licence: str = LICENCE
) -> str:
    """Return the card as Markdown.

    Args:
        name: of the generator, or of its run.
        about: what is the same for all methods: data, n_people, n_pictures, n_labelled, image_px, voice_encoder.
        stages: name of a stage of training -> its figures, plain values or tables of them.
        licence: of the weights.
    """
    lines = [
        f"# Visavox generator `{name}`",
        "",
        f"Draws guesses of {about['image_px']} px at the face of a speaker.",
        "",
        f"Licence: {licence}.",
        "",
        "## Data",
        f"- Voices with faces: {about['data']}, {about['n_pictures']:,} clips of {about['n_people']:,} people or "
        "videos.",
        f"- Labelled faces without voices: {about['n_labelled']:,}.",
        f"- Frozen voice encoder: `{json.dumps(about['voice_encoder'])}`.",
        "- Who judges drawn faces had no part in it: no network that recognises people is in a loss, a target or a "
        "choice unless it is named below as the face encoder.",
    ]
    for stage, figures in stages.items():
        lines += ["", f"## {stage.replace('_', ' ').capitalize()}"]
        lines += [f"- {key.replace('_', ' ')}: {_said(value)}" for key, value in figures.items() if value is not None]
    return "\n".join([*lines, "", USE, ""])


def _said(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key.replace('_', ' ')} {_said(inner)}" for key, inner in value.items() if inner is not None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(_said(inner) for inner in value)
    return str(value)
