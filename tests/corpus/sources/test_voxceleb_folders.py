"""Finding the folders of VoxCeleb however the archives were unpacked."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.corpus.sources.voxceleb_folders import VoxcelebFolders, find_folders
from visavox.errors import ConfigError


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def words(root: Path, found: VoxcelebFolders) -> dict[str, list[str]]:
    kinds = {"sounds": found.sounds, "movies": found.movies, "tracks": found.tracks, "stills": found.stills}
    return {
        kind: [tree.folder.relative_to(root).as_posix() for tree in trees] for kind, trees in kinds.items() if trees
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["wav/id10001/v/1.wav"], {"sounds": ["wav"]}),
        (["id10001/v/1.wav"], {"sounds": ["."]}),
        (["dev/aac/id00012/v/1.m4a", "test/aac/id00017/v/1.m4a"], {"sounds": ["dev/aac", "test/aac"]}),
        (["vox2_test_mp4/mp4/id00017/v/1.mp4"], {"movies": ["vox2_test_mp4/mp4"]}),
        (["txt/id10001/v/1.txt"], {"tracks": ["txt"]}),
        (["txt/id10001/v/1.txt", "wav/id10001/v/1.wav"], {"sounds": ["wav"]}),
        (["wav/id10001/v/1.wav", "wav/id10001/v/1.txt"], {"sounds": ["wav"]}),
        (
            ["VGG_ALL_FRONTAL/Ann/1.jpg", "unzippedFaces/Ann/1.6/v/1.jpg"],
            {"stills": ["VGG_ALL_FRONTAL", "unzippedFaces"]},
        ),
        (["vggface2/train/n000012/0001_01.jpg"], {"stills": ["vggface2/train"]}),
        (["stills/id10001/v/1.jpg"], {"stills": ["stills"]}),
        (["faces/readme.txt"], {}),
        (["a/b/c/d/wav/id10001/v/1.wav"], {}),
        ([".cache/wav/id10001/v/1.wav"], {}),
    ],
)
def test_folders_are_known_by_what_is_in_them(files: list[str], expected: dict[str, list[str]], tmp_path: Path) -> None:
    assert words(tmp_path, find_folders(make(tmp_path, *files))) == expected


def test_an_empty_first_person_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "wav/id10001").mkdir(parents=True)
    assert words(tmp_path, find_folders(make(tmp_path, "wav/id10002/v/1.wav"))) == {"sounds": ["wav"]}


def test_named_folders_replace_the_found_ones(tmp_path: Path) -> None:
    make(tmp_path, "wav/id10001/v/1.wav", "flac/id10001/v/1.flac", "txt/id10001/v/1.txt", "mine/Ann/1.jpg")
    found = find_folders(tmp_path, sounds="flac", stills=str(tmp_path / "mine"), tracks="txt")
    assert words(tmp_path, found) == {"sounds": ["flac"], "stills": ["mine"], "tracks": ["txt"]}
    assert [tree.folder.name for tree in found.utterances] == ["txt"]
    with pytest.raises(ConfigError, match="There is no folder gone .* Correct `videos`"):
        find_folders(tmp_path, movies="gone")


def test_the_whole_table_is_preferred_to_its_parts(tmp_path: Path) -> None:
    make(tmp_path, "lists/vox1_train.csv", "lists/vox1_val.csv")
    assert [path.name for path in find_folders(tmp_path).tables] == ["vox1_train.csv", "vox1_val.csv"]
    make(tmp_path, "lists/vox1_meta.csv", "vox2_meta.csv")
    assert [path.name for path in find_folders(tmp_path).tables] == ["vox1_meta.csv", "vox2_meta.csv"]
    assert [path.name for path in find_folders(tmp_path, tables="lists/vox1_val.csv").tables] == ["vox1_val.csv"]
    with pytest.raises(ConfigError, match="There is no table gone.csv .* Correct `metadata`"):
        find_folders(tmp_path, tables="gone.csv")
