"""The command `search`: whose face belongs to this voice, or whose voice to this face, among all of a gallery?

Example:
    visavox search voice.wav --gallery gallery -k 10 --sheet found.html
"""

from __future__ import annotations

import json
import sys

from visavox.pipeline.gallery.search_sheet import write_sheet
from visavox.pipeline.gallery.search_tiles import sheet_content
from visavox.pipeline.gallery.searching import check_sheet, search_gallery
from visavox.retrieval_config import SearchConfig


def run(config: SearchConfig) -> int:
    """Search and print the answer. Returns 0 if somebody was found; 1 for nobody here or a query of no use."""
    check_sheet(config.sheet, overwrite=config.overwrite)
    outcome, gallery = search_gallery(config)
    with gallery:
        if config.sheet is not None and outcome.status == "ok":
            write_sheet(config.sheet, sheet_content(outcome, gallery, config.query))
    if config.json:
        sys.stdout.write(json.dumps(outcome.to_dict(), indent=2) + "\n")
    else:
        sys.stdout.write(f"{outcome}\n")
        if config.sheet is not None and outcome.status == "ok" and not config.quiet:
            sys.stderr.write(f"{config.sheet} shows it.\n")
    return 0 if outcome.found else 1
