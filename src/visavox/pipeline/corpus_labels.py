"""Attributes that nobody gave: gender and age from faces, gender and language from voices, marked as predicted.

They are kept beside the given ones under names of their own (`predicted_gender`), with what predicted them as origin,
and never decide which trials are of one gender. Faces and voices are embedded with the default encoders of `embed`
through the same cache, so whichever command comes second finds the vectors.

Example:
    labels = label_corpus(CorpusLabelConfig(corpus=Path("corpus")))
    print(labels.describe())
"""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from visavox.config import FACE_ENCODER, VOICE_ENCODER, EmbedConfig, hold_to
from visavox.corpus.cache import EmbeddingCache
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import GIVEN, Attribute, MediaItem, Modality
from visavox.corpus_config import CorpusLabelConfig
from visavox.errors import MediaError
from visavox.evaluation.contest import PREDICTED
from visavox.media.audio import read_voice
from visavox.models import face_attributes, voice_gender
from visavox.models.face_attributes import AGE, GENDER, boxed_face_attributes
from visavox.models.spoken_language import SpokenLanguage
from visavox.models.voice_gender import boxed_voice_gender
from visavox.pipeline.crop_check import refuse_other_crops
from visavox.pipeline.embedding import embed_missing
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder, Spec

logger = logging.getLogger(__name__)

LANGUAGE = "language"
ITEMS_AT_ONCE = 2000  # labels written in one transaction; their vectors are 4 MB
VOICES_AT_ONCE = 16  # the same of languages, which take a second each
MAX_AGE = 100  # years; a line through ages of 13 to 90 may point beyond

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Labelled:
    """What became of one attribute of one modality."""

    attribute: str
    """gender, age or language."""
    modality: Modality
    origin: str
    """What predicts it; the origin of the attributes in the catalog."""
    n_predicted: int
    """Items that this run labelled."""
    n_given: int
    """Items left alone because the attribute is given."""
    n_before: int
    """Items left alone because an earlier run labelled them."""
    values: Mapping[str, int] = field(default_factory=dict)
    """How often this run predicted each value; of ages the decades."""
    accuracy: str = ""
    """How right it is elsewhere, in words; "" where that was not measured."""


@dataclass(frozen=True)
class LabelsWritten:
    """What `corpus label` did."""

    labelled: tuple[Labelled, ...]

    def describe(self) -> str:
        """Return it as lines for a reader, each with its line end."""
        lines = []
        for row in self.labelled:
            left = f"{row.n_given} given, {row.n_before} predicted before"
            lines.append(f"{row.attribute} of {row.modality}s by {row.origin}: {row.n_predicted} predicted; {left}\n")
            if row.values:
                found = ", ".join(f"{name} {count}" for name, count in row.values.items())
                lines.append(f"  {found}\n")
            if row.accuracy and row.n_predicted:
                lines.append(f"  {row.accuracy}\n")
        return "".join(lines)


@dataclass(frozen=True)
class Task:
    """Some attributes that one predictor writes for items of one modality."""

    modality: Modality
    attributes: tuple[str, ...]
    origin: str


def label_corpus(config: CorpusLabelConfig, progress: Progress | None = None) -> LabelsWritten:
    """Predict the wanted attributes of every usable item that has none, and write them into the catalog.

    A kill loses the vectors of one batch and the labels of one chunk at most; a second run does what is left.

    Args:
        config: corpus, attributes, language model.
        progress: called with (items done, items to do).

    Raises:
        ConfigError: an attribute that nothing here predicts, or faces that were cut in another way than the
            predictor's.
        DataError: no catalog, or a language model that cannot be used.
        MissingDependencyError: a package or its weights are not installed.
    """
    for attribute in config.attributes:
        hold_to("attributes", attribute, (GENDER, AGE, LANGUAGE), "Nothing here predicts others")
    tasks = list(_tasks(config))
    with Catalog.open(config.corpus / CATALOG) as catalog:
        if any(task.modality == "face" for task in tasks):
            refuse_other_crops(catalog.settings.get("clip", {}), where=str(config.corpus))
        todo = {task: _split_up(catalog, task, overwrite=config.overwrite) for task in tasks}
    counted = _Counted(progress, sum(len(wanted.items) for wanted in todo.values()))
    with Catalog.open(config.corpus / CATALOG, readonly=False) as catalog:
        labelled = []
        for task, wanted in todo.items():
            write = _write_language if LANGUAGE in task.attributes else _write_from_vectors
            values = write(config, task, wanted.items, catalog, counted)
            for name in task.attributes:
                shown = _decades(values[name]) if name == AGE else dict(values[name].most_common())
                counts = (values[name].total(), wanted.n_given[name], wanted.n_before[name])
                labelled.append(Labelled(name, task.modality, task.origin, *counts, shown, _accuracy(task, name)))
    return LabelsWritten(tuple(labelled))


@dataclass(frozen=True)
class Wanted:
    """Items that lack an attribute of a task, and why others are left alone."""

    items: list[MediaItem]
    n_given: Counter[str]
    n_before: Counter[str]


class _Counted:
    """Counts items for the progress bar."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def add(self, n_items: int) -> None:
        self.done += n_items
        if self.progress is not None:
            self.progress(self.done, self.total)


def _tasks(config: CorpusLabelConfig) -> Iterator[Task]:
    wanted = dict.fromkeys(config.attributes)
    if faces := tuple(name for name in wanted if name in (GENDER, AGE)):
        yield Task("face", faces, face_attributes.NAME)
    if GENDER in wanted:
        yield Task("voice", (GENDER,), voice_gender.NAME)
    if LANGUAGE in wanted:
        yield Task("voice", (LANGUAGE,), config.language_model)


def _split_up(catalog: Catalog, task: Task, *, overwrite: bool) -> Wanted:
    """Return the items that a task has work on."""
    wanted = Wanted([], Counter(), Counter())
    for item in catalog.items(modality=task.modality):
        wanted.n_given.update(name for name in task.attributes if _is_given(item, name))
        before = [name for name in task.attributes if not _is_given(item, name) and PREDICTED + name in item.attributes]
        wanted.n_before.update(() if overwrite else before)
        if _lacking(item, task, overwrite=overwrite):
            wanted.items.append(item)
    return wanted


def _is_given(item: MediaItem, name: str) -> bool:
    attribute = item.attributes.get(name)
    return attribute is not None and attribute.origin == GIVEN


def _lacking(item: MediaItem, task: Task, *, overwrite: bool) -> list[str]:
    """Return the attributes of a task that an item has neither given nor, unless all are redone, predicted."""
    return [
        name
        for name in task.attributes
        if not _is_given(item, name) and (overwrite or PREDICTED + name not in item.attributes)
    ]


def _write_from_vectors(
    config: CorpusLabelConfig, task: Task, items: Sequence[MediaItem], catalog: Catalog, counted: _Counted
) -> dict[str, Counter[str]]:
    """Embed what the cache lacks, then read the heads chunk by chunk; return the values by attribute."""
    values: dict[str, Counter[str]] = {name: Counter() for name in task.attributes}
    if not items:
        return values
    spec: Spec = VOICE_ENCODER if task.modality == "voice" else FACE_ENCODER
    encoder = FrozenEncoder(spec, task.modality, Compute.of(config))
    cache = EmbeddingCache(config.corpus / "cache")
    missing = [  # by chunks: vectors that are there are looked at, not held
        digest
        for chunk in _chunks(items, ITEMS_AT_ONCE)
        for digest in cache.get_many([item.digest for item in chunk], encoder.identifier)[1]
    ]
    counted.add(len(items) - len(missing))
    embed = EmbedConfig(
        corpus=config.corpus, out=config.corpus, batch_size=config.batch_size, workers=config.workers
    )  # fmt: skip
    for job, vectors in embed_missing(embed, task.modality, items, missing, encoder):
        cache.put_many(dict(zip(job.digests, vectors, strict=True)), encoder.identifier)
        counted.add(len(vectors))
    for chunk in _chunks(items, ITEMS_AT_ONCE):
        found, _ = cache.get_many([item.digest for item in chunk], encoder.identifier)
        known = [item for item in chunk if item.digest in found]
        if not known:
            continue
        labels = _labels(task, np.stack([found[str(item.digest)] for item in known]))
        for name in task.attributes:
            some = {
                item.key: Attribute(value, task.origin)
                for item, value in zip(known, labels[name], strict=True)
                if name in _lacking(item, task, overwrite=config.overwrite)
            }
            catalog.set_attributes(PREDICTED + name, some)
            values[name].update(attribute.value for attribute in some.values())
    return values


def _labels(task: Task, vectors: np.ndarray) -> dict[str, list[str]]:
    """Return the values of each attribute, one a vector of the default encoder of the modality."""
    if task.modality == "voice":
        return {GENDER: _letters(boxed_voice_gender().scores(vectors))}
    heads = boxed_face_attributes()
    found = heads.predict(vectors[:, : heads.n_features])  # behind the views stand what `attribute_gain` appends
    ages = np.clip(found[AGE], 0, MAX_AGE).round().astype(int)
    return {GENDER: _letters(found[GENDER]), AGE: [str(age) for age in ages.tolist()]}


def _letters(scores: np.ndarray) -> list[str]:
    return ["m" if score > 0 else "f" for score in scores]


def _write_language(
    config: CorpusLabelConfig, task: Task, items: Sequence[MediaItem], catalog: Catalog, counted: _Counted
) -> dict[str, Counter[str]]:
    """Hear the voices one by one; return how often each language was heard."""
    spoken = SpokenLanguage(config.language_model, device=Compute.of(config).torch_device)
    values: Counter[str] = Counter()
    for chunk in _chunks(items, VOICES_AT_ONCE):
        heard = {}
        for item in chunk:
            try:
                heard[item.key] = spoken.predict(read_voice(config.corpus / str(item.path)))
            except MediaError as error:  # one file that is gone must not keep all others from their label
                logger.warning("%s is not labelled: %s", item.key, error)
        named = {key: Attribute(language, task.origin) for key, language in heard.items()}
        catalog.set_attributes(PREDICTED + LANGUAGE, named)
        values.update(heard.values())
        counted.add(len(chunk))
    return {LANGUAGE: values}


def _chunks(items: Iterable[MediaItem], size: int) -> Iterator[list[MediaItem]]:
    rest = iter(items)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


def _decades(ages: Counter[str]) -> dict[str, int]:
    """Return the ages by decade, the youngest first: {"20-29": 3}."""
    decades: Counter[int] = Counter()
    for age, count in ages.items():
        decades[int(age) // 10 * 10] += count
    return {f"{decade}-{decade + 9}": decades[decade] for decade in sorted(decades)}


def _accuracy(task: Task, name: str) -> str:
    """Return how right a predictor in the box is, from its card."""
    if task.modality == "voice":
        if name != GENDER:
            return ""
        figures = boxed_voice_gender().figures
        share, count = figures["ikr_gender_accuracy_score"], figures["n_ikr"]
        return f"on people with given genders (IKR) {100 * share:.1f} % of {count:,.0f} voices were right"
    figures = boxed_face_attributes().figures
    if name == AGE:
        return f"mean error {figures['age_error_years']:.1f} years on {figures['n_held_out']:,.0f} faces left out"
    return (
        f"{100 * figures['gender_accuracy_score']:.1f} % of {figures['n_held_out']:,.0f} faces left out and "
        f"{100 * figures['ikr_gender_accuracy_score']:.1f} % of {figures['n_ikr']:,.0f} of people with given genders "
        "(IKR) were right"
    )
