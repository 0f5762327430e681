"""A report is served as a page without scripts, by its key alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")
from fastapi import FastAPI
from fastapi.testclient import TestClient

from visavox.service_config import ServeConfig
from visavox.web.pages.report import choices, frame, report_routes
from visavox.web.pages.report_files import find_reports
from visavox.web.problems import install_problem_handlers


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    (tmp_path / "runs" / "<x>").mkdir(parents=True)
    (tmp_path / "runs" / "<x>" / "report.html").write_text("<h1>A rëport</h1>", encoding="utf-8")
    return tmp_path / "runs"


@pytest.fixture
def client(runs: Path) -> Any:
    app = FastAPI()
    install_problem_handlers(app)
    app.include_router(report_routes(ServeConfig(runs=(runs,))))
    return TestClient(app)


def test_a_report_is_served_and_may_run_nothing(client: Any, runs: Path) -> None:
    (found,) = find_reports([runs])
    answer = client.get(f"/reports/{found.key}")
    assert answer.status_code == 200 and "A rëport" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "frame-ancestors 'self'" in policy


@pytest.mark.parametrize("key", ["0000000000000000", "..%2Freport.html", "x"])
def test_another_address_is_a_problem_in_one_line(key: str, client: Any) -> None:
    answer = client.get(f"/reports/{key}")
    assert answer.status_code == 404 and "Traceback" not in answer.text


def test_a_report_that_went_is_a_problem_with_a_code(client: Any, runs: Path) -> None:
    (found,) = find_reports([runs])
    found.path.unlink()
    answer = client.get(f"/reports/{found.key}")
    assert answer.status_code == 404 and answer.json()["code"] == "no_report"
    assert "There is no such report" in answer.json()["detail"]


def test_routes_are_not_in_the_interface_for_programs(client: Any) -> None:
    assert client.get("/openapi.json").json()["paths"] == {}


def test_choices_say_when_and_what(runs: Path) -> None:
    found = find_reports([runs])
    ((words, key),) = choices(found)
    assert words.endswith("evaluation · runs/<x>/report.html") and key == found[0].key


def test_the_frame_is_locked_and_its_title_escaped(runs: Path) -> None:
    html = frame(find_reports([runs])[0])
    assert 'sandbox="allow-popups"' in html and "<x>" not in html and "&lt;x&gt;" in html
