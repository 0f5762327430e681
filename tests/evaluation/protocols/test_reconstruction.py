"""Drawn faces among true ones: every figure against a loop, controls at chance, leaks that are seen."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter

import numpy as np
import pytest
from tests.evaluation.drawn_faces import contestant, control, drawn_faces, true_faces

from visavox.errors import ConfigError, DataError
from visavox.evaluation.protocols.reconstruction import (
    ALL,
    CLASSIFIER,
    PAIR,
    PEOPLE,
    SAME_GENDER,
    Reconstruction,
    ReconstructionResult,
    deal_voices,
    group_name,
    judged_scores,
    other_faces,
    shuffled_name,
)
from visavox.evaluation.reconstruction_record import DrawnFaces, Redrawn, TrueFaces


def evaluate(drawn: DrawnFaces, n_resamples: int = 100, seed: int = 0) -> ReconstructionResult:
    protocol = Reconstruction(n_resamples=n_resamples, n_shuffles=6)
    return protocol.evaluate(drawn, rng=np.random.default_rng(seed))


def cosine(x: np.ndarray, y: np.ndarray) -> float:
    return float(x @ y / math.sqrt((x @ x) * (y @ y)))


def slow_pair(features: np.ndarray, true: TrueFaces, *, same_gender: bool) -> float:
    """Every clip, every own face, every other face; clips of a person first, then people."""
    a, b = features - features.mean(axis=0), true.features["dlib"] - true.features["dlib"].mean(axis=0)
    of_person: dict[str, list[float]] = {}
    for i, person in enumerate(true.people):
        wins = []
        for j, owner in enumerate(true.people):
            if owner != person:
                continue
            for k, other in enumerate(true.people):
                if other == person or (same_gender and true.genders[k] != true.genders[i]):
                    continue
                own, wrong = cosine(a[i], b[j]), cosine(a[i], b[k])
                wins.append(1.0 if own > wrong else 0.5 if own == wrong else 0.0)
        of_person.setdefault(person, []).append(float(np.mean(wins)))
    return float(np.mean([np.mean(values) for values in of_person.values()]))


def slow_recall(features: np.ndarray, true: TrueFaces, k: int) -> float:
    a, b = features - features.mean(axis=0), true.features["dlib"] - true.features["dlib"].mean(axis=0)
    people = sorted(set(true.people))
    means = {p: np.mean([b[i] for i, owner in enumerate(true.people) if owner == p], axis=0) for p in people}
    of_person: dict[str, list[bool]] = {}
    for i, person in enumerate(true.people):
        ranked = sorted(people, key=lambda p: -cosine(a[i], means[p]))
        of_person.setdefault(person, []).append(person in ranked[:k])
    return float(np.mean([np.mean(values) for values in of_person.values()]))


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_every_figure_is_the_loop(noise: float) -> None:
    true = true_faces()
    ours = contestant(true, noise=noise)
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (ours,)))
    for group in (ALL, SAME_GENDER):
        measure = found.find("ours", "dlib", group, PAIR)
        assert measure is not None
        assert measure.value == pytest.approx(slow_pair(ours.features["dlib"], true, same_gender=group == SAME_GENDER))
        assert measure.low <= measure.value <= measure.high and measure.n_people == 8 and measure.count == 24
    for k in (1, 2, 5):
        measure = found.find("ours", "dlib", PEOPLE, f"recall_at_{k}")
        assert measure is not None and measure.value == pytest.approx(slow_recall(ours.features["dlib"], true, k))
        assert measure.chance == pytest.approx(k / 8)


def test_the_average_face_is_exactly_at_chance() -> None:
    found = evaluate(drawn_faces())
    for group in (ALL, SAME_GENDER):
        measure = found.find("the average face", "dlib", group, PAIR)
        assert measure is not None and (measure.value, measure.low, measure.high) == (0.5, 0.5, 0.5)
    measure = found.find("the average face", "dlib", PEOPLE, "recall_at_2")
    assert measure is not None and measure.value == pytest.approx(2 / 8)


def test_controls_are_not_shuffled_and_drawers_are() -> None:
    found = evaluate(drawn_faces())
    names = {m.direction for m in found.measures}
    assert shuffled_name("ours") in names and shuffled_name("Speech2Face") in names
    assert shuffled_name("the average face") not in names and shuffled_name("face to face") not in names


def test_dealt_voices_come_out_at_one_half() -> None:
    """A drawer that copies the true face: dealt to others it is no better than guessing, over many deals."""
    true = true_faces(n_people=10)
    drawn = DrawnFaces(true, drawn_faces().judges[:1], (contestant(true, noise=0.0),))
    found = Reconstruction(n_resamples=50, n_shuffles=300).evaluate(drawn, rng=np.random.default_rng(1))
    for group in (ALL, SAME_GENDER):
        measure = found.find(shuffled_name("ours"), "dlib", group, PAIR)
        assert measure is not None and measure.value == pytest.approx(0.5, abs=0.02)


def test_the_interval_of_shuffled_voices_is_that_of_a_single_deal() -> None:
    """More deals bring the figure to one half, and leave its interval as wide as people and one deal make it."""
    true = true_faces(n_people=12)
    drawn = DrawnFaces(true, drawn_faces().judges[:1], (contestant(true, noise=0.5),))
    widths = []
    for n_shuffles in (1, 40):
        found = Reconstruction(n_resamples=400, n_shuffles=n_shuffles).evaluate(drawn, rng=np.random.default_rng(2))
        measure = found.find(shuffled_name("ours"), "dlib", ALL, PAIR)
        assert measure is not None
        widths.append(measure.high - measure.low)
    assert measure.low < 0.5 < measure.high and widths[1] > 0.7 * widths[0]


def test_a_drawer_that_looks_at_the_face_is_caught_when_it_draws_anew() -> None:
    true = true_faces()
    codes = np.unique(true.people, return_inverse=True)[1]
    heard = deal_voices(codes, rng=np.random.default_rng(0))
    honest = Redrawn(heard, {j: f[heard] for j, f in true.features.items()})
    peeking = Redrawn(heard, true.features)
    values = []
    for redrawn in (honest, peeking):
        ours = contestant(true, noise=0.1, redrawn=redrawn)
        found = evaluate(DrawnFaces(true, drawn_faces().judges, (ours,)))
        measure = found.find(shuffled_name("ours"), "dlib", ALL, PAIR)
        assert measure is not None
        values.append(measure)
    assert values[0].low <= 0.5 <= values[0].high
    assert values[1].low > 0.8


def test_deals_are_derangements_of_people() -> None:
    codes = np.array([0, 0, 0, 1, 2, 2, 3])
    for seed in range(20):
        heard = deal_voices(codes, rng=np.random.default_rng(seed))
        assert (codes[heard] != codes).all()
        sources = {int(code): set(codes[heard][codes == code].tolist()) for code in codes}
        assert all(len(found) == 1 for found in sources.values())
        assert len({next(iter(found)) for found in sources.values()}) == 4


def test_who_was_heard_is_no_negative() -> None:
    true = true_faces(n_people=3, n_clips=1)
    codes = np.arange(3)
    assert other_faces(true, codes).tolist() == (~np.eye(3, dtype=bool)).tolist()
    heard = np.array([1, 2, 0])
    assert other_faces(true, codes, heard).astype(int).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_faces_of_one_video_are_no_negatives_of_each_other() -> None:
    true = dataclasses.replace(true_faces(n_people=3, n_clips=1), videos=("v", "v", ""))
    assert other_faces(true, np.arange(3)).astype(int).tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]


def test_a_missing_picture_counts_as_a_guess() -> None:
    true = true_faces()
    ours = contestant(true, noise=0.0)
    gaps = {j: np.where(np.arange(24)[:, None] < 3, np.nan, f) for j, f in ours.features.items()}
    male = np.where(np.arange(24) < 3, np.nan, ours.male)
    found = evaluate(DrawnFaces(true, drawn_faces().judges, (dataclasses.replace(ours, features=gaps, male=male),)))
    full = evaluate(DrawnFaces(true, drawn_faces().judges, (ours,)))
    values = [each.find("ours", "dlib", ALL, PAIR) for each in (found, full)]
    assert values[0] is not None and values[1] is not None
    assert values[0].value == pytest.approx((7 * values[1].value + 0.5) / 8, abs=0.03)


def test_attributes_are_measured_people_first() -> None:
    true = true_faces()
    ours = contestant(true, male=np.where(np.arange(24) == 0, -1.0, true.male))
    found = evaluate(DrawnFaces(true, drawn_faces().judges, (ours,)))
    values = {m.measure: m for m in found.measures if m.group == CLASSIFIER}
    assert values["gender_agreement"].value == pytest.approx((7 + 2 / 3) / 8)
    assert values["gender_agreement"].chance == 0.5
    assert values["age_error_cost"].value == pytest.approx(5.0)


def test_differences_are_paired() -> None:
    found = evaluate(drawn_faces())
    pair = found.difference("ours", "Speech2Face", "dlib", ALL, PAIR)
    assert pair is not None
    one, two = (found.find(name, "dlib", ALL, PAIR) for name in ("ours", "Speech2Face"))
    assert one is not None and two is not None
    assert pair.found.value == pytest.approx(one.value - two.value) and pair.found.value > 0
    same = found.difference("ours", "ours", "dlib", ALL, PAIR)
    assert same is not None and (same.found.value, same.found.p_value) == (0.0, 1.0)
    assert found.difference("ours", "nobody", "dlib", ALL, PAIR) is None


def test_without_genders_the_same_gender_figure_is_undefined_with_its_reason() -> None:
    true = dataclasses.replace(true_faces(), genders=("",) * 24)
    found = evaluate(DrawnFaces(true, drawn_faces().judges, (contestant(true),)))
    measure = found.find("ours", "dlib", SAME_GENDER, PAIR)
    assert measure is not None and math.isnan(measure.value) and measure.note == "no two people share a gender"


def test_one_seed_gives_one_result() -> None:
    one, two = evaluate(drawn_faces(), seed=3), evaluate(drawn_faces(), seed=3)
    assert one.measures == two.measures


def test_scores_of_people_are_those_of_their_mean_feature() -> None:
    true = true_faces(n_people=3, n_clips=2)
    codes = np.repeat(np.arange(3), 2)
    _, of_people = judged_scores(true.features["dlib"], true.features["dlib"], codes)
    middle = true.features["dlib"] - true.features["dlib"].mean(axis=0)
    for i in range(6):
        for p in range(3):
            assert of_people[i, p] == pytest.approx(cosine(middle[i], middle[2 * p : 2 * p + 2].mean(axis=0)))


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be numbers from 1"):
        Reconstruction(ks=())
    true = true_faces()
    with pytest.raises(DataError, match="contestants of different names"):
        evaluate(DrawnFaces(true, drawn_faces().judges, ()))
    with pytest.raises(DataError, match="one row a clip, 24. Got 9 of dlib of the average face"):
        short = control(true_faces(n_people=3))
        evaluate(DrawnFaces(true, drawn_faces().judges, (short,)))
    with pytest.raises(DataError, match="two people or more. Got 1"):
        deal_voices(np.zeros(3, dtype=np.int64), rng=np.random.default_rng(0))
    assert group_name("dlib", ALL) == "dlib_all"


def slow_recall_with_ties(features: np.ndarray, true: TrueFaces, k: int, barred: list[set[str]]) -> float:
    """R@k where equal scores are drawn by lot, nothing was drawn for some, and some people are no candidates."""
    known = features[np.isfinite(features).all(axis=1)]
    a, b = features - known.mean(axis=0), true.features["dlib"] - true.features["dlib"].mean(axis=0)
    people = sorted(set(true.people))
    means = {p: np.mean([b[i] for i, owner in enumerate(true.people) if owner == p], axis=0) for p in people}
    of_person: dict[str, list[float]] = {}
    for i, person in enumerate(true.people):
        candidates = [p for p in people if p not in barred[i]]
        if np.isfinite(a[i]).all() and (a[i] != 0).any():
            scores = {p: round(cosine(a[i], means[p]), 9) for p in candidates}
        else:
            scores = dict.fromkeys(candidates, 0.0)
        above = sum(scores[p] > scores[person] for p in candidates)
        tied = sum(scores[p] == scores[person] for p in candidates)
        places = [above + place < k for place in range(tied)]
        of_person.setdefault(person, []).append(sum(places) / tied)
    return float(np.mean([np.mean(values) for values in of_person.values()]))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_recall_is_the_loop_with_gaps_and_people_of_one_video(k: int) -> None:
    """Four people sit together in three videos and are no candidates for each other; a gap is a guess."""
    true = dataclasses.replace(true_faces(), videos=tuple(f"talk{i % 3}" if i < 12 else f"v{i}" for i in range(24)))
    ours = contestant(true, noise=2.5)
    gaps = {j: np.where(np.arange(24)[:, None] % 7 == 2, np.nan, f) for j, f in ours.features.items()}
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (dataclasses.replace(ours, features=gaps),)))
    together = {f"person{p}" for p in range(4)}
    barred = [together - {true.people[i]} if i < 12 else set() for i in range(24)]
    measure = found.find("ours", "dlib", PEOPLE, f"recall_at_{k}")
    assert measure is not None
    assert measure.value == pytest.approx(slow_recall_with_ties(gaps["dlib"], true, k, barred))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_two_faces_for_all_tie_as_the_loop_has_it(k: int) -> None:
    """A control of two faces: many clips share one, nobody's score is that of another."""
    true = true_faces()
    two = {j: np.asarray(f)[np.arange(24) // 3 % 2] for j, f in true.features.items()}
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (contestant(true, features=two, kind="control"),)))
    measure = found.find("ours", "dlib", PEOPLE, f"recall_at_{k}")
    wanted = slow_recall_with_ties(two["dlib"], true, k, [set() for _ in range(24)])
    assert measure is not None and measure.value == pytest.approx(wanted)


def test_one_face_a_gender_tells_nothing_within_a_gender() -> None:
    """Within a gender it is at one half to the last digit, since nobody is preferred; across genders it is not."""
    true = true_faces(n_people=10)
    codes = np.unique(true.people, return_inverse=True)[1]
    shifted = {j: f + 3.0 * (codes % 2)[:, None] for j, f in true.features.items()}  # genders that a judge tells apart
    true = dataclasses.replace(true, features=shifted)
    means = {j: np.stack([f[codes % 2 == gender].mean(axis=0) for gender in (0, 1)]) for j, f in shifted.items()}
    faces = {j: mean[codes % 2] for j, mean in means.items()}
    gender = contestant(true, "gender only", features=faces, kind="control", told="gender (from voice)", samples={})
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (gender,)))
    within = found.find("gender only", "dlib", SAME_GENDER, PAIR)
    everybody = found.find("gender only", "dlib", ALL, PAIR)
    assert within is not None and everybody is not None
    assert within.value == pytest.approx(0.5, abs=1e-9) and within.low < 0.5 < within.high
    # five of nine others are of the other gender and lose, four draw
    assert everybody.value == pytest.approx(5 / 9 + 4 / 9 / 2, abs=0.02)


def test_a_misheard_gender_costs_what_the_loop_says() -> None:
    true = true_faces()
    two = {j: np.asarray(f)[:2] for j, f in true.features.items()}
    heard = (np.arange(24) // 3 + (np.arange(24) % 5 == 0)) % 2
    faces = {j: pair[heard] for j, pair in two.items()}
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (contestant(true, features=faces, kind="control"),)))
    for group in (ALL, SAME_GENDER):
        measure = found.find("ours", "dlib", group, PAIR)
        assert measure is not None
        assert measure.value == pytest.approx(slow_pair(faces["dlib"], true, same_gender=group == SAME_GENDER))


def test_every_derangement_of_four_people_is_dealt_about_as_often() -> None:
    rng = np.random.default_rng(0)
    dealt = Counter(tuple(deal_voices(np.arange(4), rng=rng).tolist()) for _ in range(1800))
    wanted = {order for order in itertools.permutations(range(4)) if all(i != who for i, who in enumerate(order))}
    assert set(dealt) == wanted and len(wanted) == 9
    assert all(130 < count < 280 for count in dealt.values())  # 200 each


def test_every_clip_of_a_person_is_heard_before_one_is_heard_again() -> None:
    codes = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2, 2])
    for seed in range(10):
        heard = deal_voices(codes, rng=np.random.default_rng(seed))
        for person in range(3):
            used = Counter(heard[codes == person].tolist())
            other = codes[heard[codes == person][0]]
            assert max(used.values()) - min(used.values()) <= 1
            assert len(used) == min((codes == person).sum(), (codes == other).sum())


def test_deals_do_not_depend_on_how_clips_are_named() -> None:
    codes = np.array([2, 0, 1, 0, 2, 1])
    heard = deal_voices(codes, rng=np.random.default_rng(0))
    assert sorted(set(codes[heard].tolist())) == [0, 1, 2] and heard.dtype == np.int64


def test_two_people_swap_and_nothing_can_be_said_of_them() -> None:
    """Who was heard is no negative: of two people nobody is left to compare with, rather than a sure half."""
    true = true_faces(n_people=2)
    codes = np.repeat([0, 1], 3)
    heard = deal_voices(codes, rng=np.random.default_rng(0))
    assert not other_faces(true, codes, heard).any()


def test_a_drawer_that_peeks_is_no_better_for_dealing_its_pictures() -> None:
    """Pictures may be dealt only where they depend on the voice alone: dealt, those of a peeper look innocent."""
    true = true_faces(n_people=12)
    peeping = contestant(true, noise=0.0)
    dealt = Reconstruction(n_resamples=100, n_shuffles=20).evaluate(
        DrawnFaces(true, drawn_faces().judges[:1], (peeping,)), rng=np.random.default_rng(0)
    )
    innocent = dealt.find(shuffled_name("ours"), "dlib", ALL, PAIR)
    assert innocent is not None and innocent.low <= 0.5 <= innocent.high
    codes = np.unique(true.people, return_inverse=True)[1]
    redrawn = Redrawn(deal_voices(codes, rng=np.random.default_rng(1)), true.features)
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (dataclasses.replace(peeping, redrawn=redrawn),)))
    caught = found.find(shuffled_name("ours"), "dlib", ALL, PAIR)
    assert caught is not None and caught.low > 0.9


def test_half_a_leak_is_a_leak() -> None:
    """A drawer that mixes the true face into what it hears."""
    true = true_faces(n_people=12)
    codes = np.unique(true.people, return_inverse=True)[1]
    heard = deal_voices(codes, rng=np.random.default_rng(0))
    mixed = Redrawn(heard, {j: 0.5 * f + 0.5 * f[heard] for j, f in true.features.items()})
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (contestant(true, redrawn=mixed),)))
    measure = found.find(shuffled_name("ours"), "dlib", ALL, PAIR)
    assert measure is not None and measure.low > 0.5


def test_races_are_measured_people_first_and_guessed_by_the_commonest() -> None:
    true = dataclasses.replace(true_faces(), race=np.repeat([0.0, 0, 0, 0, 0, 1, 2, 2], 3))
    wrong = np.asarray(true.race).copy()
    wrong[:2] = 4.0
    wrong[23] = np.nan
    found = evaluate(DrawnFaces(true, drawn_faces().judges, (contestant(true, race=wrong),)))
    measure = next(m for m in found.measures if (m.direction, m.measure) == ("ours", "race_agreement"))
    assert measure.value == pytest.approx((1 / 3 + 7) / 8) and measure.chance == pytest.approx(5 / 8)
    assert measure.low < measure.value <= measure.high


def test_intervals_are_those_of_people_drawn_again() -> None:
    """Twice the clips of the same people give no narrower interval; four times the people do."""
    widths = []
    for n_people, n_clips in ((8, 3), (8, 6), (32, 3)):
        true = true_faces(n_people=n_people, n_clips=n_clips)
        found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (contestant(true, noise=2.0),)), n_resamples=300)
        measure = found.find("ours", "dlib", ALL, PAIR)
        assert measure is not None
        widths.append(measure.high - measure.low)
    assert widths[2] < 0.75 * widths[0] and widths[1] > 0.5 * widths[0]


def test_deals_that_leave_nobody_of_a_gender_are_left_out() -> None:
    """Three people, two of one gender: in some deals no other person of the gender is left."""
    true = true_faces(n_people=3)
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (contestant(true),)))
    measure = found.find(shuffled_name("ours"), "dlib", ALL, PAIR)
    assert measure is not None and 0 <= measure.value <= 1
    within = found.find(shuffled_name("ours"), "dlib", SAME_GENDER, PAIR)
    assert within is not None
    assert math.isnan(within.value) == (within.note == "nobody to compare with")


def test_shuffled_voices_of_two_people_are_undefined_with_the_reason() -> None:
    true = true_faces(n_people=2)
    found = evaluate(DrawnFaces(true, drawn_faces().judges[:1], (contestant(true),)))
    plain, shuffled = (found.find(name, "dlib", ALL, PAIR) for name in ("ours", shuffled_name("ours")))
    assert plain is not None and math.isfinite(plain.value)
    assert shuffled is not None and math.isnan(shuffled.value) and shuffled.note == "nobody to compare with"
