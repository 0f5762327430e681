"""The card of a generator that draws by diffusion: what it learned from, how well, and what it is not.

Example:
    text = diffusion_card(settings, faces, rows, with_decoder=False)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from visavox.pipeline.drawing.diffusion_faces import LearnedFaces
from visavox.pipeline.drawing.diffusion_settings import DiffusionSettings

HEAD = """# What may the speaker look like: a generator

Pictures that it draws are guesses. A voice tells sex and something of age and origin, hardly more; most of what is seen
in a picture is invented, and differs from sample to sample. It must not be used to identify, accuse or judge anybody.
"""


def diffusion_card(
    settings: DiffusionSettings, faces: LearnedFaces, rows: Mapping[str, Mapping[str, Any]], *, with_decoder: bool
) -> str:
    """Return the card as Markdown.

    Args:
        settings: of the task.
        faces: what was learned from.
        rows: part -> n_parameters, steps, seconds, stopped, figures.
        with_decoder: whether the folder holds the method decoder too, whose training has a card of its own.
    """
    n_paired = faces.told.n_paired
    n_unpaired = len(faces.told) - n_paired
    imagined = faces.told.imagined
    lines = [
        HEAD,
        "## Method diffusion",
        f"- conditions: {', '.join(settings.conditions)}; anything else is refused",
        f"- drawn by: {settings.sampler}, {settings.n_steps} steps, guidance {settings.guidance:g}",
        f"- side: {settings.image_px} px"
        + (f", {2 * settings.image_px} px by the upsampler" * bool(settings.upsampler)),
        f"- learned from {n_paired} clips with face and voice, and {n_unpaired} labelled faces without voices",
        "- no face descriptor of a judge was used in losses, targets or choices",
    ]
    if imagined is not None:
        lines.append(
            "- labelled faces borrowed voices of clips with faces alike; faces explain "
            f"{100 * imagined.held_out_score:.1f} % of the variance of held-out voices"
        )
    lines += ["", "| part | parameters | steps | min | figures of the last epoch |", "|---|---|---|---|---|"]
    for part, row in rows.items():
        figures = ", ".join(f"{name} {value:.4g}" for name, value in row["figures"].items())
        lines.append(f"| {part} | {row['n_parameters']:,} | {row['steps']:,} | {row['seconds'] / 60:.1f} | {figures} |")
    if with_decoder:
        lines += ["", "The method decoder was trained before, from the same voice encoder."]
    return "\n".join(lines) + "\n"
