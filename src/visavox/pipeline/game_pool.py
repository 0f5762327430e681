"""Making the pool of a game: one clip a person, cut for the ear, and what the model thinks of every pair.

The model hears the excerpt and sees the crop that the player does, no more. Media become files that every browser
reads and that say nothing of where they come from: JPEG of 256 px, WAV of 16 bits.

Example:
    outcome = make_pool(GamePoolConfig(out=Path("pool")))
    outcome.n_people, outcome.n_women, outcome.notes
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from numpy.typing import NDArray

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MODALITIES, OK, MediaItem, stored_name
from visavox.errors import ConfigError, DataError, MediaError
from visavox.game_config import GamePoolConfig
from visavox.media.audio import SAMPLE_RATE, read_voice, to_pcm
from visavox.media.images import read_image, write_face
from visavox.persistence import writing
from visavox.pipeline.clip_vectors import prepare_clips, prepare_config
from visavox.pipeline.crop_check import refuse_other_crops
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
from visavox.pipeline.game_pool_folder import (
    FACES,
    GENDERS,
    MIN_OF_GENDER,
    POOL_FILE,
    VOICES,
    GamePool,
    PoolItem,
    has_levels,
)
from visavox.pipeline.media_vectors import MediaRecipe
from visavox.pipeline.voice_face_model import VoiceFaceModel, overlap
from visavox.world.pairs_folder import write_pairs_folder

Progress = Callable[[int, int], None]

SIMULATED_MODEL, USUAL_MODEL = "world", "base"
MIN_PEOPLE = 4  # simulated: two women and two men
STEP_S = 0.1  # between the places where an excerpt may begin


@dataclass(frozen=True)
class PoolOutcome:
    """What `game pool` made."""

    out: Path
    """Folder of the pool."""
    n_people: int
    """People in it."""
    n_women: int
    """Women among them."""
    n_men: int
    """Men among them."""
    model: str
    """The model to play against."""
    model_accuracy: float
    """Share of all pairs of a voice and another face that the model gets right; a tie counts half."""
    notes: tuple[str, ...]
    """Sentences to be read."""
    seconds: float
    """Wall time."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        unknown = self.n_people - self.n_women - self.n_men
        whom = f"{self.n_women} women, {self.n_men} men" + (f", {unknown} of unknown gender" if unknown else "")
        lines = [
            f"{self.out}: {self.n_people} people ({whom})",
            f"The model {self.model} is right in {100 * self.model_accuracy:.1f} % of all pairs of faces",
            *self.notes,
            f"Next: visavox game play --pool {self.out}",
        ]
        return "".join(f"{line}\n" for line in lines)


class Pair(NamedTuple):
    """The face and the voice of one clip."""

    voice: MediaItem
    face: MediaItem


def make_pool(config: GamePoolConfig, progress: Progress | None = None) -> PoolOutcome:
    """Make a pool, whole or not at all.

    Raises:
        ConfigError: two sources, too few simulated people, a number out of range, an unknown model.
        DataError: `out` holds something, too few people can be used, or the disk is full.
    """
    started = time.monotonic()
    _check(config)
    simulated = config.corpus is None and config.pairs is None
    name = config.model or (SIMULATED_MODEL if simulated else USUAL_MODEL)
    model = VoiceFaceModel.from_pretrained(name, compute=Compute.of(config))
    with tempfile.TemporaryDirectory(prefix="visavox-pool-") as scratch:
        corpus = config.corpus or _prepared(config, Path(scratch), model, progress)
        pairs, notes = choose_people(_pairs_of(corpus), seed=config.seed)
        with writing(config.out) as fresh:
            fresh.mkdir()
            pool = _write_pool(fresh, corpus, pairs, model, config, simulated=simulated)
    known = overlap(model, [item.person for item in pool.items])
    if known:
        notes = (*notes, f"The model was trained on {len(known)} of these people: its score says little.")
    count = Counter(item.gender for item in pool.items)
    accuracy = all_pairs_accuracy(pool.similarity)
    seconds = round(time.monotonic() - started, 1)
    return PoolOutcome(config.out, len(pool.items), count["f"], count["m"], pool.model, accuracy, notes, seconds)


def choose_people(pairs: Sequence[Pair], *, seed: int) -> tuple[list[Pair], tuple[str, ...]]:
    """Return one clip of each person, in the order of their names, and what is to be said about who is left out.

    Difficulty is a matter of gender. Where there are two women and two men or more, people of unknown gender are left
    out; where there are not, everybody is taken and the game has no levels, as long as somebody's gender is unknown.

    Args:
        pairs: clips of anybody, in any order.
        seed: which clip of a person is taken depends on it and on the clips of that person alone.

    Raises:
        DataError: fewer than two people, or all genders known and fewer than two people of one.
    """
    people: dict[str, list[Pair]] = {}
    for pair in sorted(pairs, key=lambda pair: pair.voice.clip):
        people.setdefault(pair.voice.identity, []).append(pair)
    chosen = [
        clips[int(np.random.default_rng([seed, *name.encode()]).integers(len(clips)))]
        for name, clips in sorted(people.items())
    ]
    if len(chosen) < 2:
        raise DataError(
            f"A game needs 2 people or more with a face and a voice. Got {len(chosen)}. Give more or clearer clips."
        )
    genders = [gender_of(pair) for pair in chosen]
    known = [pair for pair, gender in zip(chosen, genders, strict=True) if gender]
    n_unknown = len(chosen) - len(known)
    if has_levels([gender for gender in genders if gender]):
        left_out = f"{n_unknown} people are left out: their gender, which the difficulty goes by, is unknown."
        return known, (left_out,) if n_unknown else ()
    counted = ", ".join(f"{genders.count(g)} {word}" for g, word in zip(GENDERS, ("women", "men"), strict=True))
    if not n_unknown:
        raise DataError(
            f"A game needs {MIN_OF_GENDER} women and {MIN_OF_GENDER} men or more. Got {counted}. Give more people."
        )
    return chosen, (
        f"The gender of {n_unknown} people is unknown ({counted}), so this game has no levels: any two faces may meet.",
    )


def gender_of(pair: Pair) -> str | None:
    """Return "f" or "m" as the corpus says of the face, else of the voice; None where neither is said."""
    for item in (pair.face, pair.voice):
        found = item.attributes.get("gender")
        if found is not None and found.value in GENDERS:
            return found.value
    return None


def excerpt(voice: NDArray[np.float32], max_voice_s: float) -> NDArray[np.float32]:
    """Return the loudest stretch of a voice, or all of it where it is no longer.

    Args:
        voice: (samples,) float32, 16 kHz.
        max_voice_s: seconds, above 0.

    Returns:
        (min(samples, round(16000 * max_voice_s)),) float32. Of equally loud stretches the first.

    Example:
        >>> voice = np.concatenate([np.zeros(16_000), np.ones(16_000)]).astype(np.float32)
        >>> float(excerpt(voice, 0.5).mean())
        1.0
    """
    length = max(1, round(max_voice_s * SAMPLE_RATE))
    if len(voice) <= length:
        return voice
    energy = np.concatenate([[0.0], np.cumsum(np.square(voice, dtype=np.float64))])
    starts = np.arange(0, len(voice) - length + 1, round(STEP_S * SAMPLE_RATE))
    start = int(starts[np.argmax(energy[starts + length] - energy[starts])])
    return voice[start : start + length]


def all_pairs_accuracy(similarity: NDArray[np.float32]) -> float:
    """Return how often a voice is more like its own face than like another one; a tie counts half.

    Args:
        similarity: (n, n) float, n >= 2: row voice, column face; the diagonal holds those of one person.

    Example:
        >>> all_pairs_accuracy(np.array([[0.9, 0.1], [0.5, 0.5]], dtype=np.float32))
        0.75
    """
    own = np.diag(similarity)[:, None]
    others = ~np.eye(len(similarity), dtype=bool)
    wins = (own > similarity) + 0.5 * (own == similarity)
    return float(wins[others].mean())


def _check(config: GamePoolConfig) -> None:
    if config.corpus is not None and config.pairs is not None:
        raise ConfigError("`corpus` and `pairs` are two sources of people. Give one of them.")
    if config.columns and config.pairs is None:
        raise ConfigError("`columns` names columns of a table of pairs. Give --pairs, or leave it out.")
    if config.people < MIN_PEOPLE:
        raise ConfigError(f"`people` must be {MIN_PEOPLE} or more, half of them women. Got {config.people}.")
    if not 0 < config.max_voice_s < float("inf"):
        raise ConfigError(f"`max_voice_s` must be above 0. Got {config.max_voice_s}.")
    if not config.out.exists():
        return
    is_pool = (config.out / POOL_FILE).is_file()
    if is_pool and not config.overwrite:
        raise DataError(f"{config.out} holds a pool already. Give another --out, or --overwrite to replace it.")
    if not is_pool and (not config.out.is_dir() or any(config.out.iterdir())):
        raise DataError(f"{config.out} holds something that is no pool of a game. Give another --out.")


def _prepared(config: GamePoolConfig, scratch: Path, model: VoiceFaceModel, progress: Progress | None) -> Path:
    """Draw simulated people where no pairs are given, prepare the clips, and return the corpus."""
    root, n_steps = config.pairs, 1
    done = progress
    if root is None:
        root, n_steps = scratch / "people", 2
        shown = _part_of(progress, 0, n_steps)
        write_pairs_folder(
            root,
            n_people=config.people,
            n_clips=1,
            seed=config.seed,
            n_processes=config.workers or None,
            progress=shown,
        )
        done = _part_of(progress, 1, n_steps)
    about = model.preprocess
    recipe = MediaRecipe(about.voice_encoder, about.face_encoder, about.detector, about.min_speech_s)
    columns: Mapping[str, str] = {str(name): str(column) for name, column in config.columns.items()}
    return prepare_clips(prepare_config(config, root, scratch / "corpus", recipe, columns), done)


def _part_of(progress: Progress | None, step: int, n_steps: int) -> Progress | None:
    """Return progress of one of several steps as progress of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(step * total + done, n_steps * total)


def _pairs_of(corpus: Path) -> list[Pair]:
    """Return the clips of a corpus whose voice and face can be used."""
    with Catalog.open(corpus / CATALOG) as catalog:
        refuse_other_crops(catalog.settings.get("clip", {}), where=str(corpus))
        items = {modality: list(catalog.items(modality=modality)) for modality in MODALITIES}
        counts = catalog.counts()
    faces: dict[str, MediaItem] = {}
    for face in items["face"]:
        if face.quality.get("face_found") != 0:
            faces.setdefault(face.clip, face)
    voices = {voice.clip: voice for voice in reversed(items["voice"])}
    pairs = [Pair(voice, faces[clip]) for clip, voice in voices.items() if clip in faces]
    if not pairs:
        reasons = [f"{n} {m} {status}" for m, found in counts.items() for status, n in found.items() if status != OK]
        why = f" ({', '.join(reasons)})" if reasons else ""
        raise DataError(f"No clip of {config_name(corpus)} has both a voice and a face that can be used{why}.")
    return pairs


def config_name(corpus: Path) -> str:
    """Return a corpus as a reader knows it; one that was made for the moment has no name worth telling."""
    return "the pairs" if "visavox-pool-" in str(corpus) else str(corpus)


def _write_pool(
    folder: Path,
    corpus: Path,
    pairs: Sequence[Pair],
    model: VoiceFaceModel,
    config: GamePoolConfig,
    *,
    simulated: bool,
) -> GamePool:
    for name in (FACES, VOICES):
        (folder / name).mkdir()
    items, voices, faces = [], [], []
    for pair in pairs:
        clip = pair.voice.clip
        item = PoolItem(
            clip, pair.voice.identity, gender_of(pair), stored_name(clip, ".jpg"), stored_name(clip, ".wav")
        )
        try:
            voice = excerpt(read_voice(corpus / str(pair.voice.path)), config.max_voice_s)
            face = read_image(corpus / str(pair.face.path))
        except MediaError as error:
            raise DataError(f"A file of the corpus cannot be read: {error}") from error
        soundfile.write(folder / VOICES / item.voice, to_pcm(voice), SAMPLE_RATE, format="WAV", subtype="PCM_16")
        write_face(folder / FACES / item.face, face)
        items.append(item)
        voices.append(voice)
        faces.append(read_image(folder / FACES / item.face))  # what the player sees, to the pixel
    heard = FrozenEncoder(model.preprocess.voice_encoder, "voice", model.compute).encode(voices)
    seen = FrozenEncoder(model.preprocess.face_encoder, "face", model.compute).encode(faces)
    similarity = (model.associator.encode_voice(heard) @ model.associator.encode_face(seen).T).astype(np.float32)
    pool = GamePool(folder, tuple(items), model.name, similarity, simulated)
    pool.save()
    return pool
