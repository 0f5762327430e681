"""Building, adding and removing, from every source."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from visavox.errors import ConfigError, DataError
from visavox.pipeline.gallery import changing
from visavox.pipeline.gallery.changing import (
    UNFINISHED,
    GalleryOutcome,
    add_to_gallery,
    build_gallery,
    gallery_model,
    remove_from_gallery,
)
from visavox.pipeline.gallery.gathering import BadClip
from visavox.retrieval.gallery_opening import open_gallery
from visavox.retrieval.local_gallery import LocalGallery
from visavox.retrieval_config import GalleryAddConfig, GalleryBuildConfig, GalleryRemoveConfig


def half_of(world: Path, out: Path, *, kinds: tuple[str, ...] = ("faces", "voices")) -> Path:
    """The first half of the clips of a folder of pairs, with the media of some kinds."""
    with (world / "clips.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    kept = rows[: 1 + len(rows) // 4]
    clip = rows[0].index("clip")
    for kind in ("faces", "voices"):
        (out / kind).mkdir(parents=True)
        for path in (world / kind).iterdir():
            if kind in kinds and path.stem in {row[clip] for row in kept[1:]}:
                shutil.copy(path, out / kind)
    with (out / "clips.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(kept)
    return out


def test_a_gallery_is_built_and_replaced(
    small_embeddings: Path, small_corpus: Path, small_run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "g"
    config = GalleryBuildConfig(
        embeddings=small_embeddings, corpus=small_corpus, out=out, model=str(small_run), workers=1
    )
    outcome = build_gallery(config)
    assert (outcome.n_rows, outcome.n_people, outcome.n_new) == ({"voice": 16, "face": 16}, {"voice": 8, "face": 8}, 32)
    assert not (out / UNFINISHED).exists()
    with open_gallery(out) as gallery:
        assert gallery_model(gallery).associator.dim == 4
        assert gallery.about.model == str(small_run.resolve())
    with pytest.raises(ConfigError, match="holds a gallery. Add to it with `visavox gallery add`"):
        build_gallery(config)
    again = build_gallery(
        GalleryBuildConfig(
            embeddings=small_embeddings, out=out, model=str(small_run), modalities="face", overwrite=True, workers=1
        )
    )
    assert again.n_rows == {"face": 16}
    with open_gallery(out) as gallery:
        assert gallery.thumbnail(next(gallery.tables("face")).keys[0]) is None


@pytest.mark.slow
def test_pairs_are_prepared_on_the_way_and_a_bad_clip_is_a_row(
    small_world: Path, small_run: Path, tmp_path: Path
) -> None:
    pairs = half_of(small_world, tmp_path / "pairs")
    broken = sorted((pairs / "faces").iterdir())[0]
    broken.write_bytes(b"words")
    outcome = build_gallery(GalleryBuildConfig(pairs=pairs, out=tmp_path / "g", model=str(small_run), workers=1))
    assert outcome.n_rows["voice"] == outcome.n_rows["face"] + 1
    assert outcome.unusable == {"face": {"unreadable_image": 1}}
    assert [bad.clip for bad in outcome.bad_clips] == [broken.stem]
    assert f"{broken.stem}: " in outcome.describe()
    with open_gallery(tmp_path / "g") as gallery:
        (rows,) = gallery.tables("voice")
        assert gallery.excerpt(rows.keys[0])
    voices = half_of(small_world, tmp_path / "voices", kinds=("voices",))
    added = add_to_gallery(GalleryAddConfig(gallery=tmp_path / "g", pairs=voices, modalities="voice", workers=1))
    assert (added.n_new, added.n_replaced) == (0, outcome.n_rows["voice"])
    assert not (tmp_path / "g" / UNFINISHED).exists()


@pytest.mark.slow
def test_a_build_that_was_stopped_goes_on(
    small_world: Path, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = half_of(small_world, tmp_path / "pairs")
    config = GalleryBuildConfig(pairs=pairs, out=tmp_path / "g", model=str(small_run), workers=1)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(changing, "create_gallery", stop)
        with pytest.raises(KeyboardInterrupt):
            build_gallery(config)
    catalogs = list((tmp_path / "g" / UNFINISHED).rglob("catalog.sqlite"))
    assert len(catalogs) == 1
    told: list[tuple[int, int]] = []
    assert build_gallery(config, lambda *n: told.append(n)).n_rows == {"voice": 4, "face": 4}
    assert (4, 4) in told
    assert not (tmp_path / "g" / UNFINISHED).exists()


def test_other_folders_are_left_alone(small_embeddings: Path, small_run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    for out, said in ((tmp_path, "must be a new or empty folder, or a gallery"), (tmp_path / "mine", "is a file")):
        with pytest.raises(ConfigError, match=said):
            build_gallery(GalleryBuildConfig(embeddings=small_embeddings, out=out, model=str(small_run)))
    with pytest.raises(ConfigError, match="Unknown index 'none'"):
        build_gallery(
            GalleryBuildConfig(embeddings=small_embeddings, out=tmp_path / "g", model=str(small_run), index="none")
        )
    with pytest.raises(DataError, match="takes voice embeddings of"):
        build_gallery(GalleryBuildConfig(embeddings=small_embeddings, out=tmp_path / "g", model="world"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_who_is_removed_is_counted(tiny_gallery: LocalGallery) -> None:
    outcome = remove_from_gallery(
        GalleryRemoveConfig(gallery=tiny_gallery.folder, people=("<b>P0</b>",), clips=("c2",))
    )
    assert (outcome.n_removed, outcome.n_rows, outcome.notes) == (6, {"voice": 9, "face": 9}, ())
    later = remove_from_gallery(GalleryRemoveConfig(gallery=tiny_gallery.folder, clips=("c3",), erase=False))
    assert "its bytes stay in the files of the gallery" in later.notes[0]
    with pytest.raises(ConfigError, match="Say who is to go"):
        remove_from_gallery(GalleryRemoveConfig(gallery=tiny_gallery.folder))
    with pytest.raises(ConfigError, match=r"No person of the 4 in .* is called '<b>P1<b>'. Did you mean '<b>P"):
        remove_from_gallery(GalleryRemoveConfig(gallery=tiny_gallery.folder, people=("<b>P1<b>",)))


def test_adding_to_a_gallery_of_a_model_that_changed_is_refused(
    tiny_gallery: LocalGallery, small_embeddings: Path, small_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from visavox.pipeline.voice_face_model import VoiceFaceModel

    other = VoiceFaceModel.from_pretrained(small_run)
    monkeypatch.setattr(VoiceFaceModel, "from_pretrained", lambda *_, **__: other)
    with pytest.raises(DataError, match=r"are of the model 'tiny' .*Got the model .*run"):
        add_to_gallery(GalleryAddConfig(gallery=tiny_gallery.folder, embeddings=small_embeddings))


def test_the_outcome_is_told_in_lines() -> None:
    bad = BadClip("x\n", "face", "no_face", "None found.")
    outcome = GalleryOutcome(
        Path("g"), "base", {"face": 1}, {"face": 1}, 3, 2, 1, {"face": {"no_face": 1}}, (bad,), ("Mind.",), 1.26
    )
    assert outcome.describe().splitlines() == [
        "g: 1 face of 1 person, model base, 1.3 s",
        "  3 added, 2 replaced",
        "  1 removed",
        "  faces that could not be used: 1 no_face",
        "    x\\n: None found.",
        "  Mind.",
    ]
    assert GalleryOutcome(Path("g"), "base", {}, {}).describe() == "g: nothing, model base, 0.0 s\n"
