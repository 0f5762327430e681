"""Files inside installed packages are found without importing the packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from visavox.errors import MissingDependencyError
from visavox.media.carried_weights import INSTALL_LINE, carried_file


@pytest.fixture
def carrier(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package that must not be imported, with one weight file."""
    folder = tmp_path / "weight_carrier"
    (folder / "data").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')", encoding="utf-8")
    (folder / "data" / "net.pt").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    return folder.name


def test_a_file_is_found_without_running_the_package(carrier: str) -> None:
    assert carried_file(carrier, "data", "net.pt").read_bytes() == b"weights"
    assert carrier not in sys.modules


def test_a_package_that_is_not_installed_names_the_line_that_installs_it() -> None:
    with pytest.raises(MissingDependencyError, match="'no_such_package' is not installed") as caught:
        carried_file("no_such_package", "net.pt")
    assert INSTALL_LINE in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_without_the_file_is_told_from_a_missing_package(carrier: str) -> None:
    with pytest.raises(MissingDependencyError, match=r"has no file 'data/other\.pt'"):
        carried_file(carrier, "data", "other.pt")


def test_a_folder_is_not_a_file(carrier: str) -> None:
    with pytest.raises(MissingDependencyError, match="has no file 'data'"):
        carried_file(carrier, "data")


def test_a_module_without_a_folder_carries_nothing() -> None:
    with pytest.raises(MissingDependencyError, match="'this' is not installed"):
        carried_file("this", "net.pt")


def test_the_line_that_installs_is_that_of_the_requirements_file() -> None:
    assert (Path(__file__).parents[2] / INSTALL_LINE.split()[-1]).is_file()
