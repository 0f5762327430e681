r"""The tables of a made-up world: who is in which clip, and what every face and voice show.

`people.csv` is what anybody may know: person, sex, session, nationality, language. `truth.csv` is what nobody could
know of real people: the numbers behind faces and voices.

Example:
    >>> world = World(n_people=1, n_clips=1, seed=0, layout="pairs")
    >>> print(clips_table(world).decode(), end="")  # doctest: +ELLIPSIS
    clip,person,gender,session,nationality,language
    w0-person-0000-c0,w0-person-0000,f,w0-person-0000-s0,...
    >>> truth_table(world).decode().split(",")[:4]
    ['person', 'gender', 'face_sex', 'face_age']
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from visavox.world.people import Person, Shown, make_person, person_name
from visavox.world.population import CATEGORIES, DIMENSIONS, N_PRIVATE
from visavox.world.world_folder import World

SIDES = ("face", "voice")


@dataclass(frozen=True)
class ClipRow:
    """One clip of a world."""

    clip: str
    """Its name: "w0-person-0007-c2"."""
    file: str
    """What the table calls it: a path relative to the folder for videos, else the name."""
    person: Person
    """Who it is."""
    session: str
    """Name of the session: "w0-person-0007-s1"."""

    @property
    def nationality(self) -> str:
        """Name of the person's own nationality."""
        return CATEGORIES["nationality"][self.person.nationality]

    @property
    def language(self) -> str:
        """Name of the person's own language."""
        return CATEGORIES["language"][self.person.language]


def clip_name(world: World, index: int, clip: int) -> str:
    """Return the name of clip number `clip` of person number `index`."""
    return f"{person_name(index, seed=world.seed)}-c{clip}"


def video_name(world: World, index: int, clip: int) -> str:
    """Return the path of a clip's video, relative to the folder of the world."""
    return f"videos/{person_name(index, seed=world.seed)}/{clip_name(world, index, clip)}.mp4"


def clip_rows(world: World, people: Iterable[Person] | None = None) -> Iterator[ClipRow]:
    """Yield every clip, people first and clips within.

    Args:
        world: its settings.
        people: those of the world, in order, where they are at hand; None: they are made.
    """
    for index, person in enumerate(people or world_people(world)):
        for clip in range(world.n_clips):
            name = clip_name(world, index, clip)
            file = video_name(world, index, clip) if world.layout == "videos" else name
            yield ClipRow(name, file, person, f"{person.name}-s{clip // world.clips_per_session}")


def world_people(world: World) -> Iterator[Person]:
    """Yield the people of a world, in order."""
    return (make_person(index, seed=world.seed, population=world.population) for index in range(world.n_people))


def clips_table(world: World, people: Iterable[Person] | None = None) -> bytes:
    """Return the table of clips as UTF-8 CSV, the first column "video" for videos and "clip" otherwise."""
    first = "video" if world.layout == "videos" else "clip"
    header = (first, "person", "gender", "session", "nationality", "language")
    rows = (
        (row.file, row.person.name, row.person.sex, row.session, row.nationality, row.language)
        for row in clip_rows(world, people)
    )
    return _csv(header, rows)


def truth_table(world: World) -> bytes:
    """Return what the face and the voice of every person show, as UTF-8 CSV, one row a person.

    Columns: person, gender, then for "face_" and "voice_" the shown sex, a number for each of `DIMENSIONS`, the
    private numbers, and the names of the shown nationality and language. Numbers are written so that they read back
    exactly.
    """
    names = ("sex", *DIMENSIONS, *(f"private_{i}" for i in range(N_PRIVATE)), "nationality", "language")
    header = ("person", "gender", *(f"{side}_{name}" for side in SIDES for name in names))
    rows = ((person.name, person.sex, *_shown(person.face), *_shown(person.voice)) for person in world_people(world))
    return _csv(header, rows)


def _shown(shown: Shown) -> tuple[object, ...]:
    traits = (CATEGORIES["nationality"][shown.nationality], CATEGORIES["language"][shown.language])
    return (shown.sex, *shown.shared, *shown.private, *traits)


def _csv(header: Iterable[str], rows: Iterable[tuple[object, ...]]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return table.getvalue().encode()
