"""A corpus to splits, trial lists and an audit of both.

Example:
    outcome = split_corpus(SplitConfig(corpus=Path("corpus"), out=Path("splits")))
    outcome.audit.summary()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from visavox.config import SplitConfig
from visavox.corpus.audit import Audit, audit
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import ClipLink, MediaItem
from visavox.corpus.known_people_splits import KnownClip, split_known_people
from visavox.corpus.near_duplicates import difference_hash
from visavox.corpus.published_lists.people_split import read_people_split
from visavox.corpus.splits import TEST, Splits, make_folds, make_split
from visavox.corpus.trial_drawing import draw_trials
from visavox.corpus.trial_files import write_trials
from visavox.corpus.trials import TrialSet
from visavox.errors import ConfigError, DataError
from visavox.media.images import read_image
from visavox.pipeline.embedding import CorpusEmbeddings

SPLITS, TRIALS, AUDIT = "splits.json", "trials", "audit.json"


@dataclass(frozen=True)
class SplitOutcome:
    """What `split` made."""

    splits: Splits
    trials: TrialSet
    """Lists of the test subset, or of the validation subset where there is no test; empty where neither is."""
    audit: Audit
    outside: tuple[str, ...] = ()
    """People of the corpus who are in no subset, since the published split does not name them, or since they have too
    few sessions or clips to be in every subset, or were not drawn; sorted."""


def split_corpus(config: SplitConfig) -> SplitOutcome:
    """Split the usable clips of a corpus, draw trial lists, audit, and write all three.

    Raises:
        ConfigError: shares that do not add up, a subset that would be empty, more folds than people.
        DataError: no catalog; `out` holds a split of another seed or corpus and `overwrite` is not given.
    """
    with Catalog.open(config.corpus / CATALOG) as catalog:
        items = list(catalog.items())
        catalog_hash = catalog.content_hash()
    if not items:
        raise DataError(f"{config.corpus} holds no usable clip. Its catalog says why, clip by clip.")
    links = [item.link() for item in items]
    _refuse_unused(config)
    if config.by != "person":
        splits = _known_people(config, items, catalog_hash)
    elif config.published is not None:
        _refuse_shares(config)
        splits = _published(config, config.published, links, catalog_hash)
    else:
        fractions = _fractions(config)
        splits = make_split(links, fractions, seed=config.seed, catalog_hash=catalog_hash, n_folds=config.folds)
    _refuse_other(config, splits)
    splits.save(config.out / SPLITS)
    trials = _draw(items, splits, config)
    write_trials(config.out / TRIALS, trials, catalog_hash=catalog_hash)
    found = audit_corpus(config.corpus, items, splits, config.embeddings)
    found.save(config.out / AUDIT)
    inside = set(splits.subsets)
    outside = {link.identity for link in links} - {link.identity for link in links if link.clip in inside}
    return SplitOutcome(splits, trials, found, tuple(sorted(outside)))


def audit_corpus(corpus: Path, items: list[MediaItem], splits: Splits, embeddings: Path | None) -> Audit:
    """Return the audit of a split: people, videos, identical bytes, near-identical crops and, if given, embeddings."""
    hashes = {
        item.clip: difference_hash(read_image(corpus / item.path))
        for item in reversed(items)  # of several faces of a clip the first, which is the best, stays
        if item.modality == "face" and item.path
    }
    tables = CorpusEmbeddings.load(embeddings) if embeddings else None
    links = [_session_link(item, splits.by) for item in items] if splits.by != "person" else [i.link() for i in items]
    return audit(
        splits,
        links,
        items=items,
        face_hashes=hashes,
        voice=tables.voice if tables else None,
        face=tables.face if tables else None,
    )


def refuse_leaks(splits: Splits, embedded: CorpusEmbeddings) -> None:
    """Raise if a person or a video stands in two subsets or two folds of a split, as after an edit by hand.

    Raises:
        DataError: the message names the person or video, both subsets or folds, and the remedy.
    """
    folds = {clip: f"fold {fold}" for clip, fold in splits.folds.items()}
    for side_of in (splits.subsets, folds):
        sides: dict[str, str] = {}
        for link in (*embedded.voice.links(), *embedded.face.links()):
            side = side_of.get(link.clip)
            for name in (link.identity, f"video:{link.video}") if link.video else (link.identity,):
                if side is not None and sides.setdefault(name, side) != side:
                    if splits.by != "person":
                        raise DataError(
                            f"This split deals out each person's {splits.by}s, so that {name!r} is in {sides[name]!r} "
                            f"and in {side!r}: it is for --task identification. Split with --by person."
                        )
                    raise DataError(
                        f"{name!r} is in {sides[name]!r} and in {side!r} (clip {link.clip!r}); nobody may be in two. "
                        "Mend splits.json, or run `visavox split` again."
                    )


def _session_link(item: MediaItem, by: str) -> ClipLink:
    """Return the link of a clip in a split of known people, where the session stands for the person."""
    unit = f"{item.identity}, {item.session or item.video}" if by == "session" else f"clip:{item.clip}"
    return ClipLink(item.clip, unit)


def _refuse_unused(config: SplitConfig) -> None:
    """Refuse options that the kind of split has no use for."""
    if config.by == "person":
        for name in ("counts", "known", "strangers"):
            if getattr(config, name):
                raise ConfigError(f"`{name}` is of a split of known people. Say --by session, or leave it out.")
    elif config.published is not None:
        raise ConfigError(f"`published` splits people. Got --by {config.by}, which splits each person's own clips.")


def _known_people(config: SplitConfig, items: list[MediaItem], catalog_hash: str) -> Splits:
    """Return the split of each person's own sessions or clips, of clips with a voice and a face where there are any."""
    assert config.by != "person"
    voices, faces = ({item.clip for item in items if item.modality == modality} for modality in ("voice", "face"))
    both = voices & faces or voices | faces
    clips = {
        item.clip: KnownClip(item.clip, item.person, item.session or item.video)
        for item in items
        if item.clip in both and item.person is not None
    }
    if not clips:
        raise DataError(
            f"No clip of {config.corpus} says whose it is, and known people need names. Add a column `person`, or "
            "split with --by person."
        )
    fractions = {name: share for name, share in _fractions(config).items() if share > 0}
    return split_known_people(
        clips.values(),
        fractions,
        by=config.by,
        seed=config.seed,
        n_people=config.known,
        n_strangers=config.strangers,
        counts=config.counts,
        catalog_hash=catalog_hash,
    )


def _refuse_shares(config: SplitConfig) -> None:
    for name in ("validation", "test"):
        if getattr(config, name) != getattr(SplitConfig, name):
            raise ConfigError(f"`{name}` means nothing with `published`, which says who is where. Leave it out.")


def _published(config: SplitConfig, people: Path, links: list[ClipLink], catalog_hash: str) -> Splits:
    """Return the split that somebody has published, for the people of it who are here."""
    subset_of = read_people_split(people)
    subsets = {link.clip: subset_of[link.identity] for link in links if link.identity in subset_of}
    if not subsets:
        some = ", ".join(sorted({link.identity for link in links})[:3])
        raise DataError(
            f"Nobody of {config.corpus} is in the split of {people}. People here: {some}. Name people as it does."
        )
    inside = [link for link in links if subsets.get(link.clip, TEST) != TEST]
    folds = make_folds(inside, config.folds, seed=config.seed) if config.folds else {}
    names = ("train", "validation", TEST)
    n_people = {name: len({p for p, subset in subset_of.items() if subset == name}) for name in names}
    fractions = {name: n / sum(n_people.values()) for name, n in n_people.items()}
    return Splits(config.seed, catalog_hash, fractions, subsets, folds, config.folds)


def _fractions(config: SplitConfig) -> Mapping[str, float]:
    train = 1.0 - config.validation - config.test
    if train <= 0 or min(config.validation, config.test) < 0:
        raise ConfigError(
            "`validation` and `test` must be 0 or more and leave something to train on. "
            f"Got {config.validation:g} and {config.test:g}, which leave {train:g}."
        )
    return {"train": train, "validation": config.validation, TEST: config.test}


def _refuse_other(config: SplitConfig, splits: Splits) -> None:
    path = config.out / SPLITS
    if not path.exists() or config.overwrite:
        return
    before = Splits.load(path)
    if before != splits:
        raise DataError(
            f"{path} holds another split (seed {before.seed}, corpus {before.catalog_hash[:12] or 'unknown'}). "
            "Choose another folder, or replace it with --overwrite."
        )


def _draw(items: list[MediaItem], splits: Splits, config: SplitConfig) -> TrialSet:
    if splits.by != "person":
        return TrialSet(config.seed, {}, {"all": "trials compare people, and everybody is in every subset"})
    counts = splits.counts()
    subset = next((name for name in (TEST, "validation") if counts.get(name)), None)
    if subset is None:
        return TrialSet(config.seed, {}, {"all": "there is neither a test nor a validation subset"})
    chosen = [item for item in items if splits.subset_of(item.clip) == subset]
    sides = [[item.link() for item in chosen if item.modality == modality] for modality in ("voice", "face")]
    return draw_trials(*sides, seed=config.seed, n_candidates=sorted({2, config.candidates}))
