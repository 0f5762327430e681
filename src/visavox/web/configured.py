"""What a service has beside its model, and what it says where it lacks it: the option that adds it.

Example:
    >>> configured(None, "gallery")
    Traceback (most recent call last):
    ...
    visavox.web.service_errors.RefusalError: This service has no gallery. Start it with: visavox serve --gallery FOLDER
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from visavox.pipeline.gallery.telling import counted
from visavox.service_config import ServeConfig
from visavox.web.service_errors import RefusalError

Part = TypeVar("Part")

ADDED_BY: Mapping[str, str] = {
    "gallery": "--gallery FOLDER",
    "people": "--people FOLDER",
    "generator": "--generator portrait",
    "tokens": "--tokens FILE",
}
"""Parts of a service, and the option that adds each."""
ABSENT: Mapping[str, str] = {
    "gallery": "This service has no gallery.",
    "people": "This service knows nobody.",
    "generator": "This service draws no faces.",
}


def configured(part: Part | None, name: str) -> Part:
    """Return a part of the service.

    Raises:
        RefusalError: 404; it has none.
    """
    if part is None:
        raise RefusalError(
            f"{ABSENT[name]} Start it with: visavox serve {ADDED_BY[name]}", status=404, code=f"no_{name}"
        )
    return part


def inventory(facts: Mapping[str, Any], settings: ServeConfig) -> tuple[dict[str, str], dict[str, str]]:
    """Return what a service has, in words, and what it has not, with the option that adds it.

    Args:
        facts: what `GET /v1/model` tells.
        settings: what the service was started with.
    """
    encoders = " + ".join(encoder["name"] for encoder in facts["encoders"].values())
    there = {"model": f"{facts['name']}: {encoders}, {facts['dim']} dimensions"}
    installed = facts["installed"]
    if installed["gallery"] is not None:
        counts = [
            f"{counted(of['n_people'], 'person', 'people')} by {modality}"
            for modality, of in installed["gallery"]["modalities"].items()
        ]
        there["gallery"] = f"{installed['gallery']['name']}: {', '.join(counts) or 'empty'}"
    if installed["people"] is not None:
        there["people"] = f"{installed['people']:,} enrolled"
    if installed["generator"] is not None:
        there["generator"] = f"{installed['generator']['name']}: {', '.join(installed['generator']['methods'])}"
    if settings.tokens is not None:
        there["tokens"] = f"{settings.tokens.name}: every request needs one"
    if settings.pages:
        there["pages"] = "/ and /game"
    if settings.study is not None:
        there["study"] = f"{settings.study.name}, by the links of its participants"
    if settings.keep_uploads is not None:
        there["uploads"] = f"every upload is kept in {settings.keep_uploads}"
    absent = {name: option for name, option in ADDED_BY.items() if name not in there}
    return there, absent
