"""A model on published lists to a report: every list of a folder, gender alone beside it, a second model on request.

Example:
    config = EvaluateConfig(
        protocol="sss", lists=Path("lists"), embeddings=Path("embeddings"), model="identity", out=Path("report")
    )
    evaluate_published(config).find(protocol="sss", direction="voice_to_face", group="all", measure="auc")
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.published_lists.fame import write_scores
from visavox.corpus.published_lists.reading import list_files, read_published
from visavox.corpus.published_lists.records import (
    NOBODY,
    AnyPublished,
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
)
from visavox.corpus.published_lists.records import PROTOCOLS as PROTOCOLS_OF_LISTS
from visavox.corpus.published_lists.records import Protocol as ListProtocol
from visavox.corpus.trial_files import MANIFEST
from visavox.errors import ConfigError
from visavox.evaluation.listed_protocol import ListedProtocol, ListedResult, gender_vectors, group_names
from visavox.evaluation.measures import Measure
from visavox.evaluation.paired_comparison import Answers, comparison_section
from visavox.evaluation.protocols.fame import distances
from visavox.evaluation.record import GENDER_ALONE, Baseline, Report, Section
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.metrics.matching import listed_accuracy
from visavox.pipeline.drawing_trials import PUBLISHED_FORMAT
from visavox.pipeline.listed_vectors import ListedVectors, about_vectors, candidate_names, listed_vectors
from visavox.pipeline.report_writing import finish_report
from visavox.registry import PROTOCOLS

Progress = Callable[[int, int], None]

DEFINITIONS = (
    "Figures are as published: accuracy is the share of lines, verification pools its pairs, average precision is the "
    "mean precision at the ranks of the hits, scores are cosines. Ties count as the chance to win them."
)
INTERVALS = (
    "Intervals resample the people of probes and negatives. In a gallery search, and in choices among more than two, "
    "only the probes' people are resampled and the gallery stays as it is; such intervals are a little too narrow."
)
UNNAMED = "Where a list does not say who speaks, each file counts as a person of its own: intervals are too narrow."


def evaluate_published(config: EvaluateConfig, progress: Progress | None = None) -> Report:
    """Measure a model on the lists of a folder, write the report into `out`, and return it.

    Raises:
        ConfigError: no lists, or an unknown protocol.
        DataError: what is wrong in a list, with its line; a file that is not at hand; damaged vectors.
    """
    records, protocol = _lists(config), _protocol(config)
    groups = group_names(records)
    vectors = listed_vectors(config, records)
    rival = listed_vectors(_rival_of(config), records) if config.against else None
    course = _Course(progress, len(records) * (2 + (rival is not None)))
    found = _evaluated(config, protocol, records, groups, vectors, course)
    sections: list[Section] = []
    if rival is not None:
        others = _evaluated(config, protocol, records, groups, rival, course)
        results = [[one.result for one in side] for side in (found, others)]
        answers = [answers_of(records, side) for side in (found, others)]
        names = (_short(config.model), _short(config.against))
        sections.append(comparison_section(names, (results[0], results[1]), (answers[0], answers[1])))
    notes = [DEFINITIONS, INTERVALS, *_notes(config, records)]
    notes += _score_files(config, records, found)
    report = Report(
        title=f"{_short(config.model)}, {_whose(config, protocol)}",
        measures=_named(config, (measure for one in found for measure in one.result.measures)),
        curves=tuple(curve for one in found for curve in one.result.curves),
        provenance=_provenance(config, protocol, records, vectors),
        baselines=tuple(_baselines(config, protocol, records, groups, course)),
        notes=tuple(notes),
        next_steps=config.next_steps,
        sections=tuple(sections),
    )
    finish_report(config, report)
    return report


def answers_of(records: Sequence[AnyPublished], found: Sequence[ListedResult]) -> list[Answers]:
    """Return what a model said on the pairs and choices of lists, for paired tests."""
    answers = []
    for record, one in zip(records, found, strict=True):
        if isinstance(record, PublishedMatching) and one.scores is not None:
            measure = f"accuracy_1_of_{record.n_candidates}"
            answers.append(Answers(record.direction, one.group, measure, outcomes=listed_accuracy(one.scores)))
        elif one.labels is not None:
            answers.append(Answers(record.direction, one.group, "auc", scores=one.scores, labels=one.labels))
    return answers


def list_hash(records: Sequence[AnyPublished]) -> str:
    """Return the SHA-256 of everything that lists ask: equal for two models measured on the same trials."""
    digest = hashlib.sha256()
    for record in records:
        head = (record.protocol, record.name, record.direction, record.group, record.condition)
        digest.update("\n".join((*head, *record.probe_names, "", *candidate_names(record), "")).encode())
        for name in ("probes", "candidates", "labels", "groups", "probe_people"):
            column = getattr(record, name, None)
            digest.update(b"-" if column is None else np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


class _Course:
    """Says how many lists are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0

    def step(self) -> None:
        """Count one more."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def _lists(config: EvaluateConfig) -> tuple[AnyPublished, ...]:
    """Read the lists after finding out what else is wrong with the request."""
    if config.lists is None:
        raise ConfigError(f"`protocol` {config.protocol} needs --lists, the folder of its published list files.")
    for folder in config.compare:
        read_report(folder)
    return read_published(_list_protocol(config), config.lists, config.identities)


def _list_protocol(config: EvaluateConfig) -> ListProtocol:
    assert config.protocol in PROTOCOLS_OF_LISTS
    return config.protocol


def _protocol(config: EvaluateConfig) -> ListedProtocol:
    protocol: ListedProtocol = PROTOCOLS.build({"name": config.protocol, "n_resamples": config.resamples})
    return protocol


def _rival_of(config: EvaluateConfig) -> EvaluateConfig:
    """The same request for the other model; what it embeds lies beside what the first one does."""
    return dataclasses.replace(config, model=config.against, against="", out=config.out / "against")


def _evaluated(
    config: EvaluateConfig,
    protocol: ListedProtocol,
    records: Sequence[AnyPublished],
    groups: Sequence[str],
    vectors: ListedVectors,
    course: _Course,
) -> list[ListedResult]:
    """What the protocol finds on every list; the same seed pairs two models."""
    found = []
    for record, group in zip(records, groups, strict=True):
        rng = np.random.default_rng(config.seed)
        found.append(protocol.evaluate(record, *vectors.sides(record), group=group, rng=rng))
        course.step()
    return found


def _baselines(
    config: EvaluateConfig,
    protocol: ListedProtocol,
    records: Sequence[AnyPublished],
    groups: Sequence[str],
    course: _Course,
) -> list[Baseline]:
    """Gender alone, on the lists whose people have a gender."""
    measures: list[Measure] = []
    for record, group in zip(records, groups, strict=True):
        sides = gender_vectors(record)
        if sides is not None:
            rng = np.random.default_rng(config.seed)
            measures += protocol.evaluate(record, *sides, group=group, rng=rng).result.measures
        course.step()
    note = "genders of the identity file" if measures else "the lists give no genders"
    return [Baseline(GENDER_ALONE, _named(config, measures), note)]


def _score_files(config: EvaluateConfig, records: Sequence[AnyPublished], found: Sequence[ListedResult]) -> list[str]:
    """Write FAME's file of scores of each list with keys, and say where it is."""
    said = []
    for record, one in zip(records, found, strict=True):
        if config.protocol == "fame" and isinstance(record, PublishedVerification) and one.scores is not None:
            path = config.out / f"sub_score_{record.name.removesuffix('.head')}.txt"
            write_scores(path, record, distances(one.scores))
            said.append(
                f"The L2 distances of {record.name} are in {path.name} beside this page, small where voice and face "
                "are of one person; call it as the challenge asks before you send it."
            )
    return said


def _own_lists(config: EvaluateConfig) -> bool:
    """Whether the lists were drawn by `visavox trials`, and only have the form of the published ones."""
    assert config.lists is not None
    try:
        read = json.loads((config.lists / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(read, dict) and read.get("format") == PUBLISHED_FORMAT


def _whose(config: EvaluateConfig, protocol: ListedProtocol) -> str:
    return f"own lists in the format {protocol.name}" if _own_lists(config) else f"protocol {protocol.name}"


def _named(config: EvaluateConfig, measures: Iterable[Measure]) -> tuple[Measure, ...]:
    """Return measures under the name of the protocol; own lists of its form are another protocol."""
    if not _own_lists(config):
        return tuple(measures)
    return tuple(dataclasses.replace(measure, protocol=f"own_lists_{measure.protocol}") for measure in measures)


def _protocol_note(config: EvaluateConfig, protocol: ListedProtocol) -> str:
    if _own_lists(config):
        return (
            f"These lists were drawn by `visavox trials` from a corpus of its user and only have the format of "
            f"{protocol.name}: figures on them are no figures of the published protocol."
        )
    return (
        f"Protocol {protocol.name}: {protocol.about}. Figures of another protocol, published or of this program, rest "
        "on other people, files and lists, and are not comparable with these."
    )


def _notes(config: EvaluateConfig, records: Sequence[AnyPublished]) -> list[str]:
    notes = []
    sides = (np.concatenate([r.probe_people, _candidate_people(r)]) for r in records)
    if any((codes == NOBODY).any() for codes in sides):
        notes.append(UNNAMED)
    heads = [record.name for record in records if record.name.endswith(".head")]
    if heads:
        notes.append(f"These lists are the first lines of the published ones: {', '.join(heads)}.")
    assert config.lists is not None
    skipped = list_files(_list_protocol(config), config.lists).skipped
    if skipped:
        shown = "; ".join(f"{path.name}: {reason}" for path, reason in skipped[:3])
        more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
        notes.append(f"Left out of the folder: {len(skipped)} file{'s' if len(skipped) > 1 else ''} ({shown}{more}).")
    return notes


def _candidate_people(record: AnyPublished) -> Any:
    return record.gallery_people if isinstance(record, PublishedRetrieval) else record.candidate_people


def _provenance(
    config: EvaluateConfig, protocol: ListedProtocol, records: Sequence[AnyPublished], vectors: ListedVectors
) -> Mapping[str, Any]:
    assert config.lists is not None
    codes = (
        (record, np.unique(np.concatenate([record.probe_people, _candidate_people(record)]))) for record in records
    )
    people = {record.people_names[code] for record, present in codes for code in present if code != NOBODY}
    return {
        "version": version("visavox"),
        "command": shlex.join(["visavox", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "resamples": config.resamples,
        "model": config.model,
        **({"against": config.against} if config.against else {}),
        **about_vectors(vectors),
        "corpus": f"the {protocol.name} lists of {config.lists.resolve().name}",
        "protocol": _whose(config, protocol) if _own_lists(config) else f"{protocol.name}: {protocol.about}",
        "trial_hash": list_hash(records),
        "trials": [f"{record.name}: {len(record):,}" for record in records],
        "counts": {
            "voices": len(vectors.vectors["voice"]),
            "faces": len(vectors.vectors["face"]),
            "people": len(people),
        },
        "final": config.final,
        "caveats": [_protocol_note(config, protocol)],
    }


def _short(model: str) -> str:
    return Path(model).name or model
