"""A corpus to an audit of its names and media, as audit.json, audit.md and a page to look at.

It needs no split: it looks for one person or one video under two names, for people of given lists, and for what the
encoders have met. Where embeddings or a split are given it looks there too. What is found ends no command: the page
says what to do about each.

Example:
    audited = audit_corpus(CorpusAuditConfig(corpus=Path("corpus"), embeddings=Path("embeddings")))
    print(audited.describe())
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from visavox.corpus.alike_pairs import AlikePairs, find_alike_pairs
from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.audit import Audit, audit
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.corpus_audit import (
    FORMAT,
    CorpusAudit,
    ListFinding,
    one_name_spelt_twice,
    videos_of_several,
)
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import GIVEN, MediaItem
from visavox.corpus.near_duplicates import difference_hash
from visavox.corpus.people_lists import ListRow, Match, Shared, read_people_list
from visavox.corpus.splits import Splits
from visavox.corpus_config import CorpusAuditConfig
from visavox.errors import DataError, MediaError
from visavox.evaluation.corpus_audit_page import corpus_audit_page
from visavox.evaluation.corpus_audit_text import corpus_audit_text, counted, headline
from visavox.media.images import read_image
from visavox.pipeline.corpus_acquaintances import acquaintances
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.splitting import SPLITS
from visavox.worker_pool import n_processes

FOLDER = "audit"


@dataclass(frozen=True)
class CorpusAudited:
    """What `corpus audit` found, in short."""

    headline: str
    """The outcome in a sentence."""
    n_certain: int
    """Findings of which there is nothing to judge."""
    n_to_look_at: int
    """Findings that a person should judge."""
    n_shared: int
    """People, videos and files that stand in the given lists."""
    pairs: Mapping[str, int]
    """Alike pairs by verdict."""
    not_checked: Mapping[str, str]
    """What could not be looked for, and why."""
    page: Path
    """The page to look at; audit.md and audit.json lie beside it."""

    def describe(self) -> str:
        """Return it as lines for a reader, each with its line end."""
        lines = [self.headline]
        lines += [f"  {count} x {verdict.replace('_', ' ')}" for verdict, count in self.pairs.items()]
        lines += [f"  not checked: {what}: {why}" for what, why in self.not_checked.items()]
        return "\n".join([*lines, f"Look at {self.page}. It shows faces and voices: keep it with the corpus.", ""])


def audit_corpus(config: CorpusAuditConfig) -> CorpusAudited:
    """Audit the usable items of a corpus and write what was found.

    Raises:
        DataError: no catalog or no usable item, a list or a split that cannot be read, embeddings or a split of
            another corpus, or no room for the files.
    """
    lists = [read_people_list(path) for path in config.against]  # first: a wrong path should not cost minutes
    with Catalog.open(config.corpus / CATALOG) as catalog:
        items = list(catalog.items())
        catalog_hash = catalog.content_hash()
    if not items:
        raise DataError(f"{config.corpus} holds no usable clip. `visavox corpus status` says why.")
    splits = Splits.load(config.splits / SPLITS, catalog_hash=catalog_hash) if config.splits else None
    embedded = CorpusEmbeddings.load(config.embeddings) if config.embeddings else None
    not_checked: dict[str, str] = {}
    if embedded is not None:
        not_checked |= _without_embedding(items, (embedded.face, embedded.voice), config)
    hashes, unread = _face_hashes(config.corpus, items)
    if unread:
        not_checked["faces"] = f"{counted(len(unread), 'stored face')} cannot be read, {unread[0]} for one"
    tables = {"face": embedded.face, "voice": embedded.voice} if embedded else {"face": None, "voice": None}
    alike = find_alike_pairs(items, face_hashes=hashes, **tables)
    people, videos, digests = _names(items)
    others = _other_names(items)
    findings = []
    for listed in lists:
        shared = _without_other_names(listed.shared_with({*people, *others}, videos, digests), people, others)
        findings.append(ListFinding(listed.name, listed.n_people, listed.n_videos, shared))
    not_checked |= _not_checked(alike, items, findings, config)
    found = CorpusAudit(
        corpus=config.corpus.resolve().name,
        n_people=len(people),
        n_videos=len(videos),
        n_clips=len({item.clip for item in items}),
        n_faces=sum(item.modality == "face" for item in items),
        n_voices=sum(item.modality == "voice" for item in items),
        alike=alike,
        shared_videos=videos_of_several(items),
        spellings=one_name_spelt_twice(items),
        lists=tuple(findings),
        acquaintances=acquaintances(items, findings, embedded.about["encoders"] if embedded else None),
        sides=_sides(splits, items, hashes, tables) if splits else None,
        not_checked=not_checked,
    )
    return _write(config, found, items)


def _names(items: Sequence[MediaItem]) -> tuple[set[str], set[str], set[str]]:
    people = {item.person for item in items if item.person}
    videos = {item.video for item in items if item.video}
    return people, videos, {item.digest for item in items if item.digest}


def _other_names(items: Sequence[MediaItem]) -> dict[str, str]:
    """Return the names that came with the data for people who go by an id, as in VoxCeleb: name -> person."""
    given = {item.person: item.attributes["name"] for item in items if item.person and "name" in item.attributes}
    return {name.value: person for person, name in given.items() if name.origin == GIVEN}


def _without_other_names(shared: Shared, people: set[str], others: Mapping[str, str]) -> Shared:
    """Return what is shared with each person once, as the corpus calls them."""
    found: dict[str, Match] = {}
    for match in shared.people:
        person = match.name if match.name in people else others[match.name]
        found.setdefault(person, dataclasses.replace(match, name=person))
    return dataclasses.replace(shared, people=tuple(found[person] for person in sorted(found)))


def _face_hashes(corpus: Path, items: Sequence[MediaItem]) -> tuple[dict[str, int], list[str]]:
    """Return the difference hash of every stored crop by key, and the keys of those that cannot be read."""
    faces = [item for item in items if item.modality == "face" and item.path]
    # Threads: decoding and the sums run outside Python's lock.
    with ThreadPoolExecutor(n_processes(0)) as pool:
        found = list(pool.map(lambda item: _hash_of(corpus / str(item.path)), faces))
    hashes = {item.key: value for item, value in zip(faces, found, strict=True) if value is not None}
    return hashes, [item.key for item, value in zip(faces, found, strict=True) if value is None]


def _hash_of(path: Path) -> int | None:
    try:
        return difference_hash(read_image(path))
    except MediaError:
        return None


def _without_embedding(
    items: Sequence[MediaItem], tables: Sequence[EmbeddingTable], config: CorpusAuditConfig
) -> dict[str, str]:
    """Return how many items have no embedding, in words.

    Raises:
        DataError: none of a modality has one: the embeddings are of another corpus.
    """
    lacking = {}
    for table in tables:
        keys = {item.key for item in items if item.modality == table.modality}
        missing = keys.difference(table.keys)
        if keys and missing == keys:
            raise DataError(
                f"{config.embeddings} holds no {table.modality} of {config.corpus}: it is of another corpus. "
                "Run `visavox embed` on this one."
            )
        if missing:
            lacking[counted(len(missing), table.modality)] = "without an embedding: run `visavox embed` again"
    return lacking


def _not_checked(
    alike: AlikePairs, items: Sequence[MediaItem], findings: Sequence[ListFinding], config: CorpusAuditConfig
) -> dict[str, str]:
    """Return what could not be looked for, in words, and why."""
    lacking = {}
    if "near_face" in alike.not_checked:
        why = "no embeddings were given: run `visavox embed`, then audit with --embeddings"
        lacking["voices that sound alike, faces that look alike, videos uploaded twice"] = why
    if not any(item.person for item in items):
        lacking["people"] = "the corpus names nobody: each video counts as one person"
    if not any(item.video for item in items):
        lacking["videos"] = "the corpus does not say which video a clip is from"
    if not findings:
        lacking["lists"] = "none was given: --against takes test lists and the training lists of encoders"
    for finding in findings:
        if finding.shared.n_numbers and finding.n_people:
            why = "their names are numbers, which mean nothing in another list"
            lacking[f"{finding.shared.n_numbers} people in {finding.name}"] = why
    if config.splits is None:
        lacking["two sides of a split"] = "no split was given: --splits"
    return lacking


def _sides(
    splits: Splits,
    items: Sequence[MediaItem],
    hashes: Mapping[str, int],
    tables: Mapping[str, EmbeddingTable | None],
) -> Audit:
    clips = {item.clip: hashes[item.key] for item in reversed(items) if item.key in hashes}
    links = [item.link() for item in items]
    return audit(splits, links, items=items, face_hashes=clips, face=tables["face"], voice=tables["voice"])


def _without_rows(lists: Sequence[ListFinding]) -> Iterator[ListFinding]:
    """Yield the findings without the other names of each row, which of a catalog are thousands."""
    for finding in lists:
        shared = finding.shared
        people, videos = (
            tuple(dataclasses.replace(match, row=ListRow()) for match in matches)
            for matches in (shared.people, shared.videos)
        )
        yield dataclasses.replace(finding, shared=dataclasses.replace(shared, people=people, videos=videos))


def _write(config: CorpusAuditConfig, found: CorpusAudit, items: Sequence[MediaItem]) -> CorpusAudited:
    out = config.out or config.corpus / FOLDER
    said = headline(found)
    paths: dict[str, dict[str, Path]] = {"face": {}, "voice": {}}
    for item in reversed(items):  # of several faces the best comes first
        if item.path:
            paths[item.modality][item.clip] = config.corpus / item.path
    written = {"format": FORMAT, "headline": said, "n_certain": found.n_certain, "verdicts": found.verdicts}
    written |= dataclasses.asdict(dataclasses.replace(found, lists=tuple(_without_rows(found.lists))))
    texts = {
        "audit.json": json.dumps(written, indent=1, ensure_ascii=False) + "\n",
        "audit.md": corpus_audit_text(found),
        "audit.html": corpus_audit_page(found, faces=paths["face"], voices=paths["voice"]),
    }
    for name, text in texts.items():
        with atomic_file(out / name, what="audit") as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return CorpusAudited(
        said, found.n_certain, found.n_to_look_at, found.n_shared, found.verdicts, found.not_checked, out / "audit.html"
    )  # fmt: skip
