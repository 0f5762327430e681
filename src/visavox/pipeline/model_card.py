"""The card of a model folder: what it is, what it was trained on, what it is for and not for.

Example:
    text = model_card(CardFacts(...))
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

USE = """## What it is for, and not for
Research on voice-face association, and archives of people who agreed to it: whose voice is this, among these faces?
It is not for finding out who a stranger is, nor for any decision about a person. It says how well a face and a voice
go together among the candidates given, mostly by gender, age and the like; it is wrong often, and more often within
one gender. Its answers are guesses and must be labelled so."""

FOREIGN_ENCODERS = (
    "- The encoders' own training data may hold voices or faces of the people that it is tested on; see above."
)


@dataclass(frozen=True)
class CardFacts:
    """What a card tells."""

    name: str
    """Name of the model."""
    associator: Mapping[str, Any] | str
    """What was trained, as in the recipe."""
    n_parameters: int
    """Learned numbers, without frozen encoders."""
    n_pairs: int
    """Training pairs."""
    n_people: int
    """Training people; where unknown, videos."""
    data: str
    """Name of the training data."""
    encoders: Mapping[str, Mapping[str, Any]]
    """For voice and face: spec, weights, training_data, licence."""
    match_scale: float
    """Inverse temperature of the probabilities."""
    pair_line: tuple[float, float] | None = None
    """Slope and intercept from a similarity to the log likelihood ratio of one pair; None where nobody fitted them."""
    trained_encoders: bool = False
    """Whether the encoders were trained with it, on the same data, and lie in its folder."""
    licence: str = "unspecified: it follows from the training data"
    """Licence of the trained weights."""
    results: Sequence[str] = field(default_factory=tuple)
    """Measured results, one line each, with protocol, interval and count."""
    limits: Sequence[str] = field(default_factory=tuple)
    """Known limits beyond those of every such model."""


def model_card(facts: CardFacts) -> str:
    """Return the card as Markdown."""
    kept = "trained with it" if facts.trained_encoders else "frozen"
    lines = [
        f"# Visavox model `{facts.name}`",
        "",
        f"A voice-face associator of {facts.n_parameters:,} parameters over {_encoders(facts)}. "
        f"Licence: {facts.licence}.",
        "",
        "## Training",
        f"- Data: {facts.data}: {facts.n_pairs} pairs of a voice and a face of {facts.n_people} people or videos.",
    ]
    for modality, about in facts.encoders.items():
        lines.append(
            f"- {modality.capitalize()} encoder: `{json.dumps(about.get('spec'))}`, {kept}. Weights: "
            f"{about.get('weights')} ({about.get('licence')}), trained on {about.get('training_data')}."
        )
    lines += [
        f"- Associator: `{json.dumps(facts.associator)}`",
        f"- Probabilities among candidates: softmax({facts.match_scale:.2f} x similarity), fitted on held-out pairs.",
        *_pair_lines(facts.pair_line),
        "",
        "## Results",
        *(facts.results or ["Not measured yet: `visavox evaluate --model FOLDER --pairs DATA --out REPORT`."]),
        "",
        "## Limits",
        *([] if facts.trained_encoders else [FOREIGN_ENCODERS]),
        *(f"- {limit}" for limit in facts.limits),
        "",
        USE,
        "",
    ]
    return "\n".join(lines)


def _encoders(facts: CardFacts) -> str:
    return "encoders trained with it, which its folder holds" if facts.trained_encoders else "frozen encoders"


def _pair_lines(line: tuple[float, float] | None) -> list[str]:
    """Return the line of the card about one voice and one face."""
    if line is None:
        return []
    return [f"- One voice and one face: {line[0]:.2f} x similarity {line[1]:+.2f} nats of evidence, fitted likewise."]
