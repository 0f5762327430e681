"""POST /v1/match, /v1/verify and /v1/embed: voices and faces of one request.

Example:
    curl -F voice=@v.wav -F faces=@a.jpg -F faces=@b.jpg http://127.0.0.1:8765/v1/match
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile

from visavox.errors import MediaError
from visavox.pipeline.match_outcome import MatchOutcome
from visavox.web.schemas import EmbedAnswer, MatchAnswer, VerifyAnswer
from visavox.web.strict_forms import StrictRoute, read_upload, upload_name
from visavox.web.uploads import keeping

VOICE = "A sound file, or a video whose sound is taken."
FACE = "A picture; of several faces in it the largest is taken."

Voice = Annotated[UploadFile, File(description=VOICE)]
Face = Annotated[UploadFile, File(description=FACE)]

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["matching"])


@router.post("/match", response_model=MatchAnswer, summary="Which of these faces belongs to this voice?")
def match(
    request: Request,
    voice: Voice,
    faces: Annotated[list[UploadFile], File(description="Two pictures or more, one face each.")],
) -> Any:
    """Give every face a probability, given that one of them is the speaker's.

    A picture that cannot be used takes no part, and says why. Without a usable voice, or two usable faces, there is no
    answer but a problem with the code of the first that is wrong.
    """
    engine = request.app.state.engine
    names = [upload_name(voice, "voice"), *(upload_name(f, f"face {i}") for i, f in enumerate(faces, start=1))]
    data = [read_upload(upload) for upload in (voice, *faces)]
    with keeping(engine.settings.keep_uploads, "match", names, data) as kept:
        outcome = engine.match(data[0], data[1:], names=names)
        if not outcome.decided:
            raise why_undecided(outcome)
        return kept.answered(outcome.to_dict())


@router.post("/verify", response_model=VerifyAnswer, summary="Are this voice and this face of one person?")
def verify(
    request: Request,
    voice: Voice,
    face: Face,
    prior: Annotated[
        float, Form(gt=0, lt=1, description="How often such pairs are of one person; the probability rests on it.")
    ] = 0.5,
) -> Any:
    """Give the similarity, the log likelihood ratio of one person against two, and the probability by the prior."""
    engine = request.app.state.engine
    names = [upload_name(voice, "voice"), upload_name(face, "face")]
    data = [read_upload(voice), read_upload(face)]
    with keeping(engine.settings.keep_uploads, "verify", names, data) as kept:
        outcome = engine.verify(data[0], data[1], prior=prior, names=names)
        if not outcome.decided:
            status = outcome.voice_status if outcome.voice_status != "ok" else outcome.face_status
            raise MediaError(outcome.notes[0], status=status)
        return kept.answered(outcome.to_dict())


@router.post("/embed", response_model=EmbedAnswer, summary="Voices and faces as vectors of one space")
def embed(
    request: Request,
    voices: Annotated[list[UploadFile], File(description=VOICE)] = [],  # noqa: B006 - FastAPI copies it
    faces: Annotated[list[UploadFile], File(description=FACE)] = [],  # noqa: B006
) -> Any:
    """Give a unit vector for each voice and each face; cosines between them are what matching compares."""
    engine = request.app.state.engine
    names = [upload_name(v, f"voice {i}") for i, v in enumerate(voices, start=1)]
    names += [upload_name(f, f"face {i}") for i, f in enumerate(faces, start=1)]
    data = [read_upload(upload) for upload in (*voices, *faces)]
    with keeping(engine.settings.keep_uploads, "embed", names, data) as kept:
        n = len(voices)
        items = engine.embed(data[:n], data[n:], names=names)
        if all(item.status != "ok" for item in items):
            raise MediaError(items[0].note, status=items[0].status)
        return kept.answered(
            {
                "model": engine.model.name,
                "dim": engine.model.associator.dim,
                "items": [item.to_dict() for item in items],
            }
        )


def why_undecided(outcome: MatchOutcome) -> MediaError:
    """Return why a match came to no answer: the voice, or the first face that cannot be used."""
    if outcome.voice_status != "ok":
        return MediaError(outcome.voice_note, status=outcome.voice_status)
    wrong = next(face for face in outcome.faces if face.status != "ok")
    return MediaError(f"At least two usable faces are needed. {wrong.note}", status=wrong.status)
