"""`from visavox import ...`: a dozen names, loaded when first used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import visavox


@pytest.mark.parametrize("name", visavox.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(visavox, name) is not None


def test_completion_finds_the_public_names() -> None:
    assert set(visavox.__all__) <= set(dir(visavox))


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = visavox.nothing


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, visavox; sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'pyarrow')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
