"""Folders of clips to enrolled people: prepared, embedded, added; and people removed or renamed.

Media are worked on in a folder of work in progress inside `out`; a run that was stopped goes on there. When the
enrolment is done, or has failed, it goes: what stays of anybody is vectors. Whoever is removed is gone, but what was
learned from everybody together rests on them until everybody is fitted anew.

Example:
    outcome = enroll_people(EnrollConfig(pairs=Path("clips"), out=Path("people")))
    outcome.n_people, outcome.notes
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import itertools
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MODALITIES, OK
from visavox.errors import ConfigError, DataError
from visavox.identification.enrolled_people import EnrolledPeople
from visavox.identification.enrollment import EnrollmentSettings
from visavox.identification.people_folder import KIND
from visavox.identification.strangers import least_rate
from visavox.identification_config import EnrollConfig
from visavox.pipeline.clip_vectors import check_encoders, embed_clips, prepare_clips, prepare_config
from visavox.pipeline.corpus_building import build_source
from visavox.pipeline.corpus_writing import sole_writer
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.enrolled_folder import UNFINISHED, EnrolledFolder, kind_of, refuse_other_files
from visavox.pipeline.enrolment_samples import MAX_NAMED, Gathered, gather_samples
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.identification_words import rate_sentence, weightless_sentences
from visavox.pipeline.media_vectors import MediaEncoder, MediaRecipe

Progress = Callable[[int, int], None]

RECIPE = ("voice_encoder", "face_encoder", "detector", "min_speech_s", "voice_window_s")
"""Options that a folder keeps from its first enrolment on."""
USUAL = EnrollConfig(out=Path(), refit=True)
"""What a user gets who asks for nothing."""
LOGISTIC = (
    "logistic takes more strangers for somebody than --false-accept says: its scores grow with the clips enrolled. "
    "Where that rate matters, take plda or cosine."
)
LEARNED = ("backend", "false_accept")
"""Options that it keeps until it is fitted anew."""
CORPUS, EMBEDDINGS = "corpus", "embeddings"  # in the work in progress: of one source, and of the last


@dataclass(frozen=True)
class EnrollOutcome:
    """What `enroll` did."""

    folder: Path
    """Folder of the people."""
    n_people: int
    """People who are enrolled now."""
    n_clips: Mapping[str, int]
    """Rows enrolled now, by modality."""
    n_new: int = 0
    """Rows that this run enrolled."""
    n_known: int = 0
    """Rows that were enrolled already, and are once."""
    new_people: tuple[str, ...] = ()
    """People whom this run enrolled."""
    removed: tuple[str, ...] = ()
    """People whom it forgot."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Old name -> new name."""
    unusable: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Of the folder of clips: modality -> status -> how many could not be used."""
    unusable_clips: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """The same -> the first three of them."""
    refitted: bool = False
    """Whether everything was learned anew, so that nothing rests on who is not enrolled."""
    backends: Mapping[str, Any] = field(default_factory=dict)
    """Modality -> specification of its back-end."""
    notes: tuple[str, ...] = ()
    """Sentences to be read."""
    seconds: float = 0.0
    """Wall time."""


def enroll_people(config: EnrollConfig, progress: Progress | None = None) -> EnrollOutcome:
    """Enrol, remove and rename, and write the folder of the people, whole or not at all.

    Removing comes first, then renaming, then enrolling.

    Raises:
        ConfigError: `out` holds something else, nobody has such a name, clips name nobody, or an option differs from
            what the folder was made with.
        DataError: no clip can be used, the embeddings are of other encoders, or a file is damaged.
    """
    started = time.monotonic()
    refuse_other_files(config.out)
    work = config.out / UNFINISHED
    before = {path.name for path in work.iterdir()} if work.is_dir() else set()
    made_out = bool(before) or not config.out.exists()  # by this run, or by one that was interrupted
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{config.out} cannot be written: {error.strerror}. Choose another folder.") from error
    done = is_ours = False
    try:
        with sole_writer(work):
            is_ours = True
            try:
                outcome = _enrolled(config, work, progress)
            except (ConfigError, DataError):
                _remove_own(config, work, before)
                raise
            except BaseException:  # an interruption, a full disk, a missing package: it goes on from there
                if not n_prepared(config.out):
                    _remove_own(config, work, before)
                raise
            done = True
    finally:
        if is_ours and not done:
            _remove_if_empty(work, with_out=made_out)
    return dataclasses.replace(outcome, seconds=round(time.monotonic() - started, 1))


def n_prepared(out: Path) -> int:
    """Return how many clips runs that were interrupted have prepared for a folder of people."""
    n_clips = 0
    for path in (out / UNFINISHED).glob(f"*/{CORPUS}/{CATALOG}"):
        try:
            with Catalog.open(path) as catalog:
                n_clips += catalog.n_clips()
        except (DataError, OSError):  # interrupted while it was made
            continue
    return n_clips


def _enrolled(config: EnrollConfig, work: Path, progress: Progress | None) -> EnrollOutcome:
    before = EnrolledFolder.load(config.out) if kind_of(config.out) == KIND and not config.overwrite else None
    recipe = _recipe(config, before)
    if before is None:
        if config.remove or config.rename or not _has_source(config):
            raise ConfigError(
                f"Nobody is enrolled in {config.out} yet. Enrol people with --pairs, --corpus or --embeddings."
            )
        gathered, unusable = _gathered(config, recipe, work, progress)
        people = EnrolledPeople.enroll(gathered.samples, settings=_settings(config, None), seed=config.seed)
        n_new = sum(map(len, gathered.samples.values()))
        outcome = EnrollOutcome(config.out, 0, {}, n_new=n_new, new_people=people.names, **unusable, refitted=True)
    else:
        people = before.people
        renamed = {old: new for old, new in config.rename.items() if old != new}
        _refuse_other_settings(config, people)
        _check_names(people, (*config.remove, *config.rename))
        if config.remove:
            people.remove(config.remove)
        if renamed:
            people.rename(renamed)
        gathered = Gathered({}, ())
        outcome = EnrollOutcome(config.out, 0, {}, removed=tuple(config.remove), renamed=renamed)
        if _has_source(config):
            gathered, unusable = _gathered(config, recipe, work, progress)
            added = people.add(gathered.samples)
            outcome = dataclasses.replace(
                outcome, n_new=added.n_new, n_known=added.n_known, new_people=added.people, **unusable
            )
        if config.refit:
            samples = {m: channel.samples for m, channel in people.channels.items() if len(channel.samples)}
            people = EnrolledPeople.enroll(samples, settings=_settings(config, people), seed=config.seed)
            outcome = dataclasses.replace(outcome, refitted=True)
    EnrolledFolder(people, recipe).save(config.out)
    return dataclasses.replace(
        outcome,
        n_people=len(people.names),
        n_clips={m: len(channel.samples) for m, channel in people.channels.items()},
        backends={m: channel.backend.spec for m, channel in people.channels.items()},
        notes=(*gathered.notes, *people.notes, *_learned_notes(people)),
    )


def _has_source(config: EnrollConfig) -> bool:
    return any(folder is not None for folder in (config.pairs, config.corpus, config.embeddings))


def _recipe(config: EnrollConfig, before: EnrolledFolder | None) -> MediaRecipe:
    """Return what files are processed with: that of the folder, once there is one."""
    if before is None:
        recipe = MediaRecipe(**{name: getattr(config, name) for name in RECIPE})
        if config.embeddings is not None:
            about = CorpusEmbeddings.load(config.embeddings).about
            specs = {f"{modality}_encoder": about["encoders"][modality]["spec"] for modality in MODALITIES}
            return _as_prepared(dataclasses.replace(recipe, **specs), about.get("clip") or {})
        if config.corpus is not None:
            with Catalog.open(config.corpus / CATALOG) as catalog:
                return _as_prepared(recipe, catalog.settings.get("clip", {}))
        return recipe
    for name in RECIPE:
        wanted, kept = getattr(config, name), getattr(before.recipe, name)
        if wanted not in (kept, getattr(USUAL, name)):
            raise ConfigError(
                f"`{name}` of {config.out} is {kept!r}, and all that is enrolled must be made alike. Got {wanted!r}. "
                f"Leave --{name.replace('_', '-')} out, or start anew with --overwrite."
            )
    return before.recipe


def _refuse_other_settings(config: EnrollConfig, people: EnrolledPeople) -> None:
    """Raise if something is asked for that only fitting everybody anew would give."""
    for name in LEARNED:
        wanted, kept = getattr(config, name), getattr(people.settings, name)
        if not config.refit and wanted not in (kept, getattr(USUAL, name)):
            raise ConfigError(
                f"`{name}` of {config.out} is {kept!r} until everybody is fitted anew. Got {wanted!r}. Say --refit, or "
                f"leave --{name.replace('_', '-')} out; `identify` takes a --false-accept of its own."
            )


def _as_prepared(recipe: MediaRecipe, clip: Mapping[str, Any]) -> MediaRecipe:
    """Return a recipe with the detector and the least speech of a corpus, so that probes are processed alike."""
    found = {name: clip[name] for name in ("detector", "min_speech_s") if name in clip}
    return dataclasses.replace(recipe, **found)


def _settings(config: EnrollConfig, before: EnrolledPeople | None) -> EnrollmentSettings:
    """Return how to learn: as was asked for, else as the folder was learned before."""
    kept = EnrollmentSettings() if before is None else before.settings
    asked = {name: getattr(config, name) for name in LEARNED}
    if before is not None:
        asked = {name: value for name, value in asked.items() if value != getattr(USUAL, name)}
    return dataclasses.replace(kept, **asked)


def _gathered(
    config: EnrollConfig, recipe: MediaRecipe, work: Path, progress: Progress | None
) -> tuple[Gathered, dict[str, Any]]:
    """Return the clips as samples, and what could not be used, as the outcome has it."""
    corpus = config.corpus
    if config.pairs is not None:
        corpus = _prepared(config, recipe, work, progress)
    if config.embeddings is not None:
        embedded = CorpusEmbeddings.load(config.embeddings)
        check_encoders(recipe, embedded, str(config.out))
    else:
        assert corpus is not None
        embedded = embed_clips(config, corpus, work / EMBEDDINGS, recipe, progress)
    windows = MediaEncoder(recipe, Compute.of(config)) if recipe.voice_window_s else None
    gathered = gather_samples(embedded, corpus, sessions=config.sessions, windows=windows)
    return gathered, _unusable(corpus)


def _prepared(config: EnrollConfig, recipe: MediaRecipe, work: Path, progress: Progress | None) -> Path:
    """Prepare the folder of pairs inside the work in progress, and return the corpus."""
    assert config.pairs is not None
    prepare = prepare_config(config, config.pairs, work / _own_name(config.pairs) / CORPUS, recipe, config.columns)
    if all(record.person is None for record in build_source(prepare)):
        raise ConfigError(
            f"Every clip must name its person to be enrolled. Got none that does in {config.pairs}. Give clips.csv a "
            "column `person`, or say with --columns which column it is."
        )
    return prepare_clips(prepare, progress)


def _unusable(corpus: Path | None) -> dict[str, Any]:
    if corpus is None:
        return {}
    with Catalog.open(corpus / CATALOG) as catalog:
        counts = catalog.counts()
        failed = {m: Counter({status: n for status, n in found.items() if status != OK}) for m, found in counts.items()}
        some: dict[str, dict[str, tuple[str, ...]]] = {}
        for modality in MODALITIES:
            for status in failed.get(modality, {}):
                items = itertools.islice(catalog.items(modality, status=status), MAX_NAMED)
                some.setdefault(modality, {})[status] = tuple(item.clip for item in items)
    return {
        "unusable": {m: dict(found.most_common()) for m, found in failed.items() if found},
        "unusable_clips": some,
    }


def _learned_notes(people: EnrolledPeople) -> list[str]:
    """Return what is to be known of what was learned: the rate of strangers, and weights that are 0."""
    notes = []
    asked = people.settings.false_accept
    short = [c for c, found in people.strangers.items() if len(found) and asked < least_rate(found.scores)]
    if short:
        notes.append(rate_sentence(asked, min(len(people.strangers[c]) for c in short)))
    if any(channel.backend.name == "logistic" for channel in people.channels.values()):
        notes.append(LOGISTIC)
    return [*notes, *weightless_sentences(people)]


def _check_names(people: EnrolledPeople, names: Iterable[str]) -> None:
    known = people.names
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=2)
            hint = f"Did you mean {' or '.join(map(repr, nearest))}?" if nearest else "Check the spelling."
            raise ConfigError(f"Nobody of the {len(known):,} enrolled is called {name!r}. {hint}")


def _own_name(pairs: Path) -> str:
    """Return a folder name for each source, so that what another run left half done is not in the way."""
    return hashlib.sha256(str(pairs.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _remove_own(config: EnrollConfig, work: Path, before: set[str]) -> None:
    """Remove what a request that failed has made of media, also before it was interrupted and gone on with.

    What was made of another source stays, for the run that was interrupted to go on with.
    """
    own = {EMBEDDINGS} if config.pairs is None else {EMBEDDINGS, _own_name(config.pairs)}
    for path in work.iterdir():
        if path.is_dir() and (path.name in own or path.name not in before):
            shutil.rmtree(path, ignore_errors=True)


def _remove_if_empty(work: Path, *, with_out: bool) -> None:
    """Remove the folders of a request that leaves nothing to go on with; the folder of the people if it was made."""
    if any(path.name != ".lock" for path in work.iterdir()):
        return
    (work / ".lock").unlink(missing_ok=True)
    work.rmdir()
    if with_out and not any(work.parent.iterdir()):
        work.parent.rmdir()
