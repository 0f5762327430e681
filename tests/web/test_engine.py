"""What the service answers is what the commands answer on the same files, from however many threads."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
from visavox.errors import ConfigError, MediaError
from visavox.generation_config import GenerateConfig
from visavox.identification_config import IdentifyConfig
from visavox.media.images import read_image
from visavox.media.video_writing import write_video
from visavox.pipeline.drawing.generating import generate_faces
from visavox.pipeline.gallery.searching import SearchOptions, search_gallery
from visavox.pipeline.identifying import identify_person
from visavox.pipeline.match_outcome import MatchOutcome
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval_config import SearchConfig
from visavox.service_config import ServeConfig
from visavox.web.drawing import DrawingOrder
from visavox.web.engine import Engine, decoding_limits, shown_names
from visavox.web.queueing import BusyError, TimeLimitError
from visavox.web.service_errors import RefusalError


@pytest.fixture(scope="module")
def model(service_settings: ServeConfig) -> VoiceFaceModel:
    """The model as the commands load it, but for its name: of a folder the service tells the last part alone."""
    model = VoiceFaceModel.from_pretrained(service_settings.model)
    model.name = "run"
    return model


@pytest.fixture(scope="module")
def names(sent: dict[str, Any]) -> list[str]:
    return [str(path) for path in sent["paths"]]


def assert_same(found: Any, expected: Any) -> None:
    """Compare mappings of JSON: numbers to 1e-5, the rest exactly."""
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-5)
    else:
        assert found == expected


def test_a_match_is_that_of_the_command(
    engine: Engine, model: VoiceFaceModel, sent: dict[str, Any], names: list[str]
) -> None:
    expected = model.match(names[0], names[1:])
    assert expected.decided
    assert_same(engine.match(sent["voice"], sent["faces"], names=names).to_dict(), expected.to_dict())


def test_a_film_stands_for_a_face_as_with_the_commands(
    engine: Engine, model: VoiceFaceModel, sent: dict[str, Any], names: list[str], tmp_path: Path
) -> None:
    still = read_image(sent["paths"][1])
    film = tmp_path / "film.mp4"
    write_video(film, [np.roll(still, 2 * i, axis=1) for i in range(14)], np.zeros(8_960, np.float32))
    data = film.read_bytes()
    paths = [str(film), names[2]]
    expected = model.match(names[0], paths)
    assert expected.decided and "7 frames" in expected.faces[0].note
    faces = [data, sent["faces"][1]]
    assert_same(engine.match(sent["voice"], faces, names=[names[0], *paths]).to_dict(), expected.to_dict())
    assert engine.verify(sent["voice"], data).similarity == pytest.approx(model.similarity(names[0], film), abs=1e-5)
    (item,) = engine.embed(faces=[data])
    assert item.vector is not None
    np.testing.assert_allclose(item.vector, model.encode_face(film), atol=1e-5)
    assert engine.settings.gallery is not None and engine.settings.people is not None
    wanted, _ = search_gallery(
        SearchConfig(query=film, query_modality="face", against="voice", gallery=engine.settings.gallery, k=3)
    )
    options = SearchOptions(k=3, against="voice")
    found = engine.search(face=data, options=options, name=str(film))
    assert [hit.key for hit in found.hits] == [hit.key for hit in wanted.hits]
    named = identify_person(IdentifyConfig(face=film, people=engine.settings.people))
    named = dataclasses.replace(named, people=engine.settings.people.name)
    assert_same(engine.identify(data, names=[str(film)]).to_dict(), named.to_dict())


def test_batches_of_many_askers_change_no_answer(engine: Engine, sent: dict[str, Any]) -> None:
    """Twelve requests at once, each with its own faces; they share batches and answer as each does alone."""
    orders = [sent["faces"][i % 4 :] + sent["faces"][: i % 4] for i in range(12)]
    alone = [engine.match(sent["voice"], faces) for faces in orders[:4]]
    with ThreadPoolExecutor(12) as many:
        together = list(many.map(lambda faces: engine.match(sent["voice"], faces), orders))
    for i, outcome in enumerate(together):
        assert_same(outcome.to_dict(), alone[i % 4].to_dict())
    assert "visavox_batch_items_count" in engine.metrics.page().decode()


def test_what_cannot_be_used_takes_no_part_and_says_why(engine: Engine, sent: dict[str, Any]) -> None:
    grey = np.full((64, 64, 3), 90, np.uint8)
    ppm = b"P6 64 64 255\n" + grey.tobytes()
    outcome = engine.match(sent["voice"], [sent["faces"][0], b"no picture", ppm, sent["faces"][1]])
    assert [face.status for face in outcome.faces] == ["ok", "unreadable_image", "no_face", "ok"]
    assert outcome.faces[1].note.startswith("face 2: ")
    assert outcome.faces[2].note.startswith("face 3: No face found")
    assert sum(p for p in outcome.probabilities if p is not None) == pytest.approx(1)
    silent = engine.match(b"no sound", sent["faces"][:2])
    assert isinstance(silent, MatchOutcome) and (silent.voice_status, silent.decided) == ("unreadable_audio", False)


def test_too_few_the_same_and_too_many_faces_are_refused(engine: Engine, sent: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="at least 2 candidates. Got 1"):
        engine.match(sent["voice"], sent["faces"][:1])
    with pytest.raises(ConfigError, match="face 2 is the same as face 1"):
        engine.match(sent["voice"], [sent["faces"][0]] * 2)
    with pytest.raises(RefusalError, match="`faces` may hold 6 files. Got 8") as raised:
        engine.match(sent["voice"], sent["faces"] * 2)
    assert raised.value.status == 413


def test_a_pair_has_the_ratio_of_the_model(
    engine: Engine, model: VoiceFaceModel, sent: dict[str, Any], names: list[str]
) -> None:
    found = engine.verify(sent["voice"], sent["faces"][0], prior=0.1)
    cosine = model.similarity(names[0], names[1])
    assert found.similarity == pytest.approx(cosine, abs=1e-5)
    ratio = model.pair_ratio(np.array(cosine))
    assert ratio is not None and found.log_likelihood_ratio == pytest.approx(float(ratio), abs=1e-4)
    odds = np.exp(float(ratio)) * 0.1 / 0.9
    assert found.probability == pytest.approx(odds / (1 + odds), abs=1e-4)
    with pytest.raises(ConfigError, match="`prior` must lie between 0 and 1. Got 1"):
        engine.verify(sent["voice"], sent["faces"][0], prior=1.0)


def test_vectors_are_those_of_the_model(
    engine: Engine, model: VoiceFaceModel, sent: dict[str, Any], names: list[str]
) -> None:
    items = engine.embed([sent["voice"]], [sent["faces"][0], b"x"], names=["v", "f"])
    assert [(item.modality, item.name, item.status) for item in items] == [
        ("voice", "v", "ok"),
        ("face", "f", "ok"),
        ("face", "face 2", "unreadable_image"),
    ]
    assert np.allclose(items[0].vector, model.encode_voice(names[0]), atol=1e-5)
    assert np.allclose(items[1].vector, model.encode_face(names[1]), atol=1e-5)
    with pytest.raises(ConfigError, match="both empty"):
        engine.embed()


def test_a_search_is_that_of_the_command(engine: Engine, sent: dict[str, Any], names: list[str]) -> None:
    assert engine.settings.gallery is not None
    expected, _ = search_gallery(SearchConfig(query=sent["paths"][0], gallery=engine.settings.gallery, k=3))
    found = engine.search(voice=sent["voice"], options=SearchOptions(k=3), name=names[0])
    assert_same(found.to_dict(), {**expected.to_dict(), "model": "run"})
    assert len(found.hits) == 3
    face = engine.search(face=sent["faces"][0], options=SearchOptions(k=2, against="voice"), name="f")
    assert (face.query_modality, face.against, len(face.hits)) == ("face", "voice", 2)
    assert engine.search(face=b"x", name="f").status == "unreadable_image"
    with pytest.raises(ConfigError, match="`voice` or `face` must be given, and not both"):
        engine.search(sent["voice"], sent["faces"][0])


@pytest.mark.parametrize("given", ["face", "voice", "both"])
def test_who_it_is_is_that_of_the_command(engine: Engine, sent: dict[str, Any], given: str) -> None:
    voice, face = sent["paths"][:2]
    assert engine.settings.people is not None
    config = IdentifyConfig(
        people=engine.settings.people,
        face=face if given != "voice" else None,
        voice=voice if given != "face" else None,
        top=3,
    )
    found = engine.identify(
        sent["faces"][0] if given != "voice" else None,
        sent["voice"] if given != "face" else None,
        top=3,
        names=[str(face), str(voice)],
    )
    expected = dataclasses.replace(identify_person(config), people=engine.settings.people.name)
    assert_same(found.to_dict(), expected.to_dict())
    assert len(found.ranked) == 3


def test_drawn_faces_are_those_of_the_command(engine: Engine, sent: dict[str, Any], tmp_path: Any) -> None:
    path = sent["paths"][0]
    out = tmp_path / "faces"
    config = GenerateConfig(voice=path, out=out, model=engine.settings.generator, samples=2, seed=7, quiet=True)
    facts = generate_faces(config).facts
    drawn = engine.generate(sent["voice"], DrawingOrder(n_samples=2, seed=7), name=path.name)
    assert drawn.pictures == tuple((out / f"face-000{i}.png").read_bytes() for i in range(2))
    assert_same(drawn.facts, {key: facts[key] for key in facts if key not in ("pictures", "contact_sheets")})
    with pytest.raises(ConfigError, match="`samples` must be 1 to 16. Got 17"):
        engine.generate(sent["voice"], DrawingOrder(n_samples=17))
    with pytest.raises(MediaError, match="voice: "):
        engine.generate(b"x")


def test_what_is_there_and_what_is_not(engine: Engine, service_settings: ServeConfig) -> None:
    facts = engine.model_facts()
    assert facts["installed"]["people"] == 8
    assert facts["installed"]["gallery"]["modalities"]["face"]["n_people"] == 8
    assert facts["installed"]["generator"]["methods"] == ["decoder"]
    assert str(service_settings.model) not in str(facts), "paths of this machine are nobody's affair"
    there, absent = engine.inventory()
    assert {"model", "gallery", "people", "generator"} <= set(there)
    assert absent == {"tokens": "--tokens FILE"}
    assert (engine.state, engine.is_ready, engine.n_decoders) == ("ok", True, 1)


class Stuck:
    """A decoder that never answers."""

    def __init__(self) -> None:
        import threading

        self.let_go = threading.Event()

    def voice(self, data: bytes, *, name: str = "voice") -> Any:
        self.let_go.wait(10)
        return np.zeros(16_000, np.float32)

    def image(self, data: bytes, *, name: str = "face") -> Any:
        return np.zeros((64, 64, 3), np.uint8)

    def frames(self, data: bytes, *, name: str = "face") -> Any:
        return [self.image(data, name=name)]


def test_time_that_is_over_and_a_queue_that_is_full_are_said(model: VoiceFaceModel, engine: Engine) -> None:
    stuck = Stuck()
    settings = ServeConfig(pages=False, timeout_s=0.2, queue=1, max_batch=1, decoders=1)
    slow = Engine(settings, model=engine.model, decoder=stuck)
    with ThreadPoolExecutor(3) as many:
        asked = [many.submit(slow.verify, b"v", b"f") for _ in range(3)]
        errors = [future.exception() for future in asked]
    stuck.let_go.set()
    assert sorted(type(error).__name__ for error in errors) == ["BusyError", "TimeLimitError", "TimeLimitError"]
    busy = next(error for error in errors if isinstance(error, BusyError))
    assert busy.code == "queue_full" and busy.retry_after_s >= 1
    late = next(error for error in errors if isinstance(error, TimeLimitError))
    assert "it may take 0.2 s" in str(late)
    slow.close()
    with pytest.raises(BusyError, match="going down"):
        slow.verify(b"v", b"f")
    assert slow.state == "stopping"


def test_names_and_limits() -> None:
    assert shown_names([], 1) == ["voice", "face 1"]
    limits = decoding_limits(ServeConfig(max_upload_mb=2.0, max_voice_s=5.0, max_pixels=1000, timeout_s=3.0))
    assert (limits.max_bytes, limits.max_voice_s, limits.max_pixels, limits.timeout_s) == (2_000_000, 5.0, 1000, 3.0)


def test_what_a_service_lacks_is_said_with_its_option(model: VoiceFaceModel, engine: Engine) -> None:
    bare = Engine(ServeConfig(pages=False), model=engine.model, decoder=Stuck())
    for ask, option in (
        (lambda: bare.search(b"v"), "--gallery FOLDER"),
        (lambda: bare.identify(b"f"), "--people FOLDER"),
        (lambda: bare.generate(b"v"), "--generator portrait"),
    ):
        with pytest.raises(RefusalError, match=option) as raised:
            ask()
        assert raised.value.status == 404
    bare.close()
