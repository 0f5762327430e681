"""POST /v1/search and /v1/identify: who is it, of a gallery or of the enrolled?

Example:
    curl -F voice=@v.wav -F k=5 -F 'where={"gender": "f"}' http://127.0.0.1:8765/v1/search
"""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Request, UploadFile

from visavox.errors import MediaError
from visavox.pipeline.gallery.searching import SearchOptions
from visavox.web.configured import configured
from visavox.web.routes.matching import FACE, VOICE
from visavox.web.schemas import IdentifyAnswer, SearchAnswer
from visavox.web.service_errors import RefusalError
from visavox.web.strict_forms import StrictRoute, read_upload, upload_name
from visavox.web.uploads import keeping

MOST_HITS = 1000
"""Hits of one request; thumbnails of as many are some megabytes."""
MOST_VALUES = 100
"""Values of one attribute in a filter."""

OptionalVoice = Annotated[UploadFile | None, File(description=VOICE)]
OptionalFace = Annotated[UploadFile | None, File(description=FACE)]

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["searching"])


@router.post("/search", response_model=SearchAnswer, summary="Who of the gallery has this voice, or this face?")
def search(
    request: Request,
    voice: OptionalVoice = None,
    face: OptionalFace = None,
    k: Annotated[int, Form(ge=1, le=MOST_HITS, description="How many to show.")] = 10,
    against: Annotated[
        Literal["auto", "face", "voice"],
        Form(description="What is looked through; auto takes the other modality than that of the query."),
    ] = "auto",
    by: Annotated[
        Literal["person", "clip"], Form(description="Each person once, by all clips together, or every clip.")
    ] = "person",
    where: Annotated[
        str,
        Form(
            description='Attributes that clips must have, as JSON: {"gender": "f", "nationality": ["uk", "ireland"]}.'
        ),
    ] = "{}",
    p_nobody: Annotated[
        float, Form(gt=0, lt=1, description="How often the one asked for is not in the gallery.")
    ] = 0.5,
    effort: Annotated[int, Form(ge=0, le=1_000_000, description="Of an approximate index; 0 takes its own.")] = 0,
    thumbnails: Annotated[bool, Form(description="Send the faces that are kept beside the vectors.")] = False,
) -> Any:
    """Look a voice up among faces, or a face among voices; a modality among itself is ranked without probabilities."""
    engine = request.app.state.engine
    uploads = [upload for upload in (voice, face) if upload is not None]
    names = [upload_name(upload, "query") for upload in uploads]
    data = [read_upload(upload) for upload in uploads]
    options = SearchOptions(k, against, by, parsed_filter(where) or None, p_nobody, effort)
    with keeping(engine.settings.keep_uploads, "search", names, data) as kept:
        outcome = engine.search(
            data[0] if voice is not None else None,
            data[-1] if face is not None else None,
            options,
            name=names[0] if names else "",
        )
        if outcome.status != "ok":
            raise MediaError(outcome.note, status=outcome.status)
        answer = outcome.to_dict()
        gallery = configured(engine.gallery, "gallery").searcher().gallery
        answer["gallery"] = gallery.folder.name
        answer["hits"] = [
            {**hit, "attributes": dict(hit["attributes"]), "thumbnail": _thumbnail(gallery, hit["key"], thumbnails)}
            for hit in answer["hits"]
        ]
        return kept.answered(answer)


@router.post("/identify", response_model=IdentifyAnswer, summary="Who of the enrolled is it?")
def identify(
    request: Request,
    face: OptionalFace = None,
    voice: OptionalVoice = None,
    top: Annotated[int, Form(ge=1, le=MOST_HITS, description="How many people to name.")] = 5,
    false_accept: Annotated[
        float | None,
        Form(gt=0, le=1, description="Share of strangers that may be taken for somebody; by default as enrolled."),
    ] = None,
    combine: Annotated[
        Literal["scores", "sum", "max"], Form(description="How a face and a voice are joined.")
    ] = "scores",
) -> Any:
    """Name the person of a face, of a voice or of both, or say that it is a stranger."""
    engine = request.app.state.engine
    uploads = [upload for upload in (face, voice) if upload is not None]
    data = [read_upload(upload) for upload in uploads]
    names = [upload_name(u, "") if u is not None else "" for u in (face, voice)]
    with keeping(engine.settings.keep_uploads, "identify", [name for name in names if name], data) as kept:
        outcome = engine.identify(
            data[0] if face is not None else None,
            data[-1] if voice is not None else None,
            top=top,
            false_accept=false_accept,
            combine=combine,
            names=names,
        )
        if not outcome.ranked and all(one.status != "ok" for one in outcome.asked):
            raise MediaError(outcome.asked[0].note, status=outcome.asked[0].status)
        return kept.answered(outcome.to_dict())


def parsed_filter(text: str) -> dict[str, str | list[str]]:
    """Return a filter that was sent as JSON.

    Raises:
        RefusalError: 422; it is no object of texts and lists of texts.

    Example:
        >>> parsed_filter('{"gender": "f", "nationality": ["uk", "ireland"]}')
        {'gender': 'f', 'nationality': ['uk', 'ireland']}
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    fits = isinstance(found, dict) and all(
        isinstance(value, str)
        or (isinstance(value, list) and len(value) <= MOST_VALUES and all(isinstance(one, str) for one in value))
        for value in found.values()
    )
    if not fits:
        raise RefusalError(
            'The field `where` must be a JSON object of texts or lists of texts, as {"gender": "f"}. '
            f"Got {text[:60]!r}.",
            status=422,
            code="invalid_filter",
        )
    return dict(found)


def _thumbnail(gallery: Any, key: str, wanted: bool) -> str | None:
    picture = gallery.thumbnail(key) if wanted else None
    return None if picture is None else base64.b64encode(picture).decode()
