"""A corpus to trial lists: seeded, balanced, stratified, perhaps with hard negatives, in our format or a published one.

Example:
    outcome = draw_lists(TrialsConfig(corpus=Path("corpus"), out=Path("trials"), strata=("all", "gender+nationality")))
    outcome.counts
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MODALITIES, ClipLink, MediaItem, Modality
from visavox.corpus.published_lists.own_lists import own_lists
from visavox.corpus.published_lists.records import Protocol
from visavox.corpus.published_lists.writing import file_of, published_texts
from visavox.corpus.splits import Splits
from visavox.corpus.trial_drawing import draw_trials
from visavox.corpus.trial_files import MANIFEST, listed_files, write_trials
from visavox.corpus.trial_neighbours import nearest_people
from visavox.corpus.trial_pools import Neighbours
from visavox.corpus.trial_strata import parse_stratum
from visavox.corpus.trial_usage import Usage, usage_of
from visavox.corpus.trials import TrialSet
from visavox.errors import ConfigError, DataError
from visavox.method_config import TrialsConfig
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.splitting import SPLITS

PUBLISHED_FORMAT = "visavox-published-lists-1"
Sides = Mapping[Modality, list[ClipLink]]


@dataclass(frozen=True)
class TrialsOutcome:
    """What was drawn and written."""

    out: Path
    n_clips: int
    """Clips that could be drawn."""
    n_people: int
    """People that they are of."""
    counts: Mapping[str, int]
    """Trials of each list that was written, by its name."""
    usage: Mapping[str, Mapping[str, Usage]]
    """How evenly each list uses its clips."""
    skipped: Mapping[str, str]
    """Lists that were not written, and why."""


def draw_lists(config: TrialsConfig) -> TrialsOutcome:
    """Draw the lists of a corpus and write them with their manifest.

    Raises:
        ConfigError: a stratum, a number of candidates or a subset that is not there.
        DataError: no catalog, no list that could be drawn, embeddings that lack people, or lists of another request in
            `out` and `overwrite` is not given.
    """
    groups = list(dict.fromkeys(parse_stratum(word) for word in config.strata))
    with Catalog.open(config.corpus / CATALOG) as catalog:
        items = list(catalog.items())
        catalog_hash = catalog.content_hash()
    chosen = _chosen(items, config, catalog_hash)
    person_of = {item.clip: item.identity for item in chosen}
    sides: Sides = {m: [item.link() for item in chosen if item.modality == m] for m in MODALITIES}
    drawn = _request(config, groups)
    _refuse_other(config, drawn, catalog_hash)
    trials = draw_trials(
        sides["voice"],
        sides["face"],
        seed=config.seed,
        n_candidates=sorted(set(config.candidates)),
        n_per_probe=config.per_probe,
        groups=groups,
        neighbours=_neighbours(config.hard_negatives, sides) if config.hard_negatives else None,
    )
    if not trials.lists:
        name, reason = next(iter(trials.skipped.items()), ("", "no stratum and no number of candidates was given"))
        raise DataError(f"No list can be drawn. {name}: {reason}")
    if config.format == "visavox":
        write_trials(config.out, trials, catalog_hash=catalog_hash, drawn=drawn, person_of=person_of)
        written, skipped = list(trials.lists), trials.skipped
    else:
        written, skipped = _write_published(config, trials, sides, catalog_hash, drawn)
    return TrialsOutcome(
        config.out,
        n_clips=len({item.clip for item in chosen}),
        n_people=len({item.identity for item in chosen}),
        counts={name: len(trials.lists[name].probes) for name in written},
        usage={name: usage_of(trials.lists[name], person_of) for name in written},
        skipped=dict(skipped),
    )


def _chosen(items: list[MediaItem], config: TrialsConfig, catalog_hash: str) -> list[MediaItem]:
    """Return the usable items of the wanted subset."""
    subset = _subset(config)
    if config.splits is None and subset != "all":
        raise ConfigError(f"`subset` {subset} needs --splits, a folder that `visavox split` wrote.")
    if config.splits is not None and subset != "all":
        splits = Splits.load(config.splits / SPLITS, catalog_hash=catalog_hash)
        clips = set(splits.clips(subset))
        items = [item for item in items if item.clip in clips]
    if not items:
        raise DataError(f"{config.corpus} holds no usable clip to draw. Its catalog says why, clip by clip.")
    return items


def _subset(config: TrialsConfig) -> str:
    return config.subset or ("all" if config.splits is None else "test")


def _request(config: TrialsConfig, groups: list[str]) -> dict[str, Any]:
    """Return what decides the lists beside the seed and the corpus, for the manifest."""
    split = config.splits / SPLITS if config.splits else None
    hard = config.hard_negatives
    return {
        "groups": groups,
        "candidates": sorted(set(config.candidates)),
        "per_probe": config.per_probe,
        "subset": _subset(config),
        "splits_sha256": _digest(split) if split and split.is_file() else "",
        "hard_negatives": {name: _digest(hard / f"{name}.parquet") for name in MODALITIES} if hard else {},
        "format": config.format,
    }


def _digest(path: Path) -> str:
    if not path.is_file():
        raise DataError(f"There is no {path}. Run `visavox embed` first, and give --hard-negatives its folder.")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _refuse_other(config: TrialsConfig, drawn: Mapping[str, Any], catalog_hash: str) -> None:
    path = config.out / MANIFEST
    if config.overwrite or not path.exists():
        return
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        before = (manifest.get("seed"), manifest.get("catalog_hash"), manifest.get("drawn"))
    except (OSError, ValueError, AttributeError):
        before = (None, None, None)
    if before != (config.seed, catalog_hash, dict(drawn)):
        raise DataError(
            f"{path} is of other lists (seed {before[0]}, corpus {str(before[1])[:12]}, or other strata). Choose "
            "another folder, or replace them with --overwrite."
        )


def _neighbours(folder: Path, sides: Sides) -> dict[Modality, Neighbours]:
    """Return who is most like whom among the people to be drawn, for each modality."""
    embedded = CorpusEmbeddings.load(folder)
    found: dict[Modality, Neighbours] = {}
    for modality in MODALITIES:
        table = embedded.voice if modality == "voice" else embedded.face
        people = {link.identity for link in sides[modality]}
        missing = sorted(people - set(table.identities))
        if missing:
            raise DataError(
                f"{folder} has no {modality} of {missing[0]!r}, and of {len(missing) - 1} more of {len(people)} "
                "people. Run `visavox embed` on this corpus again."
            )
        rows = [row for row, person in enumerate(table.identities) if person in people]
        found[modality] = nearest_people(table.select(rows))
    return found


def _write_published(
    config: TrialsConfig, trials: TrialSet, sides: Sides, catalog_hash: str, drawn: Mapping[str, Any]
) -> tuple[list[str], Mapping[str, str]]:
    """Write the lists in a published format, and last the manifest; return the lists written and those skipped."""
    protocol: Protocol = "sss" if config.format == "sss" else "pins" if config.format == "pins" else "fame"
    subset = {"validation": "val", "all": "test"}.get(_subset(config), _subset(config))
    own = own_lists(trials, sides["voice"], sides["face"], protocol, subset=subset)
    if not own.records:
        name, reason = next(iter(own.skipped.items()))
        raise ConfigError(f"`format` {protocol} has no room for any of these lists. {name}: {reason}")
    texts = published_texts(list(own.records.values()))
    person_of = {link.clip: link.identity for links in sides.values() for link in links}
    described: dict[str, dict[str, Any]] = {}
    for name, record in own.records.items():
        described[name] = {
            "file": file_of(record),
            "direction": record.direction,
            "group": record.group,
            "n_trials": len(record),
            "n_skipped_probes": trials.lists[name].n_skipped_probes,
            "usage": usage_of(trials.lists[name], person_of),
        }
    manifest = {
        "format": PUBLISHED_FORMAT,
        "protocol": protocol,
        "seed": config.seed,
        "catalog_hash": catalog_hash,
        "lists": described,
        "files": {file: hashlib.sha256(text.encode()).hexdigest() for file, text in texts.items()},
        "skipped": dict(own.skipped),
        "drawn": dict(drawn),
    }
    for file, text in texts.items():
        with atomic_file(config.out / file, what="list") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="")
    for stale in listed_files(config.out) - texts.keys():
        (config.out / stale).unlink(missing_ok=True)
    with atomic_file(config.out / MANIFEST, what="manifest") as temporary:
        temporary.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return list(own.records), own.skipped
