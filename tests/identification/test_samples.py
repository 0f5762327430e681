"""Samples: columns of one length, refused in one line where they contradict themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.identification.samples import Samples, concatenated


def made(**changes: Any) -> Samples:
    columns: dict[str, Any] = {
        "modality": "face",
        "keys": ("k0", "k1", "k2", "k3"),
        "clips": ("c0", "c0", "c1", "c2"),
        "people": ("Ann", "Ann", "Bob", "Ann"),
        "sessions": ("1", "1", "", "2"),
        "qualities": [1.0, 0.5, 2.0, 1.0],
        "vectors": np.arange(1, 13).reshape(4, 3),
    }
    return Samples(**(columns | changes))


def test_arrays_become_float32_and_people_keep_their_order() -> None:
    samples = made()
    assert (samples.vectors.dtype, samples.qualities.dtype) == (np.float32, np.float32)
    assert samples.vectors.flags.c_contiguous
    assert made(vectors=np.ones((3, 4)).T).vectors.flags.c_contiguous
    assert (len(samples), samples.dim, samples.names) == (4, 3, ("Ann", "Bob"))
    assert repr(samples) == "Samples(4 faces x 3 of 2 people)"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modality": "gait"}, "`modality` must be 'voice' or 'face'. Got 'gait'."),
        ({"vectors": np.ones(4)}, "`vectors` must have the shape (n, dim). Got (4,)."),
        ({"clips": ("c0",)}, "`clips` must have one entry a row. Got 1 for 4 vectors."),
        ({"qualities": [1.0] * 5}, "`qualities` must have one entry a row. Got 5 for 4 vectors."),
        (
            {"keys": ("a", "b", "a", "c")},
            "The keys of samples must be unique. Got 'a' 2 times. Give each file once.",
        ),
        (
            {"people": ("Ann", "Ann", "", "Ann")},
            "Every sample needs the name of its person. Got none for 'k2'.",
        ),
        (
            {"people": ("Ann", "Bob", "Bob", "Ann")},
            "A clip must be of one person. Got 'Ann' and 'Bob' for 'c0'.",
        ),
        ({"qualities": [1.0, 0.0, -2.0, 1.0]}, "`qualities` must be above 0. Got 0.0. Leave the row out."),
        ({"qualities": [1.0, np.nan, 1.0, 1.0]}, "`qualities` must be above 0. Got nan. Leave the row out."),
        (
            {"vectors": np.array([[1, 1], [1, np.nan], [1, 1], [np.inf, 1]])},
            "Every face vector must be finite. Got NaN or infinity in 2 of 4 rows, the first is 'k1'. Remove these "
            "rows or embed them again.",
        ),
        (
            {"vectors": np.array([[1, 1], [1, 0], [0, 0], [1, 1]])},
            "A face vector must not be all zeros. Got 'k2'.",
        ),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        made(**changes)
    assert str(caught.value) == message


def test_no_sample_at_all_is_allowed() -> None:
    empty = made().select([])
    assert (len(empty), empty.dim, empty.names) == (0, 3, ())


@pytest.mark.parametrize("rows", [[3, 1], np.array([3, 1]), (3, 1)])
def test_selected_rows_keep_the_wanted_order(rows: Any) -> None:
    chosen = made().select(rows)
    assert (chosen.keys, chosen.clips, chosen.sessions) == (("k3", "k1"), ("c2", "c0"), ("2", "1"))
    assert (chosen.people, chosen.qualities.tolist()) == (("Ann", "Ann"), [1, 0.5])
    assert chosen.vectors.tolist() == [[10, 11, 12], [4, 5, 6]]


def test_a_mask_selects_in_place_order() -> None:
    chosen = made().select(np.array([True, False, False, True]))
    assert (chosen.keys, chosen.vectors[:, 0].tolist()) == (("k0", "k3"), [1, 10])


def test_joined_rows_stand_one_behind_the_other() -> None:
    samples = made()
    first, second = samples.select([2, 0]), samples.select([1, 3])
    joined = first.joined(second)
    assert (joined.keys, joined.people) == (("k2", "k0", "k1", "k3"), ("Bob", "Ann", "Ann", "Ann"))
    assert joined.vectors.tolist() == samples.vectors[[2, 0, 1, 3]].tolist()
    assert joined.qualities.tolist() == [2, 1, 0.5, 1]
    assert concatenated([first, second]).keys == joined.keys
    assert concatenated([first]) is first


def test_samples_of_another_kind_or_of_the_same_files_are_not_joined() -> None:
    samples = made()
    with pytest.raises(DataError, match=r"Got faces of 3 and voices of 3 numbers\. Use the encoder that the others"):
        samples.joined(made(modality="voice"))
    with pytest.raises(DataError, match=r"^Samples of one kind must be joined\. Got faces of 3 and faces of 2 numbers"):
        samples.joined(made(vectors=np.ones((4, 2))))
    with pytest.raises(DataError, match="keys of samples must be unique"):
        samples.joined(samples)
    with pytest.raises(DataError, match="Got 'Bob' and 'Dan' for 'c1'"):
        samples.joined(made(keys=("x", "y", "z", "w")).renamed(["Ann", "Ann", "Dan", "Ann"]))


def test_renamed_rows_are_otherwise_the_same() -> None:
    renamed = made().renamed(["Eve", "Eve", "Bob", "Ann"])
    assert (renamed.names, renamed.keys) == (("Eve", "Bob", "Ann"), made().keys)
    np.testing.assert_array_equal(renamed.vectors, made().vectors)
