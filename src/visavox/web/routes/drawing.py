"""POST /v1/generate: guesses of what a speaker may look like, labelled as such.

Example:
    curl -F voice=@v.wav -F samples=2 http://127.0.0.1:8765/v1/generate
"""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request

from visavox.generation_config import MOST_GUIDANCE
from visavox.web.drawing import MOST_DRAWN, DrawingOrder
from visavox.web.routes.matching import Voice
from visavox.web.schemas import GenerateAnswer
from visavox.web.strict_forms import StrictRoute, read_upload, upload_name
from visavox.web.uploads import keeping

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["drawing"])


@router.post("/generate", response_model=GenerateAnswer, summary="What may this speaker look like? Guesses")
def generate(
    request: Request,
    voice: Voice,
    samples: Annotated[int, Form(ge=1, le=MOST_DRAWN, description="How many pictures.")] = 4,
    seed: Annotated[int, Form(ge=0, le=2**31 - 1, description="The same seed draws the same pictures.")] = 0,
    guidance: Annotated[
        float | None, Form(ge=0, le=MOST_GUIDANCE, description="0 ignores the voice, 1 follows it, more exaggerates.")
    ] = None,
    method: Annotated[
        Literal["", "decoder", "diffusion"], Form(description="How to draw; by default the generator's first way.")
    ] = "",
) -> Any:
    """Draw guesses. They show no real person, and are not for finding, recognising or judging anybody."""
    engine = request.app.state.engine
    name, data = upload_name(voice, "voice"), read_upload(voice)
    with keeping(engine.settings.keep_uploads, "generate", [name], [data]) as kept:
        drawn = engine.generate(data, DrawingOrder(samples, seed, guidance, method), name=name)
        pictures = [
            {"sample": number, "png": base64.b64encode(picture).decode()}
            for number, picture in enumerate(drawn.pictures)
        ]
        return kept.answered({**drawn.facts, "pictures": pictures})
