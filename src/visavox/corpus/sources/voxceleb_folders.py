"""Which folders under a root hold utterances, talking faces, stills, tracks and tables of VoxCeleb.

Example:
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("dev/wav/id10001/v/1.wav", "VGG_ALL_FRONTAL/Ann_Lee/1.jpg"):
    ...     (root / name).parent.mkdir(parents=True)
    ...     _ = (root / name).write_bytes(b"")
    >>> found = find_folders(root)
    >>> [tree.folder.name for tree in found.sounds], [tree.folder.name for tree in found.stills]
    (['wav'], ['VGG_ALL_FRONTAL'])
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from visavox.corpus.sources.media_trees import MOVIES, SOUNDS, STILLS, Tree, first_file, named_folder
from visavox.errors import ConfigError

ID = re.compile(r"id\d{5}")
"""Folders of people; `n000012` in VGGFace2."""
FACES_ID = re.compile(r"n\d{6}")
FACE_FOLDERS = frozenset({"vgg_all_frontal", "unzippedfaces", "unzippedintervalfaces", "faces", "images"})
TABLES = (("vox1_meta.csv", "vox2_meta.csv"), ("vox1_train.csv", "vox1_val.csv", "vox1_test.csv"))
"""Names of tables, in small letters; the second only where there is none of the first."""
DEPTH = 3  # levels below the root: root/dev/vox2_dev_aac/aac


@dataclass
class VoxcelebFolders:
    """What there is to walk and to read."""

    sounds: list[Tree] = field(default_factory=list)
    """Trees id/video/*.wav."""
    movies: list[Tree] = field(default_factory=list)
    """Trees id/video/*.mp4."""
    tracks: list[Tree] = field(default_factory=list)
    """Trees id/video/*.txt; empty unless the utterances are taken from them."""
    stills: list[Tree] = field(default_factory=list)
    """Trees name/.../*.jpg."""
    tables: list[Path] = field(default_factory=list)
    """Tables of people."""

    @property
    def utterances(self) -> list[Tree]:
        """The trees whose files are utterances."""
        return self.tracks or [*self.sounds, *self.movies]


def find_folders(
    root: Path, *, sounds: str = "", movies: str = "", stills: str = "", tracks: str = "", tables: str = ""
) -> VoxcelebFolders:
    """Return what there is under a root; what is named is taken in place of what would be found.

    Args:
        root: the folder.
        sounds: folder of the sounds, as the others inside `root` or a path of its own.
        movies: folder of the mp4 files.
        stills: folder of the stills.
        tracks: folder of the txt files.
        tables: file that names the people.

    Raises:
        ConfigError: what is named is not there.
    """
    found, named_tables = VoxcelebFolders(), [set[Path](), set[Path]()]
    _search(root, DEPTH, found, named_tables)
    for name, option, trees, suffixes in (
        (sounds, "voices", found.sounds, SOUNDS),
        (movies, "videos", found.movies, MOVIES),
        (stills, "faces", found.stills, STILLS),
        (tracks, "tracks", found.tracks, (".txt",)),
    ):
        if name:
            trees[:] = [Tree(named_folder(root, name, option), suffixes)]
    if not tracks and (found.sounds or found.movies):
        found.tracks.clear()
    found.tables = sorted(named_tables[0] or named_tables[1])
    if tables:
        table = next((path for path in (root / tables, Path(tables)) if path.is_file()), None)
        if table is None:
            raise ConfigError(f"There is no table {tables} in {root} or here. Correct `metadata`.")
        found.tables = [table]
    return found


def _search(folder: Path, depth: int, found: VoxcelebFolders, tables: list[set[Path]]) -> None:
    """Add what a folder and those below it hold."""
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        folders = [path for path in inside if path.is_dir()]
    except OSError:
        return
    for names, paths in zip(TABLES, tables, strict=True):
        paths.update(path for path in inside if path.name.lower() in names)
    people = [path for path in folders if ID.fullmatch(path.name)]
    if people:
        _add_tree(folder, people, found)
    elif folder.name.lower() in FACE_FOLDERS or any(FACES_ID.fullmatch(path.name) for path in folders):
        if first_file(folder, STILLS) is not None:
            found.stills.append(Tree(folder, STILLS))
    elif depth > 0:
        for path in folders:
            _search(path, depth - 1, found, tables)


def _add_tree(folder: Path, people: list[Path], found: VoxcelebFolders) -> None:
    """Add a folder of folders of ids, by the first file that can be told in it."""
    kinds = ((found.movies, MOVIES), (found.sounds, SOUNDS), (found.stills, STILLS), (found.tracks, (".txt",)))
    for person in people[:20]:  # the first may be empty
        for trees, suffixes in kinds:
            if first_file(person, suffixes) is not None:
                trees.append(Tree(folder, suffixes))
                return
