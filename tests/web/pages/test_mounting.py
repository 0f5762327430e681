"""The pages on a service: addresses, limits, and nothing that leaves the machine."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from visavox.service_config import ServeConfig
from visavox.web.pages.mounting import build_pages, mount_pages
from visavox.web.pages.uploads import upload_folder
from visavox.web.problems import MEDIA_TYPE, install_problem_handlers

PAGES = ("", "match", "search", "draw", "report", "corpus")


@pytest.fixture(scope="module")
def client() -> Any:
    app = FastAPI()

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    with TestClient(mount_pages(app, stand_in(), ServeConfig(max_upload_mb=0.01))) as client:
        yield client


def stand_in() -> Any:
    model = SimpleNamespace(name="base")
    return SimpleNamespace(gallery=None, generator=None, model=model, model_facts=lambda: {"name": "base"})


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_an_address(page: str, client: Any) -> None:
    answer = client.get(f"/{page}")
    assert answer.status_code == 200 and "window.gradio_config" in answer.text
    assert not re.findall(r'<(?:script|link|img|iframe)[^>]+(?:src|href)="https?://(?!testserver)[^"]*"', answer.text)


def test_routes_of_the_service_come_first(client: Any) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("POST", "/v1/nothing", 404), ("GET", "/v1/asked", 405), ("POST", "/healthz", 405)],
)
def test_what_programs_ask_amiss_is_a_problem_beside_pages_too(method: str, path: str, status: int) -> None:
    """The pages took every address that was left, and answered {"detail": "Not Found"}."""
    app = FastAPI()
    install_problem_handlers(app)
    app.add_api_route("/healthz", lambda: {}, methods=["GET"])
    router = APIRouter(prefix="/v1")
    router.add_api_route("/asked", lambda: {}, methods=["POST"])
    app.include_router(router)
    with TestClient(mount_pages(app, stand_in(), ServeConfig())) as asking:
        answer = asking.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert answer.json()["status"] == status and answer.json()["detail"]
    if status == 405:
        assert answer.headers["allow"] == ("GET" if path == "/healthz" else "POST")


def test_gradio_reports_nothing_and_shows_no_errors_of_ours(client: Any) -> None:
    config = client.get("/config").json()
    assert config["analytics_enabled"] is False and config["show_error"] is False
    assert config["footer_links"] == []


def test_no_function_is_offered_to_programs(client: Any) -> None:
    config = client.get("/config").json()
    assert config["dependencies"], "there are functions"
    public = [d["api_name"] for d in config["dependencies"] if d.get("api_visibility") == "public" and d["backend_fn"]]
    assert public == []


def test_an_upload_that_is_too_large_is_refused(client: Any) -> None:
    small = client.post("/gradio_api/upload", files={"files": ("a.wav", b"x" * 100)})
    assert small.status_code == 200
    large = client.post("/gradio_api/upload", files={"files": ("a.wav", b"x" * 20_000)})
    assert large.status_code == 413


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "../../etc/passwd"])
def test_no_file_of_the_machine_is_served(path: str, client: Any) -> None:
    assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_temporary_files_are_swept() -> None:
    blocks = build_pages(stand_in(), ServeConfig(queue=7))
    assert blocks.delete_cache == (60, 900)
    assert [address for address, _, _ in blocks.pages] == list(PAGES)


@pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # both are Gradio's
@pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated")
def test_a_page_that_claims_a_file_of_the_machine_gets_no_answer(client: Any, tmp_path: Any) -> None:
    """Whoever asks without a browser may name any path as an upload: what is no upload is not read."""
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"RIFF of the server")
    config = client.get("/config?page=match").json()
    (match,) = [d for d in config["dependencies"] if len(d["inputs"]) == 2 and len(d["outputs"]) == 2]
    claimed = {"path": str(secret), "orig_name": "v.wav", "meta": {"_type": "gradio.FileData"}}
    asked = {"data": [claimed, None], "fn_index": match["id"], "session_hash": "eve"}
    assert client.post("/gradio_api/queue/join", json=asked).status_code == 200
    with client.stream("GET", "/gradio_api/queue/data?session_hash=eve") as events:
        said = "".join(line for line in events.iter_lines())
    assert '"success":false' in said and "There is no voice" not in said
    assert not list(upload_folder().rglob("secret*")), "Gradio copied it to where files are served from"
    assert "RIFF" not in said and "Traceback" not in said and "at least 2 faces" not in said
