"""The matrix of who is taken for whom, as a figure."""

from __future__ import annotations

import re

import numpy as np

from visavox.evaluation.confusion_plot import FAINTEST, MAX_NAMED, MAX_PEOPLE, confusion_figure
from visavox.evaluation.drawings import Confusion


def drawing(cells: np.ndarray, names: tuple[str, ...] = ()) -> Confusion:
    names = names or tuple(f"p{i}" for i in range(len(cells)))
    return Confusion("Who is who", names, tuple(tuple(row) for row in cells.tolist()))


def cells_of(svg: str) -> list[tuple[str, float, float, float]]:
    """Kind, x, y and opacity of every cell."""
    pattern = r'class="cell (\w+)" x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="[\d.]+" fill-opacity="([\d.]+)"'
    return [(kind, float(x), float(y), float(opacity)) for kind, x, y, opacity in re.findall(pattern, svg)]


def test_only_cells_with_clips_are_drawn_and_the_diagonal_is_right() -> None:
    found = cells_of(confusion_figure(drawing(np.array([[3.0, 1.0], [0.0, 4.0]]))).svg)
    assert [kind for kind, *_ in found] == ["own", "other", "own"]
    assert found[0][1] == found[0][1] and found[1][2] == found[0][2] == 0
    assert found[1][1] > found[0][1] and found[2][2] > 0


def test_the_fuller_the_larger_the_share_of_the_row() -> None:
    found = cells_of(confusion_figure(drawing(np.array([[3.0, 1.0], [0.0, 8.0]]))).svg)
    shares = [0.75, 0.25, 1.0]
    assert [opacity for *_, opacity in found] == [round(FAINTEST + (1 - FAINTEST) * s, 2) for s in shares]


def test_a_cell_says_names_and_clips_escaped() -> None:
    svg = confusion_figure(drawing(np.array([[3.0, 1.5], [0.0, 4.0]]), ("<ann>", "ben"))).svg
    assert "<title>&lt;ann&gt; named ben: 1.5 of 4.5 clips</title>" in svg
    assert "<ann>" not in svg
    assert "7 of 8.5 clips on the diagonal" in svg


def test_names_stand_beside_few_rows_and_not_beside_many() -> None:
    few = confusion_figure(drawing(np.eye(MAX_NAMED))).svg
    many = confusion_figure(drawing(np.eye(MAX_NAMED + 1))).svg
    assert ">p7</text>" in few
    assert ">p7</text>" not in many and "p7 named p7" in many


def test_of_many_people_the_most_confused_are_drawn_in_their_order() -> None:
    n = MAX_PEOPLE + 20
    cells = np.eye(n) * 5
    cells[70, 3] = 2.0
    figure = confusion_figure(drawing(cells))
    assert f"The {MAX_PEOPLE} people most often confused; 20 are not drawn." in figure.caption
    assert "p70 named p3: 2 of 7 clips" in figure.svg
    assert len(cells_of(figure.svg)) == MAX_PEOPLE + 1
    assert "not drawn" not in confusion_figure(drawing(np.eye(MAX_PEOPLE))).caption


def test_every_cell_lies_inside_the_frame() -> None:
    svg = confusion_figure(drawing(np.ones((49, 49)))).svg
    found = cells_of(svg)
    assert len(found) == 49 * 49
    left, side = (float(v) for v in re.findall(r'class="kept" x="(\d+)" y="0" width="([\d.]+)"', svg)[0])
    step = side / 49
    assert min(x for _, x, *_ in found) == left
    assert max(x for _, x, *_ in found) <= left + side - step + 0.02
    assert max(y for *_, y, _ in found) <= side - step + 0.02


def test_a_person_without_clips_has_no_cell() -> None:
    assert len(cells_of(confusion_figure(drawing(np.array([[2.0, 0.0], [0.0, 0.0]]))).svg)) == 1
    assert cells_of(confusion_figure(drawing(np.empty((0, 0)))).svg) == []
