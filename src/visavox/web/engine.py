"""What the service knows to do, without HTTP: bytes of uploads in, outcomes out, from any number of threads.

Networks are loaded once and stay warm. Every request passes the same bounded queue, whether it comes from the interface
for programs or from a page. Answers are those of the commands on the same files: `match` of `visavox match`, `search`
of `visavox search`, and so on.

Example:
    with Engine(ServeConfig(model="world")) as engine:
        engine.match(voice, [face, other], names=["v.wav", "a.jpg", "b.jpg"]).best
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from visavox.corpus.items import Modality
from visavox.errors import ConfigError, MediaError
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.gallery.search_outcome import SearchOutcome
from visavox.pipeline.gallery.searching import SearchOptions
from visavox.pipeline.identification_outcome import IdentificationOutcome, speech_note
from visavox.pipeline.identifying import asked_with
from visavox.pipeline.match_outcome import MatchOutcome
from visavox.pipeline.matching import PlacedFace, PlacedVoice, match_placed
from visavox.pipeline.media_vectors import HeardVoice, SeenFace
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.service_config import ServeConfig
from visavox.web.answers import Embedded, Verified
from visavox.web.configured import configured, inventory
from visavox.web.decoding.decoding_limits import DecodingLimits
from visavox.web.decoding.pool import DecodingPool
from visavox.web.drawing import DrawingDesk, DrawingOrder, Drawn
from visavox.web.encoding import Decoder, EncodingLanes, warm_up
from visavox.web.model_facts import model_facts
from visavox.web.naming import Combine, PeopleDesk
from visavox.web.queueing import Deadline, RequestQueue
from visavox.web.searching import GalleryDesk
from visavox.web.service_errors import RefusalError
from visavox.web.service_metrics import ServiceMetrics
from visavox.web.verifying import verified

CLOSING_S = 10.0
"""Seconds that running requests have to finish when the service goes down."""
MEGABYTE = 1_000_000


class Engine:
    """Does what the service offers.

    Args:
        settings: what is loaded, and the limits.
        model: instead of the one that `settings` name.
        decoder: instead of processes of its own; it is not closed here.
    """

    def __init__(
        self, settings: ServeConfig, *, model: VoiceFaceModel | None = None, decoder: Decoder | None = None
    ) -> None:
        """Load the model; `start` loads the networks and begins to decode.

        Raises:
            ConfigError, DataError: something that `settings` name is missing, damaged or of another model.
        """
        self.settings = settings
        self.compute = Compute.of(settings)
        self.model = model or VoiceFaceModel.from_pretrained(settings.model, compute=self.compute)
        if Path(self.model.name).is_dir():  # where things lie on this machine is nobody's affair
            self.model.name = Path(self.model.name).resolve().name
        self.metrics = ServiceMetrics()
        self.pool: DecodingPool | None = (
            None
            if decoder is not None
            else DecodingPool(settings.decoders, decoding_limits(settings), wait_s=settings.timeout_s)
        )
        self.queue = RequestQueue(settings.max_batch, settings.queue, settings.timeout_s)
        self._decoding = ThreadPoolExecutor(settings.decoders, "visavox-decoding")
        self._decoder: Decoder = decoder or self.pool  # type: ignore[assignment]
        self.lanes = self.lanes_of(self.model.media)
        self.slow_work = threading.Lock()
        """Held by what keeps the processors busy for seconds, so that no more than one of these runs."""
        self.gallery = None if settings.gallery is None else GalleryDesk(self.model, settings.gallery)
        self.people = None
        if settings.people is not None:
            self.people = PeopleDesk(settings.people, self.compute, self.model.media, self.lanes_of)
        self.generator = DrawingDesk(settings.generator, self.compute) if settings.generator else None
        self.metrics.watch("queue_waiting", "Requests that wait.", lambda: self.queue.n_waiting)
        self.metrics.watch("queue_running", "Requests that are worked on.", lambda: self.queue.n_running)
        self.metrics.watch("decoders_alive", "Processes that decode uploads.", lambda: self.n_decoders)
        self.metrics.watch("decoder_restarts", "Decoders that were replaced.", lambda: self.n_restarts)
        self._is_ready, self._is_closing = threading.Event(), threading.Event()

    def lanes_of(self, media: Any) -> EncodingLanes:
        """Return the way from uploads to the vectors of a recipe, beside that of the model."""
        return EncodingLanes(
            media,
            self._decoder,
            self._decoding,
            max_batch=self.settings.max_batch,
            wait_s=self.settings.batch_wait_ms / 1000,
            expects_more=lambda n: self.queue.n_running > n,
            on_batch=self.metrics.batch,
        )

    def start(self) -> Engine:
        """Load the networks and start the decoders, so that the first request is as quick as the next."""
        if self.pool is not None:
            self.pool.start()
        warm_up(self.model.media)
        if self.people is not None and self.people.lanes is not None:
            warm_up(self.people.media)
        self._is_ready.set()
        return self

    def close(self) -> None:
        """Let running requests finish, and end threads and processes."""
        self._is_ready.clear()
        self._is_closing.set()
        self.queue.close(CLOSING_S)
        for lanes in (self.lanes, self.people.lanes if self.people is not None else None):
            if lanes is not None:
                lanes.close()
        self._decoding.shutdown(wait=False, cancel_futures=True)
        if self.pool is not None:
            self.pool.close()

    def __enter__(self) -> Engine:
        """Start."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close."""
        self.close()

    @property
    def state(self) -> Literal["ok", "starting", "stopping"]:
        """Whether requests are answered, in a word."""
        if self._is_closing.is_set():
            return "stopping"
        return "ok" if self.is_ready else "starting"

    @property
    def n_decoders(self) -> int:
        """Processes that decode uploads and are alive."""
        return 0 if self.pool is None else len(self.pool.pids)

    @property
    def n_restarts(self) -> int:
        """Decoding processes that were replaced."""
        return 0 if self.pool is None else self.pool.n_restarts

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered: networks loaded, a decoding process alive."""
        return self._is_ready.is_set() and (self.pool is None or self.n_decoders > 0)

    def match(self, voice: bytes, faces: Sequence[bytes], *, names: Sequence[str] = ()) -> MatchOutcome:
        """Say which of several faces belongs to a voice, as `VoiceFaceModel.match` does for files.

        Args:
            voice: a sound file, or a video that stands for its voice.
            faces: two pictures or more, `settings.max_faces` at most.
            names: of the voice and of each face, for the outcome; "voice", "face 1" and so on otherwise.

        Raises:
            ConfigError: fewer than two faces, or the same face twice.
            RefusalError: too many faces.
            UnavailableError: too many requests, or this one took too long.
        """
        shown = shown_names(names, len(faces))
        self._check_faces(faces, shown[1:], least=2)
        with self.queue.turn() as deadline:
            heard = self.lanes.voice(voice, shown[0])
            seen = [self.lanes.face(face, name) for face, name in zip(faces, shown[1:], strict=True)]
            placed = [self._placed_face(future, deadline) for future in seen]
            return match_placed(
                shown[0],
                self._placed_voice(heard, deadline),
                list(zip(shown[1:], placed, strict=True)),
                scale=self.model.preprocess.match_scale,
                model=self.model.name,
            )

    def verify(self, voice: bytes, face: bytes, *, prior: float = 0.5, names: Sequence[str] = ()) -> Verified:
        """Say how well one voice and one face fit together.

        Args:
            voice: as for `match`.
            face: as for `match`.
            prior: how often a voice and a face that are asked about are of one person, above 0 and below 1.
            names: of the voice and the face.

        Raises:
            ConfigError: `prior` is out of range.
            UnavailableError: too many requests, or this one took too long.
        """
        if not 0 < prior < 1:
            raise ConfigError(f"`prior` must lie between 0 and 1. Got {prior}.")
        shown = shown_names(names, 1)
        with self.queue.turn() as deadline:
            futures = self.lanes.voice(voice, shown[0]), self.lanes.face(face, shown[1])
            seen = self._placed_face(futures[1], deadline)
            heard = self._placed_voice(futures[0], deadline)
        return verified(self.model, heard, seen, prior=prior, names=shown)

    def embed(
        self, voices: Sequence[bytes] = (), faces: Sequence[bytes] = (), *, names: Sequence[str] = ()
    ) -> tuple[Embedded, ...]:
        """Return the vectors of voices and faces in the model's common space, the voices first.

        Args:
            voices: as for `match`; `settings.max_faces` at most.
            faces: as for `match`; `settings.max_faces` at most.
            names: of the voices and then of the faces.

        Raises:
            ConfigError: neither a voice nor a face.
            RefusalError: too many of them.
            UnavailableError: too many requests, or this one took too long.
        """
        if not voices and not faces:
            raise ConfigError("`voices` and `faces` are both empty. Give a voice or a face.")
        usual = [f"voice {i + 1}" for i in range(len(voices))] + [f"face {i + 1}" for i in range(len(faces))]
        shown = [given or name for given, name in zip([*names, *usual[len(names) :]], usual, strict=True)]
        for what, media in (("voices", voices), ("faces", faces)):
            self._check_number(what, len(media))
        with self.queue.turn() as deadline:
            heard = [self.lanes.voice(data, name) for data, name in zip(voices, shown, strict=False)]
            seen = [self.lanes.face(data, name) for data, name in zip(faces, shown[len(voices) :], strict=True)]
            placed = [
                *(self._placed_voice(future, deadline) for future in heard),
                *(self._placed_face(future, deadline) for future in seen),
            ]
        modalities = ["voice"] * len(voices) + ["face"] * len(faces)
        return tuple(Embedded.of(m, n, p) for m, n, p in zip(modalities, shown, placed, strict=True))

    def search(
        self,
        voice: bytes | None = None,
        face: bytes | None = None,
        options: SearchOptions | None = None,
        *,
        name: str = "",
    ) -> SearchOutcome:
        """Return who of the gallery may have a voice or a face, as `visavox search` does.

        Args:
            voice: as for `match`; or
            face: as for `match`.
            options: how to look.
            name: of the file.

        Raises:
            ConfigError: not one of both, an attribute that nobody has, nothing to look through.
            RefusalError: there is no gallery.
            UnavailableError: too many requests, or this one took too long.
        """
        desk = configured(self.gallery, "gallery")
        if (voice is None) == (face is None):
            raise ConfigError("`voice` or `face` must be given, and not both. Give one file to search by.")
        searcher = desk.searcher()
        modality: Modality = "voice" if voice is not None else "face"
        with self.queue.turn() as deadline:
            found: PlacedVoice | PlacedFace | MediaError
            if voice is not None:
                found = self._placed_voice(self.lanes.voice(voice, name or "voice"), deadline)
            else:
                found = self._placed_face(self.lanes.face(face or b"", name or "face"), deadline)
            if isinstance(found, MediaError):
                return searcher.unusable(name or modality, modality, found, options)
            note = speech_note(found.speech_s) if isinstance(found, PlacedVoice) else found.note
            return searcher.search_vector(found.vector, modality, options, query=name or modality, note=note)

    def identify(
        self,
        face: bytes | None = None,
        voice: bytes | None = None,
        *,
        top: int = 5,
        false_accept: float | None = None,
        combine: Combine = "scores",
        names: Sequence[str] = (),
    ) -> IdentificationOutcome:
        """Return who of the enrolled it is, as `visavox identify` does.

        Args:
            face: as for `match`; or
            voice: as for `match`; or both.
            top: how many people to name, 1 or more.
            false_accept: share of strangers that may be taken for somebody; None takes what `enroll` was told.
            combine: how a face and a voice are joined.
            names: of the face and of the voice.

        Raises:
            ConfigError: neither of both, or a number is out of range.
            RefusalError: nobody is enrolled here.
            UnavailableError: too many requests, or this one took too long.
        """
        desk = configured(self.people, "people")
        if face is None and voice is None:
            raise ConfigError("`face` and `voice` are both missing. Give a face, a voice or both.")
        lanes = desk.lanes or self.lanes
        shown = [given or usual for given, usual in zip([*names, "", ""], ("face", "voice"), strict=False)]
        with self.queue.turn() as deadline:
            begun: list[tuple[Modality, str, Future[Any]]] = []
            if face is not None:
                begun.append(("face", shown[0], lanes.face(face, shown[0])))
            if voice is not None:
                begun.append(("voice", shown[1], lanes.voice(voice, shown[1])))
            asked = [asked_with(modality, name, deadline.result_or_problem(f)) for modality, name, f in begun]
            return desk.answer(asked, top=top, false_accept=false_accept, combine=combine)

    def generate(self, voice: bytes, order: DrawingOrder | None = None, *, name: str = "voice") -> Drawn:
        """Return labelled guesses of what a speaker looks like, as `visavox generate` draws them.

        Args:
            voice: as for `match`.
            order: how many, and how.
            name: of the file.

        Raises:
            ConfigError: a number is out of range, or the generator does not draw so.
            MediaError: the voice cannot be used.
            RefusalError: nothing draws here.
            UnavailableError: too many requests, or this one took too long.
        """
        desk = configured(self.generator, "generator")
        with self.queue.turn() as deadline:
            samples = deadline.result(self._decoding.submit(self.lanes.decoder.voice, voice, name=name))
            return desk.draw(samples, voice, name, order or DrawingOrder(), deadline)

    def model_facts(self) -> dict[str, Any]:
        """Return what the model is, what it was trained on, and what this service has beside it."""
        installed = {
            "gallery": self.gallery.facts() if self.gallery is not None else None,
            "people": len(self.people.enrolled().people.names) if self.people is not None else None,
            "generator": self.generator.facts() if self.generator is not None else None,
        }
        return model_facts(self.model, self.settings, installed)

    def inventory(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return what is there, in words, and what is not, with the option that adds it."""
        return inventory(self.model_facts(), self.settings)

    def _placed_voice(self, future: Future[HeardVoice], deadline: Deadline) -> PlacedVoice | MediaError:
        heard = deadline.result_or_problem(future)
        return heard if isinstance(heard, MediaError) else self.model.place_voice(heard)

    def _placed_face(self, future: Future[SeenFace], deadline: Deadline) -> PlacedFace | MediaError:
        seen = deadline.result_or_problem(future)
        return seen if isinstance(seen, MediaError) else self.model.place_face(seen)

    def _check_number(self, what: str, n: int) -> None:
        if n > self.settings.max_faces:
            raise RefusalError(
                f"`{what}` may hold {self.settings.max_faces} files. Got {n}. Send fewer at once.",
                status=413,
                code="too_many_files",
            )

    def _check_faces(self, faces: Sequence[bytes], names: Sequence[str], *, least: int) -> None:
        self._check_number("faces", len(faces))
        if len(faces) < least:
            raise ConfigError(
                f"`faces` must hold at least {least} candidates. Got {len(faces)}. Give two faces or more."
            )
        seen: dict[str, str] = {}
        for face, name in zip(faces, names, strict=True):
            digest = hashlib.sha256(face).hexdigest()
            if digest in seen:
                raise ConfigError(f"`faces` must differ. {name} is the same as {seen[digest]}. Give each face once.")
            seen[digest] = name


def shown_names(names: Sequence[str], n_faces: int) -> list[str]:
    """Return the names of a voice and of faces, with "voice" and "face 1" and so on where none is given.

    Example:
        >>> shown_names(["v.wav", ""], 2)
        ['v.wav', 'face 1', 'face 2']
    """
    usual = ["voice", *(f"face {i + 1}" for i in range(n_faces))]
    return [given or name for given, name in zip([*names, *usual[len(names) :]], usual, strict=True)]


def decoding_limits(settings: ServeConfig) -> DecodingLimits:
    """Return what an upload may be and cost."""
    return DecodingLimits(
        max_bytes=int(settings.max_upload_mb * MEGABYTE),
        max_voice_s=settings.max_voice_s,
        max_pixels=settings.max_pixels,
        timeout_s=min(10.0, settings.timeout_s),
    )
