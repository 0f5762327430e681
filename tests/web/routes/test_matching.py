"""POST /v1/match, /v1/verify, /v1/embed."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.errors import MediaError
from visavox.pipeline.match_outcome import FaceOutcome, MatchOutcome
from visavox.web.problems import MEDIA_TYPE
from visavox.web.routes.matching import why_undecided


def files(sent: dict[str, Any], n: int = 2) -> list[Any]:
    return [("voice", ("v.wav", sent["voice"])), *(("faces", (f"{i}.jpg", d)) for i, d in enumerate(sent["faces"][:n]))]


def test_a_match_answers_what_the_engine_says(client: Any, engine: Any, sent: dict[str, Any]) -> None:
    answer = client.post("/v1/match", files=files(sent, 3))
    assert answer.status_code == 200
    expected = engine.match(sent["voice"], sent["faces"][:3], names=["v.wav", "0.jpg", "1.jpg", "2.jpg"]).to_dict()
    told = answer.json()
    assert [face["probability"] for face in told["faces"]] == pytest.approx(
        [face["probability"] for face in expected["faces"]], abs=1e-5
    )
    assert {k: told[k] for k in ("voice", "best", "decided")} == {k: expected[k] for k in ("voice", "best", "decided")}
    assert answer.headers["cache-control"] == "no-store"


def test_one_bad_face_takes_no_part_and_two_are_a_problem(client: Any, sent: dict[str, Any]) -> None:
    bad = ("faces", ("../../evil\n.jpg", b"PK\x03\x04zip"))
    answer = client.post("/v1/match", files=[*files(sent), bad])
    assert answer.status_code == 200
    assert [face["status"] for face in answer.json()["faces"]] == ["ok", "ok", "unreadable_image"]
    assert "/" not in answer.json()["faces"][2]["name"] and "\n" not in answer.json()["faces"][2]["name"]
    refused = client.post("/v1/match", files=[*files(sent, 1), bad])
    assert (refused.status_code, refused.headers["content-type"]) == (415, MEDIA_TYPE)
    assert refused.json()["code"] == "unreadable_image"
    assert refused.json()["detail"].startswith("At least two usable faces are needed.")


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (lambda f: f[1:], 422, "voice"),
        (lambda f: f[:1], 422, "faces"),
        (lambda f: f[:2], 422, "at least 2 candidates"),
        (lambda f: [f[0], f[1], f[1]], 422, "must differ"),
        (lambda f: [*f, ("fases", f[1][1])], 422, "There is no field `fases`. Did you mean `faces`?"),
        (lambda f: [*f, f[0]], 422, "`voice` may be sent once. Got 2"),
        (lambda f: [*f, *[("faces", (f"{i}", bytes([i]))) for i in range(6)]], 413, "`faces` may hold 6 files. Got 8"),
    ],
)
def test_a_bad_form_is_one_line(client: Any, sent: dict[str, Any], change: Any, status: int, said: str) -> None:
    refused = client.post("/v1/match", files=change(files(sent)))
    assert (refused.status_code, refused.headers["content-type"]) == (status, MEDIA_TYPE)
    assert said in refused.json()["detail"] and "\n" not in refused.json()["detail"]


def test_a_pair_with_a_prior(client: Any, sent: dict[str, Any]) -> None:
    pair = [("voice", ("v.wav", sent["voice"])), ("face", ("f.jpg", sent["faces"][0]))]
    low, high = (client.post("/v1/verify", files=pair, data={"prior": p}).json() for p in ("0.01", "0.9"))
    assert low["log_likelihood_ratio"] == high["log_likelihood_ratio"]
    assert low["probability"] < high["probability"]
    for prior in ("0", "1", "nan", "x"):
        refused = client.post("/v1/verify", files=pair, data={"prior": prior})
        assert refused.status_code == 422 and "prior" in refused.json()["detail"], prior
    bad = client.post("/v1/verify", files=[pair[0], ("face", ("f.svg", b"<svg/>"))])
    assert (bad.status_code, bad.json()["code"]) == (415, "unreadable_image")


def test_vectors(client: Any, sent: dict[str, Any]) -> None:
    answer = client.post("/v1/embed", files=[("faces", ("f.jpg", sent["faces"][0])), ("voices", ("v", sent["voice"]))])
    told = answer.json()
    assert [(item["modality"], item["name"]) for item in told["items"]] == [("voice", "v"), ("face", "f.jpg")]
    assert all(len(item["vector"]) == told["dim"] for item in told["items"])
    assert client.post("/v1/embed", files=[("voices", ("v", b"x"))]).json()["code"] == "unreadable_audio"
    assert client.post("/v1/embed", files=[("faces", ("", b""))]).status_code == 422


def test_why_a_match_came_to_nothing() -> None:
    good, bad = FaceOutcome("a", "ok", None, 0.1, 1, ""), FaceOutcome("b", "no_face", None, None, 0, "b: no face.")
    problem = why_undecided(MatchOutcome("v", "silent", "v: silent.", 0.0, (good, bad), "m"))
    assert isinstance(problem, MediaError) and (problem.status, str(problem)) == ("silent", "v: silent.")
    assert why_undecided(MatchOutcome("v", "ok", "", 2.0, (good, bad), "m")).status == "no_face"
