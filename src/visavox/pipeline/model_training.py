"""Embeddings, or a corpus, to a model folder: what the command `train` does.

`train` learns from that subset and can stop on validation; `all` learns from every pair; `folds` learns once a fold
and keeps the held-out vectors, which is how a configuration is judged without a test person. From a corpus encoders
are trained first (`visavox.pipeline.end_to_end_run`), and the associator on their vectors.

Example:
    outcome = train_model(TrainConfig(embeddings=Path("embeddings"), out=Path("runs/a"), subset="all"))
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visavox.batches.pair_batches import Pairs
from visavox.config import TrainConfig
from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.linked_groups import linked_groups
from visavox.corpus.splits import Splits, make_folds
from visavox.errors import ConfigError, DataError
from visavox.evaluation.calibration import fit_match_scale, fit_pair_calibration
from visavox.metrics.weighting import mean_over_people
from visavox.models.associators.base import Associator
from visavox.persistence import writing
from visavox.pipeline.base_recipe import ASSOCIATOR
from visavox.pipeline.cross_validation import cross_validate
from visavox.pipeline.distributed import refuse_several
from visavox.pipeline.embedding import CorpusEmbeddings, load_ceiling
from visavox.pipeline.end_to_end_associator import HEADS, check_learned_spec, fit_learned
from visavox.pipeline.end_to_end_run import TrainedEncoders, plan_end_to_end, train_encoders
from visavox.pipeline.fitting import NetworkPlan, fit_associator, plan_networks
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.gender_prediction import with_predicted_genders
from visavox.pipeline.model_card import CardFacts, model_card
from visavox.pipeline.monitoring import beat_rates
from visavox.pipeline.paired_tables import PairedTables
from visavox.pipeline.run_folder import BEST, FOLDS, HELD_OUT, claim_folder, common_identity, run_identity
from visavox.pipeline.splitting import SPLITS, refuse_leaks
from visavox.pipeline.training import TrainingSettings, prepare_objective
from visavox.pipeline.training_log import RunPlace
from visavox.pipeline.voice_face_model import Preprocess, VoiceFaceModel, hash_identity

INNER_FOLDS = 5
SMALL_BATCH = 512  # pairs; 0.5 s of CPU on one thread for 30 epochs of 775 pairs, 1.7 s on two

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Calibration:
    """What turns similarities into probabilities, fitted on held-out people."""

    match_scale: float = Preprocess.match_scale
    """Inverse temperature of the choice among candidates."""
    pair_slope: float | None = None
    """Of the line from a similarity to a log likelihood ratio, in nats; None where nobody could be held out."""
    pair_intercept: float | None = None
    """Its value at similarity 0."""

    @property
    def pair_line(self) -> tuple[float, float] | None:
        """Slope and intercept of that line."""
        return (
            None if self.pair_slope is None or self.pair_intercept is None else (self.pair_slope, self.pair_intercept)
        )

    @classmethod
    def fit(cls, blocks: Sequence[tuple[np.ndarray, np.ndarray]]) -> Calibration:
        """Return it for blocks as `fit_match_scale` takes them."""
        line = fit_pair_calibration(blocks)
        return cls(fit_match_scale(blocks), float(line.slope), float(line.intercept))


@dataclass(frozen=True)
class TrainOutcome:
    """What a run came to."""

    folder: Path
    """The run; `best/` in it is the model, but for a run over folds."""
    n_pairs: int
    """Pairs that were trained on (over folds: all pairs)."""
    n_people: int
    """People among them; where unknown, videos."""
    n_parameters: int
    """Learned numbers of the model, of one fold for a run over folds."""
    match_scale: float
    """Inverse temperature of the probabilities."""
    accuracies: Mapping[str, float]
    """All-pairs 1:2 accuracy on validation or held-out pairs, by direction; empty where there are none."""


def train_model(config: TrainConfig, progress: Progress | None = None) -> TrainOutcome:
    """Train, calibrate and save; a finished run is read back, an interrupted one resumed.

    Raises:
        ConfigError: a wrong associator or option; `subset` without `splits`.
        DataError: `out` holds a run of other settings; a test person in the training pairs; damaged tables.
    """
    settings = TrainingSettings(
        objective="info_nce" if config.objective is None else config.objective,
        seed=config.seed,
        batch_size=config.batch_size,
        patience_epochs=config.patience_epochs,
        checkpoint_every_epochs=config.checkpoint_every_epochs,
    )
    if config.corpus is not None:
        return _train_from_corpus(config, settings, progress)
    assert config.embeddings is not None
    refuse_several("Training on embeddings")
    spec: Any = ASSOCIATOR if config.associator == "base" else config.associator
    plans = plan_networks(spec, settings)
    if config.objective is not None and not plans:
        raise ConfigError("`objective` needs a network, and this associator has none. Use --associator two_tower.")
    embedded = with_predicted_genders(CorpusEmbeddings.load(config.embeddings))
    if config.associator == "base":
        # The shown numbers of a simulated world are fewer than the directions that real embeddings are given.
        shortest = min(embedded.voice.vectors.shape[1], embedded.face.vectors.shape[1])
        spec = {**ASSOCIATOR, "n_components": min(ASSOCIATOR["n_components"], shortest)}
    paired = PairedTables.of(embedded)
    splits = _load_splits(config, embedded)
    if splits is not None and config.subset == "train":
        _try_objectives(plans, paired.select(splits.rows(paired.voice, "train")).pairs())
    else:
        _try_objectives(plans, paired.pairs())
    claim_folder(config, run_identity(config, spec, embedded))
    run = _Run(config, spec, settings, embedded, paired, progress)
    with _few_threads(max((plan.settings.batch_size for plan in plans), default=0)):
        if config.subset == "folds":
            return run.folds(splits)
        if config.subset == "all" or splits is None:
            return run.one(paired, None)
        train, validation = splits.rows(paired.voice, "train"), _rows_or_none(splits, paired.voice, "validation")
        return run.one(paired.select(train), None if validation is None else paired.select(validation))


def _try_objectives(plans: list[NetworkPlan], pairs: Pairs) -> None:
    """Find out what an objective lacks in the data before an older run is removed for the new one."""
    for plan in plans:
        dim = plan.factory(pairs.voice.shape[1], pairs.face.shape[1], **plan.arguments).dim
        prepare_objective(plan.settings.build_objective(), dim, pairs, plan.settings, n_steps=1)


def _train_from_corpus(config: TrainConfig, settings: TrainingSettings, progress: Progress | None) -> TrainOutcome:
    """Train both encoders, then fit on their vectors what the spec asks for."""
    spec: Any = config.associator
    check_learned_spec(spec, settings)
    plan = plan_end_to_end(config)
    claim_folder(config, {**common_identity(config, spec), **plan.identity})

    def run_on(trained: TrainedEncoders, spec: Any) -> tuple[_Run, PairedTables, PairedTables]:
        paired = PairedTables.of(trained.embedded)
        train, validation = (plan.splits.rows(paired.voice, name) for name in ("train", "validation"))
        run = _Run(config, spec, settings, trained.embedded, paired, None, trained)
        return run, paired.select(train), paired.select(validation)

    def save_checkpoint(folder: Path, trained: TrainedEncoders) -> None:
        run, training, _ = run_on(trained, HEADS)
        run.save(trained.heads, training, Calibration(), folder)

    trained = train_encoders(plan, progress, save_checkpoint)
    run, training, validation = run_on(trained, spec)
    return run.one(training, validation)


@contextmanager
def _few_threads(batch_size: int) -> Iterator[None]:
    """Run small networks on one thread: on batches of a few hundred pairs a second one only waits and spins."""
    before = torch.get_num_threads()
    if batch_size <= SMALL_BATCH:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Run:
    """One run: what it trains on, and how its folders are filled."""

    def __init__(
        self,
        config: TrainConfig,
        spec: Any,
        settings: TrainingSettings,
        embedded: CorpusEmbeddings,
        paired: PairedTables,
        progress: Progress | None,
        trained: TrainedEncoders | None = None,
    ) -> None:
        self.config = config
        self.spec = spec
        self.settings = settings
        self.embedded = embedded
        self.paired = paired
        self.progress = progress
        self.trained = trained
        self.n_trained = trained.n_parameters if trained else 0  # numbers of encoders that were trained with it
        self.device = Compute.of(config).torch_device

    def one(self, training: PairedTables, validation: PairedTables | None) -> TrainOutcome:
        """Train one model and save it as best/."""
        pairs = training.pairs()
        held_out = None if validation is None else validation.pairs()
        associator = self._fit(pairs, held_out)
        calibration = self._calibrate(associator, pairs, held_out)
        self.save(associator, training, calibration, self.config.out / BEST)
        accuracies = {} if held_out is None else _accuracies([_block(associator, held_out)])
        people = len(set(training.voice.identities))
        n_parameters = associator.n_parameters + self.n_trained
        return TrainOutcome(self.config.out, len(pairs), people, n_parameters, calibration.match_scale, accuracies)

    def _fit(self, pairs: Pairs, held_out: Pairs | None) -> Associator:
        if self.trained is not None:
            assert held_out is not None
            heads = self.trained.heads
            fitted = fit_learned(
                self.spec, heads, pairs, validation=held_out, settings=self.settings, device=self.device
            )
            self.spec = fitted.spec
            return fitted.associator
        ceiling = load_ceiling(self.config.embeddings) if self.config.embeddings else None
        place = RunPlace(
            self.config.out,
            voice_ceiling_positive=ceiling.positive if ceiling else None,
            voice_ceiling_negative=ceiling.negative if ceiling else None,
        )
        return fit_associator(
            self.spec,
            pairs,
            self.settings,
            validation=held_out,
            place=place,
            device=self.device,
            progress=self.progress,
        )

    def folds(self, splits: Splits | None) -> TrainOutcome:
        """Train once a fold and keep the held-out vectors; the models themselves are not kept."""
        if splits is None or splits.n_folds == 0:
            raise ConfigError(
                "`subset` folds needs a split with folds. Give --splits, made with: visavox split --folds 5"
            )
        blocks, voices, faces, kept = [], [], [], []
        n_parameters = 0
        for fold in range(splits.n_folds):
            inside, outside = splits.fold_rows(self.paired.voice, fold)
            training, held_out = self.paired.select(inside), self.paired.select(outside)
            associator = fit_associator(self.spec, training.pairs(), self.settings, device=self.device)
            n_parameters = associator.n_parameters
            blocks.append(_block(associator, held_out.pairs()))
            voices.append(associator.encode_voice(held_out.voice.vectors))
            faces.append(associator.encode_face(held_out.face.vectors))
            kept.append((outside, fold))
            if self.progress is not None:
                self.progress(fold + 1, splits.n_folds)
        calibration = Calibration.fit([(similarity, allowed) for similarity, allowed, _ in blocks])
        rows = np.concatenate([outside for outside, _ in kept])
        fold_names = tuple(str(fold) for outside, fold in kept for _ in outside)
        held = self.paired.select(rows)
        self._save_held_out(held, np.concatenate(voices), np.concatenate(faces), fold_names)
        accuracies = _accuracies(blocks)
        written = {"n_folds": splits.n_folds, **dataclasses.asdict(calibration), "accuracies": accuracies}
        with atomic_file(self.config.out / FOLDS, what="figures of the folds") as fresh:
            fresh.write_text(json.dumps(written, indent=2), encoding="utf-8")
        people = len(set(held.voice.identities))
        return TrainOutcome(self.config.out, len(rows), people, n_parameters, calibration.match_scale, accuracies)

    def _calibrate(self, associator: Associator, pairs: Pairs, held_out: Pairs | None) -> Calibration:
        if self.config.calibration is not None:
            return _read_calibration(self.config.calibration)
        if held_out is not None and len(set(held_out.identity.tolist())) > 1:
            return Calibration.fit([_block(associator, held_out)[:2]])
        folds = _inner_folds(self.paired, pairs)
        if folds is None:
            return Calibration()
        scores = cross_validate([self.spec], pairs, folds, self.settings, device=self.device)[0]
        return Calibration.fit([(fold.similarity, fold.allowed) for fold in scores.folds])

    def save(self, associator: Associator, training: PairedTables, calibration: Calibration, folder: Path) -> None:
        """Write a model folder, whole or not at all, with the weights of encoders that were trained with it."""
        encoders, clip = self.embedded.about["encoders"], self.embedded.about.get("clip", {})
        preprocess = Preprocess(
            voice_encoder=encoders["voice"]["spec"],
            face_encoder=encoders["face"]["spec"],
            detector=clip.get("detector", Preprocess.detector),
            min_speech_s=clip.get("min_speech_s", Preprocess.min_speech_s),
            **dataclasses.asdict(calibration),
        )
        names = set(training.voice.identities) | {f"video:{video}" for video in training.voice.videos if video}
        people = frozenset(map(hash_identity, names))
        facts = CardFacts(
            name=self.config.out.name,
            associator=self.spec,
            n_parameters=associator.n_parameters + self.n_trained,
            n_pairs=len(training.voice),
            n_people=len(set(training.voice.identities)),
            data=str(self.embedded.about.get("source", {}).get("name", "a corpus of its user")),
            encoders=encoders,
            match_scale=calibration.match_scale,
            pair_line=calibration.pair_line,
            trained_encoders=self.trained is not None,
        )
        model = VoiceFaceModel(associator, preprocess, people=people)
        if self.trained is None:
            model.save_pretrained(folder, card=model_card(facts), overwrite=True)
            return
        with writing(folder) as fresh:
            model.save_pretrained(fresh, card=model_card(facts))
            self.trained.save_weights(fresh)

    def _save_held_out(self, held: PairedTables, voice: np.ndarray, face: np.ndarray, folds: tuple[str, ...]) -> None:
        folder = self.config.out / HELD_OUT
        tables = []
        for table, vectors in ((held.voice, voice), (held.face, face)):
            projected = table.replace_vectors(vectors, f"held-out {table.encoder}")
            tables.append(dataclasses.replace(projected, attributes={**table.attributes, "fold": folds}))
        CorpusEmbeddings(tables[0], tables[1], self.embedded.about).save(folder)


def _block(associator: Associator, pairs: Pairs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return associator.similarity(pairs.voice, pairs.face), pairs.allowed(), pairs.identity


def _accuracies(blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> dict[str, float]:
    found = {}
    for direction in ("voice_to_face", "face_to_voice"):
        turned = [(s, a, i) if direction == "voice_to_face" else (s.T, a.T, i) for s, a, i in blocks]
        rates = np.concatenate([beat_rates(similarity, allowed) for similarity, allowed, _ in turned])
        # Identity codes are counted from 0 in each block; people never lie in two folds.
        people = np.concatenate([1_000_000 * number + i for number, (_, _, i) in enumerate(turned)])
        found[direction] = float(mean_over_people(rates, np.unique(people, return_inverse=True)[1]))
    return found


def _inner_folds(paired: PairedTables, pairs: Pairs) -> np.ndarray | None:
    """Return the fold of each pair, (n_pairs,) int; None where too few people are free of each other's videos."""
    known = {link.clip: link for link in paired.voice.links()}
    links = [known[key] for key in pairs.keys]
    if len(linked_groups(links)) < 2 * INNER_FOLDS:
        return None
    folds = make_folds(links, INNER_FOLDS, seed=0)
    return np.array([folds[key] for key in pairs.keys])


def _rows_or_none(splits: Splits, table: EmbeddingTable, subset: str) -> np.ndarray | None:
    return splits.rows(table, subset) if splits.counts().get(subset) else None


def _load_splits(config: TrainConfig, embedded: CorpusEmbeddings) -> Splits | None:
    if config.splits is None:
        if config.subset == "folds":
            raise ConfigError("`subset` folds needs --splits. Make them with: visavox split --folds 5")
        return None
    splits = Splits.load(config.splits / SPLITS, catalog_hash=embedded.about.get("catalog_hash"))
    refuse_leaks(splits, embedded)
    return splits


def _read_calibration(folder: Path) -> Calibration:
    path = folder / FOLDS
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        pair = (told.get("pair_slope"), told.get("pair_intercept"))  # runs of earlier versions have none
        return Calibration(float(told["match_scale"]), *(None if number is None else float(number) for number in pair))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing. `calibration` must name a run of: visavox train --subset folds") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged ({error}). Run `visavox train --subset folds` again.") from error
