"""What must hold for every registered objective at once."""

from __future__ import annotations

import copy
import inspect
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from visavox.errors import ConfigError
from visavox.objectives.base import Objective
from visavox.registry import OBJECTIVES

NAMES = OBJECTIVES.names()
Ready = Callable[..., Objective]
every_objective = pytest.mark.parametrize("name", NAMES)

# Constant unit vectors in a batch of n people; those of other objectives depend on the weights that are drawn.
BLIND: dict[str, Callable[[int], float]] = {
    "barlow_twins": lambda _: 6.0,  # the length of the vectors
    "binary_matching": lambda _: math.log(2),
    "clamped_margin": lambda n: math.log(math.e + (n - 1) * math.exp(0.3)) - 1,
    "info_nce": math.log,
    "mixture": lambda n: math.log(n) + 0.6,
    "shifted_contrastive": math.log,
    "siglip": lambda n: n * math.log(2),
    "supervised_contrastive": lambda n: math.log(2 * n - 1),
    "triplet": lambda _: 0.2,
}

# Rows of weight 0 have no cost of their own here, and are still what other rows are compared with.
STILL_CANDIDATES = {
    "binary_matching", "clamped_margin", "fop", "info_nce", "mixture", "prototype_contrast", "seeking_shape",
    "shifted_contrastive", "siglip", "supervised_contrastive", "triplet",
}  # fmt: skip

# Voices and faces may change places; the others hold them in different roles, or draw at random.
EVEN_HANDED = {
    "barlow_twins",
    "centre",
    "info_nce",
    "seeking_shape",
    "shared_classifier",
    "siglip",
    "supervised_contrastive",
}


def arguments_of(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(OBJECTIVES.get(name)).parameters)


@every_objective
def test_the_loss_is_finite_and_both_sides_and_all_parameters_learn(name: str, ready: Ready, batch: Any) -> None:
    objective = ready(name)
    voice, face = batch.voice.clone().requires_grad_(), batch.face.clone().requires_grad_()
    found = replace(batch, voice=voice, face=face).cost(objective)
    assert all(value.ndim == 0 and torch.isfinite(value) for value in found.values())
    found["loss"].backward()
    for side in (voice, face):
        assert torch.isfinite(side.grad).all()
        assert side.grad.abs().sum() > 0
    for parameter_name, parameter in objective.named_parameters():
        if parameter.requires_grad and name != "clamped_margin":  # a margin above all negatives has nothing to learn
            assert parameter.grad is not None, parameter_name
            assert torch.isfinite(parameter.grad).all()


@every_objective
def test_the_order_of_the_rows_does_not_matter(name: str, ready: Ready, batch: Any) -> None:
    order = torch.tensor([6, 2, 0, 7, 4, 1, 3, 5])
    arguments = {"n_negatives": 7} if name == "binary_matching" else {}
    one = batch.cost(ready(name, **arguments))
    other = batch.taken(order).cost(ready(name, **arguments))
    assert list(one) == list(other)
    for part, value in one.items():
        assert other[part].item() == pytest.approx(value.item(), abs=1e-9), part


@every_objective
def test_equal_weights_are_no_weights_and_their_scale_does_not_matter(name: str, ready: Ready, batch: Any) -> None:
    without = replace(batch, weights=None).cost(ready(name))["loss"].item()
    assert replace(batch, weights=torch.full((8,), 3.0).double()).cost(ready(name))["loss"].item() == pytest.approx(
        without, abs=1e-9
    )
    weighted = batch.cost(ready(name))["loss"].item()
    assert weighted != pytest.approx(without, abs=1e-9)
    halved = replace(batch, weights=batch.weights / 2).cost(ready(name))["loss"].item()
    assert halved == pytest.approx(weighted, abs=1e-9)


@every_objective
def test_a_row_of_weight_0_is_left_out_or_only_serves_others(name: str, ready: Ready, batch: Any) -> None:
    weights = torch.tensor([1.0, 1, 1, 1, 1, 0, 1, 1], dtype=torch.float64)
    zero = replace(batch, weights=weights)
    one = zero.cost(ready(name))["loss"].item()
    without = zero.taken(torch.tensor([0, 1, 2, 3, 4, 6, 7])).cost(ready(name))["loss"].item()
    assert (one == pytest.approx(without, abs=1e-9)) is (name not in STILL_CANDIDATES)


@every_objective
def test_labels_that_are_not_needed_may_be_left_out(name: str, ready: Ready, plain: Any) -> None:
    with_labels = plain.cost(ready(name))["loss"].item()
    if ready(name).needs_labels:
        with pytest.raises(ValueError, match="label"):
            replace(plain, labels=None).cost(ready(name))
    else:
        without = replace(plain, labels=None).cost(ready(name))["loss"].item()
        assert without == pytest.approx(with_labels, abs=1e-12)


@every_objective
def test_a_mask_of_all_pairs_is_no_mask(name: str, ready: Ready, batch: Any) -> None:
    everything = torch.ones(8, 8, dtype=torch.bool)
    one = replace(batch, mask=everything).cost(ready(name))["loss"].item()
    assert replace(batch, mask=None).cost(ready(name))["loss"].item() == pytest.approx(one, abs=1e-12)


@pytest.mark.parametrize("name", sorted(EVEN_HANDED))
def test_a_mask_changes_places_with_the_modalities(name: str, ready: Ready, batch: Any) -> None:
    """From raw media the mask is not symmetric: (i, j) is voice i and face j, and never voice j and face i."""
    mask = torch.rand(8, 8, generator=torch.Generator().manual_seed(3)) < 0.6
    assert not torch.equal(mask, mask.T)
    one = replace(batch, mask=mask).cost(ready(name))["loss"].item()
    turned = replace(batch, voice=batch.face, face=batch.voice, mask=mask.T).cost(ready(name))["loss"].item()
    assert turned == pytest.approx(one, abs=1e-9)


@every_objective
def test_a_mask_of_one_direction_hides_no_more_than_its_pair(name: str, ready: Ready, batch: Any) -> None:
    """The loss never rises where a negative is taken out, and says the same where the mask has nothing to say."""
    free = replace(batch, mask=None, weights=None)
    mask = ~torch.zeros(8, 8, dtype=torch.bool)
    mask[2, 3] = False  # of different people
    hidden = replace(free, mask=mask).cost(ready(name))["loss"].item()
    either = replace(free, mask=mask & mask.T).cost(ready(name))["loss"].item()
    if name in ("info_nce", "seeking_shape", "supervised_contrastive"):
        assert either < hidden < free.cost(ready(name))["loss"].item()
    else:
        assert math.isfinite(hidden) and math.isfinite(either)


@every_objective
def test_single_and_double_precision_agree(name: str, ready: Ready, batch: Any) -> None:
    double = batch.cost(ready(name))["loss"]
    small = replace(batch, voice=batch.voice.float(), face=batch.face.float(), weights=batch.weights.float())
    single = small.cost(ready(name, double=False))["loss"]
    assert double.dtype == torch.float64
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(double.item(), rel=1e-4)


@pytest.mark.parametrize("name", sorted(set(BLIND) & set(NAMES)))
@pytest.mark.parametrize("n", [2, 5])
def test_constant_vectors_cost_what_the_file_says(name: str, n: int, ready: Ready, plain: Any) -> None:
    constant = torch.ones(n, 6, dtype=torch.float64)
    blind = replace(plain.taken(torch.arange(n)), voice=constant, face=constant)
    assert blind.cost(ready(name))["loss"].item() == pytest.approx(BLIND[name](n), abs=1e-5)


@every_objective
def test_the_same_seed_gives_the_same_bits_and_torch_is_left_alone(name: str, ready: Ready, batch: Any) -> None:
    before = torch.get_rng_state()
    one, other = (batch.cost(ready(name, seed=3)) for _ in range(2))
    assert {part: value.item() for part, value in one.items()} == {part: value.item() for part, value in other.items()}
    assert torch.equal(torch.get_rng_state(), before)


@every_objective
def test_what_is_given_is_not_changed(name: str, ready: Ready, batch: Any) -> None:
    before = copy.deepcopy(batch)
    batch.cost(ready(name))
    assert torch.equal(batch.voice, before.voice)
    assert torch.equal(batch.face, before.face)
    assert torch.equal(batch.weights, before.weights)
    assert torch.equal(batch.mask, before.mask)
    assert torch.equal(batch.labels, before.labels)


@every_objective
def test_saved_and_loaded_it_says_the_same(name: str, ready: Ready, batch: Any) -> None:
    saved, other = ready(name, seed=1), ready(name, seed=2)
    optimiser = torch.optim.SGD([p for p in saved.parameters() if p.requires_grad] or [torch.zeros(1)], lr=0.1)
    for step in range(3):
        saved.before_step(step)
        optimiser.zero_grad()
        batch.cost(saved)["loss"].backward() if list(saved.parameters()) else batch.cost(saved)
        optimiser.step()
    other.load_state_dict(copy.deepcopy(saved.state_dict()))
    everyone = torch.cat([batch.voice, batch.face])[:12]
    for objective in (saved, other):  # a run goes on at the start of an epoch
        objective.before_epoch(everyone, everyone + 0.5, torch.Generator().manual_seed(9))
    assert other.figures() == saved.figures()
    assert batch.cost(other)["loss"].item() == batch.cost(saved)["loss"].item()


@every_objective
def test_its_arguments_make_it_again_by_way_of_json(name: str, ready: Ready, batch: Any) -> None:
    first = ready(name)
    spec = {argument: getattr(first, argument) for argument in arguments_of(name)}
    again = ready(name, **json.loads(json.dumps(spec)))
    assert type(again) is type(first)
    assert json.dumps({a: getattr(again, a) for a in spec}) == json.dumps(spec)
    assert batch.cost(again)["loss"].item() == batch.cost(first)["loss"].item()


@every_objective
def test_arguments_after_the_first_have_names_and_all_have_words(name: str) -> None:
    kinds = [parameter.kind for parameter in arguments_of(name).values()]
    assert all(kind is inspect.Parameter.KEYWORD_ONLY for kind in kinds[1:])
    words = inspect.getdoc(OBJECTIVES.get(name)) or ""
    assert all(f"{argument}:" in words for argument in arguments_of(name))
    assert "Source:" in words


@every_objective
def test_numbers_that_are_none_are_refused_by_name(name: str, ready: Ready) -> None:
    numbers = {a: p.annotation for a, p in arguments_of(name).items() if p.annotation in ("int", "float")}
    for argument, kind in numbers.items():
        with pytest.raises(ConfigError, match=r"`\w+`") as caught:
            ready(name, **{argument: math.nan if kind == "float" else -1})
        assert set(re.findall(r"`(\w+)`", str(caught.value))) & set(arguments_of(name))
        with pytest.raises(ConfigError, match=rf"`{argument}` must be a (whole )?number for the objective"):
            ready(name, **{argument: "much"})


@every_objective
def test_other_arguments_are_refused(name: str, ready: Ready) -> None:
    with pytest.raises(ConfigError, match="takes no 'colour'"):
        ready(name, colour="red")


@every_objective
def test_shapes_that_differ_are_refused(name: str, ready: Ready, batch: Any) -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\)"):
        replace(batch, face=batch.face[:, :4]).cost(ready(name))


@every_objective
def test_it_says_what_it_is(name: str, ready: Ready) -> None:
    objective = ready(name)
    assert objective.takes in ("unit", "raw")
    assert set(objective.extras) <= {"covariates", "rows"}
    assert type(objective).__module__ == f"visavox.objectives.{name}"
    assert all(isinstance(value, float) and math.isfinite(value) for value in objective.figures().values())
