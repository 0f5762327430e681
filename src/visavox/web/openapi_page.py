"""GET /docs: the interface, to be read and tried in a browser, without the internet.

The scripts are those of Swagger UI that the package fastapi_offline carries; the page is ours, so that it needs no
script in itself.

Example:
    app.include_router(create_docs_router())
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse

from visavox.errors import MissingDependencyError
from visavox.web.service_errors import RefusalError

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Visavox: the interface for programs</title>
<link rel="icon" href="/docs/static/favicon.png"><link rel="stylesheet" href="/docs/static/swagger-ui.css">
</head>
<body><div id="page"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script><script src="/docs/static/start.js"></script>
</body></html>
"""
START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null, docExpansion: "list",
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset], layout: "BaseLayout",
});
"""


def create_docs_router() -> APIRouter:
    """Return the routes of /docs.

    Raises:
        MissingDependencyError: fastapi_offline is not installed.
    """
    folder = assets_folder()
    router = APIRouter(prefix="/docs", include_in_schema=False)

    @router.get("")
    def page() -> Response:
        return HTMLResponse(PAGE)

    @router.get("/static/start.js")
    def start() -> Response:
        return Response(START, media_type="text/javascript")

    @router.get("/static/{name}")
    def asset(name: str) -> Response:
        if name not in ASSETS:
            raise RefusalError(
                f"There is no file of that name. Known: {', '.join(ASSETS)}.", status=404, code="not_found"
            )
        return FileResponse(folder / name, media_type=ASSETS[name], headers={"cache-control": "max-age=86400"})

    return router


def assets_folder() -> Path:
    """Return the folder with the scripts of Swagger UI; the package is found and not imported.

    Raises:
        MissingDependencyError: fastapi_offline is not installed.
    """
    spec = importlib.util.find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise MissingDependencyError(
            "The page /docs needs fastapi_offline. Install it with: pip install 'visavox[web]'"
        )
    return Path(spec.origin).parent / "static"
