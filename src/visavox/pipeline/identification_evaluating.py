"""Who is it, measured: a run of networks, alone or beside its other split, or a folder of enrolled people, to a report.

The networks' probabilities are read from the folder of the run and nothing is computed anew; a corpus, where it is
named, gives the hardest clips their faces and voices. Enrolled people are asked about every clip of a folder.

Example:
    two = {"model": "runs/by-session", "against": "runs/by-clip"}
    report = evaluate_identification(EvaluateConfig(**two, protocol="identification", out=Path("report")))
"""

from __future__ import annotations

import dataclasses
import datetime
import shlex
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.errors import ConfigError, DataError
from visavox.evaluation.enrolled_report import EnrolledAnswers, enrolled_report
from visavox.evaluation.identification_report import ReportSettings, identification_report
from visavox.evaluation.record import Report
from visavox.evaluation_config import LEAST_RESAMPLES, EvaluateConfig
from visavox.identification.people_folder import KIND
from visavox.pipeline.distributed import refuse_several
from visavox.pipeline.enrolled_folder import kind_of
from visavox.pipeline.identification_folder import DESIGN, read_experiment
from visavox.pipeline.identification_of_people import AskedFolder, ask_folder
from visavox.pipeline.report_writing import finish_report

MEANINGLESS = ("splits", "trials", "world", "checkpoints", "compare", "lists", "identities")
"""Options of other protocols."""
OF_CLIPS = ("pairs", "embeddings", "columns")
"""Options that say who asks; a run of networks has its own test clips."""
WHY = {
    "against": "is another run of networks, on the other split, and a folder of enrolled people has none",
    "subset": "is of people who are split, and this protocol measures every subset that a run has",
    "analysis": "is of pairs of a voice and a face",
}

Progress = Callable[[int, int], None]


def evaluate_identification(config: EvaluateConfig, progress: Progress | None = None) -> Report:
    """Measure a run or enrolled people, write the report into `out`, and return it.

    Raises:
        ConfigError: an option that means nothing here, too few resamples, nobody who asks, or a model that is neither
            a run of networks nor a folder of enrolled people.
        DataError: a folder is damaged, or two runs are not of one design.
    """
    refuse_several("An evaluation")
    if config.resamples < LEAST_RESAMPLES:
        raise ConfigError(f"`resamples` must be at least {LEAST_RESAMPLES}. Got {config.resamples}.")
    for name in MEANINGLESS:
        _refuse(config, name, "means nothing to who of the known people it is")
    for name in ("subset", "analysis"):
        _refuse(config, name, WHY[name])
    folder = Path(config.model)
    if (folder / DESIGN).is_file():
        report = _of_run(config, folder)
    elif kind_of(folder) == KIND:
        report = _of_people(config, progress)
    else:
        raise ConfigError(
            "`model` must be a run of `train --task identification` or a folder that `enroll` wrote. "
            f"{config.model} is neither. Name one with --model."
        )
    finish_report(config, report)
    return report


def _of_run(config: EvaluateConfig, folder: Path) -> Report:
    for name in OF_CLIPS:
        _refuse(config, name, f"says who asks, and the run {config.model} has test clips of its own")
    experiment = read_experiment(folder)
    other = read_experiment(Path(config.against)) if config.against else None
    catalog_hash = experiment.catalog_hash
    paths = media_paths(config.corpus, catalog_hash=catalog_hash) if config.corpus is not None else {}
    return identification_report(experiment, other=other, settings=_settings(config), paths=paths)


def _of_people(config: EvaluateConfig, progress: Progress | None) -> Report:
    _refuse(config, "against", WHY["against"])
    sources = [name for name in ("pairs", "embeddings", "corpus") if getattr(config, name) is not None]
    if not sources or {"pairs", "embeddings"} <= set(sources):
        raise ConfigError(
            "Say who asks the enrolled people: --pairs, a folder of faces and voices, or --corpus, or --embeddings. "
            f"Got {' and '.join(sources) or 'none'}."
        )
    asked = ask_folder(config, progress)
    paths = media_paths(asked.corpus) if asked.corpus is not None else {}
    settings = _settings(config)
    encoders = asked.embedded.about.get("encoders", {})
    names = {modality: getattr(asked.embedded, modality).encoder for modality in encoders}
    told = {**settings.provenance, "encoders": names, "enrolment": list(asked.notes)}
    source = getattr(config, sources[0])
    answers = as_answers(asked, title=f"{folder_name(Path(config.model))} asked about {folder_name(source)}")
    report = enrolled_report(answers, settings=dataclasses.replace(settings, provenance=told), paths=paths)
    return dataclasses.replace(report, provenance={**report.provenance, "corpus": folder_name(source)})


def as_answers(asked: AskedFolder, *, title: str) -> EnrolledAnswers:
    """Return what a folder of clips was answered as one table: every clip, a row of nan where it was not asked."""
    people: dict[str, str] = {}
    for table in asked.tables.values():
        people.update(zip(table.clips, table.people, strict=True))
    clips = tuple(sorted(people))
    place = {clip: i for i, clip in enumerate(clips)}
    probabilities: dict[str, Any] = {}
    accepted: dict[str, Any] = {}
    scores: dict[str, Any] = {}
    for name, table in asked.tables.items():
        rows = np.array([place[clip] for clip in table.clips], dtype=np.intp)
        probabilities[name] = np.full((len(clips), len(asked.names)), np.nan, dtype=np.float32)
        probabilities[name][rows] = table.probabilities
        accepted[name] = np.zeros(len(clips), dtype=np.bool_)
        accepted[name][rows] = ~table.refused
        scores[name] = np.full(len(clips), np.nan)
        scores[name][rows] = table.stranger_scores
    return EnrolledAnswers(
        people=asked.names,
        clips=clips,
        true_names=tuple(people[clip] for clip in clips),
        probabilities=probabilities,
        accepted=accepted,
        scores=scores,
        false_accept=asked.false_accept,
        title=title,
        catalog_hash=str(asked.embedded.about.get("catalog_hash", "")),
    )


def media_paths(corpus: Path, *, catalog_hash: str = "") -> dict[str, Path]:
    """Return "CLIP/voice" and "CLIP/face" -> file of a corpus.

    Args:
        corpus: folder that `prepare` wrote.
        catalog_hash: of the corpus that is wanted; "" takes any.

    Raises:
        DataError: there is no corpus, or it is another one.
    """
    if not (corpus / CATALOG).is_file():
        raise DataError(f"`corpus` must be a folder that `prepare` wrote. {corpus} holds no {CATALOG}.")
    with Catalog.open(corpus / CATALOG) as catalog:
        if catalog_hash and catalog.content_hash() != catalog_hash:
            raise DataError(
                f"The faces and voices must come from the corpus that was trained on. {corpus} is another, or has "
                "changed. Name that corpus with --corpus, or leave it out."
            )
        return {item.key: corpus / item.path for item in catalog.items() if item.path}


def folder_name(path: Path) -> str:
    """Return the name of a folder."""
    return path.resolve().name


def _settings(config: EvaluateConfig) -> ReportSettings:
    provenance = {
        "version": version("visavox"),
        "command": shlex.join(["visavox", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "resamples": config.resamples,
        "model": config.model,
        **({"against": config.against} if config.against else {}),
        "final": config.final,
    }
    return ReportSettings(config.seed, config.resamples, provenance, config.next_steps)


def _refuse(config: EvaluateConfig, name: str, why: str) -> None:
    """Refuse an option that is set to something else than its default."""
    field = next(field for field in dataclasses.fields(config) if field.name == name)
    default = field.default if field.default is not dataclasses.MISSING else {}
    if getattr(config, name) != default:
        raise ConfigError(f"`{name}` {why}. Leave --{name} out, or choose another --protocol.")
