"""A corpus and a model to a report on robustness.

Example:
    report = measure_robustness(RobustnessConfig(corpus=Path("corpus"), out=Path("robustness"), conditions=("noise",)))
    report.sections[0].rows
"""

from __future__ import annotations

import datetime
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import Modality
from visavox.errors import ConfigError
from visavox.evaluation.baselines import GenderAlone
from visavox.evaluation.record import GENDER_ALONE, Baseline, Report
from visavox.evaluation.report import write_report
from visavox.evaluation_config import EvaluateConfig
from visavox.media.degrading.base import Degradation
from visavox.media.degrading.table import choose
from visavox.method_config import RobustnessConfig
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.gender_prediction import gender_predictor, prediction_note
from visavox.pipeline.robustness.degraded_vectors import Clip, DegradedVectors, Found
from visavox.pipeline.robustness.losses import LevelLosses, Results, compare, measure
from visavox.pipeline.robustness.sections import robustness_sections
from visavox.pipeline.tested_people import IDENTITY, TestedPeople, find_tested_people

MIN_RESAMPLES = 100
CAVEATS = (
    "The degradations are made, not recorded: a real room, line or camera differs, and several happen at once.",
    "One modality is degraded at a time. The media were stored once already (16 kHz FLAC, JPEG of quality 95), and "
    "what they had suffered before is in the clean figures.",
    "Intervals are for one question at a time; among many, one in twenty excludes 0 by luck.",
)
TRAINED_ON = (
    "The model was trained on these people: its figures are too high, and its losses are not those of new people."
)
NOTE = "The figures outside the sections on single degradations are of the untouched clips."

Progress = Callable[[int, int], None]


def measure_robustness(config: RobustnessConfig, progress: Progress | None = None) -> Report:
    """Degrade, encode and measure every chosen condition, write the report into `out`, and return it.

    Args:
        config: what and how.
        progress: called as progress(clips done, clips to do); clips found in the cache are not counted.

    Raises:
        ConfigError: an unknown condition, too few resamples, or vectors in place of a model.
        DataError: the corpus, the split or the model is damaged, or the model was trained on the tested people.
    """
    chosen = choose(config.conditions)
    if config.resamples < MIN_RESAMPLES:
        raise ConfigError(f"`resamples` must be at least {MIN_RESAMPLES}. Got {config.resamples}.")
    if config.model == IDENTITY:
        raise ConfigError("`model` must have encoders, since degraded media are encoded anew. Got 'identity'.")
    people = find_tested_people(_request(config), progress)
    assert people.model is not None
    preprocess = people.model.preprocess
    source = DegradedVectors(
        config.out / "degraded",
        {"voice": preprocess.voice_encoder, "face": preprocess.face_encoder},
        _clips(config, people),
        seed=config.seed,
        compute=Compute.of(config),
        workers=config.workers,
    )
    source.make(chosen, progress)
    bench = Bench(people, config)
    measured = [(row, bench.levels(row, source)) for row in chosen]
    report = Report(
        title=f"Robustness of {people.model.name} on {people.name}",
        measures=tuple(found for found, _ in bench.clean().values()),
        curves=(),
        provenance=_provenance(config, people, chosen),
        notes=(NOTE, *filter(None, [prediction_note(people.raw.about)])),
        baselines=(_gender_alone(config, people),),
        sections=robustness_sections(measured),
    )
    write_report(report, config.out)
    return report


def _gender_alone(config: RobustnessConfig, people: TestedPeople) -> Baseline:
    """What gender alone reaches on the untouched clips."""
    scorer = GenderAlone(gender_predictor(people.raw.about))
    found = measure(people.voice, people.face, n_resamples=config.resamples, seed=config.seed, scorer=scorer)
    measures = tuple(row for row, _ in found.values())
    return Baseline(GENDER_ALONE, measures, scorer.note(people.voice, people.face))


class Bench:
    """Measures degraded against clean clips, each set of clean ones once.

    Args:
        people: whom to measure on, untouched, in the model's space.
        config: number of resamples and their seed.
    """

    def __init__(self, people: TestedPeople, config: RobustnessConfig) -> None:
        """Store the arguments."""
        self.people = people
        self.config = config
        self._clean: dict[tuple[str, bytes], Results] = {}

    def levels(self, row: Degradation, source: DegradedVectors) -> list[LevelLosses]:
        """Return what each level of a degradation costs."""
        return [self._level(row, level, source.found(row, level)) for level in row.levels]

    def clean(self, modality: Modality = "voice", rows: np.ndarray | None = None) -> Results:
        """Return the figures of untouched clips, of some rows (n,) int of one modality where they are given."""
        table = self.people.voice if modality == "voice" else self.people.face
        whole = rows is None or len(rows) == len(table)
        key = ("", b"") if whole else (modality, np.asarray(rows).tobytes())
        if key not in self._clean:
            self._clean[key] = self._measure(modality, table if whole else table.select(np.asarray(rows)))
        return self._clean[key]

    def _level(self, row: Degradation, level: Any, found: Found) -> LevelLosses:
        n_people = len({self._table(row.modality).identities[i] for i in found.rows})
        if n_people < 2:  # nobody to be mistaken for
            return LevelLosses(level, len(found.rows), found.reasons)
        assert self.people.model is not None
        associator = self.people.model.associator
        project = associator.encode_voice if row.modality == "voice" else associator.encode_face
        table = self._table(row.modality).select(found.rows)
        degraded = self._measure(row.modality, table.replace_vectors(project(found.vectors), table.encoder))
        losses = compare(degraded, self.clean(row.modality, found.rows))
        return LevelLosses(level, len(found.rows), found.reasons, losses)

    def _table(self, modality: Modality) -> EmbeddingTable:
        return self.people.voice if modality == "voice" else self.people.face

    def _measure(self, modality: Modality, table: EmbeddingTable) -> Results:
        voice, face = (table, self.people.face) if modality == "voice" else (self.people.voice, table)
        return measure(voice, face, n_resamples=self.config.resamples, seed=self.config.seed)


def _request(config: RobustnessConfig) -> EvaluateConfig:
    """The same people and model as a request to `evaluate`."""
    return EvaluateConfig(
        out=config.out,
        model=config.model,
        corpus=config.corpus,
        splits=config.splits,
        subset=config.subset if config.splits is not None else "all",
        workers=config.workers,
        device=config.device,
        precision=config.precision,
        batch_size=config.batch_size,
        resamples=config.resamples,
        seed=config.seed,
    )


def _clips(config: RobustnessConfig, people: TestedPeople) -> dict[Modality, list[Clip]]:
    """The stored files of the tested people, in the order of their tables."""
    with Catalog.open(config.corpus / CATALOG) as catalog:
        items = {item.key: item for item in catalog.items()}
    sides: dict[Modality, EmbeddingTable] = {"voice": people.raw.voice, "face": people.raw.face}
    return {
        modality: [
            Clip(key, str(items[key].digest), config.corpus / str(items[key].path), identity, video)
            for key, identity, video in zip(table.keys, table.identities, table.videos, strict=True)
        ]
        for modality, table in sides.items()
    }


def _provenance(config: RobustnessConfig, people: TestedPeople, chosen: Sequence[Degradation]) -> dict[str, Any]:
    encoders = people.raw.about.get("encoders", {})
    return {
        "version": version("visavox"),
        "command": shlex.join(["visavox", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "resamples": config.resamples,
        "model": config.model,
        "protocol": "matching and verification over all pairs",
        "encoders": {
            modality: {
                "name": getattr(people.raw, modality).encoder,
                **{name: value for name, value in about.items() if name != "spec"},
            }
            for modality, about in encoders.items()
        },
        "corpus": people.name,
        "catalog_hash": people.raw.about.get("catalog_hash", ""),
        "trial_hash": people.trial_hash,
        "conditions": {row.name: ", ".join(map(row.label, row.levels)) for row in chosen},
        "codecs": f"PyAV {version('av')}",
        "counts": {
            "voices": len(people.voice),
            "faces": len(people.face),
            "people": len({*people.voice.identities, *people.face.identities}),
        },
        "caveats": [*CAVEATS, *([TRAINED_ON] if config.splits is not None and config.subset == "train" else [])],
    }
