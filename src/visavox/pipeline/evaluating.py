"""Tested people to a report: every protocol, both directions, two baselines, curves, strips, provenance.

Example:
    report = evaluate_model(EvaluateConfig(model="base", pairs=Path("data/voxceleb"), out=Path("report")))
    report.find(protocol="matching", direction="voice_to_face", group="all", measure="accuracy_1_of_2").value
"""

from __future__ import annotations

import datetime
import hashlib
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.trial_files import MANIFEST, read_trials
from visavox.corpus.trials import DIRECTIONS, Direction, Trials, TrialSet
from visavox.errors import ConfigError
from visavox.evaluation.analysis import analysis_sections
from visavox.evaluation.baselines import GenderAlone, random_scores
from visavox.evaluation.history import TrainingHistory, history_from_rows
from visavox.evaluation.knowable_ceiling import WorldCeiling, read_ceiling
from visavox.evaluation.knowable_report import same_gender_shares, with_knowable
from visavox.evaluation.measures import Curve, Measure, ProtocolResult
from visavox.evaluation.record import Baseline, Report, Section
from visavox.evaluation.report import read_report
from visavox.evaluation.scoring import Scorer, dot_product
from visavox.evaluation.strips import pick_strips
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.checkpoints import list_checkpoints
from visavox.pipeline.distributed import refuse_several
from visavox.pipeline.drawing.reconstruction_evaluating import evaluate_reconstruction
from visavox.pipeline.embedding import UNTRAINED, is_untrained, load_ceiling
from visavox.pipeline.gender_prediction import gender_predictor, prediction_note
from visavox.pipeline.identification_evaluating import evaluate_identification
from visavox.pipeline.published_evaluation import evaluate_published
from visavox.pipeline.report_writing import finish_report
from visavox.pipeline.rival_model import compared_with, find_rival
from visavox.pipeline.tested_people import TestedPeople, find_tested_people, project
from visavox.pipeline.training_log import METRICS_FILE, read_metrics
from visavox.pipeline.world_embeddings import ENCODER as WORLD_LATENTS
from visavox.registry import PROTOCOLS

PROTOCOL_NAMES = ("matching", "verification", "retrieval")
SIDE_BY_SIDE = (
    "the side-by-side test of FaceTones (sbs), batches of 50 in the order of the table, and beside it matching over "
    "all pairs"
)
MIN_RESAMPLES = 100
N_SCORERS = 3  # the model, gender alone, random
SHARED_VOICES = (
    "The encoders were trained on public collections (see Encoders). Where tested people are in those, the voice "
    "encoder has heard their voices and the face encoder has seen their faces; no voice-face pair of theirs was used "
    "in training."
)
VOICE_TO_FACE_ONLY = (
    "Shortcuts, errors by group, calibration and open set are analysed voice → face only; the protocols go both ways."
)

Progress = Callable[[int, int], None]


def evaluate_model(config: EvaluateConfig, progress: Progress | None = None) -> Report:
    """Measure a model, write the report into `out`, and return it.

    Raises:
        ConfigError: too few resamples, or nobody to measure on.
        DataError: a model, table or world is damaged or does not fit; the model was trained on the tested people, or
            they are not of the world that is named.
    """
    if config.protocol in ("sss", "pins", "fame"):
        return evaluate_published(config, progress)
    if config.protocol == "identification":
        return evaluate_identification(config, progress)
    if config.protocol == "reconstruction":
        return evaluate_reconstruction(config, progress)
    refuse_several("An evaluation")
    ceiling = _check_requests(config)
    people = find_tested_people(config, progress)
    rival = find_rival(config, people, progress) if config.against else None
    if ceiling is not None:
        ceiling.check_people((*people.voice.identities, *people.face.identities))
    lists = _read_trials(config, people)
    course = _Course(progress, N_SCORERS + (rival is not None), _protocols(config), with_sbs=config.protocol == "sbs")
    results = run_protocols(people, dot_product, config, lists, course)
    sections = []
    if rival is not None:
        others = run_protocols(rival, dot_product, config, lists, course)
        sections.append(compared_with(config, people, results, rival, others, lists))
    sections += _analysis(config, people)
    report = Report(
        title=people.name if config.subset == "folds" else f"{_short_name(config)} on {people.name}",
        measures=_measures(results),
        curves=(*(curve for result in results for curve in result.curves), *_checkpoint_curves(config, people)),
        provenance=_provenance(config, people, lists),
        baselines=tuple(_baselines(config, people, lists, course)),
        strips=_strips(results, people),
        notes=_notes(config, people, results),
        training=_history(config),
        next_steps=config.next_steps,
        sections=tuple(sections),
    )
    if ceiling is not None:
        report = with_knowable(report, ceiling, same_gender_shares(people.voice, people.face))
    finish_report(config, report)
    return report


def _analysis(config: EvaluateConfig, people: TestedPeople) -> tuple[Section, ...]:
    """Return what is beside the protocols, of voices as probes: shortcuts, groups, calibration, open set."""
    if not config.analysis:
        return ()
    recordings = None
    if people.corpus is not None and (people.corpus / CATALOG).is_file():
        with Catalog.open(people.corpus / CATALOG) as catalog:
            recordings = {item.key: dict(item.quality) for item in catalog.items()}
    return analysis_sections(
        people.voice,
        people.face,
        direction="voice_to_face",
        seed=config.seed,
        n_resamples=config.resamples,
        recordings=recordings,
        match_scale=people.model.preprocess.match_scale if people.model is not None else None,
    )


class _Course:
    """Says how many of the scorers' runs over protocols and directions are done."""

    def __init__(self, progress: Progress | None, n_scorers: int, names: tuple[str, ...], *, with_sbs: bool) -> None:
        self.progress = progress
        self.done = 0
        self.total = n_scorers * (len(names) * len(DIRECTIONS) + with_sbs)

    def step(self) -> None:
        """Count one more."""
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total)


def _check_requests(config: EvaluateConfig) -> WorldCeiling | None:
    """Find what is wrong with the request before an hour of work, not after it; return the ceiling of its world."""
    if config.resamples < MIN_RESAMPLES:
        raise ConfigError(f"`resamples` must be at least {MIN_RESAMPLES}. Got {config.resamples}.")
    for folder in config.compare:
        read_report(folder)
    if config.trials is not None and not (config.trials / MANIFEST).is_file():
        raise ConfigError(f"`trials` must be a folder of lists that `visavox split` wrote. {config.trials} is none.")
    if config.checkpoints and not list_checkpoints(Path(config.model)):
        raise ConfigError(f"{config.model} keeps no checkpoints. Train it with --checkpoint-every-epochs 1.")
    return read_ceiling(config.world) if config.world is not None else None


def run_protocols(
    people: TestedPeople,
    scorer: Scorer,
    config: EvaluateConfig,
    lists: TrialSet | None = None,
    course: _Course | None = None,
) -> list[ProtocolResult]:
    """Return what every protocol finds, in both directions; the same seed pairs two scorers."""
    results = []
    for name in _protocols(config):
        protocol: Any = PROTOCOLS.build({"name": name, "n_resamples": config.resamples})
        for direction in DIRECTIONS:
            for trials in _lists_of(name, direction, lists):
                rng = np.random.default_rng(config.seed)
                found: ProtocolResult = protocol.evaluate(
                    people.voice, people.face, direction=direction, rng=rng, trials=trials, scorer=scorer
                )
                results.append(found)
            if course is not None:
                course.step()
    if config.protocol == "sbs":
        side_by_side: Any = PROTOCOLS.build({"name": "sbs", "n_resamples": config.resamples})
        rng = np.random.default_rng(config.seed)
        results.insert(0, side_by_side.evaluate(people.voice, people.face, rng=rng, scorer=scorer))
        if course is not None:
            course.step()
    return results


def _protocols(config: EvaluateConfig) -> tuple[str, ...]:
    """Return the protocols that are run besides the side-by-side test, which has matching beside it alone."""
    return ("matching",) if config.protocol == "sbs" else PROTOCOL_NAMES


def _baselines(
    config: EvaluateConfig, people: TestedPeople, lists: TrialSet | None, course: _Course
) -> Iterable[Baseline]:
    gender = GenderAlone(gender_predictor(people.raw.about))
    measures = _measures(run_protocols(people, gender, config, lists, course))
    yield Baseline("gender alone", measures, gender.note(people.voice, people.face))
    scorer = random_scores(np.random.default_rng([config.seed, 1]))  # not the numbers that draw the people
    drawn = _measures(run_protocols(people, scorer, config, lists, course))
    yield Baseline("random", drawn, "scores drawn at random, one draw")


def _measures(results: Iterable[ProtocolResult]) -> tuple[Measure, ...]:
    return tuple(measure for result in results for measure in result.measures)


def _read_trials(config: EvaluateConfig, people: TestedPeople) -> TrialSet | None:
    if config.trials is None:
        return None
    catalog_hash = people.raw.about.get("catalog_hash")
    return read_trials(config.trials, people.voice.links(), people.face.links(), catalog_hash=catalog_hash)


def _lists_of(protocol: str, direction: Direction, lists: TrialSet | None) -> list[Trials | None]:
    if lists is None:
        return [None]
    return [trials for name, trials in lists.lists.items() if name.startswith(f"{protocol}_{direction}")]


def _provenance(config: EvaluateConfig, people: TestedPeople, lists: TrialSet | None) -> Mapping[str, Any]:
    encoders = people.raw.about.get("encoders", {})
    return {
        "version": version("visavox"),
        "command": shlex.join(["visavox", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "resamples": config.resamples,
        "model": config.model,
        **({"against": config.against} if config.against else {}),
        **({"protocol": SIDE_BY_SIDE} if config.protocol == "sbs" else {}),
        "encoders": {
            modality: {"name": getattr(people.raw, modality).encoder, **_without(about, "spec")}
            for modality, about in encoders.items()
        },
        "corpus": people.name,
        "catalog_hash": people.raw.about.get("catalog_hash", ""),
        "trial_hash": _trial_hash(people, lists),
        **({"world": str(config.world)} if config.world is not None else {}),
        "trials": "all pairs" if lists is None else f"lists of {config.trials}, seed {lists.seed}",
        "counts": {
            "voices": len(people.voice),
            "faces": len(people.face),
            "people": len({*people.voice.identities, *people.face.identities}),
        },
        "final": config.final,
        "caveats": [
            *([SHARED_VOICES] if _has_public_encoder(people) else []),
            *(f"The {modality} encoder {UNTRAINED}" for modality, about in encoders.items() if is_untrained(about)),
        ],
    }


def _notes(config: EvaluateConfig, people: TestedPeople, results: list[ProtocolResult]) -> tuple[str, ...]:
    notes = [f"{m.group.replace('_', ' ')}: {m.note}" for m in _measures(results) if m.note]
    if any(identity.startswith(("video:", "clip:")) for identity in people.voice.identities):
        notes.append(
            "Who speaks is unknown here: each video (each clip where the video is unknown) counts as one person."
        )
    notes += filter(None, [prediction_note(people.raw.about)])
    if config.subset == "folds":
        notes.append(
            "Each fold was scored by a model that was trained on the other folds; scores of two folds never meet."
        )
    if config.analysis:
        notes.append(VOICE_TO_FACE_ONLY)
    if config.checkpoints:
        notes.append("The curve of checkpoints is of the networks alone, their mean; closed forms have no epochs.")
    return tuple(dict.fromkeys(notes))


def _trial_hash(people: TestedPeople, lists: TrialSet | None) -> str:
    """Return a hash of who competes and of the lists that were asked: equal for two models on the same trials."""
    if lists is None:
        return people.trial_hash
    digest = hashlib.sha256(people.trial_hash.encode())
    for name in sorted(lists.lists):
        digest.update(repr((name, lists.lists[name])).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _has_public_encoder(people: TestedPeople) -> bool:
    """Return whether an encoder came trained, rather than with the model or straight from a simulated world."""
    specs = [about["spec"] for about in people.raw.about.get("encoders", {}).values()]
    return not specs or any(
        isinstance(spec, str) or ("weights" not in spec and spec.get("name") != WORLD_LATENTS) for spec in specs
    )


def _without(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


def _strips(results: list[ProtocolResult], people: TestedPeople) -> tuple[Any, ...]:
    outcomes = next((r.trials_table for r in results if r.trials_table), ())
    paths: dict[str, Path] = {}
    if people.corpus is not None and (people.corpus / CATALOG).is_file():
        with Catalog.open(people.corpus / CATALOG) as catalog:
            paths = {item.key: people.corpus / item.path for item in catalog.items() if item.path}
    speakers = dict(zip(people.voice.keys, people.voice.identities, strict=True))
    return pick_strips(outcomes, paths=paths, people=speakers)


def _checkpoint_curves(config: EvaluateConfig, people: TestedPeople) -> Iterable[Curve]:
    if not config.checkpoints:
        return
    kept = list_checkpoints(Path(config.model))
    matching: Any = PROTOCOLS.build({"name": "matching", "max_candidates": 2, "n_resamples": MIN_RESAMPLES})
    for direction in DIRECTIONS:
        accuracies = []
        for checkpoint in kept:
            at = project(people.raw, checkpoint.load(), name=people.name, model=None, corpus=None)
            rng = np.random.default_rng(config.seed)
            accuracies.append(
                matching.evaluate(at.voice, at.face, direction=direction, rng=rng).find("accuracy_1_of_2").value
            )
        steps = tuple(float(checkpoint.step) for checkpoint in kept)
        yield Curve("checkpoints", direction, "all", steps, tuple(accuracies), "optimiser steps", "1:2 accuracy")


def _history(config: EvaluateConfig) -> TrainingHistory | None:
    run = Path(config.model)
    if not (run / METRICS_FILE).is_file():
        return None
    rows = read_metrics(run)
    first = [_drawn(row) for row in rows if row["member"] == rows[0]["member"]]  # of several networks, the first
    ceiling = load_ceiling(config.embeddings or config.out / "embeddings")
    about = {"positive_similarity": ceiling.positive, "negative_similarity": ceiling.negative} if ceiling else None
    return history_from_rows(first, ceiling=about)


def _drawn(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of the metrics file under the names that the report draws, validation before training pairs."""
    drawn = {name: row[name] for name in ("epoch", "loss") if name in row}
    for name in ("positive_similarity", "negative_similarity"):
        drawn[name] = row.get(f"validation_{name}", row.get(f"train_{name}"))
    drawn["validation_accuracy"] = row.get("validation_matching_score")
    return {name: value for name, value in drawn.items() if value is not None}


def _short_name(config: EvaluateConfig) -> str:
    return Path(config.model).name or config.model
