"""Headers that keep a browser within bounds: nothing but our own scripts, pictures and addresses.

The pages of Gradio put scripts and styles into the page itself and make sounds of data; they are let, and nothing more.
Everything that we write ourselves does without.

Example:
    >>> headers_for("/v1/match")["content-security-policy"]
    "default-src 'none'; frame-ancestors 'none'"
"""

from __future__ import annotations

from collections.abc import Mapping

COMMON: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
}
PROGRAMS = "default-src 'none'; frame-ancestors 'none'"
"""For answers that are no pages."""
OURS = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
"""For pages that we write ourselves: the game, the study, the way in."""
DOCS = OURS.replace("img-src", "style-src 'self' 'unsafe-inline'; img-src")
"""For the page of the interface: Swagger UI writes styles into its elements."""
PAGES = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
"""For the pages of Gradio and for reports, which carry their scripts in themselves."""


def headers_for(path: str) -> Mapping[str, str]:
    """Return the headers of an answer, by the path that was asked for."""
    first = path.split("/")[1] if path.startswith("/") else path
    policy = {
        "v1": PROGRAMS,
        "healthz": PROGRAMS,
        "metrics": PROGRAMS,
        "openapi.json": PROGRAMS,
        "docs": DOCS,
        "login": OURS,
        "logout": OURS,
        "game": OURS,
        "study": OURS,
    }.get(first, PAGES)
    kept = {"cache-control": "no-store"} if first == "v1" else {}
    return {**COMMON, **kept, "content-security-policy": policy}
