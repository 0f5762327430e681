"""Another program's side of the service: files go out, the records of the commands come back.

Importing it loads neither networks nor the service; httpx is all that it needs. Answers are the records that the
commands print, so that what works with one works with the other.

Example:
    from visavox.web.client import VisavoxClient
    with VisavoxClient("http://127.0.0.1:8765") as client:
        print(client.match("voice.wav", ["a.jpg", "b.jpg"]))
"""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from visavox.errors import MediaError, MissingDependencyError, VisavoxError, one_line
from visavox.media.files import check_file
from visavox.pipeline.gallery.search_outcome import SearchOutcome
from visavox.pipeline.identification_outcome import IdentificationOutcome
from visavox.pipeline.match_outcome import MatchOutcome
from visavox.web.answers import Embedded, Verified
from visavox.web.records import record_of

if TYPE_CHECKING:
    import httpx

MAX_TRIES = 5
"""Times that a request is sent to a busy service."""
MAX_WAIT_S = 60.0
"""Seconds for which a request waits for a busy service, all tries together."""

Media = Path | str | bytes
"""A file by its path, or its content."""
Part = tuple[str, tuple[str, bytes]]
"""A field of a form, with a name and a content."""
Record = TypeVar("Record")


class ServiceError(VisavoxError):
    """The service refused a request, or could not be reached; the message is its one line.

    Attributes:
        problem: what it said, as RFC 9457 has it; of a service that could not be reached `status` is 0.
        status: of HTTP.
        code: short name for programs: "queue_full", "no_face", "unreachable" ...
    """

    def __init__(self, problem: Mapping[str, Any]) -> None:
        """Take the message from a problem: `detail`, else `title`."""
        super().__init__(one_line(str(problem.get("detail") or problem.get("title") or "The service failed.")))
        self.problem = dict(problem)
        self.status = int(problem.get("status", 0))
        self.code = str(problem.get("code", "unknown"))


@dataclass(frozen=True)
class Health:
    """How a service is doing."""

    status: str
    """"ok", "starting" or "stopping"."""
    model: str
    """Name of its model."""
    decoders: int
    """Processes that decode uploads and are alive."""
    requests_running: int
    """Requests that are worked on."""
    requests_waiting: int
    """Requests that wait."""


@dataclass(frozen=True)
class DrawnFaces:
    """Guesses of a face."""

    pictures: tuple[bytes, ...]
    """PNG files, labelled as made by a program."""
    facts: Mapping[str, Any]
    """What drew them and how, as faces.json of `visavox generate` has it."""


class VisavoxClient:
    """Asks a service.

    Args:
        base_url: where `visavox serve` listens, "http://127.0.0.1:8765" for instance.
        token: bearer token, where the service needs one.
        timeout_s: seconds to wait for an answer, above 0.

    Edges:
        One client may be used from many threads. A service that is busy (503 with Retry-After) is asked again, five
        times and a minute at most; nothing else is tried twice.
    """

    def __init__(self, base_url: str, token: str | None = None, *, timeout_s: float = 60.0) -> None:
        """Nothing is sent yet.

        Raises:
            MissingDependencyError: httpx is not installed.
        """
        try:
            import httpx
        except ImportError as error:
            raise MissingDependencyError("The client needs httpx. Install it: pip install 'visavox[web]'") from error
        self.base_url = base_url
        self.timeout_s = timeout_s
        headers = {"accept": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        # Nothing of the environment: a proxy set for the web must not see voices that go to this machine.
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=timeout_s, trust_env=False)

    def __enter__(self) -> VisavoxClient:
        """Return this client."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; the client cannot be used again."""
        self._http.close()

    def match(self, voice: Media, faces: Sequence[Media]) -> MatchOutcome:
        """Return which of several faces belongs to a voice.

        Args:
            voice: a sound file, or a video whose sound is taken.
            faces: two pictures or more.

        Raises:
            ServiceError: the service refuses, or cannot be reached.
            MediaError: a file is not there.
        """
        return self._ask("/v1/match", MatchOutcome, [part("voice", voice), *parts("faces", faces)])

    def verify(self, voice: Media, face: Media, *, prior: float = 0.5) -> Verified:
        """Return how well one voice and one face fit together.

        Args:
            voice: as for `match`.
            face: as for `match`.
            prior: how often such pairs are of one person, above 0 and below 1.

        Raises:
            ServiceError, MediaError: as for `match`.
        """
        return self._ask("/v1/verify", Verified, [part("voice", voice), part("face", face)], {"prior": prior})

    def embed(self, voices: Sequence[Media] = (), faces: Sequence[Media] = ()) -> tuple[Embedded, ...]:
        """Return the vectors of voices and faces, the voices first.

        Args:
            voices: as for `match`.
            faces: as for `match`.

        Raises:
            ServiceError, MediaError: as for `match`.
        """
        answer = self._sent("POST", "/v1/embed", [*parts("voices", voices), *parts("faces", faces)])
        items = answer.get("items")
        if not isinstance(items, list):
            raise self._not_understood("/v1/embed", "`items` is missing")
        return tuple(self._record(Embedded, item, "/v1/embed") for item in items)

    def search(
        self,
        *,
        voice: Media | None = None,
        face: Media | None = None,
        k: int = 10,
        against: str = "auto",
        by: str = "person",
        where: Mapping[str, str | Sequence[str]] | None = None,
        p_nobody: float = 0.5,
        effort: int = 0,
    ) -> SearchOutcome:
        """Return who of the service's gallery has this voice, or this face.

        Args:
            voice: as for `match`; this or `face`.
            face: as for `match`.
            k: how many hits, 1 or more.
            against: "face", "voice", or "auto" for the other than the query.
            by: "person", each once by all clips together, or "clip".
            where: attributes that clips must have, one value or several to choose from.
            p_nobody: how often the one asked for is not in the gallery, above 0 and below 1.
            effort: of an approximate index; 0 takes its own.

        Raises:
            ServiceError, MediaError: as for `match`.
        """
        fields = {"k": k, "against": against, "by": by, "where": json.dumps(dict(where or {})), "p_nobody": p_nobody}
        return self._ask("/v1/search", SearchOutcome, one_of(voice, face), {**fields, "effort": effort})

    def identify(
        self,
        *,
        face: Media | None = None,
        voice: Media | None = None,
        top: int = 5,
        false_accept: float | None = None,
        combine: str = "scores",
    ) -> IdentificationOutcome:
        """Return who of the service's enrolled people it is, or that it is a stranger.

        Args:
            face: as for `match`; this, `voice` or both.
            voice: as for `match`.
            top: how many people to name, 1 or more.
            false_accept: share of strangers that may be taken for somebody; None: as enrolled.
            combine: how a face and a voice are joined: "scores", "sum" or "max".

        Raises:
            ServiceError, MediaError: as for `match`.
        """
        fields = {"top": top, "false_accept": false_accept, "combine": combine}
        return self._ask("/v1/identify", IdentificationOutcome, one_of(voice, face), fields)

    def generate(
        self, voice: Media, *, samples: int = 4, seed: int = 0, guidance: float | None = None, method: str = ""
    ) -> DrawnFaces:
        """Return guesses of what a speaker may look like; they show no real person.

        Args:
            voice: as for `match`.
            samples: how many pictures, 1 or more.
            seed: the same seed draws the same pictures.
            guidance: 0 ignores the voice, 1 follows it, more exaggerates; None: as the generator has it.
            method: "decoder", "diffusion", or nothing for the generator's first way.

        Raises:
            ServiceError, MediaError: as for `match`.
        """
        fields = {"samples": samples, "seed": seed, "guidance": guidance, "method": method or None}
        answer = self._sent("POST", "/v1/generate", [part("voice", voice)], fields)
        try:
            pictures = tuple(base64.b64decode(one["png"], validate=True) for one in answer["pictures"])
        except (LookupError, TypeError, ValueError) as error:
            raise self._not_understood("/v1/generate", "`pictures` are none") from error
        return DrawnFaces(pictures, {name: fact for name, fact in answer.items() if name != "pictures"})

    def model(self) -> dict[str, Any]:
        """Return what answers there: the model, its calibration, what is installed, the limits.

        Raises:
            ServiceError: the service refuses, or cannot be reached.
        """
        return self._sent("GET", "/v1/model")

    def health(self) -> Health:
        """Return how the service is doing; one that is starting or stopping is an answer too.

        Raises:
            ServiceError: the service cannot be reached.
        """
        return self._record(
            Health, self._answer(self._send_once("GET", "/healthz", (), {}), is_health=True), "/healthz"
        )

    def _ask(
        self, path: str, record: type[Record], files: Sequence[Part], fields: Mapping[str, object] | None = None
    ) -> Record:
        return self._record(record, self._sent("POST", path, files, fields), path)

    def _sent(
        self, method: str, path: str, files: Sequence[Part] = (), fields: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """Return the answer to a request, asking again while the service is busy."""
        texts = {name: str(value) for name, value in (fields or {}).items() if value is not None}
        until = time.monotonic() + MAX_WAIT_S
        for n_tries in range(1, MAX_TRIES + 1):
            response = self._send_once(method, path, files, texts)
            wait_s = retry_after(response)
            if wait_s is None or n_tries == MAX_TRIES or time.monotonic() + wait_s > until:
                break
            time.sleep(wait_s * random.uniform(1.0, 1.5))  # or all who were turned away come back at once
        return self._answer(response)

    def _send_once(self, method: str, path: str, files: Sequence[Part], texts: Mapping[str, str]) -> httpx.Response:
        import httpx

        try:
            return self._http.request(method, path, files=list(files) or None, data=dict(texts) or None)
        except httpx.TimeoutException as error:
            detail = f"{self.base_url}: an answer may take {self.timeout_s:g} s. It takes longer. Raise `timeout_s`."
            raise ServiceError({"detail": detail, "code": "timeout"}) from error
        except (httpx.TransportError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            detail = f"{self.base_url}: the service cannot be reached ({error}). Is `visavox serve` running there?"
            raise ServiceError({"detail": detail, "code": "unreachable"}) from error

    def _answer(self, response: httpx.Response, *, is_health: bool = False) -> dict[str, Any]:
        try:
            answer = json.loads(response.content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._not_understood(response.url.path, f"status {response.status_code} and no JSON object")
        if response.is_success or (is_health and "decoders" in answer):
            return answer
        raise ServiceError({"status": response.status_code, **answer})

    def _record(self, record: type[Record], answer: object, path: str) -> Record:
        try:
            return record_of(record, answer)
        except ValueError as error:
            raise self._not_understood(path, str(error)) from error

    def _not_understood(self, path: str, reason: str) -> ServiceError:
        detail = (
            f"{self.base_url}{path}: the answer must be one of Visavox ({reason}). Is another program listening there, "
            "or another version of this one?"
        )
        return ServiceError({"detail": detail, "code": "not_understood"})


def part(field: str, media: Media, *, name: str = "") -> Part:
    """Return a file as a part of a form.

    Args:
        field: name of the field.
        media: a path, whose last part is the name that is sent, or a content.
        name: what a content is called; by default as the field.

    Raises:
        MediaError: status `missing_file`, `empty_file`: the path is that of no file that may be read.

    Example:
        >>> part("voice", b"RIFF")
        ('voice', ('voice', b'RIFF'))
    """
    if isinstance(media, bytes):
        return field, (name or field, media)
    path = Path(media)
    check_file(path, "media")
    try:
        return field, (path.name, path.read_bytes())
    except OSError as error:
        raise MediaError(f"{path}: the file cannot be read ({error.strerror}).", status="missing_file") from error


def one_of(voice: Media | None, face: Media | None) -> list[Part]:
    """Return the parts of a form that may have a voice, a face or both."""
    given = (("voice", voice), ("face", face))
    return [part(field, media) for field, media in given if media is not None]


def parts(field: str, media: Sequence[Media]) -> list[Part]:
    """Return several files as parts of one field, in their order; contents are called "face 1" and so on."""
    return [part(field, one, name=f"{field.removesuffix('s')} {i}") for i, one in enumerate(media, start=1)]


def retry_after(response: httpx.Response) -> float | None:
    """Return the seconds after which a busy service wants to be asked again, None where it says nothing of it."""
    words = response.headers.get("retry-after", "")
    return float(words) if response.status_code == 503 and words.isascii() and words.isdigit() else None
