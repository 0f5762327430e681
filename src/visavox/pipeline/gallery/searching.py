"""Voices and faces looked up in a gallery: the query encoded, the nearest found, similarities turned to probabilities.

Probabilities rest on the calibration of pairs that a model carries: how much better one person explains a voice and a
face than two people do. It holds across modalities alone; a face among faces gets ranks.

Example:
    searcher = GallerySearcher(VoiceFaceModel.from_pretrained("base"), open_gallery("gallery"))
    searcher.search_voice("voice.wav", SearchOptions(k=5)).hits[0].person
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import Modality
from visavox.errors import ConfigError, MediaError
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.gallery.gallery_posterior import gallery_posterior
from visavox.pipeline.gallery.model_fingerprint import refuse_another_model
from visavox.pipeline.gallery.query_kind import query_kind
from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome
from visavox.pipeline.identification_outcome import speech_note
from visavox.pipeline.media_vectors import Face, Voice, shown_name
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.evidence import Evidence
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_opening import open_gallery
from visavox.retrieval.gallery_rows import By, Hit, Where
from visavox.retrieval_config import SearchConfig

SAME_MODALITY = (
    "A {0} among {0}s is ranked only: the calibration of the model says what a voice and a face are worth together, "
    "not what two {0}s are."
)
NOT_CALIBRATED = (
    "The model {0!r} has no calibration of pairs, so similarities are ranked and there are no probabilities. Train it "
    "again with this version, or take a boxed one."
)
NOT_ALL = (
    "An approximate index looked at {0:,} of {1:,} clips: the others can have {2:.1f} % at most, and are given as much."
)
NOBODY_LEFT = "Nobody in the gallery passes the filter."


@dataclass(frozen=True)
class SearchOptions:
    """How to look somebody up."""

    k: int = 10
    """How many to show, 1 or more."""
    against: Literal["auto", "face", "voice"] = "auto"
    """What is looked through; auto takes the other modality than that of the query."""
    by: By = "person"
    """Each person once, weighed by all clips and shown by the best, or every clip."""
    where: Where | None = None
    """Attributes that clips must have."""
    p_nobody: float = 0.5
    """How often the one asked for is not in the gallery, above 0 and below 1."""
    effort: int = 0
    """Of an approximate index; 0 takes its own."""


class GallerySearcher:
    """Looks voices and faces up in a gallery. Many threads may use one.

    Args:
        model: of the gallery.
        gallery: opened.

    Raises:
        DataError: the gallery is of another model; the message names both.
    """

    def __init__(self, model: VoiceFaceModel, gallery: Gallery) -> None:
        """Hold the model to the gallery."""
        refuse_another_model(gallery.about, model, gallery.folder)
        self.model = model
        self.gallery = gallery

    def search_voice(self, voice: Voice, options: SearchOptions | None = None) -> SearchOutcome:
        """Return who may have this voice; one that cannot be used is an outcome with its status.

        Args:
            voice: a sound file, a video that stands for its voice, or (samples,) float32 at 16 kHz.
            options: how to look.

        Raises:
            ConfigError: an attribute that nobody has, or the gallery has nothing of the modality to look through.
        """
        name = shown_name(voice, "voice")
        try:
            heard = self.model.media.voice(voice)
        except MediaError as error:
            return self.unusable(name, "voice", error, options)
        vector = self.model.associator.encode_voice(heard.vectors)[0]
        return self.search_vector(vector, "voice", options, query=name, note=speech_note(heard.speech_s))

    def search_face(self, face: Face, options: SearchOptions | None = None) -> SearchOutcome:
        """Return who may have this face; one that cannot be used is an outcome with its status.

        Args:
            face: an image, a video that stands for its face, or (height, width, 3) uint8 RGB.
            options: how to look.

        Raises:
            ConfigError: as `search_voice`.
        """
        name = shown_name(face, "face")
        try:
            seen = self.model.media.face(face)
        except MediaError as error:
            return self.unusable(name, "face", error, options)
        vector = self.model.associator.encode_face(seen.vectors)[0]
        return self.search_vector(vector, "face", options, query=name, note=seen.note)

    def search_vector(
        self,
        vector: NDArray[np.float32],
        query_modality: Modality,
        options: SearchOptions | None = None,
        *,
        query: str = "vector",
        note: str = "",
    ) -> SearchOutcome:
        """Return who may be behind a vector in the common space.

        Args:
            vector: (dim,) float32, of length 1.
            query_modality: what it was made of.
            options: how to look.
            query: what the outcome calls it.
            note: one line about the query.

        Raises:
            ConfigError: as `search_voice`.
        """
        asked = options or SearchOptions()
        against = self._against(query_modality, asked)
        if against not in self.gallery.modalities:
            there = " and ".join(f"{m}s" for m in self.gallery.modalities) or "nothing"
            raise ConfigError(
                f"{self.gallery.folder} holds no {against}s to look through, only {there}. Say --against, or add some."
            )
        slope = self.model.preprocess.pair_slope
        if against == query_modality or slope is None or slope <= 0:
            return self._ranked(np.asarray(vector, dtype=np.float32), query_modality, asked, query, note)
        found = self.gallery.evidence(
            np.asarray(vector, dtype=np.float32),
            against,
            slope,
            asked.k,
            where=asked.where,
            by=asked.by,
            effort=asked.effort,
        )
        return self._calibrated(found, query_modality, asked, query, note)

    def unusable(
        self, query: str, query_modality: Modality, error: MediaError, options: SearchOptions | None = None
    ) -> SearchOutcome:
        """Return the outcome of a query that cannot be used."""
        asked = options or SearchOptions()
        return self._outcome(query, query_modality, asked, note=str(error), status=error.status)

    def _ranked(
        self, vector: NDArray[np.float32], query_modality: Modality, asked: SearchOptions, query: str, note: str
    ) -> SearchOutcome:
        """Rank by similarity, a person by the best clip, where nothing is calibrated."""
        against = self._against(query_modality, asked)
        n = self.gallery.count(against, where=asked.where, by=asked.by)
        if n == 0:
            return self._nobody_left(query_modality, asked, query, note)
        hits = self.gallery.search(
            vector[np.newaxis], against, asked.k, where=asked.where, by=asked.by, effort=asked.effort
        )[0]
        why = SAME_MODALITY.format(against) if against == query_modality else NOT_CALIBRATED.format(self.model.name)
        shown = tuple(_hit(place, hit, None) for place, hit in enumerate(hits, start=1))
        return self._outcome(query, query_modality, asked, note=note, hits=shown, n=n, notes=(why,))

    def _calibrated(
        self, found: Evidence, query_modality: Modality, asked: SearchOptions, query: str, note: str
    ) -> SearchOutcome:
        """Turn evidence into probabilities."""
        if not found.n_candidates:
            return self._nobody_left(query_modality, asked, query, note)
        intercept = self.model.preprocess.pair_intercept
        assert intercept is not None
        posterior = gallery_posterior(
            found.logs + intercept,
            log_mass=found.log_mass + intercept,
            n=found.n_candidates,
            prior_nobody=asked.p_nobody,
        )
        notes: tuple[str, ...] = ()
        if not np.isneginf(found.log_unseen):
            unseen = (1 - posterior.p_nobody) * float(np.exp(found.log_unseen - found.log_mass))
            notes = (NOT_ALL.format(found.n_seen, found.n_clips, 100 * unseen),)
        shown = [
            _hit(place, hit, float(p))
            for place, (hit, p) in enumerate(zip(found.hits, posterior.probabilities, strict=True), start=1)
        ]
        return self._outcome(
            query,
            query_modality,
            asked,
            note=note,
            hits=tuple(shown),
            n=found.n_candidates,
            p_nobody=posterior.p_nobody,
            p_others=posterior.p_others,
            notes=notes,
        )

    def _nobody_left(self, query_modality: Modality, asked: SearchOptions, query: str, note: str) -> SearchOutcome:
        notes = (NOBODY_LEFT,) if asked.where else ()
        return self._outcome(query, query_modality, asked, note=note, p_nobody=1.0, notes=notes)

    def _outcome(
        self,
        query: str,
        query_modality: Modality,
        asked: SearchOptions,
        *,
        note: str,
        status: str = "ok",
        hits: tuple[SearchHit, ...] = (),
        n: int = 0,
        p_nobody: float | None = None,
        p_others: float | None = None,
        notes: tuple[str, ...] = (),
    ) -> SearchOutcome:
        return SearchOutcome(
            query,
            query_modality,
            self._against(query_modality, asked),
            status,
            note,
            hits,
            p_nobody,
            asked.p_nobody,
            n,
            asked.by,
            notes,
            self.model.name,
            str(self.gallery.folder),
            p_others,
        )

    def _against(self, query_modality: Modality, asked: SearchOptions) -> Modality:
        if asked.against != "auto":
            return asked.against
        return "face" if query_modality == "voice" else "voice"


def search_gallery(config: SearchConfig) -> tuple[SearchOutcome, Gallery]:
    """Return the answer to a request, and the gallery, opened, for its pictures and sounds.

    Raises:
        ConfigError: a video without a word on what is meant, an attribute that nobody has, or a modality that the
            gallery does not hold.
        DataError: there is no gallery, it is damaged, or its model is another one now.
    """
    gallery = open_gallery(config.gallery)
    options = SearchOptions(config.k, config.against, config.by, config.where, config.p_nobody, config.effort)
    searcher = GallerySearcher(VoiceFaceModel.from_pretrained(gallery.about.model, compute=Compute.of(config)), gallery)
    try:
        kind = query_kind(config.query) if config.query_modality == "auto" else config.query_modality
    except MediaError as error:
        return searcher.unusable(str(config.query), "voice", error, options), gallery
    look = searcher.search_voice if kind == "voice" else searcher.search_face
    return look(config.query, options), gallery


def check_sheet(path: Path | None, *, overwrite: bool) -> None:
    """Refuse a sheet of another kind, or one that is there, before anything is computed.

    Raises:
        ConfigError: says which.
    """
    if path is None:
        return
    if path.suffix.lower() not in (".png", ".html"):
        raise ConfigError(f"`sheet` must end in .png or .html. Got {path.name!r}.")
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} exists. Choose another name, or replace it with --overwrite.")


def _hit(rank: int, hit: Hit, probability: float | None) -> SearchHit:
    return SearchHit(rank, hit.key, hit.clip, hit.person, hit.similarity, probability, hit.attributes)
