"""Fixtures for every test: the real data when it is there, and the network switched off."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real faces and voices, named by VISAVOX_DATA; the test is skipped where it is not set."""
    folder = os.environ.get("VISAVOX_DATA")
    if not folder:
        pytest.skip("VISAVOX_DATA is not set: it names the folder of real faces and voices")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"VISAVOX_DATA names {folder}, which is not a folder")
    return path


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Turn a skip into a failure where everything a test may need is there (VISAVOX_NO_SKIPS=1)."""
    if report.skipped and os.environ.get("VISAVOX_NO_SKIPS") == "1" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped although nothing may be skipped here: {report.longrepr}"
