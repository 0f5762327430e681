"""What components hold, and what happens when they hold something else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")

from visavox.web.pages.given import face_files, leave, watch


class Recorded:
    """Stands for a component and for the book of visits."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def change(self, fn: Any, inputs: Any, outputs: Any, **options: Any) -> None:
        self.fn, self.options = fn, options

    def give(self, visitor: str, place: str, files: list[str]) -> None:
        self.calls.append((visitor, place, files))

    def leave(self, visitor: str) -> None:
        self.calls.append(visitor)


def test_a_change_is_noted_for_its_visitor_and_place() -> None:
    component, visits = Recorded(), Recorded()
    watch(component, visits, "match faces")  # type: ignore[arg-type]
    component.fn([("/a", None), ("/b", "x")], SimpleNamespace(session_hash="ann"))
    component.fn(None, SimpleNamespace(session_hash=None))
    assert visits.calls == [("ann", "match faces", ["/a", "/b"]), ("", "match faces", [])]
    assert component.options["api_visibility"] == "private"


def test_who_leaves_is_noted() -> None:
    visits = Recorded()
    leave(visits)(SimpleNamespace(session_hash="ann"))  # type: ignore[arg-type]
    assert visits.calls == ["ann"]


@pytest.mark.parametrize("given, files", [("", []), ([["/a", None]], ["/a"]), (["/a", "/b"], ["/a", "/b"])])
def test_every_form_of_files_is_known(given: Any, files: list[str]) -> None:
    assert face_files(given) == files
