"""The Monte Carlo ceiling against a classifier written from the generative model, and against closed forms."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from visavox.errors import ConfigError
from visavox.metrics.matching import matching_curve
from visavox.metrics.retrieval import mean_average_precision_score, recall_at_k_score
from visavox.metrics.verification import auc_score, equal_error_rate
from visavox.world.ceiling import Estimate, Figures, measure_ceiling
from visavox.world.drawn_population import draw_shown
from visavox.world.exact_matching import exact_matching
from visavox.world.likelihood import log_likelihood_ratio, paired_log_likelihood_ratio
from visavox.world.people import Person, make_people
from visavox.world.population import Leaks, Population

UNEQUAL = Population((0.0, 0.2, 0.3, 0.4, 0.6, 0.7), face_reliability=0.95, voice_reliability=0.85)
LEAKY = Population((0.4,) * 6, 0.9, 0.9, Leaks(recording=0.6, nationality=0.8, language=0.3))


def agrees(estimate: Estimate, expected: float, error: float = 0.0) -> bool:
    return abs(estimate.value - expected) <= 3 * math.hypot(estimate.standard_error, error) + 1e-12


def log_joint(voices: list[Person], faces: list[Person], world: Population) -> np.ndarray:
    """log p(voice, face | they are of one person), row by row, from the generative model.

    The person's own sex is enumerated; the shared numbers have a bivariate normal density.
    """
    total = np.zeros(len(voices))
    for own in "fm":
        by_voice = [world.voice_reliability if p.voice.sex == own else 1 - world.voice_reliability for p in voices]
        by_face = [world.face_reliability if p.face.sex == own else 1 - world.face_reliability for p in faces]
        total += 0.5 * np.array(by_voice) * np.array(by_face)
    density = np.log(total)
    for k, rho in enumerate(world.correlations):
        pairs = [[v.voice.shared[k], f.face.shared[k]] for v, f in zip(voices, faces, strict=True)]
        density += multivariate_normal.logpdf(np.array(pairs), cov=np.array([[1, rho], [rho, 1]]))
    return density


def log_alone(people: list[Person], side: str) -> np.ndarray:
    """log p(face), or p(voice), of anybody, row by row: each shown sex is as frequent as the other."""
    shared = np.array([getattr(person, side).shared for person in people])
    return np.asarray(np.log(0.5) + norm.logpdf(shared).sum(axis=1))


def brute_force(people: list[Person], world: Population, *, shift: int, side: str) -> np.ndarray:
    """Whether the more probable of two hypotheses is the true one, for each person as a probe.

    Hypothesis 1: the probe goes with its own other side, and the other candidate is somebody; 2: the reverse.
    """
    others = people[shift:] + people[:shift]
    if side == "face":  # a voice chooses between two faces
        first = log_joint(people, people, world) + log_alone(others, "face")
        second = log_joint(people, others, world) + log_alone(people, "face")
    else:
        first = log_joint(people, people, world) + log_alone(others, "voice")
        second = log_joint(others, people, world) + log_alone(people, "voice")
    return (first > second) + 0.5 * (first == second)


@pytest.fixture(scope="module")
def unequal() -> dict[str, Figures]:
    return dict(measure_ceiling(UNEQUAL, seed=1, n_trials=30_000, gallery=30).honest)


@pytest.mark.parametrize(("direction", "side"), [("voice_to_face", "face"), ("face_to_voice", "voice")])
def test_a_classifier_that_knows_the_model_reaches_the_ceiling(
    direction: str, side: str, unequal: dict[str, Figures]
) -> None:
    """Made people, the densities of scipy and enumeration here; drawn people and the closed form there."""
    people = make_people(3000, seed=11, population=UNEQUAL)  # sexes alternate: an even shift stays within the sex
    for stratum, shifts in (("same_sex", (2, 10)), ("opposite_sex", (1, 11))):
        wins = np.mean([brute_force(people, UNEQUAL, shift=shift, side=side) for shift in shifts], axis=0)
        error = float(wins.reshape(100, -1).mean(axis=1).std(ddof=1)) / 10
        assert agrees(unequal[direction].matching[stratum], float(wins.mean()), error)


def test_all_is_the_mean_of_the_two_strata_of_the_same_score(unequal: dict[str, Figures]) -> None:
    matching = unequal["voice_to_face"].matching
    assert matching["all"].value == pytest.approx((matching["same_sex"].value + matching["opposite_sex"].value) / 2)
    assert 0.5 < matching["same_sex"].value < matching["same_sex_told"].value < matching["opposite_sex"].value < 1


@pytest.mark.parametrize("face", [0.7, 0.98])
def test_matching_agrees_with_the_exact_law_in_both_directions(face: float) -> None:
    world = Population((0.5,) * 6, face, 0.9)
    ceiling = measure_ceiling(world, seed=2, n_trials=20_000, gallery=20).honest
    for direction, candidates, probes in (("voice_to_face", face, 0.9), ("face_to_voice", 0.9, face)):
        exact = exact_matching(0.5, face_reliability=candidates, voice_reliability=probes)
        for name in ("same_sex", "opposite_sex", "same_sex_told"):
            assert agrees(ceiling[direction].matching[name], getattr(exact, name))


def test_one_shared_dimension_is_the_integral_over_the_plane() -> None:
    """The other face loses when it is farther from the voice: |v - rho f'| > |v - rho f|."""
    rho = 0.7
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    f, noise = np.meshgrid(nodes, nodes, indexing="ij")
    v = rho * f + math.sqrt(1 - rho**2) * noise
    distance = np.abs(v - rho * f)
    wins = 1 - (norm.cdf((v + distance) / rho) - norm.cdf((v - distance) / rho))
    expected = float(weights @ wins @ weights)
    world = Population((0.0, 0.0, rho, 0.0, 0.0, 0.0), 0.5, 0.5)
    found = measure_ceiling(world, n_trials=20_000, gallery=20).honest["voice_to_face"].matching
    assert agrees(found["same_sex_told"], expected, 1e-4)
    assert agrees(found["all"], expected, 1e-4)


def test_sex_alone_follows_the_table_of_its_cases() -> None:
    world = Population((0.0,) * 6, face_reliability=0.9, voice_reliability=0.8)
    agreement = 0.9 * 0.8 + 0.1 * 0.2
    figures = measure_ceiling(world, n_trials=20_000, gallery=20).honest["voice_to_face"]
    assert figures.matching["same_sex_told"] == Estimate(0.5, 0.0)
    assert agrees(figures.matching["same_sex"], 0.5)
    assert agrees(figures.matching["opposite_sex"], 0.5 + 0.8 * 0.6 / 2)
    assert agrees(figures.verification["all"]["auc"], agreement / 2 + 0.25)
    assert agrees(figures.verification["all"]["eer"], 1 / (1 + 2 * agreement))  # the line from (0, 0) to (1/2, a)
    assert agrees(figures.verification["same_sex"]["auc"], 0.5)
    for n, found in figures.matching_1_of_n.items():
        # It agrees with chance a, and wins 1 / (1 + others that agree); or none of the others agrees, and it ties all.
        expected = agreement * (1 - 0.5**n) * 2 / n + (1 - agreement) * 0.5 ** (n - 1) / n
        assert agrees(found, expected)


def test_a_world_that_shares_nothing_has_chance_as_its_exact_ceiling() -> None:
    world = Population((0.0,) * 6, 0.5, 0.5)
    figures = measure_ceiling(world, n_trials=2000, gallery=20).honest["face_to_voice"]
    assert set(figures.matching.values()) == {Estimate(0.5, 0.0)}
    assert [figures.matching_1_of_n[n].value for n in (3, 5, 10)] == pytest.approx([1 / 3, 1 / 5, 1 / 10])
    assert figures.verification["all"] == {"auc": Estimate(0.5, 0.0), "eer": Estimate(0.5, 0.0)}
    assert [figures.retrieval[f"recall_at_{k}"].value for k in (1, 5, 10)] == pytest.approx([0.05, 0.25, 0.5])
    assert figures.retrieval["map"].value == pytest.approx(sum(1 / rank for rank in range(1, 21)) / 20)


def test_planted_traits_alone_are_counted_with_their_ties() -> None:
    world = Population((0.0,) * 6, 0.5, 0.5, Leaks(nationality=1.0, language=1.0))
    ceiling = measure_ceiling(world, n_trials=10_000, gallery=20)
    assert ceiling.honest["voice_to_face"].matching["all"] == Estimate(0.5, 0.0)
    assert ceiling.with_shortcuts is not None
    figures = ceiling.with_shortcuts["voice_to_face"]
    chance = 1 / 16  # somebody else shows both categories of the probe, and then ties
    assert agrees(figures.matching["all"], 1 - chance / 2)
    for n, found in figures.matching_1_of_n.items():
        assert agrees(found, (1 - (1 - chance) ** n) / (n * chance))
    assert agrees(figures.retrieval["recall_at_1"], (1 - (1 - chance) ** 20) / (20 * chance))


def test_a_recording_that_leaks_is_worth_one_more_dimension() -> None:
    planted = Population((0.5,) * 5 + (0.0,), 0.9, 0.9, Leaks(recording=0.5))
    ceiling = measure_ceiling(planted, n_trials=10_000, gallery=20)
    assert ceiling.with_shortcuts is not None
    shared = measure_ceiling(Population((0.5,) * 6, 0.9, 0.9), seed=1, n_trials=10_000, gallery=20).honest
    for name, estimate in shared["voice_to_face"].matching.items():
        assert agrees(ceiling.with_shortcuts["voice_to_face"].matching[name], estimate.value, estimate.standard_error)
    gained = ceiling.with_shortcuts["voice_to_face"].matching["same_sex"].value
    assert gained > ceiling.honest["voice_to_face"].matching["same_sex"].value + 0.01


def test_verification_and_retrieval_agree_with_the_metrics_of_a_plain_gallery(unequal: dict[str, Figures]) -> None:
    """Galleries of 30 people in a plain loop, scored by the public metrics, all impostor pairs of each."""
    rng = np.random.default_rng(99)
    rows = []
    for _ in range(150):
        people = draw_shown(30, rng, UNEQUAL)
        scores = log_likelihood_ratio(people.voice, people.face, UNEQUAL).T  # face to voice
        true, same = np.eye(30, dtype=bool), people.own_sex[:, np.newaxis] == people.own_sex
        rows.append(
            [
                auc_score(scores.ravel(), true.ravel()),
                auc_score(scores[same], true[same]),
                *matching_curve(scores, true, ~true, n_candidates=[3, 5, 10]),
                *(recall_at_k_score(scores, true, k=k) for k in (1, 5, 10)),
                mean_average_precision_score(scores, true),
            ]
        )
    figures = unequal["face_to_voice"]
    found = [
        *(figures.verification[name]["auc"] for name in ("all", "same_sex")),
        *(figures.matching_1_of_n[n] for n in (3, 5, 10)),
        *(figures.retrieval[name] for name in ("recall_at_1", "recall_at_5", "recall_at_10", "map")),
    ]
    errors = np.std(rows, axis=0, ddof=1) / math.sqrt(len(rows))
    for estimate, value, error in zip(found, np.mean(rows, axis=0), errors, strict=True):
        assert agrees(estimate, float(value), float(error))


def test_the_equal_error_rate_is_that_of_many_independent_pairs(unequal: dict[str, Figures]) -> None:
    people, others = (draw_shown(20_000, np.random.default_rng(seed), UNEQUAL) for seed in (5, 6))
    one, two = (paired_log_likelihood_ratio(people.voice, face, UNEQUAL) for face in (people.face, others.face))
    same = people.own_sex == others.own_sex
    for name, kept in (("all", np.ones(20_000, dtype=bool)), ("same_sex", same)):
        scores, labels = np.concatenate([one, two[kept]]), np.repeat([1, 0], [20_000, kept.sum()])
        assert agrees(unequal["voice_to_face"].verification[name]["eer"], equal_error_rate(scores, labels), 0.003)


def test_verification_is_the_same_in_both_directions(unequal: dict[str, Figures]) -> None:
    assert unequal["voice_to_face"].verification == unequal["face_to_voice"].verification
    assert unequal["voice_to_face"].matching != unequal["face_to_voice"].matching


def test_standard_errors_are_the_spread_of_repeated_measurements() -> None:
    repeats = [
        measure_ceiling(UNEQUAL, seed=seed, n_trials=2000, gallery=20).honest["voice_to_face"] for seed in range(20)
    ]
    for pick in (
        lambda figures: figures.matching["same_sex"],
        lambda figures: figures.matching["all"],
        lambda figures: figures.matching_1_of_n[5],
        lambda figures: figures.verification["all"]["auc"],
        lambda figures: figures.verification["same_sex"]["eer"],
        lambda figures: figures.retrieval["map"],
    ):
        estimates = [pick(figures) for figures in repeats]
        spread = np.std([estimate.value for estimate in estimates], ddof=1)
        stated = np.sqrt(np.mean([estimate.standard_error**2 for estimate in estimates]))
        assert 0.6 < spread / stated < 1.5


def test_standard_errors_fall_with_the_square_root_of_the_trials() -> None:
    stated = []
    for n_trials in (2000, 18_000):
        repeats = [measure_ceiling(UNEQUAL, seed=s, n_trials=n_trials, gallery=20).honest for s in range(4)]
        figures = [honest["voice_to_face"] for honest in repeats]
        estimates = [[f.matching["all"], f.verification["all"]["auc"], f.verification["all"]["eer"]] for f in figures]
        stated.append(np.sqrt(np.mean([[e.standard_error**2 for e in row] for row in estimates], axis=0)))
    assert stated[0] / stated[1] == pytest.approx(np.full(3, 3.0), rel=0.4)


def test_with_the_default_number_of_trials_matching_is_known_to_a_thousandth(unequal: dict[str, Figures]) -> None:
    for population in (UNEQUAL, Population((0.1,) * 6, 0.9, 0.9)):
        matching = measure_ceiling(population, n_trials=10_000, gallery=20).honest["voice_to_face"].matching
        assert max(estimate.standard_error for estimate in matching.values()) * math.sqrt(10_000 / 200_000) < 0.001


def test_the_ceiling_is_a_pure_function_of_its_arguments() -> None:
    one, again, other = (measure_ceiling(LEAKY, seed=seed, n_trials=2000, gallery=20) for seed in (0, 0, 1))
    assert one == again
    assert one.honest["voice_to_face"] != other.honest["voice_to_face"]


def test_shortcuts_are_worth_something_and_absent_where_nothing_leaks() -> None:
    ceiling = measure_ceiling(LEAKY, n_trials=4000, gallery=20)
    assert ceiling.with_shortcuts is not None
    for direction, honest in ceiling.honest.items():
        assert ceiling.with_shortcuts[direction].matching["all"].value > honest.matching["all"].value + 0.03
    assert measure_ceiling(UNEQUAL, n_trials=2000, gallery=20).with_shortcuts is None


def test_certain_sexes_leave_no_room_in_mixed_pairs() -> None:
    world = Population((0.3,) * 6, 1.0, 1.0)
    matching = measure_ceiling(world, n_trials=2000, gallery=20).honest["voice_to_face"].matching
    assert matching["opposite_sex"] == Estimate(1.0, 0.0)
    assert matching["same_sex"] == matching["same_sex_told"]


@pytest.mark.parametrize("gallery", [2, 7, 5_000])
def test_galleries_of_any_size_are_searched(gallery: int) -> None:
    retrieval = measure_ceiling(UNEQUAL, n_trials=2000, gallery=gallery).honest["voice_to_face"].retrieval
    recalls = [retrieval[f"recall_at_{k}"].value for k in (1, 5, 10)]
    assert recalls == sorted(recalls)
    assert retrieval["map"].value >= recalls[0]
    assert recalls[2] == 1.0 or gallery > 10


def test_the_record_is_json_with_every_figure_and_its_error() -> None:
    record = json.loads(json.dumps(measure_ceiling(LEAKY, n_trials=2000, gallery=20).to_json()))
    assert set(record) == {"honest", "with_shortcuts"}
    for part in record.values():
        assert set(part) == {"voice_to_face", "face_to_voice"}
        figures = part["face_to_voice"]
        assert set(figures) == {"matching", "matching_1_of_n", "verification", "retrieval"}
        assert set(figures["matching"]) == {"all", "same_sex", "opposite_sex", "same_sex_told"}
        assert set(figures["matching_1_of_n"]) == {"3", "5", "10"}
        assert set(figures["verification"]) == {"all", "same_sex"}
        assert set(figures["verification"]["all"]) == {"auc", "eer"}
        assert set(figures["retrieval"]) == {"gallery", "recall_at_1", "recall_at_5", "recall_at_10", "map"}
        assert figures["retrieval"]["gallery"] == 20
        assert set(figures["matching"]["all"]) == {"value", "standard_error"}
    assert measure_ceiling(UNEQUAL, n_trials=2000, gallery=20).to_json()["with_shortcuts"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_trials": 100}, "`n_trials` must be at least 2000. Got 100"),
        ({"gallery": 1}, "`gallery` must be at least 2. Got 1"),
        ({"seed": -1}, "`seed` must be at least 0. Got -1"),
    ],
)
def test_numbers_that_are_too_small_are_named(options: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        measure_ceiling(UNEQUAL, **options)
