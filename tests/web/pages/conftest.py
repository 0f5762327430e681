"""Uploads of the tests lie in a folder of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.web.pages import uploads


@pytest.fixture
def own_uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of the test count as uploads."""
    monkeypatch.setattr(uploads, "upload_folder", lambda: tmp_path)
    return tmp_path
