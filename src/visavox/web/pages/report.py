"""The page Reports: those of runs, newest first; one is shown inside the page.

Example:
    with gr.Blocks() as blocks:
        add_report(settings)
"""

from __future__ import annotations

from typing import Any

import gradio as gr
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from visavox.evaluation.chart import escaped
from visavox.service_config import ServeConfig
from visavox.web.pages.markup import advice, head, notice
from visavox.web.pages.report_files import FoundReport, find_reports, report_of
from visavox.web.service_errors import RefusalError

LEAD = "What was measured, with intervals, on whom, and what the figures do not say."
HEADERS = {
    "content-security-policy": "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'self'",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""A report is a page without scripts, and stays one."""
NOTHING = "There is no report here. A run makes one, and the server is told of its folder:"
COMMANDS = "visavox evaluate ... --out runs/first; visavox serve --runs runs"


def report_routes(settings: ServeConfig) -> APIRouter:
    """Return the route that serves a report by its key: GET /reports/KEY."""
    router = APIRouter(include_in_schema=False)

    @router.get("/reports/{key}")
    def open_report(key: str) -> HTMLResponse:
        found = report_of(settings.runs, key)
        if found is None:
            raise RefusalError(
                "There is no such report, or not any more. The page Reports lists those that there are.",
                status=404,
                code="no_report",
            )
        return HTMLResponse(found.path.read_text(encoding="utf-8", errors="replace"), headers=HEADERS)

    return router


def add_report(blocks: Any, settings: ServeConfig) -> None:
    """Build the page inside the Blocks that are open."""
    gr.HTML(head("report", "Reports", LEAD), padding=False)
    choice = gr.Dropdown(label="Report, the newest first", choices=[], interactive=True, visible=bool(settings.runs))
    shown = gr.HTML(advice(NOTHING, COMMANDS), padding=False)

    def on_load() -> tuple[Any, str]:
        found = find_reports(settings.runs)
        if not found:
            return gr.update(choices=[], value=None, visible=False), advice(NOTHING, COMMANDS)
        return gr.update(choices=choices(found), value=found[0].key, visible=True), frame(found[0])

    def on_choice(key: str | None) -> str:
        found = report_of(settings.runs, key or "")
        return frame(found) if found else notice("That report is not there any more. Load the page again.")

    blocks.load(on_load, None, [choice, shown], api_visibility="private", show_progress="hidden")
    choice.input(on_choice, [choice], [shown], api_visibility="private", show_progress="hidden")


def choices(found: list[FoundReport]) -> list[tuple[str, str]]:
    """Return words and key of each report."""
    return [(f"{report.modified:%Y-%m-%d %H:%M} · {report.kind} · {report.name}", report.key) for report in found]


def frame(report: FoundReport) -> str:
    """Return a report inside the page, and a link that opens it alone."""
    address = f"/reports/{report.key}"
    return (
        f'<div class="vx"><p class="vx-fine">{escaped(report.name)} · <a href="{address}" target="_blank" '
        'rel="noopener">open it alone</a></p>'
        f'<iframe class="vx-frame" src="{address}" title="{escaped(report.name)}" '
        'sandbox="allow-popups"></iframe></div>'
    )
