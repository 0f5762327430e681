"""Published lists to measures with intervals, chance and counts."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from visavox.corpus.published_lists.records import PublishedMatching, PublishedRetrieval, PublishedVerification
from visavox.errors import ConfigError, DataError
from visavox.evaluation.listed_protocol import (
    ListedProtocol,
    gender_vectors,
    group_names,
    people_codes,
)
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.listed_scores import unit_rows
from visavox.metrics.verification import equal_error_rate, min_detection_cost
from visavox.registry import PROTOCOLS

PEOPLE = ("id0", "id1", "id2", "id3")
GENDERS = {"gender": ("f", "m", "f", "m")}
N = 12  # files of each modality, three a person


def records(n_candidates: int = 2, seed: int = 0, **changes):
    rng = np.random.default_rng(seed)
    owner = np.arange(N) % 4
    probes = np.arange(N).repeat(3)
    own = np.array([rng.choice(np.flatnonzero(owner == owner[p])) for p in probes])
    wrong = np.array([rng.choice(np.flatnonzero(owner != owner[p]), n_candidates - 1, replace=False) for p in probes])
    names = {
        "protocol": "sss", "direction": "voice_to_face", "group": "all", "people_names": PEOPLE,
        "attributes": GENDERS, "probe_names": tuple(f"v{i}.wav" for i in range(N)), "probe_people": owner, **changes,
    }  # fmt: skip
    faces = {"candidate_names": tuple(f"f{i}.jpg" for i in range(N)), "candidate_people": owner}
    match = PublishedMatching(
        **names, **faces, name="match_v2f_2_test", probes=probes, candidates=np.column_stack([own, wrong])
    )
    labels = rng.random(len(probes)) < 0.5
    verify = PublishedVerification(
        **names, **faces, name="verify_v2f_test", probes=probes, candidates=np.where(labels, own, wrong[:, 0]),
        labels=labels,
    )  # fmt: skip
    search = PublishedRetrieval(
        **names, name="reterival_v2f_test", gallery_names=faces["candidate_names"], gallery_people=owner
    )
    return match, verify, search


def vectors(seed: int = 1, strength: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(4, 8))[np.arange(N) % 4]
    return tuple(unit_rows(strength * centres + rng.normal(size=(N, 8))) for _ in range(2))  # type: ignore[return-value]


def evaluate(record, sides=None, *, group: str = "all", name: str = "sss", seed: int = 0):
    protocol: ListedProtocol = PROTOCOLS.build({"name": name, "n_resamples": 200})
    return protocol.evaluate(record, *(sides or vectors()), group=group, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("n_candidates", [2, 4])
def test_accuracy_is_the_share_of_lines_whose_first_candidate_wins(n_candidates: int) -> None:
    match, _, _ = records(n_candidates)
    voices, faces = vectors()
    n_right = 0
    for probe, row in zip(match.probes, match.candidates, strict=True):
        n_right += int(np.argmax([voices[probe] @ faces[column] for column in row]) == 0)
    found = evaluate(match)
    measure = found.result.find(f"accuracy_1_of_{n_candidates}")
    assert measure.value == pytest.approx(n_right / len(match), abs=1e-12)
    assert (measure.chance, measure.count, measure.n_people) == (1 / n_candidates, 36, 4)
    assert (measure.protocol, measure.direction, measure.group) == ("sss", "voice_to_face", "all")
    assert measure.low < measure.value < measure.high
    assert found.scores.shape == (36, n_candidates)


def test_verification_pools_its_pairs() -> None:
    _, verify, _ = records()
    voices, faces = vectors()
    scores = [voices[p] @ faces[c] for p, c in zip(verify.probes, verify.candidates, strict=True)]
    found = evaluate(verify)
    assert found.result.find("auc").value == pytest.approx(roc_auc_score(verify.labels, scores), abs=1e-12)
    assert found.result.find("eer").value == pytest.approx(equal_error_rate(np.array(scores), verify.labels), abs=1e-12)
    for prior in (0.01, 0.05):
        expected = min_detection_cost(np.array(scores), verify.labels, target_prior=prior)
        assert found.result.find(f"min_dcf_{prior:g}").value == pytest.approx(expected, abs=1e-12)
    assert [(m.measure, m.chance, m.count, m.n_people) for m in found.result.measures] == [
        ("auc", 0.5, 36, 4), ("eer", 0.5, 36, 4), ("min_dcf_0.01", 1.0, 36, 4), ("min_dcf_0.05", 1.0, 36, 4),
    ]  # fmt: skip
    assert all(m.low <= m.value <= m.high for m in found.result.measures)
    assert found.labels is verify.labels
    roc, det = found.result.curves
    assert (roc.name, det.name, roc.group) == ("roc", "det", "all")
    assert roc.y == pytest.approx([1 - y for y in det.y])
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)


def test_average_precision_is_that_of_scikit_learn() -> None:
    _, _, search = records()
    voices, faces = vectors()
    owner = np.arange(N) % 4
    slow = [average_precision_score(owner == owner[i], faces @ voices[i]) for i in range(N)]
    found = evaluate(search).result
    assert found.find("map").value == pytest.approx(np.mean(slow), abs=1e-12)
    ranks = [1 + min(np.flatnonzero(owner[np.argsort(-(faces @ voices[i]))] == owner[i])) for i in range(N)]
    assert found.find("median_rank").value == np.median(ranks)
    assert found.find("recall_at_1").value == pytest.approx(np.mean(np.array(ranks) <= 1))
    assert found.find("recall_at_1").chance == pytest.approx(3 / N)
    assert [m.measure for m in found.measures] == ["map", "recall_at_1", "recall_at_5", "recall_at_10", "median_rank"]
    assert all((m.count, m.n_people) == (N, 4) for m in found.measures)
    (curve,) = found.curves
    assert (curve.name, curve.x[-1], curve.y[-1], curve.x_label) == ("recall_at_k", N, 1.0, "k")


def test_constant_scores_are_chance_everywhere() -> None:
    flat = np.ones((N, 2)) / math.sqrt(2)
    for record in records():
        for measure in evaluate(record, (flat, flat)).result.measures:
            assert measure.value == pytest.approx(measure.chance, abs=1e-9), measure.measure


def test_groups_of_a_gallery_are_ranked_apart() -> None:
    _, _, search = records()
    voices, faces = vectors()
    groups = np.concatenate([np.arange(N) % 4 // 2] * 2)  # people 0 and 1, people 2 and 3
    found = evaluate(replace(search, groups=groups)).result
    owner = np.arange(N) % 4
    slow = []
    for i in range(N):
        inside = np.flatnonzero(owner // 2 == owner[i] // 2)
        slow.append(average_precision_score(owner[inside] == owner[i], faces[inside] @ voices[i]))
    assert found.find("map").value == pytest.approx(np.mean(slow), abs=1e-12)
    assert found.find("recall_at_1").chance == pytest.approx(0.5)


def test_the_same_seed_gives_the_same_interval_and_pairs_two_models() -> None:
    match, _, _ = records()
    first, again = evaluate(match), evaluate(match)
    assert first.result == again.result
    key = ("all", "accuracy_1_of_2")
    assert np.array_equal(first.result.resamples[key], again.result.resamples[key], equal_nan=True)
    assert len(first.result.resamples[key]) == 200
    assert evaluate(match, seed=1).result.find("accuracy_1_of_2").low != first.result.find("accuracy_1_of_2").low


def test_an_interval_weighs_a_choice_by_the_people_of_probe_and_negative() -> None:
    match, _, _ = records()
    found = evaluate(match)
    owner = np.arange(N) % 4
    right = (found.scores[:, 0] > found.scores[:, 1]).astype(float)
    counts = resample_people(4, n_resamples=200, rng=np.random.default_rng(0))
    weights = counts[:, owner[match.probes]] * counts[:, owner[match.candidates[:, 1]]]
    with np.errstate(invalid="ignore"):
        expected = (weights @ right) / weights.sum(axis=1)
    assert found.result.resamples["all", "accuracy_1_of_2"] == pytest.approx(expected, nan_ok=True)


def test_an_interval_weighs_a_longer_choice_by_its_probe() -> None:
    match, _, _ = records(4)
    found = evaluate(match)
    right = (found.scores[:, 0] > found.scores[:, 1:].max(axis=1)).astype(float)
    counts = resample_people(4, n_resamples=200, rng=np.random.default_rng(0))
    weights = counts[:, (np.arange(N) % 4)[match.probes]]
    assert found.result.resamples["all", "accuracy_1_of_4"] == pytest.approx((weights @ right) / weights.sum(axis=1))


def test_every_measure_carries_its_protocol() -> None:
    match, _, _ = records()
    for name in ("sss", "pins", "fame"):
        assert {m.protocol for m in evaluate(match, name=name).result.measures} == {name}


def test_labels_that_the_organisers_keep_give_scores_and_no_figure() -> None:
    _, verify, _ = records()
    found = evaluate(replace(verify, labels=None), name="fame")
    assert all(math.isnan(m.value) and "the organisers keep the labels" in m.note for m in found.result.measures)
    assert len(found.result.measures) == 4
    assert found.scores.shape == (36,)
    one_class = evaluate(replace(verify, labels=np.ones(36, bool)))
    assert {m.note for m in one_class.result.measures} == {"the list has one class only"}


def test_a_probe_without_a_positive_is_named() -> None:
    _, _, search = records()
    lost = replace(search, gallery_people=np.where(search.gallery_people == 1, 0, search.gallery_people))
    with pytest.raises(
        DataError, match=r"reterival_v2f_test: .* of the probe 'v1.wav', nor of 2 more of 12. Remove them"
    ):
        evaluate(lost)


@pytest.mark.parametrize(("kind", "what"), [(0, "trial of match_v2f_2_test"), (1, "pair of verify_v2f_test")])
def test_a_score_that_is_not_finite_is_named(kind: int, what: str) -> None:
    voices, faces = vectors()
    voices[2, 0] = np.nan
    with pytest.raises(DataError, match=f"NaN or infinity for the {what} with 'v2.wav', and for 2 more of 36"):
        evaluate(records()[kind], (voices, faces))


def test_vectors_that_do_not_fit_are_refused() -> None:
    voices, faces = vectors()
    match, _, search = records()
    with pytest.raises(DataError, match="match_v2f_2_test: every probe needs a vector. Got 3 for 12"):
        evaluate(match, (voices[:3], faces))
    with pytest.raises(DataError, match="reterival_v2f_test: every candidate needs a vector. Got 3 for 12"):
        evaluate(search, (voices, faces[:3]))
    with pytest.raises(ConfigError, match="`n_resamples` must be at least 1. Got 0"):
        PROTOCOLS.build({"name": "pins", "n_resamples": 0})


def test_people_who_are_not_named_count_one_by_one() -> None:
    _, verify, _ = records()
    nobody = replace(verify, probe_people=np.full(N, -1), candidate_people=np.full(N, -1), people_names=())
    probes, candidates, n_people = people_codes(nobody)
    assert sorted([*probes, *candidates]) == list(range(24))
    assert n_people == 24
    some = replace(verify, probe_people=np.array([3] * 11 + [-1]))
    probes, candidates, n_people = people_codes(some)
    assert n_people == 5  # four named ones and one who is not
    assert probes[0] == candidates[3]
    assert list(probes).count(probes[11]) == 1
    assert (some.probe_people == -1).sum() == 1  # the record is left alone


def test_gender_alone_knows_genders_and_nothing_else() -> None:
    match, _, _ = records()
    voices, faces = gender_vectors(match)
    assert (voices @ faces.T)[0].tolist() == [float(i % 2 == 0) for i in range(N)]
    assert gender_vectors(replace(match, attributes={})) is None
    unknown = replace(match, attributes={"gender": ("f", None, "f", "m")}, candidate_people=np.full(N, -1))
    voices, faces = gender_vectors(unknown)
    assert (voices @ faces.T)[:2, 0].tolist() == [0.5, 0.5]
    accuracy = evaluate(match, gender_vectors(match)).result.find("accuracy_1_of_2").value
    owner = np.arange(N) % 4
    same = np.mean(owner[match.candidates[:, 1]] % 2 == owner[match.probes] % 2)
    assert accuracy == pytest.approx(1 - same / 2)


def test_groups_are_named_by_stratum_and_test_set() -> None:
    match, verify, search = records()
    lists = [
        match,
        replace(match, name="match_v2f_2_val"),
        replace(match, name="match_g_v2f_2_val.head", group="same_gender"),
        replace(verify, condition="seen_heard"),
        search,
    ]
    assert group_names(lists) == ["all", "all_validation", "same_gender_validation", "all_seen_heard", "all"]


def test_two_lists_of_one_question_keep_their_names() -> None:
    match, verify, _ = records()
    names = group_names([match, replace(match, name="other"), verify, records(4)[0]])
    assert names == ["all (match_v2f_2_test)", "all (other)", "all", "all"]
