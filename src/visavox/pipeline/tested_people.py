"""Which people a model is measured on, as tables in its own space, and the refusal of those it was trained on.

Four ways lead here: a folder of pairs (prepared and embedded on the spot), a corpus with a split (embedded on the
spot), embeddings with a split, or the held-out vectors of a run over folds. The model "identity" leaves vectors as they
are: they must lie in one space already.

Example:
    people = find_tested_people(EvaluateConfig(pairs=Path("data/voxceleb"), out=Path("report")))
    people.voice.vectors.shape
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.config import EmbedConfig
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES
from visavox.corpus.pairing import match_clips
from visavox.corpus.splits import Splits
from visavox.corpus_config import PrepareConfig
from visavox.errors import ConfigError, DataError
from visavox.evaluation_config import EvaluateConfig
from visavox.metrics.listed_scores import unit_rows
from visavox.models.associators.base import Associator
from visavox.pipeline.carried_encoders import is_same_encoder
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.embedding import ABOUT, CorpusEmbeddings, embed_corpus
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.gender_prediction import with_predicted_genders
from visavox.pipeline.run_folder import HELD_OUT
from visavox.pipeline.splitting import SPLITS, refuse_leaks
from visavox.pipeline.voice_face_model import VoiceFaceModel, overlap

Progress = Callable[[int, int], None]

IDENTITY = "identity"  # the model that leaves vectors as they are


@dataclass(frozen=True)
class TestedPeople:
    """Voices and faces to measure on, before and after projection."""

    __test__ = False  # whatever pytest thinks of the name

    name: str
    """What the report calls them."""
    raw: CorpusEmbeddings
    """Vectors of the frozen encoders, with predicted genders where none are given; of a run over folds, the projected
    ones."""
    voice: EmbeddingTable
    """Voices in the model's space."""
    face: EmbeddingTable
    """Faces in the model's space."""
    model: VoiceFaceModel | None
    """None for a run over folds, which has one model a fold, and for vectors that are compared as they are."""
    corpus: Path | None
    """Folder of the corpus, for the strips; None where unknown."""

    @property
    def trial_hash(self) -> str:
        """SHA-256 of the keys that compete, folds included: equal for two models measured on the same people."""
        folds = self.voice.attributes.get("fold", ())
        text = "\n".join([*self.voice.keys, "", *self.face.keys, "", *map(str, folds)])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def find_tested_people(config: EvaluateConfig, progress: Progress | None = None) -> TestedPeople:
    """Return who is measured, projected by the model.

    Raises:
        ConfigError: neither `pairs` nor `corpus` nor `embeddings` nor a run over folds, or pairs and embeddings; a
            subset without `splits`.
        DataError: the embeddings come from other encoders; the model was trained on some of the people.
    """
    if config.subset == "folds":
        return _held_out(config)
    _check_request(config)
    if config.model == IDENTITY:
        return _as_they_are(config)
    model = VoiceFaceModel.from_pretrained(config.model, compute=Compute.of(config))
    corpus = config.corpus
    if config.pairs is not None:
        corpus = config.out / "corpus"
        raw, name = _from_pairs(config, model, progress), config.pairs.name
    elif config.embeddings is not None:
        raw = _subset(config, CorpusEmbeddings.load(config.embeddings))
        name = _subset_name(config, config.embeddings)
    else:
        assert corpus is not None
        _check_subset(config, corpus)
        raw, name = _subset(config, embedded_corpus(config, model, corpus, progress)), _subset_name(config, corpus)
    check_encoders(model, raw)
    raw = with_predicted_genders(raw)
    if config.subset != "train":
        refuse_trained_people(model, raw)
    return project(raw, model.associator, name=name, model=model, corpus=corpus)


def project(
    raw: CorpusEmbeddings, associator: Associator, *, name: str, model: VoiceFaceModel | None, corpus: Path | None
) -> TestedPeople:
    """Return the people with their vectors brought into the space of an associator."""
    voice = raw.voice.replace_vectors(associator.encode_voice(raw.voice.vectors), raw.voice.encoder)
    face = raw.face.replace_vectors(associator.encode_face(raw.face.vectors), raw.face.encoder)
    return TestedPeople(name, raw, voice, face, model, corpus)


def check_encoders(model: VoiceFaceModel, raw: CorpusEmbeddings) -> None:
    """Raise unless the vectors come from the encoders that the model was trained with.

    Raises:
        DataError: the message names both encoders and the command that embeds anew.
    """
    wanted = {"voice": model.preprocess.voice_encoder, "face": model.preprocess.face_encoder}
    for modality, spec in wanted.items():
        found = raw.about["encoders"][modality]["spec"]
        identifier = (raw.voice if modality == "voice" else raw.face).encoder
        if not is_same_encoder(spec, found, identifier, modality):
            raise DataError(
                f"The model {model.name!r} takes {modality} embeddings of {_as_mapping(spec)}. "
                f"Got {_as_mapping(found)}. Embed again with --{modality}-encoder."
            )


def refuse_trained_people(model: VoiceFaceModel, raw: CorpusEmbeddings) -> None:
    """Raise if the model was trained on somebody who is to be tested.

    Raises:
        DataError: the message says how many and names up to three.
    """
    tables = (raw.voice, raw.face)
    names = {name for table in tables for name in table.identities}
    names |= {f"video:{video}" for table in tables for video in table.videos if video}
    known = overlap(model, names)
    if known:
        raise DataError(
            f"The model {model.name!r} was trained on {len(known)} of these people or videos "
            f"({', '.join(known[:3])}{', ...' if len(known) > 3 else ''}), and a test person must be new to it. "
            "Take other people, or measure on what it was trained on with --subset train."
        )


def _check_request(config: EvaluateConfig) -> None:
    """Refuse a request that names no people, or two kinds of them."""
    if config.pairs is not None and config.embeddings is not None:
        raise ConfigError(
            "Give either `pairs`, a folder of faces and voices, or `embeddings`, a folder that `embed` wrote. Got both."
        )
    if config.pairs is None and config.embeddings is None and config.corpus is None:
        raise ConfigError(
            "Say whom to measure on: either `pairs`, a folder of faces and voices, or `corpus`, a folder that "
            "`prepare` wrote, or `embeddings`, one that `embed` wrote."
        )


def _from_pairs(config: EvaluateConfig, model: VoiceFaceModel, progress: Progress | None) -> CorpusEmbeddings:
    assert config.pairs is not None
    prepare = PrepareConfig(
        root=config.pairs,
        out=config.out / "corpus",
        columns=config.columns,
        detector=model.preprocess.detector,
        min_speech_s=model.preprocess.min_speech_s,
        workers=config.workers,
    )
    build_corpus(prepare, progress)
    return embedded_corpus(config, model, config.out / "corpus", progress)


def embedded_corpus(
    config: EvaluateConfig, model: VoiceFaceModel, corpus: Path, progress: Progress | None
) -> CorpusEmbeddings:
    """Return a corpus as vectors of the model's own encoders; they are kept in `out`/embeddings."""
    embed = EmbedConfig(
        corpus=corpus,
        out=config.out / "embeddings",
        voice_encoder=model.preprocess.voice_encoder,
        face_encoder=model.preprocess.face_encoder,
        workers=config.workers,
        device=config.device,
        precision=config.precision,
        batch_size=config.batch_size,
    )
    return embed_corpus(embed, progress)


def load_embeddings(folder: Path, model: str) -> CorpusEmbeddings:
    """Return the tables of a folder; the model `IDENTITY` needs no description of their encoders.

    Raises:
        DataError: a file is missing or damaged.
    """
    if model == IDENTITY and not (folder / ABOUT).is_file():
        voice, face = (EmbeddingTable.load(folder / f"{modality}.parquet") for modality in MODALITIES)
        return CorpusEmbeddings(voice, face, {})
    return CorpusEmbeddings.load(folder)


def _as_they_are(config: EvaluateConfig) -> TestedPeople:
    """Return the people of a folder of embeddings that lie in one space already, compared by cosine."""
    if config.embeddings is None:
        raise ConfigError("`model` identity takes vectors that lie in one space already. Give --embeddings.")
    raw = _subset(config, load_embeddings(config.embeddings, config.model))
    sides = [
        table.replace_vectors(unit_rows(table.vectors, names=table.keys), table.encoder)
        for table in (raw.voice, raw.face)
    ]
    return TestedPeople(_subset_name(config, config.embeddings), raw, sides[0], sides[1], None, config.corpus)


def _check_subset(config: EvaluateConfig, corpus: Path) -> None:
    """Find out before everything is embedded that the split is missing or another corpus's."""
    with Catalog.open(corpus / CATALOG) as catalog:
        catalog_hash = catalog.content_hash()
    _splits(config, catalog_hash)


def _subset(config: EvaluateConfig, raw: CorpusEmbeddings) -> CorpusEmbeddings:
    """Return the clips of the wanted subset."""
    splits = _splits(config, raw.about.get("catalog_hash"))
    if splits is None:
        return raw
    refuse_leaks(splits, raw)
    voice, face = (table.select(splits.rows(table, config.subset)) for table in (raw.voice, raw.face))
    return CorpusEmbeddings(voice, face, raw.about)


def _splits(config: EvaluateConfig, catalog_hash: str | None) -> Splits | None:
    """Return the split that the subset is of; None where all clips are wanted."""
    if config.subset == "all":
        return None
    if config.splits is None:
        raise ConfigError(f"`subset` {config.subset} needs --splits, a folder that `visavox split` wrote.")
    splits = Splits.load(config.splits / SPLITS, catalog_hash=catalog_hash)
    if not splits.counts().get(config.subset):
        raise ConfigError(f"The split has no clip in {config.subset!r}. It has: {splits.counts()}. Choose --subset.")
    return splits


def _subset_name(config: EvaluateConfig, folder: Path) -> str:
    where = folder.resolve().name if config.corpus is not None else folder.resolve().parent.name
    return f"all people of {where}" if config.subset == "all" else f"the {config.subset} people of {where}"


def _held_out(config: EvaluateConfig) -> TestedPeople:
    folder = Path(config.model) / HELD_OUT
    if not folder.is_dir():
        raise ConfigError(f"`subset` folds needs a run of: visavox train --subset folds. {config.model} is none.")
    raw = CorpusEmbeddings.load(folder)
    match_clips(raw.voice, raw.face)
    name = f"{len(set(raw.voice.attribute('fold')))} held-out folds"
    return TestedPeople(name, raw, raw.voice, raw.face, None, config.corpus)


def _as_mapping(spec: Mapping[str, Any] | str) -> dict[str, Any]:
    return {"name": spec} if isinstance(spec, str) else dict(spec)
