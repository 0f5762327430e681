"""Model folders: whole or not at all, and every damage said in one line."""

from __future__ import annotations

import errno
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest

import visavox.persistence as persistence
from visavox.errors import DataError, MissingDependencyError, UnknownNameError
from visavox.persistence import (
    CONFIG_FILE,
    FORMAT_VERSION,
    TENSOR_FILE,
    boxed_names,
    check_tensors,
    load_folder,
    read_tensors,
    resolve_model,
    save_folder,
    write_tensors,
    writing,
)

TENSORS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "count": np.array(7, dtype=np.int64),
    "flags": np.array([True, False]),
    "wide": np.linspace(0, 1, 4),
    "nothing": np.zeros((0, 3), dtype=np.float32),
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A saved model folder."""
    folder = tmp_path / "model"
    save_folder(
        folder,
        kind="associator",
        name="cca",
        arguments={"voice_dim": 2, "hidden": [3]},
        tensors=TENSORS,
        extra_files={"README.md": "# Card ✓", "preprocess.json": b"{}"},
    )
    return folder


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_saved_file_is_as_readable_as_its_folder(tmp_path: Path) -> None:
    """safetensors writes files that their owner alone can read, and the boxed model was once packed so."""
    write_tensors(tmp_path / "t.safetensors", {"a": np.ones(3)}, {})
    assert (tmp_path / "t.safetensors").stat().st_mode & 0o777 == tmp_path.stat().st_mode & 0o666


def test_a_saved_folder_comes_back_the_same(model: Path) -> None:
    saved = load_folder(model, kind="associator")
    assert (saved.kind, saved.name, saved.arguments) == ("associator", "cca", {"voice_dim": 2, "hidden": [3]})
    assert saved.spec == {"name": "cca", "voice_dim": 2, "hidden": [3]}
    assert saved.tensors.keys() == TENSORS.keys()
    for name, array in TENSORS.items():
        assert saved.tensors[name].dtype == array.dtype
        assert saved.tensors[name].shape == array.shape
        np.testing.assert_array_equal(saved.tensors[name], array)


def test_the_folder_holds_exactly_the_files_that_were_asked_for(model: Path) -> None:
    assert sorted(p.name for p in model.iterdir()) == ["README.md", CONFIG_FILE, TENSOR_FILE, "preprocess.json"]
    assert (model / "README.md").read_text(encoding="utf-8") == "# Card ✓"
    assert leftovers(model.parent) == []


def test_the_config_names_formats_and_versions_and_no_import_path(model: Path) -> None:
    config = json.loads((model / CONFIG_FILE).read_text(encoding="utf-8"))
    assert config["format_version"] == FORMAT_VERSION
    assert set(config["versions"]) == {"visavox", "numpy", "torch", "safetensors"}
    assert config["versions"]["numpy"] == np.__version__
    assert "visavox." not in config["name"]


def test_arrays_that_are_not_contiguous_are_saved_by_value(tmp_path: Path) -> None:
    array = np.arange(12.0).reshape(3, 4)
    write_tensors(tmp_path / "x.safetensors", {"turned": array.T, "thinned": array[:, ::2]}, {})
    tensors, _ = read_tensors(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(tensors["turned"], array.T)
    np.testing.assert_array_equal(tensors["thinned"], array[:, ::2])


def test_the_metadata_of_a_tensor_file_comes_back(tmp_path: Path) -> None:
    metadata = {"epoch": 3, "best": None, "nested": {"lr": 0.1}}
    write_tensors(tmp_path / "x.safetensors", {"a": np.zeros(1)}, metadata)
    assert read_tensors(tmp_path / "x.safetensors")[1] == metadata


def test_nan_in_the_arguments_is_refused_since_json_has_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_folder(tmp_path / "m", kind="k", name="n", arguments={"x": float("nan")}, tensors={})
    assert list(tmp_path.iterdir()) == []


def test_a_full_folder_is_not_replaced_unasked(model: Path) -> None:
    before = (model / CONFIG_FILE).read_bytes()
    with pytest.raises(DataError, match="exists and is not empty") as error:
        save_folder(model, kind="k", name="other", arguments={}, tensors={})
    one_line(error)
    assert (model / CONFIG_FILE).read_bytes() == before


def test_an_empty_folder_may_stand_there(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    save_folder(tmp_path / "m", kind="k", name="n", arguments={}, tensors={})
    assert load_folder(tmp_path / "m").name == "n"


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("x")
    with pytest.raises(DataError, match="is a file"):
        save_folder(tmp_path / "m", kind="k", name="n", arguments={}, tensors={}, overwrite=True)


def test_overwriting_leaves_nothing_of_the_old_folder(model: Path) -> None:
    save_folder(model, kind="k", name="new", arguments={}, tensors={"a": np.ones(1)}, overwrite=True)
    assert sorted(p.name for p in model.iterdir()) == [CONFIG_FILE, TENSOR_FILE]
    assert load_folder(model).name == "new"
    assert leftovers(model.parent) == []


def test_a_relative_folder_without_parent_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_folder("m", kind="k", name="n", arguments={}, tensors={})
    assert load_folder("m").name == "n"


def test_an_interrupted_write_leaves_the_old_folder_and_no_litter(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(persistence, "save_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_folder(model, kind="k", name="new", arguments={}, tensors=TENSORS, overwrite=True)
    assert load_folder(model).name == "cca"
    assert leftovers(model.parent) == []


def test_a_failed_rename_puts_the_old_folder_back(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(DataError, match="Input/output error"), writing(model) as fresh:
        fresh.mkdir()
    assert load_folder(model).name == "cca"
    assert leftovers(model.parent) == []


def test_a_full_disk_is_one_line_and_keeps_the_old_folder(model: Path) -> None:
    """The limit holds for the whole process, so the save runs in another one."""
    program = (
        "import resource, sys, numpy as np\n"
        "from visavox.errors import DataError\n"
        "from visavox.persistence import save_folder\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n"
        "    save_folder(sys.argv[1], kind='k', name='new', arguments={}, overwrite=True,\n"
        "                tensors={'a': np.ones(100_000)})\n"
        "except DataError as error:\n"
        "    print(error)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    done = subprocess.run([sys.executable, "-c", program, str(model)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Cannot write {model}")
    assert done.stdout.count("\n") == 1
    assert load_folder(model).name == "cca"
    assert leftovers(model.parent) == []


def test_a_read_only_place_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by hand, since root may write everywhere."""

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DataError, match="Cannot write"):
        save_folder(tmp_path / "m", kind="k", name="n", arguments={}, tensors={})


def test_a_place_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="Cannot write"):
        save_folder(tmp_path / "file" / "m", kind="k", name="n", arguments={}, tensors={})


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def set_config(key: str, value: object) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        config = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**config, key: value}), encoding="utf-8")

    return change


DAMAGES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "no config": (CONFIG_FILE, Path.unlink, "config.json is missing"),
    "no tensors": (TENSOR_FILE, Path.unlink, "model.safetensors is missing"),
    "config cut": (CONFIG_FILE, cut, "config.json is not readable JSON"),
    "config not text": (CONFIG_FILE, lambda p: void(p.write_bytes(b"\xff\xfe\x00")), "not readable JSON"),
    "config a list": (CONFIG_FILE, lambda p: void(p.write_text("[1]")), "has no key 'format_version'"),
    "no name": (CONFIG_FILE, set_config("name", None), "has no key 'name' of type str"),
    "arguments a list": (CONFIG_FILE, set_config("arguments", []), "has no key 'arguments' of type dict"),
    "newer format": (CONFIG_FILE, set_config("format_version", 99), "format 99, this package reads up to 1"),
    "tensors cut": (TENSOR_FILE, cut, "model.safetensors is damaged"),
    "tensors empty": (TENSOR_FILE, lambda p: void(p.write_bytes(b"")), "model.safetensors is damaged"),
    "tensors a text": (TENSOR_FILE, lambda p: void(p.write_text("hello world, no tensors")), "is damaged"),
}


def void(_: object) -> None:
    return None


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_one_line_that_names_the_file_and_the_remedy(model: Path, damage: str) -> None:
    file, break_it, words = DAMAGES[damage]
    break_it(model / file)
    with pytest.raises(DataError, match=words) as error:
        load_folder(model)
    text = one_line(error)
    assert file in text
    assert "again" in text or "newer" in text


def test_a_missing_folder_is_said_as_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"config\.json is missing"):
        load_folder(tmp_path / "nowhere")


def test_another_kind_is_refused(model: Path) -> None:
    with pytest.raises(DataError, match="holds a saved associator, not a saved gallery"):
        load_folder(model, kind="gallery")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_tensor_that_is_not_finite_is_named(tmp_path: Path, value: float) -> None:
    save_folder(tmp_path / "m", kind="k", name="n", arguments={}, tensors={"a": np.ones(2), "b": np.array([1, value])})
    with pytest.raises(DataError, match=r"Tensor 'b' .* holds nan or infinity"):
        load_folder(tmp_path / "m")


def test_nothing_is_ever_unpickled(model: Path) -> None:
    """A pickle under the name of the tensor file is refused, and its payload does not run."""
    (model / TENSOR_FILE).write_bytes(b"\x80\x04cos\nsystem\n\x8c\x0btouch HACKED\x85R.")
    with pytest.raises(DataError, match="damaged"):
        load_folder(model)
    assert not Path("HACKED").exists()


def test_tensors_that_fit_pass() -> None:
    check_tensors({"a": np.zeros((2, 3)), "b": np.zeros(())}, {"a": (None, 3), "b": ()}, owner="cca")


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({}, "tensor 'a' is missing"),
        ({"a": np.zeros((2, 3)), "z": np.zeros(1)}, "tensor 'z' is left over"),
        ({"a": np.zeros((2, 4))}, r"tensor 'a' must have shape \(any, 3\) and has \(2, 4\)"),
        ({"a": np.zeros(3)}, r"tensor 'a' must have shape \(any, 3\) and has \(3,\)"),
    ],
)
def test_tensors_that_do_not_fit_are_named(tensors: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(DataError, match=words) as error:
        check_tensors(tensors, {"a": (None, 3)}, owner="cca")
    assert one_line(error).startswith("The saved cca")


def test_all_problems_with_tensors_are_said_at_once() -> None:
    with pytest.raises(DataError, match="'a' is missing; tensor 'c' is left over; tensor 'b' must have shape"):
        check_tensors({"b": np.zeros(1), "c": np.zeros(1)}, {"a": (1,), "b": (2,)}, owner="cca")


def test_writing_a_file_replaces_it_only_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "x.txt"
    target.write_text("old")
    with writing(target) as fresh:
        fresh.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    with pytest.raises(RuntimeError), writing(target) as fresh:
        fresh.write_text("half")
        raise RuntimeError
    assert target.read_text() == "new"
    assert leftovers(tmp_path) == []


@pytest.fixture
def box(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder with "base" and an unfinished "odd" in its box."""
    package = tmp_path / "package"
    shutil.copytree(model, package / "pretrained" / "base")
    (package / "pretrained" / "odd").mkdir()
    monkeypatch.setattr(persistence.importlib.resources, "files", lambda _: package)
    return package


def test_the_box_lists_whole_models_only(box: Path) -> None:
    assert boxed_names() == ["base"]


def test_heads_in_the_box_are_no_matching_models(box: Path) -> None:
    heads = box / "pretrained" / "heads"
    shutil.copytree(box / "pretrained" / "base", heads)
    (heads / "preprocess.json").unlink()
    assert boxed_names() == ["base"]
    with pytest.raises(UnknownNameError):
        resolve_model("heads")


def test_a_package_without_a_box_has_no_boxed_names(box: Path) -> None:
    shutil.rmtree(box / "pretrained")
    assert boxed_names() == []


def test_a_name_in_the_box_is_found(box: Path) -> None:
    assert resolve_model("base") == box / "pretrained" / "base"


def test_a_folder_comes_before_the_box(box: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    shutil.copytree(model, model.parent / "base")
    assert resolve_model("base") == Path("base")
    assert resolve_model(model) == model


def test_a_folder_that_is_no_model_does_not_hide_the_box(
    box: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    assert resolve_model("base") == box / "pretrained" / "base"


def test_a_training_run_stands_for_its_best_model(box: Path, model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "run" / "best")
    assert resolve_model(tmp_path / "run") == tmp_path / "run" / "best"


def test_a_folder_without_config_is_said(box: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"is not a model folder: it holds no config\.json\. In the box: base"):
        resolve_model(tmp_path / "empty")


def test_an_unknown_name_lists_the_box(box: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"'bese'\. Did you mean 'base'\? Known: base") as error:
        resolve_model("bese")
    one_line(error)


def test_an_unknown_folder_is_no_hub_id(box: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="neither a folder nor in the box"):
        resolve_model(tmp_path / "nowhere")


def test_a_hub_model_without_network_is_one_line_with_the_box(box: Path) -> None:
    """The tests run with HF_HUB_OFFLINE, so the hub's own client says that it cannot look."""
    with pytest.raises(DataError, match=r"'someone/no-such-model' .* take one from the box: base") as error:
        resolve_model("someone/no-such-model")
    one_line(error)


def test_a_hub_model_is_the_folder_of_its_snapshot(box: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def snapshot_download(name: str, **_: object) -> str:
        asked.append(name)
        return str(model)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert resolve_model("someone/model") == model
    assert asked == ["someone/model"]


def test_a_hub_model_without_the_hub_package_names_the_line(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependencyError, match="pip install huggingface-hub"):
        resolve_model("someone/model")


def test_an_extra_file_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    files = {"parts/a.json": "{}", "parts/b.bin": b"\x00"}
    save_folder(tmp_path / "m", kind="k", name="n", arguments={}, tensors={"x": np.ones(2)}, extra_files=files)
    assert (tmp_path / "m" / "parts" / "a.json").read_text(encoding="utf-8") == "{}"
    assert (tmp_path / "m" / "parts" / "b.bin").read_bytes() == b"\x00"


def test_models_that_draw_are_apart_from_those_that_match(box: Path) -> None:
    drawer = box / "pretrained" / "portrait"
    (drawer / "predictor").mkdir(parents=True)
    for file in (drawer / "config.json", drawer / "predictor" / "config.json"):
        file.write_text("{}")
    assert "portrait" not in boxed_names()
    assert boxed_names("generator") == ["portrait"]
    assert resolve_model("portrait", kind="generator") == drawer
    with pytest.raises(UnknownNameError):
        resolve_model("portrait")
