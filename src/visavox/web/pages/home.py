"""The first page: what the tool is for and not for, and where to begin.

Example:
    >>> "not for naming strangers" in USES
    True
"""

from __future__ import annotations

import gradio as gr

from visavox.evaluation.chart import escaped
from visavox.service_config import ServeConfig
from visavox.web.engine import Engine
from visavox.web.pages.markup import GAME, head

LEAD = "Which of these faces belongs to this voice? A model guesses from what voices and faces have in common."
USES = """<div class="vx"><h2>What it is for, and what not</h2>
<p>For research, and for archives whose people have consented: sorting recordings, finding a speaker again among known
faces, studying what a voice tells about a face and how well people do the same.</p>
<p>It is not for naming strangers, and no evidence of who somebody is. Much of what it knows is gender and age; between
two people of one gender and age it is often wrong, and it is more often wrong for people who are rare in what it was
trained on. Every answer is a guess with a probability.</p>
</div>"""
NOT_KEPT = "Nothing that you give is kept: uploads go when you leave the page, and nothing leaves this server."
KEPT = "This server keeps what you give: it was started with --keep-uploads. Nothing leaves it."


def add_home(engine: Engine, settings: ServeConfig) -> None:
    """Build the page inside the Blocks that are open."""
    facts = engine.model_facts()
    gr.HTML(head("", "Voices and faces", LEAD), padding=False)
    gr.HTML(f'<div class="vx"><ul class="vx-cards">{_cards(settings)}</ul></div>', padding=False)
    gr.HTML(USES, padding=False)
    kept = NOT_KEPT if settings.keep_uploads is None else KEPT
    model = f"The model is {escaped(facts.get('name', engine.model.name))}."
    gr.HTML(
        f'<div class="vx"><p>{kept}</p><p class="vx-fine">{model} Programs ask the same server: see '
        '<a href="/docs">the interface</a>.</p></div>',
        padding=False,
    )


def _cards(settings: ServeConfig) -> str:
    """Return a card for each page; those that need what this server was not given are said to."""
    ready = {
        "match": ("Match", "One voice and some faces: whose is it, and what does the model attend to?", True),
        "search": ("Search", "A voice or a face among the people of a gallery.", settings.gallery is not None),
        "draw": ("Draw", "What the speaker may look like: guesses, never photographs.", bool(settings.generator)),
        "report": ("Reports", "How good the model is: reports of runs.", bool(settings.runs)),
        "corpus": ("Corpus", "Clips, what became of them, and why.", bool(settings.corpora)),
        GAME[0]: (GAME[1], "Two faces, one voice. Are you better than the model?", True),
    }
    cards = ""
    for address, (name, about, is_there) in ready.items():
        state = "" if is_there else '<p class="vx-fine">Not set up on this server.</p>'
        cards += (
            f'<li><a class="vx-card{"" if is_there else " off"}" href="/{address}"><b>{name}</b>'
            f"<p>{about}</p>{state}</a></li>"
        )
    return cards
