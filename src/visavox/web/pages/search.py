"""The page Search: a voice among faces or a face among voices of the gallery, with "nobody here" as an answer.

Example:
    with gr.Blocks() as blocks:
        add_search(blocks, engine, visits)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from visavox.errors import ConfigError, VisavoxError
from visavox.pipeline.gallery.searching import SearchOptions
from visavox.retrieval.gallery_rows import GalleryInfo
from visavox.web.configured import configured
from visavox.web.engine import Engine
from visavox.web.pages.given import face_files, watch
from visavox.web.pages.markup import advice, head, notice
from visavox.web.pages.search_view import gallery_html, outcome_html
from visavox.web.pages.uploads import Visits, read_upload
from visavox.web.uploads import keeping

LEAD = "Give a voice or a face. You get who of the gallery it may be, and how probable it is that nobody here fits."
NOTHING = "This server was started without a gallery. One is made from a folder of faces and voices, and then searched:"
COMMANDS = "visavox gallery build --pairs people --out gallery; visavox serve --gallery gallery"
VOICE, FACE = "a voice", "a face"
PEOPLE, CLIPS = "each person once", "every clip"
MOST_VALUES = 40
"""Attributes with more values than that are no filters of a page."""


def add_search(blocks: Any, engine: Engine, visits: Visits) -> None:
    """Build the page inside the Blocks that are open."""
    gr.HTML(head("search", "Who is it?", LEAD), padding=False)
    if engine.gallery is None:
        gr.HTML(advice(NOTHING, COMMANDS), padding=False)
        return
    about = gr.HTML(padding=False)
    with gr.Row():
        with gr.Column(min_width=320):
            given = gr.Radio([VOICE, FACE], value=VOICE, label="Search by")
            voice = gr.Audio(
                sources=["microphone", "upload"], type="filepath", label="The voice: record it, or drop a file",
                editable=False, buttons=[],
            )  # fmt: skip
            face = gr.Image(
                sources=["upload"],
                type="filepath",
                label="The face: drop a picture",
                height=220,
                visible=False,
                buttons=[],
            )
        with gr.Column(min_width=320):
            wanted = gr.Dropdown(
                label="Only those who are", choices=[], multiselect=True, value=[], info="leave empty for everybody"
            )
            by = gr.Radio([PEOPLE, CLIPS], value=PEOPLE, label="Show")
            k = gr.Slider(1, 50, value=10, step=1, label="How many")
            p_nobody = gr.Slider(
                0.01, 0.99, value=0.5, step=0.01, label="How often the one you look for is not in the gallery"
            )
    ask = gr.Button("Search", variant="primary", elem_id="vx-search")
    result = gr.HTML(padding=False)

    def on_load() -> tuple[str, Any]:
        try:
            info = gallery_info(engine)
            return gallery_html(info), gr.update(choices=filters(info))
        except VisavoxError as error:
            return notice(str(error)), gr.update(choices=[])

    def on_kind(kind: str) -> tuple[Any, Any]:
        return gr.update(visible=kind == VOICE), gr.update(visible=kind == FACE)

    def on_search(
        kind: str, voice_file: str | None, face_file: str | None, only: list[str], show: str, n: float, prior: float
    ) -> str:
        try:
            options = SearchOptions(
                k=int(n), by="person" if show == PEOPLE else "clip", where=where_of(only), p_nobody=float(prior)
            )
            return found(engine, kind, voice_file, face_file, options)
        except VisavoxError as error:
            return notice(str(error))

    watch(voice, visits, "search voice")
    watch(face, visits, "search face")
    blocks.load(on_load, None, [about, wanted], api_visibility="private", show_progress="hidden")
    given.change(on_kind, [given], [voice, face], api_visibility="private", show_progress="hidden", queue=False)
    ask.click(
        on_search,
        [given, voice, face, wanted, by, k, p_nobody],
        [result],
        api_visibility="private",
        concurrency_limit=8,
    )


def gallery_info(engine: Engine) -> GalleryInfo:
    """Return what the gallery holds.

    Raises:
        VisavoxError: there is none, or it is damaged.
    """
    return configured(engine.gallery, "gallery").searcher().gallery.info()


def found(engine: Engine, kind: str, voice_file: str | None, face_file: str | None, options: SearchOptions) -> str:
    """Return who it may be as HTML.

    Raises:
        VisavoxError: nothing was given, a filter that nobody passes, or the service is busy.
    """
    gallery = configured(engine.gallery, "gallery").searcher().gallery
    given = voice_file if kind == VOICE else next(iter(face_files(face_file)), None)
    data, name = read_upload(given, what="voice" if kind == VOICE else "face")
    voice, face = (data, None) if kind == VOICE else (None, data)
    with keeping(engine.settings.keep_uploads, "search", [name], [data]) as kept:
        outcome = engine.search(voice, face, options, name=name)
        kept.answered(outcome.to_dict())
    return outcome_html(outcome, gallery)


def filters(info: GalleryInfo) -> list[str]:
    """Return the filters that a gallery offers, as "gender: f"; attributes with very many values are left out."""
    return [
        f"{name}: {value}"
        for name, about in sorted(info.attributes.items())
        if len(about.values) <= MOST_VALUES
        for value in sorted(about.values)
    ]


def where_of(chosen: Sequence[str]) -> dict[str, list[str]] | None:
    """Return filters as attributes and the values that will do; None for none.

    Raises:
        ConfigError: a filter is none of ours.

    Example:
        >>> where_of(["gender: f", "language: de", "language: en"])
        {'gender': ['f'], 'language': ['de', 'en']}
    """
    where: dict[str, list[str]] = {}
    for said in chosen:
        name, colon, value = said.partition(": ")
        if not colon:
            raise ConfigError(f"A filter must be an attribute and a value. Got {said!r}. Choose one of the list.")
        where.setdefault(name, []).append(value)
    return where or None
