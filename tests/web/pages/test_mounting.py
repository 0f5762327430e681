"""The pages on a service: addresses, limits, and nothing that leaves the machine."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")
from fastapi import FastAPI
from fastapi.testclient import TestClient

from visavox.service_config import ServeConfig
from visavox.web.pages.mounting import build_pages, mount_pages

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
