"""Routes that take a form and refuse what they do not know, by name: a misspelt field must not be ignored in silence.

The form is read into memory and held to the limits of `visavox.web.limits`; names of files are shown, never used.

Example:
    router = APIRouter(route_class=StrictRoute)

    @router.post("/v1/match")
    def match(voice: UploadFile, faces: list[UploadFile]) -> MatchAnswer: ...
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from fastapi import Request, Response, UploadFile
from fastapi.routing import APIRoute

from visavox.web.limits import read_form
from visavox.web.service_errors import RefusalError
from visavox.web.upload_names import shown_name

MAX_FIELDS = 64
"""Fields of a form that are no files."""
SPARE_FILES = 8
"""Files beyond the most that a route takes, so that the refusal can name the field."""


class StrictRoute(APIRoute):
    """A route whose form and query hold what its function names, and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request: names are looked at first, then the values."""
        answer = super().get_route_handler()
        in_form = {field.alias for field in self.dependant.body_params}
        in_query = {field.alias for field in self.dependant.query_params}

        async def answer_strictly(request: Request) -> Response:
            refuse_unknown(request.query_params.keys(), in_query, "parameter of the address")
            if not in_form:
                return await answer(request)
            most = request.app.state.engine.settings.max_faces
            form = await read_form(request, max_files=2 * most + SPARE_FILES, max_fields=MAX_FIELDS)
            try:
                refuse_unknown(form.keys(), in_form, "field")
                refuse_repeated(form, self.dependant.body_params)
                request._form = form  # what `request.form()` keeps of its first call
                return await answer(request)
            finally:
                await form.close()

        return answer_strictly


def refuse_unknown(given: Iterable[str], known: set[str], what: str) -> None:
    """Raise for the first name that is not known.

    Raises:
        RefusalError: 422; the message gives the nearest name and all of them.
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise RefusalError(
                f"There is no {what} `{shown_name(name)}`.{hint} Known: {', '.join(sorted(known)) or 'none'}.",
                status=422,
                code="unknown_field",
            )


def refuse_repeated(form: Any, fields: Iterable[Any]) -> None:
    """Raise where a field that is no list was sent twice: which of them is meant, nobody can know.

    Raises:
        RefusalError: 422.
    """
    for field in fields:
        is_list = "list" in str(field.field_info.annotation)
        if not is_list and len(form.getlist(field.alias)) > 1:
            raise RefusalError(
                f"The field `{field.alias}` may be sent once. Got {len(form.getlist(field.alias))}. Send one.",
                status=422,
                code="repeated_field",
            )


def read_upload(upload: UploadFile) -> bytes:
    """Return the bytes of an upload."""
    return upload.file.read()


def upload_name(upload: UploadFile, instead: str) -> str:
    r"""Return the last part of an upload's name as one short line.

    Example:
        >>> import io
        >>> upload_name(UploadFile(io.BytesIO(), filename="..\\..\\etc/passwd"), "voice")
        'passwd'
    """
    last = (upload.filename or "").replace("\\", "/").rsplit("/", 1)[-1]
    return shown_name(last if last.strip(". ") else "", instead=instead)
