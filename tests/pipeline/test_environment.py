"""Every state that `doctor` can report, brought about by fake distributions and packages."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tomllib
import types
from collections import namedtuple
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from visavox.pipeline import environment
from visavox.pipeline.environment import Check, inspect_environment

INSTALL = "pip install --no-deps -r requirements-offline.txt"


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Installed distributions: fill in what should seem to be there; nothing else is."""
    installed: dict[str, str] = {}

    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(importlib.metadata, "version", version)
    return installed


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> dict[str, Path | None]:
    """Top-level packages that `find_spec` sees at another place, or, for None, not at all."""
    places: dict[str, Path | None] = {}
    real = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> ModuleSpec | None:
        if name not in places:
            return real(name, package)
        place = places[name]
        if place is None:
            return None
        spec = ModuleSpec(name, None, origin=str(place / "__init__.py"), is_package=True)
        spec.submodule_search_locations = [str(place)]
        return spec

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    return places


def test_every_check_has_a_name_of_its_own_and_a_remedy_where_something_is_wrong() -> None:
    checks = inspect_environment()
    assert len({check.name for check in checks}) == len(checks)
    assert {"python", "torch", "opencv", "ge2e voice encoder", "codecs", "disk", "memory"} <= {c.name for c in checks}
    for check in checks:
        assert check.detail
        assert bool(check.remedy) == (check.state != "ok")


def test_an_old_python_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.check_python().state == "ok"
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    assert environment.check_python() == Check(
        "python", "broken", "3.10.4", "Install Python 3.11 or newer and make a new .venv with it."
    )


@pytest.mark.parametrize(
    ("version", "state"),
    [
        ("2.5.1", "broken"),
        ("2.6.0", "ok"),
        ("2.13.0+cpu", "ok"),
        ("2.14.0", "warning"),
        ("3.0", "warning"),
        ("1", "broken"),
    ],
)
def test_torch_is_judged_by_its_version(versions: dict[str, str], version: str, state: str) -> None:
    versions["torch"] = version
    assert environment.check_torch().state == state


def test_a_missing_torch_is_said_with_the_line_that_installs_it(versions: dict[str, str]) -> None:
    assert environment.check_torch().state == "missing"
    assert environment.check_torch().remedy == 'pip install "torch>=2.6,<2.14"'


def importable(tmp_path: Path, name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a package on the path of this process and of those that it starts."""
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_fragile_package_that_is_absent_is_fine(packages: dict[str, Path | None]) -> None:
    packages["torchvision"] = None
    assert environment.check_fragile("torchvision") == Check("torchvision", "ok", "not installed, not needed")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('operator torchvision::nms does not exist')", "operator torchvision::nms does not exist"),
        ("import os; os.abort()", "exit code -6"),
    ],
)
def test_a_fragile_package_that_raises_or_crashes_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    """A torchvision built for another torch takes transformers down with it; a crash must not take us down."""
    importable(tmp_path, "torchvision", code, monkeypatch)
    check = environment.check_fragile("torchvision")
    assert check.state == "broken"
    assert why in check.detail and "transformers then fails" in check.detail
    assert check.remedy == "pip uninstall torchvision"


def test_a_fragile_package_that_imports_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importable(tmp_path, "torchcodec", "", monkeypatch)
    assert environment.check_fragile("torchcodec").state == "ok"


def test_an_import_that_hangs_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importable(tmp_path, "torchaudio", "import time; time.sleep(30)", monkeypatch)
    monkeypatch.setattr(environment, "IMPORT_LIMIT_S", 0.3)
    check = environment.check_fragile("torchaudio")
    assert check.state == "broken" and "takes more than" in check.detail


def test_a_file_in_the_current_folder_does_not_pass_for_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packages: dict[str, Path | None]
) -> None:
    packages["torchaudio"] = tmp_path / "elsewhere"
    (tmp_path / "torchaudio.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert environment.check_fragile("torchaudio").state == "broken"


def test_opencv_4_alone_is_fine(versions: dict[str, str]) -> None:
    versions["opencv-python-headless"] = "4.14.0.94"
    assert environment.check_opencv() == Check("opencv", "ok", "opencv-python-headless 4.14.0.94")


def test_opencv_5_is_broken_since_it_has_no_cascade(versions: dict[str, str]) -> None:
    versions["opencv-python"] = "5.0.0.93"
    check = environment.check_opencv()
    assert check.state == "broken" and "no cascade detector" in check.detail
    assert "pip uninstall -y opencv-python && pip install" in check.remedy
    assert '"opencv-python-headless>=4.14,<5"' in check.remedy


def test_two_opencvs_are_broken(versions: dict[str, str]) -> None:
    versions |= {"opencv-python-headless": "4.14.0.94", "opencv-contrib-python": "4.14.0.94"}
    check = environment.check_opencv()
    assert check.state == "broken" and "overwrite each other" in check.detail
    assert "pip uninstall -y opencv-python-headless opencv-contrib-python" in check.remedy


def test_a_missing_opencv_is_said_so(versions: dict[str, str]) -> None:
    assert environment.check_opencv().state == "missing"


@pytest.mark.parametrize("name", environment.CARRIED_FILES)
def test_an_offline_encoder_is_missing_damaged_or_fine(
    name: str, packages: dict[str, Path | None], tmp_path: Path
) -> None:
    package, files = environment.CARRIED_FILES[name]
    packages[package] = None
    assert environment.check_carried(name).state == "missing"
    packages[package] = tmp_path
    damaged = environment.check_carried(name)
    assert damaged.state == "broken" and "/".join(files[0]) in damaged.detail
    for check in (damaged, environment.check_carried(name)):
        assert check.remedy == INSTALL
    for parts in files:
        tmp_path.joinpath(*parts).parent.mkdir(exist_ok=True)
        tmp_path.joinpath(*parts).write_bytes(b"weights")
    assert environment.check_carried(name).state == "ok"
    tmp_path.joinpath(*files[-1]).write_bytes(b"")
    empty = environment.check_carried(name)
    assert empty.state == "broken" and f"{files[-1][-1]} is empty" in empty.detail
    assert empty.remedy == f"{INSTALL} --force-reinstall"


def test_dlib_and_silero_are_looked_for(packages: dict[str, Path | None], tmp_path: Path) -> None:
    packages |= {"dlib": None, "silero_vad": None}
    assert environment.check_dlib().state == "missing" and environment.check_dlib().remedy == INSTALL
    assert environment.check_silero().state == "missing"
    packages["silero_vad"] = tmp_path
    check = environment.check_silero()
    assert check.state == "broken" and "silero_vad.jit" in check.detail and check.remedy.startswith("pip install")


def test_codecs_are_looked_for_in_pyav(monkeypatch: pytest.MonkeyPatch, packages: dict[str, Path | None]) -> None:
    assert environment.check_codecs().state == "ok"
    fake = types.ModuleType("av")
    packages["av"] = Path("somewhere")
    fake.codecs_available = {"aac"}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "av", fake)
    lacking = environment.check_codecs()
    assert lacking.state == "warning" and "libx264, opus" in lacking.detail
    monkeypatch.setitem(sys.modules, "av", None)  # an import of None raises ImportError
    assert environment.check_codecs().state == "broken"
    packages["av"] = None
    assert environment.check_codecs().state == "missing"


def test_little_room_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10e9, 9e9, 1e9))
    assert environment.check_disk().state == "warning" and "1.0 GB free" in environment.check_disk().detail
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10e9, 1e9, 9e9))
    assert environment.check_disk().state == "ok"


def test_little_memory_is_a_warning_and_an_unknown_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"SC_PHYS_PAGES": 500_000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    assert environment.check_memory().state == "warning" and environment.check_memory().detail == "2.0 GB"
    monkeypatch.delattr(os, "sysconf")
    assert environment.check_memory().state == "ok"


def test_cores_are_those_that_this_process_may_use() -> None:
    assert environment.check_cores().detail == str(len(os.sched_getaffinity(0)))


def test_a_cache_folder_that_is_a_file_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "new" / "folder"))
    assert environment.check_cache_folder().state == "ok"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "file" / "folder"))
    check = environment.check_cache_folder()
    assert check.state == "warning" and "HF_HOME" in check.remedy


def test_a_cache_folder_without_permission_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert environment.check_cache_folder().state == "warning"


def test_visavox_data_may_be_unset_right_or_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISAVOX_DATA", raising=False)
    assert environment.check_real_data().state == "ok" and "not set" in environment.check_real_data().detail
    monkeypatch.setenv("VISAVOX_DATA", str(tmp_path))
    assert environment.check_real_data() == Check("VISAVOX_DATA", "ok", str(tmp_path))
    monkeypatch.setenv("VISAVOX_DATA", str(tmp_path / "nowhere"))
    assert environment.check_real_data().state == "warning"


def test_models_in_the_box_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "boxed_names", lambda: ["base", "world"])
    assert environment.check_boxed_models() == Check("models in the box", "ok", "base, world")
    monkeypatch.setattr(environment, "boxed_names", list)
    assert environment.check_boxed_models().state == "missing"


def test_extras_are_optional_and_each_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_version", {"yt-dlp": "2026.1", "ray": "2.60"}.get)
    check = environment.check_extras()
    assert (check.state, check.remedy) == ("ok", "")
    said = check.detail.split(", ")
    assert {"yt-dlp 2026.1", "no transformers (pip install 'visavox[hub]')", "ray 2.60"} <= set(said)
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert len(said) == len(project["project"]["optional-dependencies"]) - 1  # dev holds the others
