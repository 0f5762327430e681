"""The page of the interface, without the internet."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.errors import MissingDependencyError
from visavox.web import openapi_page


def test_every_file_of_the_page_is_served_from_here(client: Any) -> None:
    page = client.get("/docs").text
    assert "http:" not in page and "https:" not in page
    for path in re.findall(r'(?:src|href)="([^"]+)"', page):
        asset = client.get(path)
        assert asset.status_code == 200 and len(asset.content) > 100, path
    assert "SwaggerUIBundle" in client.get("/docs/static/start.js").text
    assert client.get("/docs/static/..%2Fcore.py").status_code == 404
    assert client.get("/docs/static/redoc.standalone.js").status_code == 404


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openapi_page.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'visavox\[web\]'"):
        openapi_page.create_docs_router()
