r"""The text that a participant agrees to: a template to be edited, and what a browser shows of it.

A small part of Markdown: a title, headings (`#`, `##`), lists (`-`), and paragraphs; everything else is plain text.
Nothing of it is ever HTML.

Example:
    >>> read_consent("# Voices\n\nYou hear voices.\n\n- Stop at any time.")
    ('Voices', (Block(kind='text', lines=('You hear voices.',)), Block(kind='list', lines=('Stop at any time.',))))
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from visavox.errors import DataError

TEMPLATE = """# {title}

## What this is about

You hear short recordings of voices. After each of them you choose which of two faces belongs to the voice. We want to
know how much a voice tells about a face. There are {n_turns} questions; they take about {minutes}.

## What is stored

- The number of your link, your answers, and when and how fast you gave them.
- Nothing else: no name, no address, no recording of you.

## Your rights

- Taking part is voluntary. You may stop at any time, without a reason, by closing the page.
- You may go on later, also on another device, with the same link.
- While the study is on you may withdraw on its page: your answers are then deleted.

## Contact

EDIT THIS: name, institution and e-mail address of who answers for the study, and its ethics approval.
"""
UNEDITED = "EDIT THIS"  # stands in the template where only the people of the study know what to say
SECONDS_PER_TURN = 10  # a voice of some seconds, and a choice


@dataclass(frozen=True)
class Block:
    """One piece of a text."""

    kind: str
    """"heading", "text" or "list"."""
    lines: tuple[str, ...]
    """The points of a list; else one."""


def consent_template(title: str, *, n_turns: int) -> str:
    """Return a text to be edited, for a study of so many turns."""
    n_minutes = max(1, round(n_turns * SECONDS_PER_TURN / 60))
    minutes = "a minute" if n_minutes == 1 else f"{n_minutes} minutes"
    return TEMPLATE.format(title=" ".join(title.split()), n_turns=n_turns, minutes=minutes)


def read_consent(text: str) -> tuple[str, tuple[Block, ...]]:
    """Return the title of a text, and its pieces.

    Raises:
        DataError: the text has no title, or nothing else.
    """
    title, blocks = "", []
    for part in filter(None, map(str.strip, re.split(r"\n\s*\n", text.replace("\r\n", "\n")))):
        lines = [line.strip() for line in part.splitlines()]
        while lines and lines[0].startswith("#"):
            heading = lines.pop(0).lstrip("#").strip()
            if title:
                blocks.append(Block("heading", (heading,)))
            else:
                title = heading
        if lines and lines[0].startswith("- "):
            points = "\n".join(lines)[2:].split("\n- ")
            blocks.append(Block("list", tuple(" ".join(point.split()) for point in points)))
        elif lines:
            blocks.append(Block("text", (" ".join(lines),)))
    if not title or not blocks:
        raise DataError("The consent text must begin with a title, '# ...', and say something. Mend consent.md.")
    return title, tuple(blocks)
