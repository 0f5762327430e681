"""POST /v1/generate."""

from __future__ import annotations

import base64
from typing import Any

import pytest

pytest.importorskip("fastapi")
from visavox.generation.picture_files import GUESS, read_label


def test_pictures_are_labelled_guesses(client: Any, sent: dict[str, Any]) -> None:
    told = client.post("/v1/generate", files={"voice": ("v.wav", sent["voice"])}, data={"samples": "2", "seed": "5"})
    assert told.status_code == 200
    answer = told.json()
    assert answer["label"] == GUESS and answer["voice"]["file"] == "v.wav"
    label = read_label(base64.b64decode(answer["pictures"][1]["png"]))
    assert (label["label"], label["seed"], label["sample"]) == (GUESS, 5, 1)
    assert label["voice_sha256"] == answer["voice"]["sha256"]


@pytest.mark.parametrize("data", [{"samples": "17"}, {"guidance": "31"}, {"seed": "-1"}, {"method": "painting"}])
def test_numbers_out_of_range_are_refused_by_name(client: Any, sent: dict[str, Any], data: dict[str, str]) -> None:
    refused = client.post("/v1/generate", files={"voice": ("v.wav", sent["voice"])}, data=data)
    assert refused.status_code == 422 and next(iter(data)) in refused.json()["detail"]


def test_a_way_that_the_generator_lacks(client: Any, sent: dict[str, Any]) -> None:
    refused = client.post("/v1/generate", files={"voice": ("v", sent["voice"])}, data={"method": "diffusion"})
    assert refused.status_code == 422 and "`method` must be one that" in refused.json()["detail"]
    assert client.post("/v1/generate", files={"voice": ("v", b"x")}).json()["code"] == "unreadable_audio"
