"""The folder of enrolled people: three files, exact arrays, and one line where something is damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.identification.enrollment import EnrollmentSettings, learn
from visavox.identification.people_folder import PeopleState, packed, read_people, write_people
from visavox.identification.samples import Samples
from visavox.persistence import read_tensors, write_tensors

MakeSamples = Callable[..., Samples]


@pytest.fixture
def state(make_samples: MakeSamples) -> PeopleState:
    """Five people, of whom the first has no face, with names no ASCII can hold."""
    voices, faces = make_samples(5, 2), make_samples(5, 2, modality="face", dim=7)
    names = {"p1": "Ånn Ω", "p2": 'B"ob\n'}
    voices, faces = (s.renamed([names.get(p, p) for p in s.people]) for s in (voices, faces.select(range(2, 10))))
    settings = EnrollmentSettings(backend={"voice": "plda", "face": {"name": "logistic", "penalty": 2.0}})
    learned = learn({"voice": voices, "face": faces}, settings, seed=0)
    alike = (("p3", "p4"), ("p0", "p3"))
    return PeopleState(
        learned.names, settings, learned.channels, learned.fusions, learned.strangers, alike, ("A note.",)
    )


@pytest.fixture
def folder(state: PeopleState, tmp_path: Path) -> Path:
    write_people(tmp_path / "people", state, extra={"encoders": {"voice": "ge2e"}}, overwrite=False)
    return tmp_path / "people"


def test_everything_comes_back_as_it_was(state: PeopleState, folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["clips.json", "config.json", "model.safetensors"]
    found, extra = read_people(folder)
    assert extra == {"encoders": {"voice": "ge2e"}}
    assert (found.names, found.settings, found.alike, found.notes) == (
        state.names, state.settings, state.alike, state.notes,
    )  # fmt: skip
    assert found.fusions == state.fusions
    for modality, channel in state.channels.items():
        other = found.channels[modality]
        assert (other.people, other.backend.spec) == (channel.people, channel.backend.spec)
        for column in ("keys", "clips", "people", "sessions"):
            assert getattr(other.samples, column) == getattr(channel.samples, column)
        np.testing.assert_array_equal(other.samples.vectors, channel.samples.vectors)
        np.testing.assert_array_equal(other.samples.qualities, channel.samples.qualities)
        for name, array in channel.backend.tensors().items():
            saved = other.backend.tensors()[name]
            np.testing.assert_array_equal(saved, array)
            assert (saved.dtype, saved.shape) == (array.dtype, array.shape)
    for combination, strangers in state.strangers.items():
        same = found.strangers[combination]
        np.testing.assert_array_equal(same.scores, strangers.scores)
        assert (same.owners, same.clips, same.scores.dtype) == (strangers.owners, strangers.clips, np.float64)


def test_a_full_folder_is_replaced_only_when_told(state: PeopleState, folder: Path) -> None:
    with pytest.raises(DataError, match=r"exists and is not empty\. Choose another folder, or .* --overwrite\.$"):
        write_people(folder, state, extra={}, overwrite=False)
    assert read_people(folder)[1] != {}
    write_people(folder, state, extra={}, overwrite=True)
    assert read_people(folder)[1] == {}
    assert [path.name for path in folder.parent.iterdir()] == ["people"]


def test_no_pickle_and_no_needless_space_is_written(folder: Path) -> None:
    assert (folder / "clips.json").read_text(encoding="utf-8").startswith('{"names":["p0","Ånn Ω","B\\"ob\\n","p3"')
    assert packed({"a": [1, 2], "b": "é"}) == '{"a":[1,2],"b":"é"}'


def edited_json(path: Path, change: Callable[[Any], None]) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def edited_arrays(path: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    arrays, metadata = read_tensors(path)
    change(arrays)
    write_tensors(path, arrays, metadata)


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_people(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


@pytest.mark.parametrize("name", ["clips.json", "config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"{folder / name} is missing." in refused(folder)


@pytest.mark.parametrize("name", ["clips.json", "config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00{", b"[]"])
def test_a_file_of_anything_else_is_one_line(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    refused(folder)


@pytest.mark.parametrize("name", ["clips.json", "config.json", "model.safetensors"])
def test_half_a_file_is_one_line(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    refused(folder)


def drop_name(clips: Any) -> None:
    clips["names"].pop()


def drop_modality(clips: Any) -> None:
    del clips["face"]


def drop_key(clips: Any) -> None:
    clips["voice"]["keys"].pop()


def same_key(clips: Any) -> None:
    clips["voice"]["keys"][1] = clips["voice"]["keys"][0]


def empty_name(clips: Any) -> None:
    clips["names"][0] = ""


def same_name(clips: Any) -> None:
    clips["names"][0] = "p4"


def drop_stranger(clips: Any) -> None:
    clips["strangers+voice"].pop()


def drop_strangers(clips: Any) -> None:
    del clips["strangers+voice"]


@pytest.mark.parametrize(
    "change",
    [drop_name, empty_name, same_name, drop_modality, drop_key, same_key, drop_stranger, drop_strangers],
)
def test_tables_that_do_not_fit_the_arrays_are_one_line(folder: Path, change: Callable[[Any], None]) -> None:
    edited_json(folder / "clips.json", change)
    message = refused(folder)
    assert message.startswith(f"{folder} is damaged: its files do not fit each other (")
    assert message.endswith("). Enrol again.")


@pytest.mark.parametrize(
    "change",
    [
        lambda arguments: arguments.pop("extra"),
        lambda arguments: arguments.update(fusions={"voice": {}}),
        lambda arguments: arguments["backends"].update(voice={"name": "plda", "within": 7.0}),
        lambda arguments: arguments["backends"].update(voice={"name": "cosine"}),
        lambda arguments: arguments["settings"].update(p_stranger=3.0),
        lambda arguments: arguments["fusions"]["voice"].update(intercept="1"),
        lambda arguments: arguments["fusions"]["voice"].update(intercept=True),
        lambda arguments: arguments["fusions"]["voice"]["weights"].update(voice=-1.0),
        lambda arguments: arguments.update(alike=[["one"]]),
        lambda arguments: arguments.update(settings=None),
    ],
)
def test_a_config_of_something_else_is_one_line(folder: Path, change: Callable[[Any], None]) -> None:
    edited_json(folder / "config.json", lambda config: change(config["arguments"]))
    assert "do not fit each other" in refused(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arguments: arguments["settings"].update(more=1), "There is no setting 'more'."),
        (lambda arguments: arguments["backends"].update(voice={"name": "nothing"}), "Unknown back-end 'nothing'."),
        (lambda arguments: arguments["backends"]["voice"].update(x=1), "The back-end 'plda' takes no 'x'."),
    ],
)
def test_a_folder_of_another_version_says_so(folder: Path, change: Callable[[Any], None], words: str) -> None:
    edited_json(folder / "config.json", lambda config: change(config["arguments"]))
    message = refused(folder)
    assert message.startswith(f"{folder} was written by another version of Visavox (")
    assert f"). {words}" in message
    assert message.endswith(" Enrol again.")


def cut_row(arrays: dict[str, np.ndarray]) -> None:
    for name in ("rows", "offsets", "counts"):
        arrays[f"voice.backend.{name}"] = arrays[f"voice.backend.{name}"][1:]


def strange_owner(arrays: dict[str, np.ndarray]) -> None:
    arrays["voice.owners"] = arrays["voice.owners"] + 100


def no_vectors(arrays: dict[str, np.ndarray]) -> None:
    del arrays["face.vectors"]


def left_over(arrays: dict[str, np.ndarray]) -> None:
    arrays["voice.backend.more"] = np.ones(2, dtype=np.float32)


def zero_quality(arrays: dict[str, np.ndarray]) -> None:
    arrays["face.qualities"] = arrays["face.qualities"] * 0


@pytest.mark.parametrize("change", [cut_row, strange_owner, no_vectors, left_over, zero_quality])
def test_arrays_that_do_not_fit_the_tables_are_one_line(
    folder: Path, change: Callable[[dict[str, np.ndarray]], None]
) -> None:
    edited_arrays(folder / "model.safetensors", change)
    assert "do not fit each other" in refused(folder)


def test_numbers_that_are_none_are_named(folder: Path) -> None:
    edited_arrays(folder / "model.safetensors", lambda arrays: arrays["voice.vectors"].__setitem__((0, 0), np.nan))
    assert "'voice.vectors'" in refused(folder)


def test_a_folder_of_something_else_says_what_it_holds(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    edited_json(other / "config.json", lambda config: config.update(kind="associator"))
    assert refused(other) == f"{other} holds a saved associator, not a saved people. Give the folder of one."
    assert "config.json is missing" in refused(tmp_path / "nowhere")
