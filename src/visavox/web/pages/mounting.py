"""All pages as one Gradio application, and where it hangs on the service.

Gradio reports nothing to anybody, fetches nothing from other machines, shows no error of ours as a traceback, and may
serve no file but those that visitors gave or that a page made for them.

Example:
    app = mount_pages(create_app(settings, engine=engine), engine, settings)
"""

from __future__ import annotations

import os
import warnings
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Match

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when Gradio is imported

import gradio as gr

from visavox.service_config import ServeConfig
from visavox.web.engine import MEGABYTE, Engine
from visavox.web.pages.corpus import add_corpus
from visavox.web.pages.draw import add_draw
from visavox.web.pages.given import leave
from visavox.web.pages.home import add_home
from visavox.web.pages.look import look
from visavox.web.pages.match import add_match
from visavox.web.pages.report import add_report, report_routes
from visavox.web.pages.search import add_search
from visavox.web.pages.uploads import KEEP_S, SWEEP_S, Visits, upload_folder

OF_PROGRAMS = ("/v1/{rest:path}", "/healthz", "/metrics")
"""Addresses that never show a page."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


def build_pages(engine: Engine, settings: ServeConfig) -> gr.Blocks:
    """Return the pages: the first at "/", the others at "/match", "/search", "/draw", "/report" and "/corpus".

    Args:
        engine: answers what the pages ask.
        settings: what the server was started with.
    """
    visits = Visits(upload_folder())
    blocks = gr.Blocks(title="Visavox", analytics_enabled=False, delete_cache=(SWEEP_S, KEEP_S))
    builders: list[tuple[str, Any]] = [
        ("Match", lambda: add_match(engine, visits)),
        ("Search", lambda: add_search(blocks, engine, visits)),
        ("Draw", lambda: add_draw(engine, visits)),
        ("Report", lambda: add_report(blocks, settings)),
        ("Corpus", lambda: add_corpus(blocks, settings)),
    ]
    with blocks:
        gr.Navbar(visible=False)
        add_home(engine, settings)
        blocks.unload(leave(visits))
    for name, build in builders:
        with blocks.route(name, f"/{name.lower()}", show_in_navbar=False):
            gr.Navbar(visible=False)
            build()
            blocks.unload(leave(visits))
    blocks.queue(api_open=False, max_size=settings.queue, default_concurrency_limit=4)
    return blocks


def mount_pages(app: FastAPI, engine: Engine, settings: ServeConfig) -> FastAPI:
    """Hang the pages on the service, behind all of its other routes, and return it.

    Args:
        app: with every other route already there: the pages take each address that is left.
        engine: answers what the pages ask.
        settings: what the server was started with.
    """
    app.include_router(report_routes(settings))
    refuse_programs(app)
    style, blocks = look(), build_pages(engine, settings)
    # Gradio refuses files that nobody uploaded, /etc/passwd for instance, only where it believes to have been launched.
    blocks.has_launched = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="SSR mode is not supported")  # we do not ask for it
        mounted: FastAPI = gr.mount_gradio_app(
            app,
            blocks,
            path="/",
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size=int(settings.max_upload_mb * MEGABYTE),
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            mcp_server=False,
            allowed_paths=[],
            theme=style.theme,
            css=style.css,
            head=style.head,
        )
    return mounted


def refuse_programs(app: FastAPI) -> None:
    """Answer programs that ask for what is not there as without pages: Gradio's own refusals are no problem+json.

    Args:
        app: with every route of the interface already there.
    """
    routes = list(app.routes)

    async def refuse(request: Request) -> None:
        scopes = ({**request.scope, "method": method} for method in METHODS)
        allowed = {
            scope["method"] for scope in scopes if any(route.matches(scope)[0] is Match.FULL for route in routes)
        }
        if allowed:
            raise HTTPException(405, headers={"allow": ", ".join(sorted(allowed))})
        raise HTTPException(404)

    for path in OF_PROGRAMS:
        app.add_route(path, refuse, methods=list(METHODS), include_in_schema=False)  # type: ignore[arg-type]
