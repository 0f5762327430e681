"""Whose voices are drawn from in a test: clips with a voice and a true face, of people whom the drawer never met.

Example:
    clips = find_tested_clips(EvaluateConfig(pairs=Path("data/voxceleb"), out=Path("report")))
    clips.people[:2], clips.crops[0]
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import GIVEN, MODALITIES, MediaItem
from visavox.corpus.splits import Splits
from visavox.corpus_config import PrepareConfig
from visavox.errors import ConfigError, DataError
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.crop_check import refuse_other_crops
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.splitting import SPLITS
from visavox.pipeline.voice_face_model import hash_identity

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class TestedClips:
    """Clips in the order of their names; entry i of every tuple is clip i."""

    __test__ = False  # whatever pytest thinks of the name

    name: str
    """What the report calls them."""
    clips: tuple[str, ...]
    people: tuple[str, ...]
    """The person; the video where nobody is named."""
    videos: tuple[str, ...]
    """"" where unknown."""
    genders: tuple[str, ...]
    """"m", "f", or "" where nobody said."""
    crops: tuple[Path, ...]
    """Canonical crops of the true faces."""
    voices: tuple[Path, ...]
    catalog_hash: str

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def trial_hash(self) -> str:
        """SHA-256 of who is asked: equal for two models measured on the same clips."""
        text = "\n".join(f"{clip} {person}" for clip, person in zip(self.clips, self.people, strict=True))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def find_tested_clips(config: EvaluateConfig, progress: Progress | None = None) -> TestedClips:
    """Return the clips that are measured, prepared on the spot where they are a folder of pairs.

    Raises:
        ConfigError: neither `pairs` nor `corpus`, both, or a subset without `splits`.
        DataError: a folder is missing or damaged, or no clip has both a face and a voice.
    """
    if (config.pairs is None) == (config.corpus is None):
        got = "both" if config.pairs is not None else "none"
        raise ConfigError(
            "Say whose faces are drawn: either `pairs`, a folder of faces and voices, or `corpus`, a folder that "
            f"`prepare` wrote. Got {got}."
        )
    if config.pairs is not None:
        corpus, subset = config.out / "corpus", "all"
        settings = PrepareConfig(root=config.pairs, out=corpus, columns=config.columns, workers=config.workers)
        build_corpus(settings, progress)
        name = config.pairs.resolve().name
    else:
        assert config.corpus is not None
        corpus, subset = config.corpus, config.subset
        where = corpus.resolve().name
        name = f"all people of {where}" if subset == "all" else f"the {subset} people of {where}"
    return read_tested_clips(corpus, splits=config.splits, subset=subset, name=name)


def read_tested_clips(corpus: Path, *, splits: Path | None = None, subset: str = "all", name: str = "") -> TestedClips:
    """Return the clips of a corpus, or of a subset of it, that have both a face and a voice.

    Args:
        corpus: folder that `prepare` wrote.
        splits: folder that `split` wrote; needed for any subset but "all".
        subset: "train", "validation", "test" or "all".
        name: what the report calls them.

    Raises:
        ConfigError: a subset without splits, or one that is none of a split.
        DataError: a folder is missing or damaged, or no clip has both a face and a voice.
    """
    if not (corpus / CATALOG).is_file():
        raise DataError(f"`corpus` must be a folder that `prepare` wrote. {corpus} holds no {CATALOG}.")
    with Catalog.open(corpus / CATALOG) as catalog:
        refuse_other_crops(catalog.settings.get("clip", {}), where=str(corpus))
        first = {modality: _first_of_each(catalog.items(modality=modality)) for modality in MODALITIES}
        catalog_hash = catalog.content_hash()
    faces, voices = first["face"], first["voice"]
    wanted = sorted(faces.keys() & voices.keys())
    if subset != "all":
        if splits is None or subset == "folds":
            raise ConfigError(
                f"`subset` {subset} needs --splits, a folder that `visavox split` wrote with that subset."
            )
        chosen = set(Splits.load(splits / SPLITS, catalog_hash=catalog_hash).clips(subset))
        wanted = [clip for clip in wanted if clip in chosen]
    if not wanted:
        raise DataError(f"No clip of {name or corpus} has both a face and a voice that can be used.")
    return TestedClips(
        name,
        tuple(wanted),
        tuple(faces[clip].identity for clip in wanted),
        tuple(faces[clip].video or "" for clip in wanted),
        tuple(_gender(faces[clip]) or _gender(voices[clip]) for clip in wanted),
        tuple(corpus / str(faces[clip].path) for clip in wanted),
        tuple(corpus / str(voices[clip].path) for clip in wanted),
        catalog_hash,
    )


def refuse_drawn_people(generator: Generator, clips: TestedClips, *, model: str) -> None:
    """Raise if a generator learned from somebody who is to be tested.

    Raises:
        DataError: the message says how many and names up to three.
    """
    names = {*clips.people, *(f"video:{video}" for video in clips.videos if video)}
    known = sorted(name for name in names if hash_identity(name) in generator.people)
    if known:
        raise DataError(
            f"The model {model!r} was trained on {len(known)} of these people or videos "
            f"({', '.join(known[:3])}{', ...' if len(known) > 3 else ''}), and a test person must be new to it. "
            "Take other people, or measure on what it was trained on with --subset train."
        )


def _first_of_each(items: Iterable[MediaItem]) -> dict[str, MediaItem]:
    """Return clip -> its first usable item."""
    found: dict[str, MediaItem] = {}
    for item in items:
        if item.path:
            found.setdefault(item.clip, item)
    return found


def _gender(item: MediaItem) -> str:
    attribute = item.attributes.get("gender")
    return str(attribute.value).lower()[:1] if attribute is not None and attribute.origin == GIVEN else ""
