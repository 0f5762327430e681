"""Every analysis beside the protocols, as sections of a report: shortcuts, errors by group, calibration, open set.

Each section is made elsewhere; here is the one call that makes them all from two tables in one space. Voices and faces
are those that the protocols took, and the same relations decide who may compete with whom
(`visavox.evaluation.contest`).

Example:
    sections = analysis_sections(people.voice, people.face, direction="voice_to_face", seed=0)
    [section.title for section in sections]
"""

from __future__ import annotations

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
        seed: all draws depend on this number alone.
        n_resamples: bootstrap resamples of people behind each interval, at least 1.
        scorer: makes the scores from the tables.
        recordings: for each item key its recording figures by name ("loudness_db", "sharpness"), as
            `visavox.corpus.items.MediaItem.quality` holds them; None: unknown.
        match_scale: the model's scale from similarities to match probabilities; None: fitted on folds of the tested
            people.

    Returns:
        Shortcuts alone, shortcuts held fixed, errors by group, calibration, abstention, open set; one section that
        says why when nothing can be compared.

    Raises:
        DataError: as `visavox.evaluation.contest.build_contest`.
    """
    contest = build_contest(voice, face, direction=direction, scorer=scorer)
    if contest.groups[0].note:
        title = f"Analyses, {direction_words(direction)}"
        return (Section(title, f"Undefined: {contest.groups[0].note}."),)
    bench = Bench(contest, n_resamples=n_resamples, seed=seed)
    return (
        *shortcut_sections(voice, face, contest, bench, seed=seed, recordings=recordings),
        bias_section(voice, face, contest, bench),
        *calibration_sections(contest, seed=seed, n_resamples=n_resamples, match_scale=match_scale),
        open_set_section(contest, seed=seed),
    )
