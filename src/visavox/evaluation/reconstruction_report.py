"""Drawn faces as a report: measures, tables by judge, differences, attributes, copies, contact sheets.

It computes and arranges; the page is made by `visavox.evaluation.page` and the folder by `visavox.evaluation.report`.

Example:
    report = reconstruction_report(drawn, settings=ReportSettings(seed=0), title="portrait on voxceleb")
    write_report(report, Path("report"))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from visavox.evaluation.drawings import Sheet
from visavox.evaluation.identification_report import ReportSettings
from visavox.evaluation.protocols.reconstruction import Reconstruction, ReconstructionResult
from visavox.evaluation.reconstruction_collections import collection_section
from visavox.evaluation.reconstruction_record import DrawnFaces
from visavox.evaluation.reconstruction_sections import (
    attribute_section,
    difference_section,
    diversity_section,
    judge_section,
    leak_sentences,
    memory_section,
    pixel_section,
)
from visavox.evaluation.reconstruction_words import KEY
from visavox.evaluation.record import Report, Section

KINDS = {"model": "a model", "folder": "pictures of others", "own face": "what the decoder can", "control": "control"}
MOST_SHEETS = 4
"""Contact sheets inside a page; further ones lie beside it."""
GUESSES = (
    "Every drawn face is a guess: it shows what faces go with such a voice, and no real person. It is not for finding, "
    "recognising or judging anybody."
)
SHARED = (
    "dlib's network saw faces of known people, and the voice encoder voices of known people, in trainings of their "
    "own; the model learned from no pair of a voice and a face of the tested people."
)
MET = "The model learned from these very people (--subset train): the figures say what it remembers."
OF_OTHERS = "Whether drawers of others met the tested people, or their true faces, is not known here."
MEANS_OF_DRAWN = (
    "No training faces are named (--training), so that the controls are means of drawn faces: they hold what the first "
    "drawer knows of faces."
)
FIRST_SAMPLE = "Of several samples the first, the expected face, is judged; the others say how much samples differ."


def reconstruction_report(
    drawn: DrawnFaces,
    *,
    settings: ReportSettings,
    title: str,
    against: str = "",
    sheets: Sequence[Sheet] = (),
) -> Report:
    """Return the report on drawn faces.

    Args:
        drawn: true faces, contestants, judges.
        settings: seed, resamples, provenance, next steps.
        title: what was measured on what.
        against: contestant that the others are compared with; "" compares all drawers with each other.
        sheets: contact sheets, shown in their order.

    Raises:
        DataError: nobody to judge, arrays that do not fit, or `against` is no contestant.
    """
    result = measure(drawn, settings)
    sections: list[Section | None] = [
        *(judge_section(result, judge) for judge in drawn.judges),
        difference_section(result, against=against),
        attribute_section(result),
        collection_section(drawn, seed=settings.seed),
        pixel_section(drawn),
        diversity_section(drawn),
        memory_section(drawn),
        sheet_section(sheets),
        drawer_section(drawn),
    ]
    leader = drawn.contestants[0]
    about = {
        "judge": drawn.judges[0].name,
        "leading": leader.name,
        "judges": {judge.name: _seen(judge.seen_in_training) for judge in drawn.judges},
        "contestants": {contestant.name: contestant.told for contestant in drawn.contestants},
    }
    counts = {
        "people": len(set(drawn.true.people)),
        "voices": len(drawn.true.clips),
        "faces": len(drawn.true.clips),
    }
    caveats = [*leak_sentences(result), GUESSES, *_caveats(drawn, met=settings.provenance.get("subset") == "train")]
    return Report(
        title=title,
        measures=result.measures,
        curves=(),
        provenance={**settings.provenance, "counts": counts, KEY: about, "caveats": caveats},
        next_steps=settings.next_steps,
        sections=tuple(section for section in sections if section is not None),
    )


def measure(drawn: DrawnFaces, settings: ReportSettings) -> ReconstructionResult:
    """Return what the protocol finds; one seed pairs two reports on the same people."""
    protocol = Reconstruction(n_resamples=settings.n_resamples)
    return protocol.evaluate(drawn, rng=np.random.default_rng(settings.seed))


def sheet_section(sheets: Sequence[Sheet]) -> Section | None:
    """Return the contact sheets as a section; None without any."""
    if not sheets:
        return None
    text = (
        "Everybody once: the true face, what was drawn and from what, and, where the training corpus is named, the "
        "training face nearest to what the first drew."
    )
    more = [Path(sheet.path).name for sheet in sheets[MOST_SHEETS:]]
    notes = (f"{len(more)} more sheets lie beside this report, {more[0]} to {more[-1]}.",) if more else ()
    return Section("The faces", text, notes=notes, drawings=tuple(sheets[:MOST_SHEETS]))


def drawer_section(drawn: DrawnFaces) -> Section:
    """Return who drew and what each was told, with what must be known of it."""
    rows = tuple((c.name, KINDS[c.kind], c.told, int(c.drawn.sum())) for c in drawn.contestants)
    notes = tuple(f"{c.name}: {c.note}" for c in drawn.contestants if c.note)
    text = "What each picture was drawn from, with its provenance."
    return Section("Who drew", text, ("faces", "kind", "told", "pictures"), rows, notes=notes)


def _caveats(drawn: DrawnFaces, *, met: bool) -> list[str]:
    """What must be known with these very contestants."""
    kinds = {contestant.kind for contestant in drawn.contestants}
    said = [FIRST_SAMPLE] if any(contestant.samples for contestant in drawn.contestants) else []
    said += [MET if met else SHARED] if "model" in kinds else []
    said += [OF_OTHERS] if "folder" in kinds else []
    said += [MEANS_OF_DRAWN] if "control" in kinds and drawn.training is None else []
    return said


def _seen(seen: bool) -> str:
    return "seen in training" if seen else "not seen in training"
