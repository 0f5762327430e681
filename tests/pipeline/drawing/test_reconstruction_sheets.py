"""Contact sheets of a test: everybody once, every column with its provenance, guesses named as such."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.evaluation.drawn_faces import contestant, drawn_faces, true_faces

from visavox.errors import DataError
from visavox.evaluation.reconstruction_record import DrawnFaces
from visavox.metrics.memorisation import nearest_rows
from visavox.pipeline.drawing.reconstruction_sheets import (
    MARGIN_PX,
    NAME_PX,
    ROWS,
    TILE_PX,
    Column,
    draw_sheet,
    sheet_columns,
    write_sheets,
)


def test_everybody_is_shown_once_on_as_many_sheets_as_it_takes(tmp_path: Path) -> None:
    sheets = write_sheets(drawn_faces(n_people=12), tmp_path / "sheets")
    assert [Path(sheet.path).name for sheet in sheets] == ["people-1.jpg", "people-2.jpg"]
    assert sheets[0].heading == "person0 to person7" and "guess" in sheets[0].caption.lower()
    sizes = [Image.open(sheet.path).size for sheet in sheets]
    assert sizes[0][0] == sizes[1][0] and sizes[0][1] - sizes[1][1] >= (ROWS - 2) * TILE_PX


def test_sheets_of_an_earlier_run_go(tmp_path: Path) -> None:
    write_sheets(drawn_faces(n_people=12), tmp_path)
    write_sheets(drawn_faces(n_people=4), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["people-1.jpg"]


def test_columns_are_the_truth_everybody_and_the_nearest_training_face() -> None:
    drawn = drawn_faces()
    rows = np.array([0, 3, 6])
    columns = sheet_columns(drawn, rows)
    assert [column.name for column in columns] == [
        "true face", "ours", "Speech2Face", "face to face", "the average face", "nearest training face",
    ]  # fmt: skip
    assert [column.is_leak for column in columns] == [False, False, False, True, False, False]
    assert columns[1].told == "voice (from voice)" and columns[3].told == "face (from the true face)"
    assert drawn.training is not None
    nearest, distance = nearest_rows(drawn.find("ours").features["dlib"][rows], drawn.training.features["dlib"])
    assert np.array_equal(columns[5].pictures, drawn.training.pictures[nearest])
    assert columns[5].captions[1] == f"dlib {distance[1]:.2f}"


def test_without_training_faces_or_with_gaps_there_is_no_such_column() -> None:
    assert sheet_columns(drawn_faces(with_training=False), np.array([0]))[-1].name == "the average face"
    drawn = drawn_faces()
    gaps = dataclasses.replace(drawn.contestants[0], drawn=np.arange(24) > 0)
    columns = sheet_columns(dataclasses.replace(drawn, contestants=(gaps,)), np.array([0]))
    assert [column.name for column in columns] == ["true face", "ours"]


def test_every_picture_stands_in_its_place() -> None:
    red, blue = (np.zeros((2, 16, 16, 3), np.uint8) for _ in range(2))
    red[..., 0], blue[..., 2] = 200, 200
    image = draw_sheet("Guesses", ["ann", "ben"], [Column("a", "x", red), Column("b", "y", blue)], slice(0, 2))
    at = MARGIN_PX + NAME_PX + TILE_PX // 2
    column = image[:, at]
    assert ((column == (200, 0, 0)).all(axis=1)).sum() == 2 * TILE_PX
    second = image[:, at + TILE_PX + 10]
    assert ((second == (0, 0, 200)).all(axis=1)).sum() == 2 * TILE_PX


def test_a_true_face_that_was_looked_at_is_written_in_red() -> None:
    tile = np.zeros((1, 8, 8, 3), np.uint8)
    plain = draw_sheet("t", ["ann"], [Column("a", "face (from the true face)", tile)], slice(0, 1))
    red = draw_sheet("t", ["ann"], [Column("a", "face (from the true face)", tile, is_leak=True)], slice(0, 1))
    assert (
        (red[..., 0].astype(int) - red[..., 2] > 80).sum() > 20 > (plain[..., 0].astype(int) - plain[..., 2] > 80).sum()
    )


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    true = true_faces(n_people=2)
    with pytest.raises(DataError, match="Contact sheets must be written to"):
        write_sheets(DrawnFaces(true, drawn_faces().judges, (contestant(true),)), tmp_path / "file" / "sheets")


def test_a_sheet_says_once_that_its_faces_are_guesses(tmp_path: Path) -> None:
    """The picture carries the whole disclaimer, so that the caption need not repeat it."""
    sheet = write_sheets(drawn_faces(n_people=3), tmp_path)[0]
    assert sheet.caption == "Guesses, but for the true faces."


def test_names_of_files_are_read_as_names(tmp_path: Path) -> None:
    drawn = drawn_faces(n_people=3)
    names = {"person0": "Ann_Other", "person1": "Bea_B", "person2": "Cy_C"}
    people = tuple(names[person] for person in drawn.true.people)
    sheets = write_sheets(dataclasses.replace(drawn, true=dataclasses.replace(drawn.true, people=people)), tmp_path)
    assert sheets[0].heading == "Ann Other to Cy C"


def test_the_first_clip_of_each_person_is_shown() -> None:
    drawn = drawn_faces(n_people=3)
    columns = sheet_columns(drawn, np.array([0, 3, 6]))
    for column, given in zip(columns[1:], drawn.contestants, strict=False):
        assert np.array_equal(column.pictures, given.pictures[[0, 3, 6]])
    assert columns[2].told == "given by others"


def test_a_sheet_is_as_wide_as_its_columns_and_as_high_as_its_people() -> None:
    tile = np.zeros((5, 8, 8, 3), np.uint8)
    sizes = {}
    for n_columns, n_people in ((1, 2), (3, 2), (1, 5)):
        columns = [Column(f"c{i}", "x", tile) for i in range(n_columns)]
        sizes[n_columns, n_people] = draw_sheet("t", list("abcde")[:n_people], columns, slice(0, n_people)).shape
    step = sizes[3, 2][1] - sizes[1, 2][1]
    assert step % 2 == 0 and step // 2 > TILE_PX
    assert sizes[1, 5][0] - sizes[1, 2][0] == pytest.approx(3 * step // 2, abs=2 * TILE_PX)
    assert sizes[1, 5][0] > sizes[1, 2][0] + 3 * TILE_PX
