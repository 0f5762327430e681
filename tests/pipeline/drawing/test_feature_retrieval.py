"""The table of a predictor: recalls and distances with intervals and chance, on arrays and on a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.metrics.feature_distance import feature_distances
from visavox.pipeline.drawing.feature_retrieval import (
    FeatureTable,
    face_encoder_of,
    measure_features,
    retrieve_by_feature,
)
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.pictures import PairedPictures
from visavox.pipeline.drawing.predictor_settings import PredictorTraining
from visavox.pipeline.drawing.predictor_training import save_predictor, train_predictor
from visavox.pipeline.drawing.voice_inputs import embed_faces, read_voice_inputs
from visavox.pipeline.frozen_encoder import FrozenEncoder
from visavox.pipeline.voice_face_model import hash_identity


def people_of(n: int) -> list[str]:
    return [f"p{i}" for i in range(n)]


def table_of(noise: float, n: int = 60, seed: int = 0, **given: object) -> FeatureTable:
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(n, 8)) + 4
    predicted = true + noise * rng.normal(size=true.shape)
    return measure_features(predicted, true, people_of(n), n_resamples=100, **given)  # type: ignore[arg-type]


def test_the_truth_finds_itself_and_lies_at_no_distance() -> None:
    table = table_of(0.0, centre=np.full(8, 4.0))
    assert table.row("recall_at_1").value == 1 and table.row("median_rank").value == 1
    for name in ("l1", "l2", "unit_l1", "unit_l2", "angle_deg", "centred_angle_deg"):
        assert table.row(name).value == pytest.approx(0, abs=1e-6), name
        assert table.row(name).chance > 0.01, name
    assert table.n_clips == table.n_people == 60


def test_recalls_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(3)
    true, predicted = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    predicted += true
    people = [f"p{i // 2}" for i in range(30)]
    table = measure_features(predicted, true, people, n_resamples=10)
    unit_p, unit_t = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (predicted, true))
    for k in (1, 2, 5, 10, 25):
        hits = 0
        for row in range(30):
            order = sorted(range(30), key=lambda j: float(np.sum((unit_p[row] - unit_t[j]) ** 2)))
            hits += any(people[j] == people[row] for j in order[:k])
        assert table.row(f"recall_at_{k}").value == pytest.approx(hits / 30), k


def test_chance_of_a_recall_is_its_share_of_the_gallery_and_intervals_hold_the_value() -> None:
    table = table_of(1.0)
    for k in (1, 2, 5, 10, 25, 50):
        assert table.row(f"recall_at_{k}").chance == pytest.approx(k / 60)
    for row in table.rows:
        assert row.low <= row.value <= row.high, row
    assert table.notes == ("no recall at 75, 100: the gallery holds 60 faces",)


def test_predictions_of_nothing_lie_at_chance() -> None:
    """One and the same prediction for everybody: the recall is exactly chance, and so are the distances of the mean."""
    true = np.random.default_rng(0).normal(size=(40, 6)) + 2
    table = measure_features(np.tile(true.mean(axis=0), (40, 1)), true, people_of(40), n_resamples=20)
    for row in table.rows:
        assert row.value == pytest.approx(row.chance), row.name


def test_chance_of_distances_is_the_mean_face_of_training() -> None:
    true = np.random.default_rng(0).normal(size=(40, 6)) + 2
    centre = np.full(6, 1.5)
    table = measure_features(true, true, people_of(40), centre=centre, n_resamples=20)
    expected = dict(feature_distances(np.tile(centre, (40, 1)), true).items())
    for name, values in expected.items():
        assert table.row(name).chance == pytest.approx(values.mean())
    assert table.row("centred_angle_deg").chance == 90


def test_centring_takes_what_all_faces_share() -> None:
    rng = np.random.default_rng(1)
    own = rng.normal(size=(60, 8))
    true, predicted = own + 50, 0.3 * own + 50  # shrunk towards the mean, as predictions are
    table = measure_features(predicted, true, people_of(60), centre=np.full(8, 50.0), n_resamples=20)
    assert table.row("angle_deg").value < 2
    assert table.row("centred_recall_at_1").value == 1 > table.row("recall_at_1").value
    plain = measure_features(predicted, true, people_of(60), n_resamples=20)
    assert not any(row.name.startswith("centred_") for row in plain.rows)


def test_intervals_are_over_people() -> None:
    """Clips given ten times over make no interval narrower, since the people are no more."""
    rng = np.random.default_rng(0)
    true = rng.normal(size=(20, 5))
    predicted = true + rng.normal(size=(20, 5))
    rows = np.repeat(np.arange(20), 10)
    once = measure_features(predicted, true, people_of(20), n_resamples=400)
    many = measure_features(predicted[rows], true[rows], [f"p{i}" for i in rows], n_resamples=400)
    for name in ("l2", "angle_deg"):
        a, b = once.row(name), many.row(name)
        assert a.value == pytest.approx(b.value)
        assert (a.high - a.low) == pytest.approx(b.high - b.low, rel=0.01)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="Every clip needs a prediction, a true feature and a person"):
        measure_features(np.zeros((3, 2)), np.zeros((3, 2)), ["a"])
    with pytest.raises(DataError, match=r"Features \(predicted\) must be finite"):
        measure_features(np.full((3, 2), np.nan), np.zeros((3, 2)), people_of(3))
    with pytest.raises(KeyError):
        table_of(0.0).row("recall_at_3")


@pytest.fixture
def clips(small_corpus: Path) -> PairedPictures:
    crops = tuple(sorted((small_corpus / "faces").iterdir()))
    voices = tuple(sorted((small_corpus / "voices").iterdir()))
    names = tuple(path.stem for path in crops)
    assert [path.stem for path in voices] == list(names)
    none = np.zeros((len(names), 8, 8, 3), np.uint8)
    return PairedPictures(
        names, tuple(f"p{i // 2}" for i in range(len(names))), none, crops, voices, ("",) * len(names)
    )


@pytest.fixture
def generator(clips: PairedPictures, tiny_encoders: None, tmp_path: Path) -> Generator:
    """A folder with a predictor and its face encoder, learned from the first half."""
    encoder = FrozenEncoder("tiny_face", "face").encoder
    encoder.save_weights(tmp_path / "generator" / "face_encoder", training_data="drawn faces")  # type: ignore[attr-defined]
    faces = embed_faces(clips.crops, "tiny_face")
    voices = read_voice_inputs(clips.voices, "light", voice_encoder="tiny_voice")
    rows = np.arange(len(clips) // 2)
    predictor = train_predictor(
        "light", voices.select(rows), faces[rows], [clips.people[i] for i in rows], PredictorTraining(spread_rank=2)
    )
    save_predictor(tmp_path / "generator", predictor)
    people = frozenset(hash_identity(clips.people[i]) for i in rows)
    made = Generator(tmp_path / "generator", "tiny_voice", 8, 1.6, np.zeros((8, 8, 3), np.float32), {}, people)
    made.save(card="a card")
    return made


def test_a_generator_is_judged_on_clips(generator: Generator, clips: PairedPictures, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    table = retrieve_by_feature(
        generator.folder,
        clips,
        cache=tmp_path / "cache",
        n_resamples=20,
        progress=lambda *a: told.append(a),
    )
    n = len(clips)
    assert table.n_clips == n and table.n_people == n // 2
    assert table.notes[-1] == f"{n // 4} of {n // 2} people were learned from"
    assert told[-1] == (2 * n, 2 * n) and [done for done, _ in told] == sorted(done for done, _ in told)
    assert {"recall_at_1", "recall_at_10", "centred_recall_at_1", "angle_deg"} <= {row.name for row in table.rows}
    again = retrieve_by_feature(generator.folder, clips, cache=tmp_path / "cache", n_resamples=20)
    assert again == table  # from the cache, and the same resamples


def test_a_folder_without_a_face_encoder_is_refused(generator: Generator, clips: PairedPictures) -> None:
    (generator.folder / "face_encoder" / "config.json").unlink()
    with pytest.raises(DataError, match="has no part face_encoder, so its predictions cannot be compared"):
        retrieve_by_feature(generator.folder, clips)


def test_a_face_encoder_of_the_registry_is_named_in_the_choices(generator: Generator, clips: PairedPictures) -> None:
    (generator.folder / "face_encoder" / "config.json").unlink()
    named = {"decoder": {"guidance": 1.0, "face_encoder": {"name": "tiny_face"}}}
    Generator(generator.folder, "tiny_voice", 8, 1.6, generator.mean_picture, named, generator.people).save(card="")
    table = retrieve_by_feature(generator.folder, clips, n_resamples=10)
    assert table.n_clips == len(clips)
    assert face_encoder_of(Generator.load(generator.folder)) == {"name": "tiny_face"}


def test_no_clip_is_refused(generator: Generator) -> None:
    nobody = PairedPictures((), (), np.zeros((0, 8, 8, 3), np.uint8), (), (), ())
    with pytest.raises(DataError, match="No clip has both a face and a voice that can be used"):
        retrieve_by_feature(generator.folder, nobody)


@pytest.mark.parametrize("by", ["unit_l2", "l2", "l1", "unit_l1"])
def test_the_search_may_go_by_another_distance(by: str) -> None:
    rng = np.random.default_rng(7)
    true, predicted = rng.normal(size=(25, 4)) + 1, rng.normal(size=(25, 4))
    predicted = predicted * 0.5 + true
    table = measure_features(predicted, true, people_of(25), by=by, n_resamples=10, ks=(1, 5))  # type: ignore[arg-type]
    if by.startswith("unit"):
        predicted, true = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (predicted, true))
    hits = 0
    for row in range(25):
        apart = [
            float(np.abs(predicted[row] - other).sum() if by.endswith("l1") else np.linalg.norm(predicted[row] - other))
            for other in true
        ]
        hits += sum(distance < apart[row] for distance in apart) < 5
    assert table.row("recall_at_5").value == pytest.approx(hits / 25)


def test_more_noise_is_worse_in_every_row() -> None:
    clear, noisy = (table_of(noise, centre=np.full(8, 4.0)) for noise in (0.3, 3.0))
    for row in clear.rows:
        other = noisy.row(row.name)
        assert row.chance == other.chance, row.name
        assert row.value > other.value if "recall" in row.name else row.value < other.value, row.name


def test_the_same_seed_gives_the_same_intervals_and_another_does_not() -> None:
    first, second, third = (table_of(1.0), table_of(1.0), table_of(1.0, seed=1))
    assert first == second != third
    rng = np.random.default_rng(0)
    true, predicted = rng.normal(size=(30, 4)), rng.normal(size=(30, 4))
    low = [measure_features(predicted, true, people_of(30), n_resamples=50, seed=s).row("l2").low for s in (0, 0, 1)]
    assert low[0] == low[1] != low[2]


def test_a_gallery_of_two_still_has_its_first_place() -> None:
    table = measure_features(np.eye(2), np.eye(2), ["a", "b"], n_resamples=10)
    assert table.row("recall_at_1").value == 1 and table.row("recall_at_1").chance == 0.5
    assert "no recall at 2, 5" in table.notes[0]
