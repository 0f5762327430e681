"""The audit of a whole corpus: what its names hide, whatever a split says.

Records, and what each finding means and asks for. How alike pairs are found is `visavox.corpus.alike_pairs`, what
stands in lists `visavox.corpus.people_lists`, what stands on two sides of a split `visavox.corpus.audit`. How it is
shown is `visavox.evaluation.corpus_audit_page`.

Example:
    >>> items = [MediaItem(f"{p}/face", p, "face", person=p, video="v") for p in ("Ann_Lee", "ann lee")]
    >>> one_name_spelt_twice(items), videos_of_several(items)[0].people
    ((('Ann_Lee', 'ann lee'),), ('Ann_Lee', 'ann lee'))
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from visavox.corpus.alike_pairs import AlikePairs
from visavox.corpus.audit import Audit, AuditThresholds
from visavox.corpus.items import MediaItem
from visavox.corpus.people_lists import Shared, name_key

FORMAT = "visavox-corpus-audit-1"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a pair of clips, or a name, is suspected of."""

    title: str
    """Heading of its section."""
    meaning: str
    """What was found, in a sentence."""
    remedy: str
    """What to do about it."""
    is_certain: bool = False
    """Nothing to judge: it is so."""


VERDICTS: Mapping[str, Verdict] = {
    "two_names": Verdict(
        "One recording, two people",
        "The stored face or voice of two people is the same file, byte by byte.",
        "One of the names is wrong: correct the list and prepare again, or drop one of the clips.",
        is_certain=True,
    ),
    "video_twice": Verdict(
        "One video under two names",
        "Clips of two videos hold the same file, byte by byte.",
        "Keep one of the two videos; until then a split may put the same recording on both sides.",
        is_certain=True,
    ),
    "one_recording": Verdict(
        "Probably one video under two names",
        "Picture and voice are both nearly the same, as of a video that was uploaded or compressed twice.",
        "Look and listen; where it is one video, keep one of the two.",
    ),
    "alike_both": Verdict(
        "Look alike and sound alike",
        "Face and voice together are closer than those of two people usually are.",
        "Probably one person: give both one name, so that no split separates them.",
    ),
    "alike_face": Verdict(
        "Faces that are nearly the same",
        "The faces are closer than those of two people usually are; the voices are not, or are not known.",
        "Look: one person under two names, one picture used twice, or two people who look alike.",
    ),
    "alike_voice": Verdict(
        "Voices that are nearly the same",
        "The voices are closer than those of two people usually are; the faces are not, or are not known.",
        "Listen: one person under two names, a presenter heard over another's picture, or two alike voices.",
    ),
    "clip_twice": Verdict(
        "One clip stored twice",
        "Two clips of one person, or of nobody known, hold the same file.",
        "Harmless for a split, but it counts twice: drop one where it matters.",
        is_certain=True,
    ),
}
"""What a pair can be, the gravest first."""


@dataclass(frozen=True)
class SharedVideo:
    """A video that is listed under several people."""

    video: str
    people: tuple[str, ...]
    n_clips: int


@dataclass(frozen=True)
class ListFinding:
    """What the corpus shares with one list."""

    name: str
    """Of the list."""
    n_people: int
    """People in the list."""
    n_videos: int
    """Videos in the list."""
    shared: Shared


@dataclass(frozen=True)
class Acquaintance:
    """What a model in the box has met of this corpus, as far as its history tells."""

    model: str
    """The encoder, head or model."""
    trained_on: str
    """What it was trained on."""
    met: tuple[str, ...] = ()
    """People or videos of the corpus that it has met."""
    how: str = ""
    """How we know, or why nobody can tell."""


@dataclass(frozen=True)
class CorpusAudit:
    """Everything an audit of a corpus found."""

    corpus: str
    """Name of its folder."""
    n_people: int
    """People with a name."""
    n_videos: int
    n_clips: int
    n_faces: int
    n_voices: int
    alike: AlikePairs
    shared_videos: tuple[SharedVideo, ...]
    spellings: tuple[tuple[str, ...], ...]
    """Names of people that differ in capitals, accents or marks only."""
    lists: tuple[ListFinding, ...]
    acquaintances: tuple[Acquaintance, ...]
    sides: Audit | None
    """The audit of a split; None where no split was given."""
    not_checked: Mapping[str, str] = field(default_factory=dict)
    """What could not be looked for, and why; in words."""
    thresholds: AuditThresholds = field(default_factory=AuditThresholds)

    @property
    def verdicts(self) -> dict[str, int]:
        """Listed pairs by verdict, the gravest first."""
        found = dict.fromkeys(VERDICTS, 0)
        for pair in self.alike.pairs:
            found[pair.verdict] += 1
        return {name: count for name, count in found.items() if count}

    @property
    def n_certain(self) -> int:
        """Pairs of which there is nothing to judge, and errors of the split."""
        pairs = sum(count for name, count in self.verdicts.items() if VERDICTS[name].is_certain)
        return pairs + (self.sides.n_errors if self.sides is not None else 0)

    @property
    def n_to_look_at(self) -> int:
        """Pairs and names that a person should judge."""
        pairs = sum(count for name, count in self.verdicts.items() if not VERDICTS[name].is_certain)
        return pairs + len(self.spellings) + len(self.shared_videos)

    @property
    def n_shared(self) -> int:
        """People, videos and files that stand in a given list too, list by list."""
        return sum(len(f.shared.people) + len(f.shared.videos) + len(f.shared.digests) for f in self.lists)


def videos_of_several(items: Iterable[MediaItem]) -> tuple[SharedVideo, ...]:
    """Return the videos that are listed under more than one person, by name."""
    people: dict[str, set[str]] = defaultdict(set)
    clips: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.video and item.person:
            people[item.video].add(item.person)
            clips[item.video].add(item.clip)
    several = sorted(video for video, names in people.items() if len(names) > 1)
    return tuple(SharedVideo(video, tuple(sorted(people[video])), len(clips[video])) for video in several)


def one_name_spelt_twice(items: Iterable[MediaItem]) -> tuple[tuple[str, ...], ...]:
    """Return groups of people whose names differ in capitals, accents, spaces and marks only."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for person in {item.person for item in items if item.person}:
        if key := name_key(person):
            spellings[key].add(person)
    return tuple(tuple(sorted(names)) for _, names in sorted(spellings.items()) if len(names) > 1)
