"""The command `match`: which of these faces belongs to this voice?

Example:
    visavox match voice.wav a.jpg b.jpg
"""

from __future__ import annotations

import json
import sys

from visavox.config import MatchConfig
from visavox.errors import one_line
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.match_outcome import MatchOutcome
from visavox.pipeline.voice_face_model import VoiceFaceModel

BAR_WIDTH = 20  # characters


def run(config: MatchConfig) -> int:
    """Match and print a probability for each face. Returns 1 if there is no answer, else 0."""
    model = VoiceFaceModel.from_pretrained(config.model, compute=Compute.of(config))
    outcome = model.match(config.voice, config.faces)
    if config.json:
        sys.stdout.write(json.dumps(outcome.to_dict(), indent=2) + "\n")
    else:
        sys.stdout.write(describe(outcome))
    return 0 if outcome.decided else 1


def describe(outcome: MatchOutcome) -> str:
    """Return the outcome as lines for a reader: a bar and a probability for each face."""
    lines = []
    names = [one_line(face.name) for face in outcome.faces]
    width = max(map(len, names))
    for index, (name, face) in enumerate(zip(names, outcome.faces, strict=True)):
        mark = ">" if index == outcome.best else " "
        if face.probability is None:
            said = one_line(face.note) or "not compared"
        else:
            bar = "#" * round(BAR_WIDTH * face.probability)
            said = f"{bar:<{BAR_WIDTH}} {100 * face.probability:5.1f} %  {face.note}".rstrip()
        lines.append(f"{mark} {name:<{width}}  {said}")
    if outcome.voice_status != "ok":
        lines.append(f"No answer: {one_line(outcome.voice_note)}")
    elif not outcome.decided:
        lines.append("No answer: at least two usable faces are needed.")
    else:
        lines.append(
            f"A guess by {outcome.model} from {outcome.speech_s:.1f} s of speech, "
            "given that one of these faces is the speaker's."
        )
    return "\n".join(lines) + "\n"
