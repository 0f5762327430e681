"""GET /healthz, /metrics and /v1/model: what runs here, and how it is doing.

Example:
    curl http://127.0.0.1:8765/healthz
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from visavox.web.schemas import Health, ModelAnswer
from visavox.web.strict_forms import StrictRoute

router = APIRouter(route_class=StrictRoute, tags=["service"])


@router.get(
    "/healthz",
    response_model=Health,
    summary="Is the service alive and ready?",
    responses={503: {"model": Health, "description": "It is alive, and not ready."}},
)
def healthz(request: Request) -> Any:
    """Say whether requests are answered: 200 where they are, 503 while networks load or the service goes down."""
    engine = request.app.state.engine
    health = {
        "status": engine.state,
        "model": engine.model.name,
        "decoders": engine.n_decoders,
        "requests_running": engine.queue.n_running,
        "requests_waiting": engine.queue.n_waiting,
    }
    return health if engine.is_ready else JSONResponse(health, 503)


@router.get(
    "/metrics",
    response_class=Response,
    summary="Counters in the format of Prometheus",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Give counts and seconds of requests by route and status, the queue, batches, decoders."""
    metrics = request.app.state.engine.metrics
    return Response(metrics.page(), headers={"content-type": metrics.content_type})


@router.get("/v1/model", response_model=ModelAnswer, summary="What answers here")
def model(request: Request) -> Any:
    """Give the model's name, sizes, encoders, calibration and card, what is installed beside it, and the limits."""
    return request.app.state.engine.model_facts()
