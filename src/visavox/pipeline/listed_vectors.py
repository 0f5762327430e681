"""The vectors of the files that published lists name, in the space of a model.

Embeddings come from a folder that `embed` wrote, or a corpus is embedded on the spot. Only what the lists name is
projected, and who the model was trained on is refused. The model "identity" leaves the vectors as they are: they must
lie in one space already.

Example:
    vectors = listed_vectors(EvaluateConfig(out=Path("r"), embeddings=Path("e"), model="identity"), records)
    probes, candidates = vectors.sides(records[0])
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES, Modality
from visavox.corpus.published_lists.own_lists import published_name
from visavox.corpus.published_lists.records import AnyPublished, PublishedRetrieval, refuse_missing
from visavox.errors import ConfigError, DataError
from visavox.evaluation.listed_names import NamedRows
from visavox.evaluation_config import EvaluateConfig
from visavox.metrics.listed_scores import unit_rows
from visavox.models.associators.base import Associator
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.tested_people import (
    IDENTITY,
    check_encoders,
    embedded_corpus,
    load_embeddings,
    refuse_trained_people,
)
from visavox.pipeline.voice_face_model import VoiceFaceModel

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ListedVectors:
    """Unit vectors of everything that some lists name."""

    rows: Mapping[Modality, Mapping[str, int]]
    """For each modality from the name in a list to the row of `vectors`."""
    vectors: Mapping[Modality, NDArray[np.float64]]
    """(n, dim) float64, rows of length 1, voices and faces in one space."""
    tables: CorpusEmbeddings
    """The tables they come from, before projection."""

    def sides(self, record: AnyPublished) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the vectors of the probes and of the candidates or gallery of a list, in its order."""
        first, second = modalities_of(record)
        return tuple(  # type: ignore[return-value]
            self.vectors[modality][[self.rows[modality][name] for name in names]]
            for modality, names in ((first, record.probe_names), (second, candidate_names(record)))
        )


def listed_vectors(
    config: EvaluateConfig, records: Sequence[AnyPublished], progress: Progress | None = None
) -> ListedVectors:
    """Return the vectors of the files of some lists.

    Raises:
        ConfigError: neither embeddings nor a corpus.
        DataError: a file that a list names is not at hand (list, line, file); vectors that are damaged or of other
            encoders; a model that was trained on some of the people.
    """
    model = (
        None if config.model == IDENTITY else VoiceFaceModel.from_pretrained(config.model, compute=Compute.of(config))
    )
    raw, files = _raw(config, model, progress)
    tables: dict[Modality, EmbeddingTable] = {"voice": raw.voice, "face": raw.face}
    indices = {m: NamedRows(tables[m], _names(tables[m], files, config)) for m in MODALITIES}
    wanted: dict[Modality, dict[str, int | None]] = {"voice": {}, "face": {}}
    for record in records:
        first, second = modalities_of(record)
        for modality, names in ((first, record.probe_names), (second, candidate_names(record))):
            known = wanted[modality]
            known.update((name, indices[modality].row_of(name)) for name in names if name not in known)
        probes, candidates = ({name for name, row in wanted[m].items() if row is not None} for m in (first, second))
        refuse_missing(record, probes, candidates)
    rows: dict[Modality, dict[str, int]] = {}
    for modality, known in wanted.items():
        chosen = {
            row: place for place, row in enumerate(dict.fromkeys(row for row in known.values() if row is not None))
        }
        rows[modality] = {name: chosen[row] for name, row in known.items() if row is not None}
        tables[modality] = tables[modality].select(list(chosen))
    used = CorpusEmbeddings(tables["voice"], tables["face"], raw.about)
    if model is not None:
        check_encoders(model, used)
        refuse_trained_people(model, used)
    return ListedVectors(rows, _projected(used, model.associator if model is not None else None), used)


def _names(
    table: EmbeddingTable, files: Mapping[str, Sequence[str]] | None, config: EvaluateConfig
) -> dict[str, list[str]]:
    """Return for each item key the files it came from, and the name that `visavox trials --format` gives it."""
    assert config.protocol in ("sss", "pins", "fame")
    names = {key: list((files or {}).get(key, ())) for key in table.keys}
    for key, link in zip(table.keys, table.links(), strict=True):
        names[key].append(published_name(link, table.modality, config.protocol))
    return names


def modalities_of(record: AnyPublished) -> tuple[Modality, Modality]:
    """Return the modality of the probes and that of the candidates of a list."""
    return ("voice", "face") if record.direction == "voice_to_face" else ("face", "voice")


def candidate_names(record: AnyPublished) -> tuple[str, ...]:
    """Return the names of the candidates of a list, or of its gallery."""
    return record.gallery_names if isinstance(record, PublishedRetrieval) else record.candidate_names


def _projected(used: CorpusEmbeddings, associator: Associator | None) -> dict[Modality, NDArray[np.float64]]:
    """Unit vectors in the common space."""
    voice, face = used.voice, used.face
    if associator is not None:
        voice = voice.replace_vectors(associator.encode_voice(voice.vectors), voice.encoder)
        face = face.replace_vectors(associator.encode_face(face.vectors), face.encoder)
    if len(voice) and len(face) and voice.dim != face.dim:
        raise DataError(
            f"Voices and faces must lie in one space. Got vectors of {voice.dim} numbers ({voice.encoder}) and "
            f"{face.dim} ({face.encoder}). Name a trained model with --model."
        )
    return {"voice": unit_rows(voice.vectors, names=voice.keys), "face": unit_rows(face.vectors, names=face.keys)}


def _raw(
    config: EvaluateConfig, model: VoiceFaceModel | None, progress: Progress | None
) -> tuple[CorpusEmbeddings, dict[str, list[str]] | None]:
    """Every vector at hand, and the files that each item came from where a catalog tells."""
    files = _files(config.corpus) if config.corpus is not None else None
    if config.embeddings is not None:
        return load_embeddings(config.embeddings, config.model), files
    if config.corpus is None:
        raise ConfigError(
            "Say where the vectors of the listed files are: `embeddings`, a folder that `embed` wrote, or `corpus`, "
            "one that `prepare` wrote."
        )
    if model is None:
        raise ConfigError("`model` identity takes vectors that lie in one space already. Give --embeddings.")
    return embedded_corpus(config, model, config.corpus, progress), files


def _files(corpus: Path) -> dict[str, list[str]]:
    """For each item of a corpus the file that it came from and the one it is stored in."""
    if not (corpus / CATALOG).is_file():
        return {}
    with Catalog.open(corpus / CATALOG) as catalog:
        return {item.key: [name for name in (item.source, item.path) if name] for item in catalog.items()}


def about_vectors(vectors: ListedVectors) -> dict[str, Any]:
    """Return what a report says of the vectors: encoders of both modalities and how many there are."""
    used = vectors.tables
    encoders = used.about.get("encoders", {})
    return {
        "encoders": {
            table.modality: {
                "name": table.encoder,
                **{k: v for k, v in encoders.get(table.modality, {}).items() if k != "spec"},
            }
            for table in (used.voice, used.face)
        },
        **({"catalog_hash": used.about["catalog_hash"]} if used.about.get("catalog_hash") else {}),
    }
