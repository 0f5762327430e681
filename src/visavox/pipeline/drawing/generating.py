"""What `visavox generate` does: a voice to a folder of labelled guesses, whole or not at all.

    out/face-0000.png ...      pictures, each labelled inside the file
    out/contact-sheet.png ...  all of them under a caption; contact-sheet-2.png and so on where they are many
    out/faces.json             what was drawn, from what, with the provenance of everything

The folder is written beside its place and takes its name at the end, so that Ctrl-C leaves nothing half done. The same
command writes the same bytes.

Example:
    outcome = generate_faces(GenerateConfig(voice=Path("voice.wav"), out=Path("faces")))
    outcome.facts["pictures"][0]["file"]       # 'face-0000.png'
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from visavox.errors import ConfigError, DataError
from visavox.generation.contact_sheet import SheetHead, Tile, contact_sheets
from visavox.generation.drawers.base import DrawingRequest, Progress
from visavox.generation.given_conditions import GUIDES, attributes_given, everything_told
from visavox.generation.guide_face import guide_face
from visavox.generation.picture_files import DISCLAIMER, GUESS, KEY, LEAKED, picture_bytes, png_bytes, software
from visavox.generation.provenance import Condition, may_leak, provenance_line
from visavox.generation_config import GenerateConfig
from visavox.persistence import writing
from visavox.pipeline.drawing.voice_to_face import UNHEARD, HeardSpeaker, VoiceToFacePipeline
from visavox.pipeline.frozen_encoder import Compute

FACTS = "faces.json"
OURS = re.compile(r"face-\d{4}\.png|contact-sheet(-\d+)?\.png|faces\.json")
TITLE = "Guesses from a voice, not pictures of a person"


@dataclass(frozen=True)
class GenerateOutcome:
    """What was written."""

    out: Path
    """The folder, as it was given."""
    facts: dict[str, Any]
    """What `faces.json` holds."""


def generate_faces(config: GenerateConfig, progress: Progress | None = None) -> GenerateOutcome:
    """Draw guesses from a voice and write them.

    Args:
        config: what is wanted.
        progress: called as progress(done, total), in pictures, or in steps where all are drawn at once.

    Raises:
        ConfigError: an option does not fit the model, or `out` holds other things.
        DataError: the model cannot be loaded, `out` holds pictures and `overwrite` is False, or cannot be written.
        MediaError: the voice or the guide cannot be used; `status` says why.
    """
    out = claimed(config.out, overwrite=config.overwrite)
    pipeline = VoiceToFacePipeline.from_pretrained(config.model, config.method, Compute.of(config))
    given, guide_notes = _given(config, pipeline)
    options: dict[str, Any] = {"sampler": config.sampler} if config.sampler != "auto" else {}
    options |= {"n_steps": config.steps} if config.steps else {}
    request = pipeline.request(UNHEARD, config.samples, config.seed, config.guidance, given, config.px, options)
    speaker = pipeline.hear(config.voice, start_s=config.start_s)
    request = dataclasses.replace(request, heard=speaker.heard)
    facts = drawing_facts(config.voice.name, pipeline, speaker, request)
    facts["notes"] = [*speaker.notes, *guide_notes, *pipeline.notes(request)]
    with writing(out) as fresh:
        fresh.mkdir()
        tiles = []
        labels = iter(pipeline.labels(request, speaker.sha256))
        for piece in pipeline.pieces(request, progress):
            for picture in piece:
                label = next(labels)
                name = f"face-{label.sample:04d}.png"
                (fresh / name).write_bytes(picture_bytes(picture, label))
                facts["pictures"].append({"file": name, "sample": label.sample})
                tiles.append(Tile(picture, _caption(pipeline.method, label.sample)))
        for number, sheet in enumerate(contact_sheets(tiles, _head(facts)), start=1):
            name = f"contact-sheet{'' if number == 1 else f'-{number}'}.png"
            (fresh / name).write_bytes(_sheet_bytes(sheet, facts))
            facts["contact_sheets"].append(name)
        text = json.dumps(facts, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (fresh / FACTS).write_text(text, encoding="utf-8")
    return GenerateOutcome(config.out, facts)


def claimed(out: Path, *, overwrite: bool) -> Path:
    """Return the folder in full, if it may be written.

    Raises:
        ConfigError: it is a file, the folder in which the command was given, or holds what is not of this command.
        DataError: it holds pictures and `overwrite` is False.
    """
    folder = out.resolve()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"`out` must be a folder. {out} is a file. Choose another name.")
    if folder == Path.cwd():
        raise ConfigError("`out` must be a folder of its own. Got the one that you are in. Give it a name.")
    found = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    others = [name for name in found if not OURS.fullmatch(name) or (folder / name).is_dir()]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise ConfigError(
            f"`out` must be a new or empty folder, or one of `generate`. {out} holds {others[0]}{more}. Choose another."
        )
    if found and not overwrite:
        raise DataError(f"{out} holds pictures. Choose another folder, or replace them with --overwrite.")
    return folder


def _given(config: GenerateConfig, pipeline: VoiceToFacePipeline) -> tuple[tuple[Condition, ...], list[str]]:
    """Return what the user gives beside the voice, and notes; a guide is read only if the drawer takes one."""
    drawer = pipeline.drawer
    guide_name = next((name for name in GUIDES if name in drawer.conditions), GUIDES[0])

    def given(guide: np.ndarray | None) -> tuple[Condition, ...]:
        return attributes_given(
            age=config.age,
            gender=config.gender,
            ethnicity=config.ethnicity,
            language=config.language,
            guide=guide,
            guide_name=guide_name,
            is_true=config.guide_is_true,
        )

    if config.guide is None:
        return given(None), []
    blank = np.zeros((drawer.image_px, drawer.image_px, 3), np.uint8)
    everything_told(drawer.conditions, given(blank), who=pipeline.who, known_values=drawer.known_values)
    guide, note = guide_face(config.guide, drawer.image_px)
    return given(guide), [note] if note else []


def drawing_facts(
    voice: str, pipeline: VoiceToFacePipeline, speaker: HeardSpeaker, request: DrawingRequest
) -> dict[str, Any]:
    """Return what is known before anything is drawn; nothing of it depends on the time or on the machine.

    Args:
        voice: name of the file, without its folders.
        pipeline: what draws.
        speaker: the voice as it was listened to.
        request: what is drawn.
    """
    heard = speaker.listened
    return {
        "label": GUESS,
        **({"warning": LEAKED} if may_leak(request.told) else {}),
        "disclaimer": DISCLAIMER,
        "model": pipeline.name,
        "method": pipeline.method,
        "seed": request.seed,
        "guidance": request.guidance,
        "options": request.options,
        "n_samples": request.n_samples,
        "image_px": request.options.get("px", pipeline.drawer.image_px),
        "voice": {
            "file": voice,
            "sha256": speaker.sha256,
            "begin_s": round(heard.begin_s, 3),
            "end_s": round(heard.end_s, 3),
            "looked_through_s": round(heard.duration_s, 3),
            "speech_s": round(heard.speech_s, 3),
        },
        "told": [condition.as_json() for condition in request.told],
        "provenance": provenance_line(request.told),
        "may_leak": may_leak(request.told),
        "licence": pipeline.licence,
        "software": software(),
        "notes": [],
        "pictures": [],
        "contact_sheets": [],
    }


def _caption(method: str, sample: int) -> str:
    return "0: the expected face" if method == "decoder" and sample == 0 else f"{sample}"


def _head(facts: dict[str, Any]) -> SheetHead:
    voice = facts["voice"]
    lines = (
        f"{voice['file']}, {voice['begin_s']:.1f} to {voice['end_s']:.1f} s, {voice['speech_s']:.1f} s of speech",
        f"by {facts['method']} of {facts['model']}, seed {facts['seed']}, guidance {facts['guidance']:g}",
        f"told: {facts['provenance']}",
    )
    return SheetHead(TITLE, lines, f"Warning: {LEAKED}." if facts["may_leak"] else "")


def _sheet_bytes(sheet: np.ndarray, facts: dict[str, Any]) -> bytes:
    """Return a sheet as PNG with all that the JSON file says but for the list of files."""
    about = {key: value for key, value in facts.items() if key not in ("pictures", "contact_sheets")}
    texts = {
        "Title": TITLE,
        "Disclaimer": f"{LEAKED[0].upper()}{LEAKED[1:]}. {DISCLAIMER}" if facts["may_leak"] else DISCLAIMER,
        "Copyright": facts["licence"],
        "Software": facts["software"],
        KEY: json.dumps(about, ensure_ascii=False),
    }
    return png_bytes(sheet, texts)
