"""Every analysis beside the protocols, as sections of a report: shortcuts, errors by group, calibration, open set.

Each section is made elsewhere; here is the one call that makes them all from two tables in one space. Voices and faces
are those that the protocols took, and the same relations decide who may compete with whom
(`visavox.evaluation.contest`). Where there are too many pairs, people are drawn, and every section says so.

Example:
    sections = analysis_sections(people.voice, people.face, direction="voice_to_face", seed=0)
    [section.title for section in sections]
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import Direction
from visavox.evaluation.bias import bias_section
from visavox.evaluation.calibration_section import calibration_sections
from visavox.evaluation.contest import build_contest
from visavox.evaluation.open_set_section import open_set_section
from visavox.evaluation.record import Section
from visavox.evaluation.recording_alone import Features
from visavox.evaluation.scoring import Scorer, dot_product
from visavox.evaluation.shortcuts import shortcut_sections
from visavox.evaluation.subset_accuracy import Bench
from visavox.evaluation.wording import direction_words

MOST_ANALYSED = 4_000_000
"""Pairs of a voice and a face that are analysed, and that DeLong's test takes: 2,000 by 2,000."""
MOST_ITEMS = 2000
"""Voices, and faces, that are drawn where there are more pairs."""
LEAST_PEOPLE = 20
"""People among whom what is drawn is shared at least: nobody brings more than this part of it."""


def analysis_sections(
    voice: EmbeddingTable,
    face: EmbeddingTable,
    *,
    direction: Direction,
    seed: int,
    n_resamples: int = 1000,
    scorer: Scorer = dot_product,
    recordings: Features | None = None,
    match_scale: float | None = None,
) -> tuple[Section, ...]:
    """Return the analyses of a model on tested people in one direction.

    Args:
        voice: voices in the common space.
        face: faces in the same space.
        direction: the probes' modality first.
        seed: all draws depend on this number alone, also who is drawn of more than `MOST_ANALYSED` pairs.
        n_resamples: bootstrap resamples of people behind each interval, at least 1.
        scorer: makes the scores from the tables.
        recordings: for each item key its recording figures by name ("loudness_db", "sharpness"), as
            `visavox.corpus.items.MediaItem.quality` holds them; None: unknown.
        match_scale: the model's scale from similarities to match probabilities; None: fitted on folds of the tested
            people.

    Returns:
        Shortcuts alone, shortcuts held fixed, errors by group, calibration, abstention, open set; one section that
        says why when nothing can be compared. Where people are drawn, the first note of each section says how many.

    Raises:
        DataError: as `visavox.evaluation.contest.build_contest`.
    """
    voice, face, note = drawn_items(voice, face, seed=seed)
    contest = build_contest(voice, face, direction=direction, scorer=scorer)
    if contest.groups[0].note:
        title = f"Analyses, {direction_words(direction)}"
        return (Section(title, f"Undefined: {contest.groups[0].note}.", notes=note),)
    bench = Bench(contest, n_resamples=n_resamples, seed=seed)
    sections = (
        *shortcut_sections(voice, face, contest, bench, seed=seed, recordings=recordings),
        bias_section(voice, face, contest, bench),
        *calibration_sections(contest, seed=seed, n_resamples=n_resamples, match_scale=match_scale),
        open_set_section(contest, seed=seed),
    )
    return tuple(dataclasses.replace(section, notes=(*note, *section.notes)) for section in sections)


def drawn_items(
    voice: EmbeddingTable, face: EmbeddingTable, *, seed: int
) -> tuple[EmbeddingTable, EmbeddingTable, tuple[str, ...]]:
    """Return the tables as they are, or, of more than `MOST_ANALYSED` pairs, those of drawn people and a note on it.

    People come in drawn order as long as what they have fits into `MOST_ITEMS` voices and as many faces. Of a person
    with more than a `LEAST_PEOPLE`th of that, clips are drawn, the same of voices and of faces.

    Args:
        voice: the voices.
        face: the faces.
        seed: the draw depends on this number, on the people and on the clips, not on the order of rows.
    """
    if len(voice) * len(face) <= MOST_ANALYSED:
        return voice, face, ()
    rng = np.random.default_rng([seed, 9])
    people = sorted({*voice.identities, *face.identities})
    clips = sorted({*voice.clips, *face.clips})
    place_of = dict(zip(clips, rng.permutation(len(clips)).tolist(), strict=True))
    own = [_rows_by_person(table, place_of) for table in (voice, face)]
    kept: list[list[int]] = [[], []]
    n_people = 0
    for row in rng.permutation(len(people)).tolist():
        found = [rows.get(people[row], []) for rows in own]
        if all(len(rows) + len(more) <= MOST_ITEMS for rows, more in zip(kept, found, strict=True)):
            n_people += 1
            for rows, more in zip(kept, found, strict=True):
                rows.extend(more)
    note = (
        f"Of {len(people):,} people {n_people:,} were drawn (seed {seed}), with {len(kept[0]):,} of {len(voice):,} "
        f"voices and {len(kept[1]):,} of {len(face):,} faces: more than {MOST_ANALYSED:,} pairs are not analysed."
    )
    return voice.select(sorted(kept[0])), face.select(sorted(kept[1])), (note,)


def _rows_by_person(table: EmbeddingTable, place_of: dict[str, int]) -> dict[str, Sequence[int]]:
    """Return the rows of each person, by the drawn places of their clips, no more than one person may bring."""
    rows: dict[str, list[int]] = {}
    for row in sorted(range(len(table)), key=lambda row: (place_of[table.clips[row]], table.keys[row])):
        rows.setdefault(table.identities[row], []).append(row)
    return {person: found[: MOST_ITEMS // LEAST_PEOPLE] for person, found in rows.items()}
