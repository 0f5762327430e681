"""What is kept of uploads, and that nothing is by default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.errors import ConfigError
from visavox.web.uploads import keeping


def test_nothing_is_kept_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with keeping(None, "match", ["v"], [b"voice"]) as kept:
        assert kept.answered({"best": 1}) == {"best": 1}
    assert list(tmp_path.iterdir()) == []


def test_uploads_are_kept_under_names_that_nobody_chose(tmp_path: Path) -> None:
    names = ["../../evil.sh", "a\nb"]
    for _ in range(2):
        with keeping(tmp_path / "kept", "match", names, [b"one", b"two"]) as kept:
            kept.answered({"best": 1})
    folders = sorted((tmp_path / "kept").iterdir())
    assert len(folders) == 2
    assert {path.name for path in folders[0].iterdir()} == {"upload-0", "upload-1", "answer.json"}
    assert (folders[0] / "upload-1").read_bytes() == b"two"
    assert folders[0].stat().st_mode & 0o077 == 0
    told = json.loads((folders[0] / "answer.json").read_text(encoding="utf-8"))
    assert (told["request"], told["answer"]) == ("match", {"best": 1})
    assert [row["sent_as"] for row in told["uploads"]] == names
    assert not list(tmp_path.glob("evil*"))


def test_a_request_that_fails_is_kept_with_its_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), keeping(tmp_path, "match", ["v"], [b"x"]):
        raise ConfigError("too few faces")
    told = json.loads(next(tmp_path.glob("*/answer.json")).read_text(encoding="utf-8"))
    assert told["error"] == "too few faces"
