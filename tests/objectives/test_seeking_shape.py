"""Seeking the Shape of Sound, against a slow loop of its formulas, and its two readings of the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.identity_weights import person_numbers
from visavox.objectives.seeking_shape import SeekingShape, cross_loss
from visavox.registry import OBJECTIVES

PEOPLE = ("ann", "bob", "cat", "dan", "eve", "fay")
FACTS = TrainingFacts(n_people=6, dim=3, n_rows=9, n_steps=9, people=PEOPLE)
NUMBERS = person_numbers(PEOPLE)
LABELS = torch.tensor([4, 0, 2, 5])
IDENTITY_WEIGHT = torch.tensor([1.0, 0.5, 0.0, 0.25, 0.75, 0.5])


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def objective(**options: Any) -> SeekingShape:
    chosen = SeekingShape(**options)
    chosen.prepare(FACTS, torch.Generator().manual_seed(5))
    return chosen.double()


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def slow_cross(x: Tensor, v: Tensor, excluded: set[tuple[int, int]] = frozenset()) -> list[float]:  # type: ignore[assignment]
    """One exponential at a time: log(1 + 3.4 + exp(0) of the pair itself + the others)."""
    unit = [[c / math.sqrt(dot(row, row)) for c in row] for row in x.tolist()]
    found = []
    for i, row in enumerate(v.tolist()):
        terms = [
            math.exp(dot(row, unit[j]) - dot(row, unit[i])) if j != i else 1.0
            for j in range(len(unit))
            if (i, j) not in excluded
        ]
        found.append(math.log(1 + 3.4 + sum(terms)))
    return found


def slow_ce(chosen: SeekingShape, z: Tensor, labels: Tensor = LABELS) -> list[float]:
    assert isinstance(chosen.classifier, nn.Linear)
    rows = (z @ chosen.classifier.weight.T).tolist()
    return [
        math.log(sum(math.exp(x) for x in row)) - row[label] for row, label in zip(rows, labels.tolist(), strict=True)
    ]


def mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return dot(values, weights) / sum(weights)


@pytest.mark.parametrize("reweight", ["none", "paper", "official_code"])
@pytest.mark.parametrize("rows", [None, [1.0, 2.0, 0.5, 0.0]])
def test_it_equals_the_slow_loop(reweight: str, rows: list[float] | None) -> None:
    chosen = objective(loss_weight=(2.0, 0.5, 3.0), reweight=reweight)
    if reweight != "none":
        chosen.load_identity_weights(IDENTITY_WEIGHT)
    voice, face = 2 * numbers(4, 3), 3 * numbers(4, 3, seed=1)
    given = None if rows is None else torch.tensor(rows, dtype=torch.float64)
    found = chosen(voice, face, LABELS, given)
    each = rows or [1.0] * 4
    share = [6 / 3 * float(IDENTITY_WEIGHT[k]) for k in LABELS] if reweight != "none" else [1.0] * 4
    ce_face, ce_voice = slow_ce(chosen, face), slow_ce(chosen, voice)
    cross = [(a + b) / 2 for a, b in zip(slow_cross(face, voice), slow_cross(voice, face), strict=True)]

    def weighed(values: list[float]) -> float:
        return mean([s * x for s, x in zip(share, values, strict=True)], each)

    if reweight == "official_code":
        expected = [mean(ce_face, each) * mean(share, each), mean(ce_voice, each) * mean(share, each), weighed(cross)]
    else:
        expected = [weighed(ce_face), weighed(ce_voice), weighed(cross)]
    parts = [found[name].item() for name in ("face_loss", "voice_loss", "cross_loss")]
    assert parts == pytest.approx(expected, abs=1e-6)  # the identity weights are float32
    assert found["loss"].item() == pytest.approx(2 * parts[0] + 0.5 * parts[1] + 3 * parts[2], abs=1e-9)


def test_the_weights_act_row_by_row_on_the_classifier_in_the_paper_and_only_on_the_cross_loss_in_the_code() -> None:
    """Rows of an identity of weight 0: the paper's classifier does not learn from them, the code's does."""
    voice = numbers(4, 3)
    gradients = {}
    for reweight in ("paper", "official_code"):
        chosen = objective(reweight=reweight)
        chosen.load_identity_weights(IDENTITY_WEIGHT)
        z = numbers(4, 3, seed=1).requires_grad_()
        found = chosen(voice, z, LABELS)
        (gradients[reweight],) = torch.autograd.grad(found["face_loss"], z)
        assert found["cross_loss"].item() == pytest.approx(
            objective_cross(voice, z.detach()), abs=1e-6
        )  # alike in both
    chosen = objective()
    z = numbers(4, 3, seed=1).requires_grad_()
    (plain,) = torch.autograd.grad(chosen(voice, z, LABELS)["face_loss"], z)
    share = 2 * IDENTITY_WEIGHT[LABELS].double()  # 6 / 3, of identities 4, 0, 2, 5: 1.5, 2, 0, 1
    torch.testing.assert_close(gradients["paper"], share[:, None] * plain, atol=1e-6, rtol=0)
    torch.testing.assert_close(gradients["official_code"], share.mean() * plain, atol=1e-6, rtol=0)
    assert (gradients["paper"][2] == 0).all()
    assert (gradients["official_code"][2] != 0).any()


def objective_cross(voice: Tensor, face: Tensor) -> float:
    share = [2 * float(IDENTITY_WEIGHT[k]) for k in LABELS]
    both = zip(slow_cross(face, voice), slow_cross(voice, face), share, strict=True)
    return sum(s * (a + b) / 2 for a, b, s in both) / 4


def test_the_constant_is_five_point_four() -> None:
    """A hand-made pair: v_0 . (x^_1 - x^_0) = -2 and 0 the other way."""
    x = torch.tensor([[5.0, 0.0], [0.0, 0.1]])
    v = torch.tensor([[2.0, 0.0], [3.0, 3.0]])
    found = cross_loss(x, v, ~torch.eye(2, dtype=torch.bool))
    assert found.tolist() == pytest.approx([math.log(5.4 + math.exp(-2)), math.log(6.4)], abs=1e-6)


def test_only_the_candidates_are_scaled_to_length_one() -> None:
    x, v = numbers(4, 3), numbers(4, 3, seed=1)
    others = ~torch.eye(4, dtype=torch.bool)
    torch.testing.assert_close(cross_loss(7 * x, v, others), cross_loss(x, v, others))
    assert not torch.allclose(cross_loss(x, 7 * v, others), cross_loss(x, v, others))


def test_huge_scores_stay_finite() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = cross_loss(x, 1e4 * x.flip(0), ~torch.eye(2, dtype=torch.bool))
    assert found.tolist() == pytest.approx([1e4, 1e4])


def test_clips_of_one_person_and_masked_pairs_are_no_terms() -> None:
    chosen, labels = objective(), torch.tensor([4, 0, 4, 5])
    voice, face = numbers(4, 3), numbers(4, 3, seed=1)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[1, 3] = False  # voice 1 and face 3, one way only
    found = chosen(voice, face, labels, mask=mask)["cross_loss"].item()
    same = {(0, 2), (2, 0)}
    rows = slow_cross(face, voice, same | {(1, 3)})
    columns = slow_cross(voice, face, same | {(3, 1)})
    assert found == pytest.approx((sum(rows) + sum(columns)) / 8, abs=1e-9)


def test_blindness_costs_what_the_docstring_says() -> None:
    nothing = torch.zeros(4, 3, dtype=torch.float64)
    assert objective()(nothing, nothing, LABELS)["loss"].item() == pytest.approx(2 * math.log(6) + math.log(8.4))


@pytest.mark.parametrize("reweight", ["none", "paper", "official_code"])
def test_the_gradient_is_that_of_finite_differences(reweight: str) -> None:
    chosen = objective(reweight=reweight).eval()
    inputs = numbers(4, 3).requires_grad_(), numbers(4, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, f: chosen(v, f, LABELS)["loss"], inputs)


def test_training_notes_how_hard_each_identity_is() -> None:
    chosen = objective(reweight="paper")
    voice, face = numbers(4, 3), numbers(4, 3, seed=1)
    chosen(voice, face, LABELS)
    expected = [14.0] * 6
    for k, a, b in zip(LABELS.tolist(), slow_ce(chosen, face), slow_ce(chosen, voice), strict=True):
        expected[k] = 0.9 * 14 + 0.1 * (a + b)
    assert chosen.center.loss_mean.tolist() == pytest.approx(expected, abs=1e-5)
    seen = chosen.center.loss_mean.clone()
    chosen.eval()
    chosen(voice, face, LABELS)
    assert torch.equal(chosen.center.loss_mean, seen)
    plain = objective()
    plain(voice, face, LABELS)
    assert plain.center.loss_mean.tolist() == [14.0] * 6


def test_the_weights_are_updated_at_the_first_step_named_and_then_every_so_many() -> None:
    chosen = objective(reweight="paper", first_update=5, update_every=3)
    counts = []
    for step in range(12):
        chosen.before_step(step)
        counts.append(int(chosen.center.n_updates))
    assert counts == [0] * 5 + [1] * 3 + [2] * 3 + [3]
    assert chosen.figures() == {"active_share": pytest.approx(3 / 6)}


@pytest.mark.parametrize(("reweight", "n_used"), [("paper", 277), ("official_code", 462)])
def test_the_first_share_is_thirty_or_fifty_percent(reweight: str, n_used: int) -> None:
    chosen = SeekingShape(reweight=reweight)  # type: ignore[arg-type]
    chosen.prepare(TrainingFacts(n_people=924, dim=2, n_rows=924, n_steps=2400), torch.Generator().manual_seed(0))
    for step in range(500):
        chosen.before_step(step)
    assert chosen.figures() == {"active_share": 1.0}
    chosen.before_step(500)
    assert int((chosen.center.weight > 0).sum()) == n_used
    chosen.before_step(599)
    assert int((chosen.center.weight > 0).sum()) == n_used
    chosen.before_step(600)
    assert int((chosen.center.weight > 0).sum()) == n_used + 22


def test_without_reweighting_nothing_is_updated() -> None:
    chosen = objective(first_update=1, update_every=1)
    for step in range(5):
        chosen.before_step(step)
    assert int(chosen.center.n_updates) == 0
    assert chosen.figures() == {}


@pytest.mark.parametrize("name", ["weight", "center.weight", "objective.center.weight"])
def test_finished_weights_come_from_a_file_of_a_first_run_or_of_the_public_code(name: str) -> None:
    chosen = objective(reweight="paper", identity_weights="first/state.safetensors", first_update=1)
    assert chosen.wanted_files() == {"identity_weights": "first/state.safetensors"}
    whose = name.removesuffix("weight") + "people"
    chosen.take_tensors("identity_weights", {name: IDENTITY_WEIGHT.flip(0), whose: NUMBERS.flip(0), "o": torch.ones(2)})
    voice, face = numbers(4, 3), numbers(4, 3, seed=1)
    for step in range(3):
        chosen.before_step(step)
        chosen(voice, face, LABELS)
    assert chosen.center.weight.tolist() == IDENTITY_WEIGHT.tolist()
    assert chosen.center.loss_mean.tolist() == [14.0] * 6


def test_the_state_of_a_first_run_has_the_published_names() -> None:
    assert list(objective(reweight="paper").state_dict()) == [
        "classifier.weight",
        "center.weight",
        "center.loss_mean",
        "center.n_updates",
        "center.people",
    ]  # and no bias


def test_weights_that_do_not_say_whose_they_are_need_an_order() -> None:
    chosen = objective(reweight="paper", identity_weights="w.safetensors")
    for names in ({}, {"people": torch.zeros(6, dtype=torch.int64)}):  # none, or of a run on nameless people
        with pytest.raises(
            DataError, match=r"^w.safetensors does not say whose .* vox1_train.csv .* `identity_order`.$"
        ):
            chosen.take_tensors("identity_weights", {"weight": IDENTITY_WEIGHT, **names})
    chosen = objective(reweight="paper", identity_weights="w.safetensors", identity_order="vox1_train.csv")
    assert list(chosen.wanted_files().items()) == [  # the order comes first
        ("identity_order", "vox1_train.csv"),
        ("identity_weights", "w.safetensors"),
    ]
    chosen.take_tensors("identity_order", {"people": NUMBERS.roll(1)})
    chosen.take_tensors("identity_weights", {"weight": IDENTITY_WEIGHT.roll(1)})
    assert chosen.center.weight.tolist() == IDENTITY_WEIGHT.tolist()
    chosen.take_tensors("identity_weights", {"weight": IDENTITY_WEIGHT, "people": NUMBERS})  # what the file says wins
    assert chosen.center.weight.tolist() == IDENTITY_WEIGHT.tolist()
    with pytest.raises(
        ConfigError, match="^`identity_order` is of `identity_weights`, and none are named. Name them, or"
    ):
        SeekingShape(reweight="paper", identity_order="vox1_train.csv")


def test_a_file_that_does_not_fit_is_named() -> None:
    chosen = objective(reweight="paper", identity_weights="w.safetensors")
    with pytest.raises(ConfigError, match=r"names 'w\.safetensors', which was not read before training"):
        chosen.before_step(0)
    with pytest.raises(
        DataError,
        match=r"w\.safetensors holds no identity weights under weight, center\.w.* It holds: a, b\. Give the state",
    ):
        chosen.take_tensors("identity_weights", {"b": torch.ones(1), "a": torch.ones(1)})
    with pytest.raises(DataError, match="It holds: nothing"):
        chosen.take_tensors("identity_weights", {})
    with pytest.raises(DataError, match="each of the 6 training identities"):
        chosen.take_tensors("identity_weights", {"weight": torch.ones(5), "people": NUMBERS[:5]})
    with pytest.raises(ConfigError, match="wants no file 'other'"):
        chosen.take_tensors("other", {"weight": torch.ones(6)})
    with pytest.raises(ConfigError, match="^Identity weights need `reweight` paper or official_code. Got none.$"):
        objective().load_identity_weights(torch.ones(6))
    assert objective().wanted_files() == {}


def test_requests_out_of_range_are_refused() -> None:
    for wrong in ((1.0, 1.0), "abc", 1.0):
        with pytest.raises(ConfigError, match="`loss_weight` must be three numbers: face, voice, cross"):
            SeekingShape(wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"`loss_weight` must be a number of at least 0. Got -1"):
        SeekingShape((1.0, -1.0, 1.0))
    with pytest.raises(ConfigError, match="^`loss_weight` must not be all 0. Got 0, 0, 0.$"):
        SeekingShape([0.0, 0.0, 0.0])
    with pytest.raises(ConfigError, match=r"`reweight` must be one of none, paper, official_code. Got 'code'"):
        SeekingShape(reweight="code")  # type: ignore[arg-type]
    for name in ("first_update", "update_every"):
        with pytest.raises(ConfigError, match=rf"`{name}` must be a number of at least 1. Got 0"):
            objective(**{name: 0})
    with pytest.raises(ConfigError, match="^`identity_weights` needs `reweight` paper or official_code. Got none.$"):
        SeekingShape(identity_weights="w.safetensors")
    with pytest.raises(ValueError, match=r"^seeking_shape needs labels, \(n,\) identities\. Got none\.$"):
        objective()(numbers(4, 3), numbers(4, 3))
    with pytest.raises(ValueError, match="one shape"):
        objective()(numbers(4, 3), numbers(3, 3), LABELS)


def test_the_registry_builds_it_with_the_published_defaults() -> None:
    chosen = OBJECTIVES.build({"name": "seeking_shape", "reweight": "paper", "loss_weight": [1, 1, 0.5]})
    assert isinstance(chosen, SeekingShape)
    assert (chosen.takes, chosen.needs_labels) == ("raw", True)
    assert (chosen.loss_weight, chosen.first_update, chosen.update_every) == ((1, 1, 0.5), 500, 100)
    assert SeekingShape().loss_weight == (1.0, 1.0, 1.0)
