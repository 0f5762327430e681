"""The page Corpus: clips, what became of them, and why; page by page, so that 100,000 rows cost what 25 do.

Example:
    with gr.Blocks() as blocks:
        add_corpus(blocks, settings)
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import gradio as gr

from visavox.errors import ConfigError, VisavoxError
from visavox.pipeline.gallery.telling import counted
from visavox.service_config import ServeConfig
from visavox.web.pages.corpus_view import PAGE_CLIPS, clip_html, clip_rows, counts_html, statuses_of, table_rows
from visavox.web.pages.markup import advice, head, notice

LEAD = "What a corpus holds, which clips cannot be used, and the reason for each."
NOTHING = "This server was started without a corpus. One is made from videos or files, and then shown:"
COMMANDS = "visavox prepare --root videos --out corpus; visavox serve --corpora corpus"
ALL = "all"
COLUMNS = ["clip", "person", "status"]


def add_corpus(blocks: Any, settings: ServeConfig) -> None:
    """Build the page inside the Blocks that are open."""
    gr.HTML(head("corpus", "Corpus", LEAD), padding=False)
    if not settings.corpora:
        gr.HTML(advice(NOTHING, COMMANDS), padding=False)
        return
    names = corpus_names(settings.corpora)
    with gr.Row():
        corpus = gr.Dropdown(label="Corpus", choices=[*names], value=next(iter(names)), interactive=True)
        status = gr.Dropdown(label="Status", choices=[ALL], value=ALL, interactive=True)
        person = gr.Textbox(label="Person", placeholder="everybody", max_lines=1)
        page = gr.Number(label="Page", value=1, minimum=1, precision=0)
    counts = gr.HTML(padding=False)
    said = gr.HTML(padding=False)
    table = gr.Dataframe(
        headers=COLUMNS,
        datatype="str",
        interactive=False,
        label="Clips: choose one to see and hear it",
        show_label=True,
        wrap=True,
        max_height=420,
        buttons=[],
        column_widths=["36%", "28%", "36%"],
    )
    chosen = gr.Textbox(label="Clip: choose it above, or write its name and press Enter", max_lines=1)
    known = gr.HTML(padding=False)

    def on_corpus(name: str) -> tuple[Any, ...]:
        try:
            folder = named_corpus(names, name)
            found = gr.update(choices=[ALL, *statuses_of(folder)], value=ALL)
            return counts_html(folder), found, 1, *listed(folder, ALL, "", 1), "", ""
        except VisavoxError as error:
            return notice(str(error)), gr.update(choices=[ALL], value=ALL), 1, "", [], "", ""

    def on_filter(name: str, wanted: str, who: str, number: float | None) -> tuple[str, Any]:
        try:
            return listed(named_corpus(names, name), wanted, who, int(number or 1))
        except VisavoxError as error:
            return notice(str(error)), []

    def on_choice(event: gr.SelectData) -> str:
        return str(event.row_value[0]) if event.row_value else ""

    def on_clip(name: str, clip: str) -> str:
        if not clip.strip():
            return ""
        try:
            return clip_html(named_corpus(names, name), clip.strip())
        except VisavoxError as error:
            return notice(str(error))

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    everything = [counts, status, page, said, table, chosen, known]
    blocks.load(on_corpus, [corpus], everything, **private)
    corpus.input(on_corpus, [corpus], everything, **private)
    wanted = [corpus, status, person, page]
    first = {"fn": lambda: 1, "inputs": None, "outputs": [page], **private}
    for changed in (status.input, person.submit):
        changed(**first).then(on_filter, wanted, [said, table], **private)
    page.change(on_filter, wanted, [said, table], **private)
    table.select(on_choice, None, [chosen], **private).then(on_clip, [corpus, chosen], [known], **private)
    chosen.submit(on_clip, [corpus, chosen], [known], **private)


def corpus_names(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Return a name for each corpus: its folder's, with a number where two have the same.

    Example:
        >>> list(corpus_names((Path("a/corpus"), Path("b/corpus"))))
        ['corpus', 'corpus (2)']
    """
    names: dict[str, Path] = {}
    for folder in folders:
        name, number = folder.resolve().name, 1
        while (shown := name if number == 1 else f"{name} ({number})") in names:
            number += 1
        names[shown] = folder
    return names


def named_corpus(names: dict[str, Path], name: str) -> Path:
    """Return the folder of a corpus of this server.

    Raises:
        ConfigError: it has none of this name.
    """
    if name not in names:
        raise ConfigError(f"This server has no corpus {name!r}. It has: {', '.join(names)}.")
    return names[name]


def listed(folder: Path, status: str, person: str, page: int) -> tuple[str, list[list[str]]]:
    """Return which clips are shown in words, and the rows of one page of them.

    Args:
        folder: of the corpus.
        status: one, or "all".
        person: one; "" for everybody.
        page: 1 is the first; one behind the last shows the last.
    """
    wanted = "" if status == ALL else status
    n_all, outlines = clip_rows(folder, status=wanted, person=person.strip(), page=max(1, page))
    n_pages = max(1, math.ceil(n_all / PAGE_CLIPS))
    if page > n_pages:
        n_all, outlines = clip_rows(folder, status=wanted, person=person.strip(), page=n_pages)
    at = min(max(1, page), n_pages)
    first = (at - 1) * PAGE_CLIPS
    words = f"{first + 1:,} to {first + len(outlines):,} of {counted(n_all, 'clip')}; page {at:,} of {n_pages:,}."
    return (
        f'<div class="vx"><p class="vx-fine" role="status">{words if n_all else "No clip is of this kind."}</p></div>',
        (table_rows(outlines)),
    )
