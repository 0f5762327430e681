"""Outcomes as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from visavox.pipeline.gallery.changing import GalleryOutcome
from visavox.pipeline.gallery.gathering import BadClip
from visavox.pipeline.gallery.outcome_json import outcome_json


def test_paths_records_and_odd_names_are_told() -> None:
    bad = BadClip("\udcff", "face", "no_face", "None found.")
    told = outcome_json(GalleryOutcome(Path("g"), "base", {"face": 1}, {"face": 1}, bad_clips=(bad,)))
    assert told.isascii()
    found = json.loads(told)
    assert (found["gallery"], found["n_rows"], found["bad_clips"][0]["status"]) == ("g", {"face": 1}, "no_face")
