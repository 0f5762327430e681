"""The application as a whole: what is open, what is locked, what is refused before anything is read."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")
from starlette.testclient import TestClient

from visavox.web.app import create_app
from visavox.web.problems import MEDIA_TYPE
from visavox.web.tokens import add_token


def asking(engine: Any, **changes: Any) -> Any:
    app = create_app(dataclasses.replace(engine.settings, **changes), engine=engine)
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def test_every_failure_is_a_problem(client: Any) -> None:
    for answer, status in (
        (client.get("/nothing/here"), 404),
        (client.get("/v1/match"), 405),
        (client.post("/v1/match", content=b"{}", headers={"content-type": "application/json"}), 415),
        (client.post("/v1/match", content=b"x", headers={"content-type": "multipart/form-data; boundary=a"}), 400),
        (client.get("/healthz", headers={"host": "evil.example"}), 421),
        (client.post("/v1/match", headers={"origin": "http://evil.example"}), 403),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
        told = answer.json()
        assert told["status"] == status and told["detail"] and "\n" not in told["detail"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


def test_a_body_that_is_too_large_is_refused(engine: Any) -> None:
    with asking(engine, max_upload_mb=0.01) as client:
        answer = client.post("/v1/match", files={"voice": ("v", b"x" * 20_000)})
    assert (answer.status_code, answer.headers["content-type"]) == (413, MEDIA_TYPE)


def test_with_tokens_everything_but_health_needs_one(engine: Any, tmp_path: Path) -> None:
    token = add_token(tmp_path / "tokens.json", "lab", days=1.0)
    with asking(engine, tokens=tmp_path / "tokens.json") as client:
        assert client.get("/healthz").status_code == 200
        for path in ("/v1/model", "/docs", "/openapi.json", "/metrics"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert client.post("/login", data={"token": token}, follow_redirects=False).status_code == 303
        assert client.get("/v1/model").status_code == 200, "the cookie was set"
    with asking(engine) as client:
        assert client.get("/login").status_code == 404


def test_nothing_of_an_upload_is_left_anywhere_by_default(
    engine: Any, sent: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the folders for temporary files nor where the service runs, whatever is asked and however it ends."""
    monkeypatch.chdir(tmp_path)
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = files_in_memory_and_temp()
    large = sent["faces"][0] + bytes(3_000_000)  # more than frameworks keep in memory
    with asking(engine) as client:
        voice = ("voice", ("v.wav", sent["voice"]))
        for last, status in ((("face", ("f.jpg", large)), 200), (("face", ("f.jpg", b"x")), 415)):
            assert client.post("/v1/verify", files=[voice, last]).status_code == status
        faces = [("faces", (f"{i}.jpg", face)) for i, face in enumerate(sent["faces"])]
        assert client.post("/v1/match", files=[voice, *faces]).status_code == 200
        assert client.post("/v1/search", files=[voice]).status_code == 200
        assert client.post("/v1/generate", files=[voice]).status_code == 200
    assert list(tmp_path.rglob("*")) == []
    assert files_in_memory_and_temp() - before == set()


def files_in_memory_and_temp() -> set[str]:
    """Open files of this process that lie in no folder, or in one for temporary files."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            target = str(descriptor.readlink())
            if target.startswith(("/memfd:upload", "/dev/shm", "/tmp", "/var/tmp")):
                found.add(target)
    return found


def test_what_is_kept_is_what_was_sent(engine: Any, sent: dict[str, Any], tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    before = engine.settings
    engine.settings = dataclasses.replace(before, keep_uploads=kept)
    try:
        with asking(engine) as client:
            files = [("voice", ("../v.wav", sent["voice"])), ("face", ("f.jpg", sent["faces"][0]))]
            assert client.post("/v1/verify", files=files).status_code == 200
    finally:
        engine.settings = before
    (folder,) = kept.iterdir()
    assert (folder / "upload-0").read_bytes() == sent["voice"]
    assert '"similarity"' in (folder / "answer.json").read_text(encoding="utf-8")


def test_an_engine_of_its_own_is_started_and_closed_with_the_application(service_settings: Any) -> None:
    plain = dataclasses.replace(service_settings, gallery=None, people=None, generator="")
    app = create_app(plain)
    engine = app.state.engine
    assert engine.state == "starting"
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.post("/v1/search", files={"voice": ("v", b"x")}).json()["code"] == "no_gallery"
    assert engine.state == "stopping"
    assert engine.pool is not None and engine.pool.pids == []
