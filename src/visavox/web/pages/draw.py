"""The page Draw: guesses of what a speaker may look like, each said to be one, with labels that stay in the files.

Example:
    with gr.Blocks() as blocks:
        add_draw(engine, visits)
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from visavox.errors import VisavoxError, one_line
from visavox.evaluation.chart import escaped
from visavox.generation_config import MOST_GUIDANCE
from visavox.web.drawing import MOST_DRAWN, DrawingOrder, Drawn
from visavox.web.engine import Engine
from visavox.web.pages.given import watch
from visavox.web.pages.markup import advice, data_uri, head, notice
from visavox.web.pages.uploads import Visits, read_upload
from visavox.web.uploads import keeping

LEAD = "Give a voice. You get guesses of a face: what people with such a voice look like on average, never this person."
NOTHING = "This server was started without a generator, so it draws nothing. One comes with the package:"
COMMAND = "visavox serve --generator portrait"
LABEL = "a guess from the voice, not a photograph"


def add_draw(engine: Engine, visits: Visits) -> None:
    """Build the page inside the Blocks that are open."""
    gr.HTML(head("draw", "What may the speaker look like?", LEAD), padding=False)
    if engine.generator is None:
        gr.HTML(advice(NOTHING, COMMAND), padding=False)
        return
    methods = list(engine.generator.generator.methods)
    with gr.Row():
        with gr.Column(min_width=320):
            voice = gr.Audio(
                sources=["microphone", "upload"], type="filepath", label="The voice: record it, or drop a file",
                editable=False, buttons=[],
            )  # fmt: skip
        with gr.Column(min_width=320):
            n_samples = gr.Slider(1, MOST_DRAWN, value=4, step=1, label="How many guesses")
            with gr.Row():
                method = gr.Dropdown(methods, value=methods[0], label="Method", min_width=120)
                seed = gr.Number(value=0, precision=0, minimum=0, label="Seed", min_width=120)
            own = gr.Checkbox(value=True, label="Follow the voice as far as the generator was chosen to")
            guidance = gr.Slider(
                0, MOST_GUIDANCE, value=1.0, step=0.1, visible=False, label="How far: 0 ignores the voice, 1 follows it"
            )
    ask = gr.Button("Draw", variant="primary", elem_id="vx-draw")
    result = gr.HTML(padding=False)

    def on_draw(voice_file: str | None, n: float, how: str, number: float | None, usual: bool, far: float) -> str:
        try:
            return guessed(engine, voice_file, DrawingOrder(int(n), int(number or 0), None if usual else far, how))
        except VisavoxError as error:
            return notice(str(error))

    watch(voice, visits, "draw voice")
    own.change(
        lambda usual: gr.update(visible=not usual), [own], [guidance], api_visibility="private", queue=False,
        show_progress="hidden",
    )  # fmt: skip
    ask.click(
        on_draw,
        [voice, n_samples, method, seed, own, guidance],
        [result],
        api_visibility="private",
        concurrency_limit=2,
    )


def guessed(engine: Engine, voice_file: str | None, order: DrawingOrder) -> str:
    """Return guesses from a voice as HTML.

    Raises:
        VisavoxError: there is no voice, it cannot be used, or the service is busy.
    """
    data, name = read_upload(voice_file, what="voice")
    with keeping(engine.settings.keep_uploads, "generate", [name], [data]) as kept:
        drawn = engine.generate(data, order, name=name)
        kept.answered(dict(drawn.facts))
    return drawn_html(drawn)


def drawn_html(drawn: Drawn) -> str:
    """Return guesses with their labels, where they come from, and links that save each with its label inside."""
    facts: dict[str, Any] = drawn.facts
    heard = facts["voice"]
    figures = "".join(_figure(png, number) for number, png in enumerate(drawn.pictures, start=1))
    notes = "".join(f'<p class="vx-note">{escaped(one_line(note))}</p>' for note in facts.get("notes", []))
    n = len(drawn.pictures)
    return (
        '<section class="vx" aria-label="Guesses" aria-live="polite">'
        f'<p class="vx-verdict">{n} {"guess" if n == 1 else "guesses"} from {heard["speech_s"]:.1f} s of speech</p>'
        f'<p class="vx-fine">{escaped(one_line(facts["disclaimer"]))}</p>{notes}'
        f'<div class="vx-guesses">{figures}</div>'
        f'<p class="vx-fine">By {escaped(facts["method"])} of {escaped(facts["model"])}, seed {facts["seed"]}, '
        f"guidance {facts['guidance']:g}. Told: {escaped(one_line(facts['provenance']))}. "
        f"Licence: {escaped(one_line(facts['licence']))}. The same voice, seed and generator draw the same pictures. "
        "What is said here stands inside each file as well.</p></section>"
    )


def _figure(png: bytes, number: int) -> str:
    uri = data_uri(png, "image/png")
    return (
        f'<figure><img src="{uri}" alt="Guess {number}: {LABEL}"><figcaption>{LABEL}<br>'
        f'<a href="{uri}" download="guess-{number}.png">save guess {number}</a></figcaption></figure>'
    )
