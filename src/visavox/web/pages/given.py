"""What components of a page hold: paths of Gradio's files, and their end when the visitor gives others or leaves.

Example:
    >>> face_files([("/tmp/a.jpg", None), ("/tmp/b.jpg", "Bob")]), face_files(None), face_files("/tmp/v.wav")
    (['/tmp/a.jpg', '/tmp/b.jpg'], [], ['/tmp/v.wav'])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from visavox.web.pages.uploads import Visits


def face_files(given: str | Sequence[Any] | None) -> list[str]:
    """Return the paths that a component holds: one file, or a gallery's pairs of a file and a caption."""
    if not given:
        return []
    if isinstance(given, str):
        return [given]
    return [str(item[0] if isinstance(item, tuple | list) else item) for item in given]


def watch(component: Any, visits: Visits, place: str) -> None:
    """Let the files of a component go when it holds others; `place` names it among all pages."""

    def changed(given: Any, request: gr.Request) -> None:
        visits.give(request.session_hash or "", place, face_files(given))

    component.change(changed, [component], None, api_visibility="private", show_progress="hidden", queue=False)


def leave(visits: Visits) -> Any:
    """Return what Gradio calls when a visitor closes a page."""

    def left(request: gr.Request) -> None:
        visits.leave(request.session_hash or "")

    return left
