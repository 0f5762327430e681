from __future__ import annotations

import json

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trial_drawing import draw_matching
from visavox.corpus.trials import MatchingTrials
from visavox.errors import ConfigError, DataError
from visavox.evaluation.measures import ProtocolResult
from visavox.evaluation.protocols.matching import Matching, listed_resamples
from visavox.evaluation.scoring import UndefinedScoresError
from visavox.registry import PROTOCOLS

N = 24


def tables(noise: float = 0.8, n: int = N, clips: int = 2, **attributes):
    """`n` people of `clips` clips each, every clip its own video; people alternate in gender."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(n), clips)
    latent = rng.normal(size=(n, 4))[person]
    names = tuple(f"c{i:03d}" for i in range(n * clips))
    columns = {"gender": tuple("fm"[p % 2] for p in person)} | attributes
    made = []
    for modality in ("voice", "face"):
        vectors = latent + noise * rng.normal(size=latent.shape)
        made.append(
            EmbeddingTable(
                modality,
                "e",
                tuple(f"{name}/{modality}" for name in names),
                names,
                tuple(f"p{p:03d}" for p in person),
                tuple(f"v{i}" for i in range(n * clips)),
                columns,
                vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
            )
        )
    return tuple(made)


def evaluate(voice, face, *, direction="voice_to_face", trials=None, seed=0, **arguments) -> ProtocolResult:
    settings = {"name": "matching", "n_resamples": 100} | arguments
    return PROTOCOLS.build(settings).evaluate(
        voice, face, direction=direction, rng=np.random.default_rng(seed), trials=trials
    )


def slow_accuracy(voice, face, *, direction: str, same_gender: bool) -> float:
    """The definition, table row by table row."""
    probes, gallery = (voice, face) if direction == "voice_to_face" else (face, voice)
    of_person: dict[str, list[float]] = {}
    for i in range(len(probes)):
        own = probes.vectors[i] @ gallery.vectors[gallery.clips.index(probes.clips[i])]
        wins = [
            float(own > probes.vectors[i] @ gallery.vectors[j])
            for j in range(len(gallery))
            if gallery.identities[j] != probes.identities[i]
            and gallery.videos[j] != probes.videos[i]
            and not (same_gender and gallery.attributes["gender"][j] != probes.attributes["gender"][i])
        ]
        of_person.setdefault(probes.identities[i], []).append(float(np.mean(wins)))
    return float(np.mean([np.mean(own) for own in of_person.values()]))


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
@pytest.mark.parametrize("group", ["all", "same_gender"])
def test_the_accuracy_is_that_of_a_slow_loop_over_the_tables(direction: str, group: str) -> None:
    voice, face = tables()
    found = evaluate(voice, face, direction=direction).find("accuracy_1_of_2", group=group)
    expected = slow_accuracy(voice, face, direction=direction, same_gender=group == "same_gender")
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert found.low < found.value < found.high
    assert (found.chance, found.count, found.n_people) == (0.5, 2 * N, N)


def test_the_two_directions_are_different_questions() -> None:
    voice, face = tables()
    forward, backward = (evaluate(voice, face, direction=d) for d in ("voice_to_face", "face_to_voice"))
    assert forward.find("accuracy_1_of_2").value != backward.find("accuracy_1_of_2").value
    assert {m.direction for m in backward.measures} == {"face_to_voice"}


def test_rows_and_curve_cover_every_n() -> None:
    result = evaluate(*tables(), max_candidates=5)
    names = [f"accuracy_1_of_{n}" for n in range(2, 6)]
    assert [m.measure for m in result.measures] == names * 2
    assert [m.chance for m in result.measures[:4]] == [1 / n for n in range(2, 6)]
    curve = result.curves[0]
    assert (curve.name, curve.group, curve.x) == ("one_of_n", "all", (2.0, 3.0, 4.0, 5.0))
    assert curve.y == tuple(m.value for m in result.measures[:4])
    assert list(curve.y) == sorted(curve.y, reverse=True)


def test_without_gender_labels_the_group_is_undefined_and_the_rest_stands() -> None:
    result = evaluate(*tables(gender=(None,) * (2 * N)))
    found = result.find("accuracy_1_of_2", group="same_gender")
    assert np.isnan(found.value)
    assert "undefined (no gender labels)" in str(found)
    assert result.find("accuracy_1_of_2").value > 0.5
    assert [curve.group for curve in result.curves] == ["all"]


def test_nationalities_add_a_group() -> None:
    nations = tuple("UK" if (i // 2) % 3 else "USA" for i in range(2 * N))
    result = evaluate(*tables(nationality=nations))
    assert result.find("accuracy_1_of_2", group="same_nationality").value > 0.5


def test_large_n_is_undefined_where_negatives_are_few() -> None:
    result = evaluate(*tables(n=4, clips=1))
    assert result.find("accuracy_1_of_4").value > 0
    too_many = result.find("accuracy_1_of_5")
    assert np.isnan(too_many.value)
    assert too_many.note == "no probe has 4 allowed negatives"
    assert too_many.count == 0
    assert max(result.curves[0].x) == 4


def test_one_pair_alone_is_undefined() -> None:
    rows = evaluate(*tables(n=1, clips=1)).measures
    assert all(np.isnan(row.value) and row.note for row in rows)


def test_a_constant_model_scores_chance_in_every_row_and_interval() -> None:
    voice, face = tables()
    flat = [t.replace_vectors(np.full((2 * N, 3), 3**-0.5), "constant") for t in (voice, face)]
    for row in evaluate(*flat).measures:
        assert (row.value, row.low, row.high) == pytest.approx((row.chance,) * 3, abs=1e-12)


def test_outcomes_name_the_hardest_negative_of_each_probe() -> None:
    voice, face = tables()
    outcomes = evaluate(voice, face).trials_table
    assert [outcome.probe for outcome in outcomes] == list(voice.keys)
    scores = voice.vectors @ face.vectors.T
    for i, outcome in enumerate(outcomes):
        allowed = [j for j in range(2 * N) if face.identities[j] != voice.identities[i]]
        hardest = max(allowed, key=lambda j: scores[i, j])
        assert outcome.positive == face.keys[i]
        assert outcome.hardest_negative == face.keys[hardest]
        assert outcome.positive_score == pytest.approx(scores[i, i], abs=1e-6)
        assert outcome.negative_score == pytest.approx(scores[i, hardest], abs=1e-6)
        assert outcome.share_beaten == pytest.approx(np.mean([scores[i, j] < scores[i, i] for j in allowed]))


def test_unpaired_tables_are_matched_by_person() -> None:
    voice, face = tables()
    odd, even = np.arange(1, 2 * N, 2), np.arange(0, 2 * N, 2)
    result = evaluate(voice.select(odd), face.select(even))
    assert result.find("accuracy_1_of_2").value > 0.6
    assert result.find("accuracy_1_of_2").count == N
    assert result.trials_table[0].positive == face.keys[0]


def test_the_same_seed_gives_the_same_result_and_json_keeps_it() -> None:
    first, again, other = (evaluate(*tables(), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert first.find("accuracy_1_of_2").value == other.find("accuracy_1_of_2").value
    assert ProtocolResult.from_json(json.loads(json.dumps(first.to_json()))) == first


def test_the_order_of_rows_does_not_matter() -> None:
    voice, face = tables()
    order = np.random.default_rng(3).permutation(2 * N)
    shuffled = evaluate(voice.select(order), face.select(order[::-1]))
    for row, other in zip(evaluate(voice, face).measures, shuffled.measures, strict=True):
        assert (row.value, row.low, row.high) == pytest.approx((other.value, other.low, other.high), abs=1e-9)


def listed(n_candidates: int, group: str = "all", direction: str = "voice_to_face") -> MatchingTrials:
    voice, face = tables()
    sides = (voice, face) if direction == "voice_to_face" else (face, voice)
    return draw_matching(
        sides[0].links(),
        sides[1].links(),
        direction=direction,
        rng=np.random.default_rng(1),
        n_candidates=n_candidates,
        group=group,
        n_per_probe=5,
    )


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
@pytest.mark.parametrize("n", [2, 4])
def test_a_list_is_scored_trial_by_trial(direction: str, n: int) -> None:
    voice, face = tables()
    trials = listed(n, direction=direction)
    result = evaluate(voice, face, trials=trials, direction=direction)
    probes, gallery = (voice, face) if direction == "voice_to_face" else (face, voice)
    wins, of_person = [], {}
    for probe, candidates in zip(trials.probes, trials.candidates, strict=True):
        i = probes.clips.index(probe)
        scores = [probes.vectors[i] @ gallery.vectors[gallery.clips.index(c)] for c in candidates]
        wins.append(float(np.argmax(scores) == 0))
        of_person.setdefault(probes.identities[i], []).append(wins[-1])
    by_trial = result.find(f"accuracy_1_of_{n}_by_trial")
    assert by_trial.value == pytest.approx(np.mean(wins))
    assert (by_trial.count, by_trial.chance, by_trial.n_people) == (len(wins), 1 / n, N)
    by_person = result.find(f"accuracy_1_of_{n}")
    assert by_person.value == pytest.approx(np.mean([np.mean(own) for own in of_person.values()]))
    assert by_person.low < by_person.value < by_person.high


def test_a_same_gender_list_reports_its_group() -> None:
    result = evaluate(*tables(), trials=listed(2, group="same_gender"))
    assert {m.group for m in result.measures} == {"same_gender"}


def test_a_long_list_agrees_with_all_pairs() -> None:
    voice, face = tables()
    exact = evaluate(voice, face).find("accuracy_1_of_2").value
    sampled = evaluate(voice, face, trials=listed(2)).find("accuracy_1_of_2").value
    assert sampled == pytest.approx(exact, abs=0.06)


def test_resamples_of_a_list_weigh_both_people() -> None:
    rng = np.random.default_rng(2)
    outcomes, people, rivals = rng.random(12), rng.integers(0, 4, 12), rng.integers(4, 7, 12)
    counts = rng.integers(0, 3, (20, 7))
    by_person, by_trial = listed_resamples(outcomes, people, rivals, np.arange(12), counts)
    for row, copies in enumerate(counts):
        weights = copies[people] * copies[rivals]
        expected = (weights * outcomes).sum() / weights.sum() if weights.sum() else np.nan
        np.testing.assert_allclose(by_trial[row], expected)
        means = []
        for person in range(4):
            own = (people == person) & (copies[rivals] > 0)
            if own.any():
                means += [np.average(outcomes[own], weights=copies[rivals][own])] * copies[person]
        np.testing.assert_allclose(by_person[row], np.mean(means) if means else np.nan)


def test_lists_that_do_not_fit_are_refused() -> None:
    voice, face = tables()
    with pytest.raises(DataError, match=r"list is for voice_to_face. Got the direction face_to_voice"):
        evaluate(voice, face, trials=listed(2), direction="face_to_voice")
    with pytest.raises(DataError, match="does not hold"):
        evaluate(voice.select(np.arange(3)), face, trials=listed(2))
    empty = MatchingTrials("voice_to_face", "all", (), ())
    assert evaluate(voice, face, trials=empty).measures[0].note == "the list holds no trial"


def test_a_silent_scorer_leaves_a_list_undefined() -> None:
    def silent(voice, face):
        raise UndefinedScoresError("no gender labels")

    voice, face = tables()
    result = Matching(n_resamples=5).evaluate(
        voice, face, direction="voice_to_face", rng=np.random.default_rng(0), trials=listed(2), scorer=silent
    )
    assert [m.note for m in result.measures] == ["no gender labels"] * 2


def test_one_candidate_is_no_choice() -> None:
    with pytest.raises(ConfigError, match=r"`max_candidates` must be at least 2. Got 1"):
        Matching(max_candidates=1)
