r"""The source "voxceleb": VoxCeleb 1 and 2 as they come out of their archives.

    wav/id10001/VIDEO/00001.wav         utterances (version 1; also m4a, flac ...)      a voice each
    aac/id00012/VIDEO/00001.m4a         the same (version 2)                            a voice each
    mp4/id00012/VIDEO/00001.mp4         cropped talking faces (version 2)               a face and a voice each
    txt/id10001/VIDEO/00001.txt         utterances with face tracks                     a part of a YouTube video each
    unzippedFaces/NAME/1.6/VIDEO/*.jpg  stills of a video (version 1)                   a face each
    VGG_ALL_FRONTAL/NAME/*.jpg          frontal stills without a video                  a face each
    vox1_meta.csv, vox2_meta.csv        who is called what; gender, nationality, split

The folders are found under the root, three levels deep, by what is in them, so that dev and test may lie side by side.
A person is an id; the tables join the names of the face folders to them. Nothing is opened but tables and txt files.

Source: Nagrani et al. (2017), Chung et al. (2018); lists as in Seeking the Shape of Sound (Wen et al., CVPR 2021).

Example:
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("wav/id10001/v/00001.wav", "unzippedFaces/Ann_Lee/1.6/v/01.jpg"):
    ...     (root / name).parent.mkdir(parents=True, exist_ok=True)
    ...     _ = (root / name).write_bytes(b"")
    >>> _ = (root / "vox1_meta.csv").write_text("VoxCeleb1 ID\tVGGFace1 ID\tGender\nid10001\tAnn_Lee\tf\n")
    >>> [(r.clip, r.person, r.video) for r in VoxcelebSource(root)]
    [('id10001/v/00001', 'id10001', 'v'), ('unzippedFaces/Ann_Lee/1.6/v/01.jpg', 'id10001', 'v')]
    >>> [(r.clip, r.face_source) for r in VoxcelebSource(root, pair=True)]
    [('id10001/v/00001', 'unzippedFaces/Ann_Lee/1.6/v/01.jpg')]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from visavox.corpus.sources.base import ClipRecord, Source
from visavox.corpus.sources.celebrity_tables import Celebrities
from visavox.corpus.sources.file_index import readable_name
from visavox.corpus.sources.media_trees import MOVIES, SOUNDS, Tree, inside, walk_together
from visavox.corpus.sources.still_choice import StillsOfVideos
from visavox.corpus.sources.video_places import VideoPlaces
from visavox.corpus.sources.voxceleb_folders import VoxcelebFolders, find_folders
from visavox.corpus.sources.voxceleb_tracks import parse_track
from visavox.errors import ConfigError, DataError, MediaError
from visavox.registry import SOURCES

MAX_TRACK_BYTES = 10_000_000  # an hour of frames; a file that is larger is something else


@SOURCES.register("voxceleb")
class VoxcelebSource(Source):
    """Clips of VoxCeleb.

    Utterances come first, by person, video and number, then stills; each is a clip of one item, joined by person,
    except that an mp4 gives both, and so does `pair`. An utterance that lies in several folders or kinds of sound is
    taken once, and counted. Where there are neither sounds nor mp4 the txt files give the utterances.

    Args:
        root: the folder that holds the archives' folders.
        columns: from our field (person, faces, name, gender, nationality, set) to its column in the tables.
        voices: folder of the utterances' sounds, inside `root` or a path of its own; "" finds all.
        videos: folder of the mp4 files; "" finds all.
        faces: folder of the stills; "" finds all.
        tracks: folder of the txt files; they then give the utterances, whatever else is there.
        metadata: the table; "" finds vox1_meta.csv, vox2_meta.csv, or else vox1_train.csv, vox1_val.csv, vox1_test.csv.
        media: for the txt files where the videos are: "" at YouTube; a folder with files named by id; or an address
            with `{video}`.
        pair: give each utterance a still of its video, where there is one; the other stills are left out, and counted.

    Iterating raises:
        ConfigError: a folder or a table is missing.
        DataError: there is nothing of VoxCeleb; a table cannot be read.
    """

    def __init__(
        self,
        root: str | Path,
        columns: Mapping[str, str] | None = None,
        voices: str = "",
        videos: str = "",
        faces: str = "",
        tracks: str = "",
        metadata: str = "",
        media: str = "",
        pair: bool = False,
    ) -> None:
        """Store the arguments; the folders are walked when iterating."""
        self.root = root
        self.columns = columns
        self.voices = voices
        self.videos = videos
        self.faces = faces
        self.tracks = tracks
        self.metadata = metadata
        self.media = media
        self.pair = pair
        self._stats: dict[str, object] = {}

    def __iter__(self) -> Iterator[ClipRecord]:
        """Iterate over the clips: utterances by person, video and number, then stills by name."""
        folders = self._folders()
        people = Celebrities.read(folders.tables, self.columns)
        stills = StillsOfVideos(folders.stills, people)
        counts, problems, seen = Counter[str](), Counter[str](), set[str]()
        for record in self._records(folders, people, stills, counts):
            counts["n_records"] += 1
            problems.update([record.problem[0]] if record.problem else [])
            seen.update([record.person] if record.person else [])
            yield record
        if self.pair:
            counts["n_stills_left_out"] = _n_files(folders.stills) - counts["n_stills_used"]
        trees = [*folders.sounds, *folders.movies, *folders.tracks, *folders.stills]
        self._stats = {
            "n_records": 0,
            **counts,
            "n_problems": dict(sorted(problems.items())),
            "n_people": len(seen),
            "n_people_without_metadata": len(seen - people.by_id.keys()) if folders.tables else 0,
            "n_people_without_files": len(people.by_id.keys() - seen),
            "n_bad_metadata_rows": people.n_bad_rows,
            "folders": [inside(tree.folder, Path(self.root)) for tree in trees],
            "unreadable_folders": [name for tree in trees for name in tree.unreadable],
        }

    def __len__(self) -> int:
        """Return the number of records: utterances, and stills that are clips."""
        folders = self._folders()
        n_utterances = sum(1 for key, _ in walk_together(folders.utterances) if len(key) > 1)
        stills = walk_together([] if self.pair else folders.stills)
        return n_utterances + sum(len(paths) for key, paths in stills if len(key) > 1)

    def settings(self) -> dict[str, object]:
        """Return the arguments as JSON values; folders by their names alone, so that a corpus may be moved."""
        named = ("voices", "videos", "faces", "tracks", "metadata")
        return {
            "name": "voxceleb",
            "folder": Path(self.root).resolve().name,
            "columns": dict(self.columns or {}),
            **{name: _movable(getattr(self, name)) for name in named},
            "media": VideoPlaces(self.media).setting(),
            "pair": self.pair,
        }

    def stats(self) -> dict[str, object]:
        """Return figures of the last complete iteration; empty before it.

        Returns:
            `n_records`, `n_problems` by status, `n_people`; `n_people_without_metadata` (ids that no table names),
            `n_people_without_files` (ids of the tables); `n_utterances`, `n_stills`, `n_pairs` (utterances that got a
            still) and `n_stills_left_out`; `n_copies` (files of an utterance that is taken from another file);
            `folders` that were walked and `unreadable_folders`.
        """
        return dict(self._stats)

    def _folders(self) -> VoxcelebFolders:
        """Return what is to be walked.

        Raises:
            ConfigError: a folder is missing, or `media` is given without txt files.
            DataError: there is nothing to walk.
        """
        root = Path(self.root)
        if not root.is_dir():
            raise ConfigError(
                f"The source folder {root} does not exist. Give the folder that holds wav/, mp4/ or txt/."
            )
        folders = find_folders(
            root,
            sounds=self.voices,
            movies=self.videos,
            stills=self.faces,
            tracks=self.tracks,
            tables=self.metadata,
        )
        if not folders.utterances and not folders.stills:
            raise DataError(
                f"{root} holds no clips: no folder in it holds wav, m4a, mp4 or txt files sorted by id10001/VIDEO/, or "
                "faces. Give another folder, or name them with voices=, videos=, faces= or tracks=."
            )
        if self.media and not folders.tracks:
            raise ConfigError("`media` says where the videos of the txt files are, and there are none. Leave it out.")
        return folders

    def _records(
        self, folders: VoxcelebFolders, people: Celebrities, stills: StillsOfVideos, counts: Counter[str]
    ) -> Iterator[ClipRecord]:
        places = VideoPlaces(self.media, Path(self.root))
        places.check()
        files = ((key, paths) for key, paths in walk_together(folders.utterances) if len(key) > 1)
        for (person, *video), utterances in groupby(files, key=lambda file: file[0][:-1]):
            # Those of one video at once, so that its stills can be spread over them.
            of_video = list(utterances)
            choice = stills.spread(person, video[-1] if video else "", len(of_video)) if self.pair else []
            used = set[Path]()
            for i, (key, paths) in enumerate(of_video):
                counts["n_utterances"] += 1
                if folders.tracks:
                    counts["n_copies"] += len(paths) - 1
                    record = self._track(key, paths[0], people, places)
                else:
                    record = self._utterance(key, paths, people)
                    n_used = len({record.face_path, record.voice_path} - {None})
                    counts["n_copies"] += len(paths) - n_used
                if i < len(choice) and record.face_path is None and not record.address and record.problem is None:
                    counts["n_pairs"] += 1
                    used.add(choice[i])
                    record = replace(record, face_path=choice[i], face_source=inside(choice[i], Path(self.root)))
                yield record
            counts["n_stills_used"] += len(used)
        for key, paths in walk_together([] if self.pair else folders.stills):
            if len(key) > 1:
                counts["n_stills"] += len(paths)
                for path in paths:
                    yield self._still(key, path, people)

    def _utterance(self, key: tuple[str, ...], paths: Sequence[Path], people: Celebrities) -> ClipRecord:
        sounds = sorted((SOUNDS.index(path.suffix.lower()), path) for path in paths if path.suffix.lower() in SOUNDS)
        movies = [path for path in paths if path.suffix.lower() in MOVIES]
        face = movies[0] if movies else None
        # The mp4 of version 2 have a sound of their own; the file of the sound alone is what speaker lists name.
        voice = sounds[0][1] if sounds else face
        return ClipRecord(
            readable_name("/".join(key)),
            face_path=face,
            voice_path=voice,
            **_who(key, people),
            face_source=inside(face, Path(self.root)) if face else "",
            voice_source=inside(voice, Path(self.root)) if voice else "",
        )

    def _still(self, key: tuple[str, ...], path: Path, people: Celebrities) -> ClipRecord:
        source = inside(path, Path(self.root))
        who = _who((people.id_of(key[0]), *key[1:]), people)
        return ClipRecord(source, face_path=path, **who, face_source=source)

    def _track(self, key: tuple[str, ...], path: Path, people: Celebrities, places: VideoPlaces) -> ClipRecord:
        clip, source = readable_name("/".join(key)), inside(path, Path(self.root))
        who = _who(key, people)
        try:
            if path.stat().st_size > MAX_TRACK_BYTES:
                raise MediaError("the file is too large to be a track", status="malformed_row")
            track = parse_track(path.read_text(encoding="utf-8-sig", errors="replace"))
        except OSError as e:
            return ClipRecord(clip, **who, problem=("missing_file", f"{source} cannot be read ({e.strerror})"))
        except MediaError as e:
            return ClipRecord(clip, **who, problem=(e.status, f"{source}: {e}"))
        place = places.place(who["video"] or track.video)
        return ClipRecord(
            clip,
            face_path=place.path,
            voice_path=place.path,
            **{**who, "video": who["video"] or track.video or None},
            start_s=track.start_s,
            end_s=track.end_s,
            is_whole_video=True,
            address=place.address,
            speaker=track.speaker,
            problem=None if place.problem is None else (place.problem[0], f"{source}: {place.problem[1]}"),
            face_source=place.source,
            voice_source=place.source,
        )


def _who(key: Sequence[str], people: Celebrities) -> dict[str, Any]:
    """Return person, video and attributes of a file by its folders: id, then the video as the last one."""
    return {
        "person": readable_name(key[0]),
        "video": readable_name(key[-2]) if len(key) > 2 else None,
        "attributes": people.attributes_of(key[0]),
    }


def _n_files(trees: Sequence[Tree]) -> int:
    return sum(1 for tree in trees for key, _ in tree.walk() if len(key) > 1)


def _movable(name: str) -> str:
    """Return a folder as the settings keep it: by its name alone where it is a path of its own."""
    return Path(name).name if Path(name).is_absolute() else name
