"""Trials that we drew, in the form of a published protocol.

A clip is written as PERSON/CLIP.wav and PERSON/CLIP.jpg, percent-encoded, or CLIP alone where it begins with its
person's folder, as in id19003/abcdefghijk/00001. `published_name` is also how whoever scores such a list finds the clip
again. What a protocol has no room for is left out with a reason: FAME has pairs only, and with the voice first.

Example:
    >>> published_name(ClipLink("v/00001", "Ann Lee"), "voice", "sss")
    'Ann%20Lee/v/00001.wav'
    >>> published_name(ClipLink("Ann/v/00001", "Ann"), "face", "pins")
    'Ann/1.6/v/00001.jpg'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from visavox.corpus.items import ClipLink, Modality
from visavox.corpus.published_lists import fame, pins, sss
from visavox.corpus.published_lists.lines import coded
from visavox.corpus.published_lists.records import (
    AnyPublished,
    Codes,
    Protocol,
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
)
from visavox.corpus.trials import MatchingTrials, RetrievalTrials, Trials, TrialSet, VerificationTrials
from visavox.errors import ConfigError, DataError

SUFFIXES = {"voice": ".wav", "face": ".jpg"}
FOLDERS = {"voice": "voices/", "face": "faces/"}


@dataclass(frozen=True)
class OwnLists:
    """What became of a set of trials."""

    records: Mapping[str, AnyPublished]
    """By the names of our lists."""
    skipped: Mapping[str, str]
    """Lists that the protocol has no room for, and why."""


def published_name(link: ClipLink, modality: Modality, protocol: Protocol) -> str:
    """Return how a list of a protocol names the voice or face of a clip."""
    person, clip = quote(link.identity, safe=""), quote(link.clip, safe="/")
    below = clip.removeprefix(f"{person}/")
    middle = f"{pins.FACE_SCALE}/" if (modality, protocol) == ("face", "pins") else ""
    folder = FOLDERS[modality] if protocol == "fame" else ""
    return f"{folder}{person}/{middle}{below}{SUFFIXES[modality]}"


def own_lists(
    trials: TrialSet, voices: Iterable[ClipLink], faces: Iterable[ClipLink], protocol: Protocol, *, subset: str = "test"
) -> OwnLists:
    """Return the trials as lists of a protocol.

    Args:
        trials: what `draw_trials` drew.
        voices: links of the voices at hand.
        faces: links of the faces at hand.
        protocol: "sss", "pins" or "fame".
        subset: named in the files of "sss".

    Raises:
        DataError: two clips that would be written alike.
    """
    sides: dict[Modality, dict[str, ClipLink]] = {
        "voice": {link.clip: link for link in voices},
        "face": {link.clip: link for link in faces},
    }
    records: dict[str, AnyPublished] = {}
    skipped = dict(trials.skipped)
    for name, one in trials.lists.items():
        try:
            record = _record(one, sides, protocol, subset)
            if protocol == "pins" and isinstance(record, PublishedVerification):
                pins.verification_text(record)  # whether the names have the form that it needs
            records[name] = record
        except ConfigError as reason:
            skipped[name] = str(reason)
    return OwnLists(records, skipped)


def _record(
    trials: Trials, sides: Mapping[Modality, Mapping[str, ClipLink]], protocol: Protocol, subset: str
) -> AnyPublished:
    voice_first = trials.direction == "voice_to_face"
    if protocol == "fame" and not (isinstance(trials, VerificationTrials) and voice_first):
        raise ConfigError("FAME has lists of pairs only, the voice first. Give --format visavox or sss for the others.")
    first, second = _Side(sides, "voice", protocol), _Side(sides, "face", protocol)
    probes, others = (first, second) if voice_first else (second, first)
    if isinstance(trials, RetrievalTrials):
        names = (probes.names(trials.probes), others.names(trials.gallery))
        people = _People(protocol, [(probes, trials.probes), (others, trials.gallery)])
        return PublishedRetrieval(
            **_common(trials, protocol, subset, people),
            probe_names=names[0],
            gallery_names=names[1],
            probe_people=people.codes[0],
            gallery_people=people.codes[1],
        )
    probe_clips, probe_rows = coded(trials.probes)
    flat = (clip for row in trials.candidates for clip in ([row] if isinstance(row, str) else row))
    candidate_clips, candidate_rows = coded(flat)
    people = _People(protocol, [(probes, probe_clips), (others, candidate_clips)])
    columns: dict[str, Any] = {
        "probes": probe_rows,
        "probe_names": probes.names(probe_clips),
        "candidate_names": others.names(candidate_clips),
        "probe_people": people.codes[0],
        "candidate_people": people.codes[1],
        **_common(trials, protocol, subset, people),
    }
    if isinstance(trials, MatchingTrials):
        table = candidate_rows.reshape(len(trials.probes), trials.n_candidates)
        return PublishedMatching(candidates=table, **columns)
    keys = tuple(f"{row:08x}" for row in range(len(trials.probes))) if protocol == "fame" else ()
    return PublishedVerification(candidates=candidate_rows, labels=np.array(trials.labels), keys=keys, **columns)


class _Side:
    """How the clips of one modality are written."""

    def __init__(
        self, sides: Mapping[Modality, Mapping[str, ClipLink]], modality: Modality, protocol: Protocol
    ) -> None:
        self.links = sides[modality]
        self._modality: Modality = modality
        self._protocol: Protocol = protocol

    def names(self, clips: Sequence[str]) -> tuple[str, ...]:
        written = tuple(published_name(self.links[clip], self._modality, self._protocol) for clip in clips)
        clip_of: dict[str, str] = {}
        for clip, name in zip(clips, written, strict=True):
            if clip_of.setdefault(name, clip) != clip:
                raise DataError(
                    f"The clips {clip_of[name]!r} and {clip!r} would both be called {name!r} in a list of "
                    f"{self._protocol}. Rename one, or give --format visavox."
                )
        return written


class _People:
    """The people of both sides in one numbering, in the order of their names."""

    def __init__(self, protocol: Protocol, sides: Sequence[tuple[_Side, Sequence[str]]]) -> None:
        links = [[side.links[clip] for clip in clips] for side, clips in sides]
        self.names: tuple[str, ...]
        self.codes: list[Codes]
        self.attributes: dict[str, tuple[str | None, ...]] = {}
        if protocol == "fame":  # it has no identity file: what is read back knows whom the paths name
            self.names, *self.codes = fame.people_of_paths(*(side.names(clips) for side, clips in sides))
            return
        people = {quote(link.identity, safe=""): link for one in links for link in one}
        self.names = tuple(sorted(people))
        row_of = {name: row for row, name in enumerate(self.names)}
        self.codes = [np.array([row_of[quote(x.identity, safe="")] for x in one], dtype=np.int64) for one in links]
        self.attributes = {"face_id": self.names}
        for attribute in ("gender", "nationality"):
            self.attributes[attribute] = tuple(people[name].attribute(attribute) for name in self.names)


def _common(trials: Trials, protocol: Protocol, subset: str, people: _People) -> dict[str, Any]:
    """Return the fields that every kind of list has."""
    kind = {MatchingTrials: "match", VerificationTrials: "verify", RetrievalTrials: "retrieval"}[type(trials)]
    n = trials.n_candidates if isinstance(trials, MatchingTrials) else 0
    if protocol == "sss":
        name = sss.file_name(kind, trials.direction, trials.group, n, subset).removesuffix(".txt")
    elif protocol == "pins":
        name = pins.list_name(kind, trials.direction, trials.group, n)
    else:
        name = f"verification_{trials.direction}_{trials.group}"
    return {
        "protocol": protocol,
        "name": name,
        "direction": trials.direction,
        "group": trials.group,
        "condition": pins.UNSEEN if protocol == "pins" else "",
        "people_names": people.names,
        "attributes": people.attributes,
    }
