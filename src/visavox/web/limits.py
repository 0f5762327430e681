"""Limits of requests before anything reads them: size of the body, headers, time to arrive and to be answered.

Plain ASGI, so that it counts what really comes in and not what a header says. Not about what is in a body: parts of
forms are held by `read_form`, files by `visavox.web.decoding`.

Example:
    app.add_middleware(RequestLimits, max_body_bytes=32_000_000, timeout_s=30.0)
    form = await read_form(request, max_files=65, max_fields=20)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import FormData, Headers
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visavox.errors import one_line
from visavox.web.problems import Problem, make_problem, problem_response
from visavox.web.service_errors import RefusalError

MAX_HEADERS = 100
"""Headers of a request; browsers send 20."""
MAX_ADDRESS = 4096
"""Bytes of path and query."""
MAX_NAME = 1024
"""Characters of the name of an uploaded file; systems allow 255."""
MAX_FIELD_BYTES = 65_536
"""Bytes of one field of a form that is no file; a vector of 512 numbers as text takes 10,000."""
LINGER_S = 2.0
"""Seconds for which what is still sent is thrown away after a refusal; else the sender may never see the answer."""


class RequestLimits:
    """Middleware that refuses requests which are too large or too slow, and closes their connections.

    Args:
        app: what answers the others.
        max_body_bytes: of a body, 1 or more; counted while it comes in, whatever Content-Length says.
        timeout_s: seconds for a whole body to arrive, and for a whole answer under `answered_in_time`.
        answered_in_time: beginnings of the paths whose answers have to be there in `timeout_s` too. Other answers,
            streams of events for a page for instance, may last.
    """

    def __init__(
        self, app: ASGIApp, *, max_body_bytes: int, timeout_s: float, answered_in_time: Sequence[str] = ("/v1/",)
    ) -> None:
        """Store the limits."""
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.timeout_s = timeout_s
        self.answered_in_time = tuple(answered_in_time)
        self._left_behind: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(self, receive, send, is_whole=not _has_body(scope))
        refusal = self._refusal_by_head(scope)
        if refusal is None:
            refusal = await self._answered(scope, exchange)
        if refusal is not None:
            await exchange.refuse(refusal)

    def _refusal_by_head(self, scope: Scope) -> Problem | None:
        """Return why a request is refused before its body is read, None where it is not."""
        if len(scope["headers"]) > MAX_HEADERS:
            return make_problem(431, f"A request may have {MAX_HEADERS} headers. It has {len(scope['headers'])}.")
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_ADDRESS:
            return make_problem(414, f"An address may have {MAX_ADDRESS} bytes. Shorten it.", code="address_too_long")
        length = Headers(scope=scope).get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.max_body_bytes:
            return self.too_large()
        return None

    def too_large(self) -> Problem:
        """Return the refusal of a body that is too large."""
        return make_problem(413, f"A request may have {self.max_body_bytes} bytes. It has more. Send smaller files.")

    def too_slow(self) -> Problem:
        """Return the refusal of a body that does not end in time."""
        return make_problem(408, f"A body must arrive in {self.timeout_s:g} s. It did not. Send it again.")

    def too_late(self) -> Problem:
        """Return the refusal of a request whose answer takes too long."""
        return make_problem(
            503, f"A request may take {self.timeout_s:g} s. It took longer. Try again later.", code="time_limit"
        )

    async def _answered(self, scope: Scope, exchange: _Exchange) -> Problem | None:
        """Run the application; return why the request is refused instead, None where it was answered."""
        if not scope["path"].startswith(self.answered_in_time):
            await self.app(scope, exchange.receive, exchange.send_on)
            return exchange.refusal
        task = asyncio.ensure_future(self.app(scope, exchange.receive, exchange.send_on))
        try:
            await asyncio.wait({task}, timeout=self.timeout_s)
        finally:
            if not task.done():  # its time is over, or the server is ending
                task.cancel()
                self._left_behind.add(task)  # a thread that it waits for may take longer
                task.add_done_callback(self._forget)
        if not task.done():
            exchange.is_refused = True
            return exchange.refusal or (self.too_late() if exchange.is_whole else self.too_slow())
        if exchange.refusal is None:
            task.result()  # raises what it raised
        else:
            task.exception()  # seen: the refusal is the answer
        return exchange.refusal

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._left_behind.discard(task)
        if not task.cancelled():
            task.exception()


@dataclass
class _Exchange:
    """One request and its answer, as they pass the middleware."""

    limits: RequestLimits
    incoming: Receive
    outgoing: Send
    refusal: Problem | None = None
    is_refused: bool = False
    has_begun: bool = False
    is_whole: bool = True
    n_bytes: int = 0
    until: float = 0.0

    async def receive(self) -> Message:
        """Give the application the next part of the body, as long as there is neither too much nor too little of it."""
        if self.is_whole:
            return await self.incoming()
        if self.is_refused:
            return {"type": "http.disconnect"}
        loop = asyncio.get_running_loop()
        self.until = self.until or loop.time() + self.limits.timeout_s
        try:
            async with asyncio.timeout_at(self.until):
                message = await self.incoming()
        except TimeoutError:
            return self._give_up(self.limits.too_slow())
        if message["type"] == "http.request":
            self.n_bytes += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
            if self.n_bytes > self.limits.max_body_bytes:
                return self._give_up(self.limits.too_large())
        else:
            self.is_whole = True
        return message

    def _give_up(self, refusal: Problem) -> Message:
        """Refuse in the middle of a body; to the application it looks as if the sender had gone."""
        self.refusal = refusal
        self.is_refused = True
        return {"type": "http.disconnect"}

    async def send_on(self, message: Message) -> None:
        """Pass the answer on, unless the request is refused meanwhile."""
        if self.is_refused and not self.has_begun:
            return
        self.has_begun = True
        await self.outgoing(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer with a problem, throw away what is still sent for a moment, and close the connection."""
        self.is_refused = True
        if self.has_begun:
            return
        headers = {"connection": "close"} | ({"retry-after": "1"} if problem.status == 503 else {})
        response = problem_response(problem, headers)
        await self.outgoing(
            {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
        )
        await self.outgoing({"type": "http.response.body", "body": response.body, "more_body": True})
        if not self.is_whole:
            await self._drain()
        await self.outgoing({"type": "http.response.body", "body": b"", "more_body": False})

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(LINGER_S):
                while True:
                    message = await self.incoming()
                    if message["type"] != "http.request" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


class _MemoryParser(MultiPartParser):
    """Starlette's parser, which would write files above a megabyte to the disk: nothing that is uploaded is kept."""

    spool_max_size = 1 << 40


async def read_form(request: Request, *, max_files: int, max_fields: int) -> FormData:
    """Return the parts of a multipart body, files in memory.

    Args:
        request: of content type multipart/form-data.
        max_files: parts with a file name.
        max_fields: parts without.

    Raises:
        RefusalError: 415 another content type; 400 no form, too many parts, too large a field; 422 a file whose name
            is longer than `MAX_NAME`.

    Edges:
        Eight headers a part and 4 KB a header are python-multipart's own limits.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "multipart/form-data":
        shown = one_line(kind[:60]) or "nothing"
        raise RefusalError(
            f"The content type must be multipart/form-data. Got {shown}.", status=415, code="unsupported_media_type"
        )
    parser = _MemoryParser(
        request.headers, request.stream(), max_files=max_files, max_fields=max_fields, max_part_size=MAX_FIELD_BYTES
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise RefusalError(
            f"The form cannot be read: {error.message} It may have {max_files} files and {max_fields} fields.",
            status=400,
            code="bad_form",
        ) from error
    for _, part in form.multi_items():
        if not isinstance(part, str) and len(part.filename or "") > MAX_NAME:
            await form.close()
            raise RefusalError(
                f"The name of a file may have {MAX_NAME} characters. One has {len(part.filename or '')}. Shorten it.",
                status=422,
                code="name_too_long",
            )
    return form
