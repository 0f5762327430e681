"""The page Match: a voice, some faces, a bar for each of them, and what the answer hangs on.

Example:
    with gr.Blocks() as blocks:
        add_match(engine, visits)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, MediaError, VisavoxError, one_line
from visavox.evaluation.chart import escaped
from visavox.pipeline.match_attention import match_attention
from visavox.pipeline.match_outcome import MatchOutcome
from visavox.web.engine import Engine
from visavox.web.pages.attention_view import attention_html
from visavox.web.pages.given import face_files, watch
from visavox.web.pages.markup import bar_row, head, notice, percent, picture_uri
from visavox.web.pages.uploads import Visits, read_upload
from visavox.web.service_errors import UnavailableError
from visavox.web.uploads import keeping

LEAD = "Give a voice and two faces or more. You get a probability for each face, given that one of them is the speaker."
MOST_MAPS = 6
"""Faces that are looked into at once: each costs seconds."""


def add_match(engine: Engine, visits: Visits) -> None:
    """Build the page inside the Blocks that are open."""
    gr.HTML(head("match", "Whose voice is it?", LEAD), padding=False)
    with gr.Row(equal_height=True):
        voice = gr.Audio(
            sources=["microphone", "upload"],
            type="filepath",
            label="The voice: record it, or drop a file",
            editable=False,
            buttons=[],
            min_width=320,
        )
        faces = gr.Gallery(
            label="The faces: drop pictures, two or more",
            type="filepath",
            file_types=["image"],
            columns=4,
            height=220,
            object_fit="cover",
            interactive=True,
            sources=["upload"],
            buttons=[],
            min_width=320,
        )
    with gr.Row():
        ask = gr.Button("Match", variant="primary", elem_id="vx-match", min_width=280)
        look = gr.Button("What does the model attend to?", elem_id="vx-attend", min_width=280)
    result = gr.HTML(padding=False, elem_id="vx-result")
    maps = gr.HTML(padding=False, elem_id="vx-attention")

    def on_match(voice_file: str | None, given: Sequence[Any] | None) -> tuple[str, str]:
        try:
            return matched(engine, voice_file, face_files(given)), ""
        except VisavoxError as error:
            return notice(str(error)), ""

    def on_look(voice_file: str | None, given: Sequence[Any] | None, progress: Any = gr.Progress()) -> str:  # noqa: B008
        try:
            return attended(engine, voice_file, face_files(given), progress)
        except VisavoxError as error:
            return notice(str(error))

    watch(voice, visits, "match voice")
    watch(faces, visits, "match faces")
    ask.click(on_match, [voice, faces], [result, maps], api_visibility="private", concurrency_limit=8)
    look.click(on_look, [voice, faces], [maps], api_visibility="private", concurrency_limit=1)


def matched(engine: Engine, voice_file: str | None, files: Sequence[str]) -> str:
    """Return the answer to a voice and faces as HTML.

    Raises:
        VisavoxError: something is missing, given twice, or the service is busy.
    """
    voice, faces, names = _read(voice_file, files)
    with keeping(engine.settings.keep_uploads, "match", names, [voice, *faces]) as kept:
        outcome = engine.match(voice, faces, names=names)
        kept.answered(outcome.to_dict())
    pictures = []
    for face, about in zip(faces, outcome.faces, strict=True):
        pictures.append(thumbnail(engine, face, about.name))
    return outcome_html(outcome, pictures)


def attended(engine: Engine, voice_file: str | None, files: Sequence[str], progress: Any) -> str:
    """Return what the answer hangs on as HTML; faces that cannot be used are left out.

    Raises:
        VisavoxError: something is missing or unusable, or the service is busy.
    """
    voice, faces, names = _read(voice_file, files)
    with keeping(engine.settings.keep_uploads, "attend", names, [voice, *faces]) as kept:
        outcome = engine.match(voice, faces, names=names)
        kept.answered(outcome.to_dict())
    if not outcome.decided:
        return outcome_html(outcome, [""] * len(faces))
    usable = [i for i, face in enumerate(outcome.faces) if face.probability is not None]
    usable.sort(key=lambda i: -(outcome.faces[i].probability or 0.0))
    decoder = engine.lanes.decoder
    samples = decoder.voice(voice, name=names[0])
    pixels = [middle(decoder.frames(faces[i], name=names[1 + i])) for i in usable[:MOST_MAPS]]
    if not engine.slow_work.acquire(timeout=engine.settings.timeout_s):
        raise UnavailableError("Others are looking into what the model attends to. Try again in a moment.")
    try:
        attention = match_attention(
            engine.model,
            samples,
            pixels,
            progress=lambda done, total: progress(done / total, desc="Covering one place after another"),
        )
    finally:
        engine.slow_work.release()
    return attention_html(attention, [outcome.faces[i].name for i in usable[:MOST_MAPS]])


def thumbnail(engine: Engine, face: bytes, name: str) -> str:
    """Return a small picture of an upload as a data URI, decoded where the engine decodes; "" if it cannot be."""
    try:
        return picture_uri(middle(engine.lanes.decoder.frames(face, name=name)))
    except MediaError:
        return ""


def middle(frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the frame of a film that is shown for it; of a picture itself."""
    return frames[len(frames) // 2]


def outcome_html(outcome: MatchOutcome, pictures: Sequence[str]) -> str:
    """Return an outcome as bars, with what is to be said about the voice and each face.

    Args:
        outcome: of the match.
        pictures: data URI of each face, "" for none.
    """
    rows = "".join(
        bar_row(face.name, face.probability, picture=picture, notes=[face.note], is_best=i == outcome.best)
        for i, (face, picture) in enumerate(zip(outcome.faces, pictures, strict=True))
    )
    if outcome.voice_status != "ok":
        verdict, fine = "No answer", f'<p class="vx-note">{escaped(one_line(outcome.voice_note))}</p>'
    elif outcome.best is None:
        verdict, fine = "No answer", '<p class="vx-note">At least two usable faces are needed.</p>'
    else:
        best = outcome.faces[outcome.best]
        verdict = f"{escaped(one_line(best.name))} is the most probable, {percent(best.probability or 0.0)}"
        fine = (
            f'<p class="vx-fine">A guess by {escaped(outcome.model)} from {outcome.speech_s:.1f} s of speech, given '
            "that one of these faces is the speaker's.</p>"
        )
    return (
        '<section class="vx" aria-label="Answer" aria-live="polite">'
        f'<p class="vx-verdict">{verdict}</p>{fine}<ul class="vx-bars">{rows}</ul></section>'
    )


def _read(voice_file: str | None, files: Sequence[str]) -> tuple[bytes, list[bytes], list[str]]:
    """Return the bytes of a voice and of faces, and the names of all of them."""
    voice, voice_name = read_upload(voice_file, what="voice")
    if len(files) < 2:
        raise ConfigError(f"A match needs at least 2 faces. Got {len(files)}. Drop two pictures or more.")
    read = [read_upload(file, what=f"face {number}") for number, file in enumerate(files, start=1)]
    return voice, [data for data, _ in read], [voice_name, *(name for _, name in read)]
