"""Mixtures: the weighted sum of what the parts say, each served as if it were alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, UnknownNameError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.identity_weights import person_numbers
from visavox.objectives.mixture import Mixture
from visavox.registry import OBJECTIVES

FACTS = TrainingFacts(n_people=6, dim=3, n_rows=8, n_steps=9, n_values={"gender": 2}, people=tuple("abcdef"))
LABELS = torch.tensor([4, 0, 2, 0])
EXTRAS = {"covariates": {"gender": torch.tensor([0, 1, -1, 1])}, "rows": torch.tensor([3, 1, 7, 2])}
PARTS: list[dict[str, Any]] = [
    {"name": "info_nce", "weight": 0.5, "initial_temperature": 0.4},
    {"name": "centre", "weight": 0.01},
    {"name": "shared_classifier", "covariates": {"gender": 0.5}},
    {"name": "prototype_contrast", "weight": 2.0, "cluster_counts": [2, 3], "warmup_epochs": 0},
    {"name": "seeking_shape", "weight": 0.25, "reweight": "paper", "first_update": 1, "update_every": 1},
]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def prepared(spec: dict[str, Any], generator: torch.Generator) -> Any:
    chosen = OBJECTIVES.build(spec)
    chosen.prepare(FACTS, generator)
    return chosen


def test_it_is_the_weighted_sum_of_its_parts_each_as_if_alone() -> None:
    voice, face = 3 * numbers(4, 3), 2 * numbers(4, 3, seed=1)
    every_voice, every_face = numbers(8, 3, seed=2), numbers(8, 3, seed=3)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[0, 2] = False
    weights = torch.tensor([1.0, 2.0, 0.5, 1.0])
    mixture = prepared({"name": "mixture", "parts": PARTS}, torch.Generator().manual_seed(5))
    mixture.before_epoch(every_voice, every_face, torch.Generator().manual_seed(6))
    for step in (0, 1, 2):
        mixture.before_step(step)
    found = mixture(voice, face, LABELS, weights, mask, **EXTRAS)
    generator = torch.Generator().manual_seed(5)
    total = 0.0
    figures: dict[str, float] = {}
    for part in PARTS:
        name = part["name"]
        alone = prepared({key: value for key, value in part.items() if key != "weight"}, generator)
        unit = alone.takes == "unit"
        seen = [nn.functional.normalize(x) if unit else x for x in (voice, face, every_voice, every_face)]
        if alone.wants_all_vectors:
            alone.before_epoch(seen[2], seen[3], torch.Generator().manual_seed(6))
        for step in (0, 1, 2):
            alone.before_step(step)
        own = {key: value for key, value in EXTRAS.items() if key in alone.extras}
        said = alone(seen[0], seen[1], LABELS, weights, mask, **own)
        for key, value in said.items():
            assert found[f"{name}.{key}"].item() == pytest.approx(value.item(), abs=1e-6), (name, key)
        total += part.get("weight", 1.0) * said["loss"].item()
        figures |= {f"{name}.{key}": value for key, value in alone.figures().items()}
    assert found["loss"].item() == pytest.approx(total, abs=1e-5)
    assert mixture.figures() == pytest.approx(figures)
    assert "info_nce.temperature" in figures


def test_it_needs_what_its_parts_need() -> None:
    everything = Mixture(PARTS)
    assert (everything.takes, everything.needs_labels, everything.wants_all_vectors) == ("raw", True, True)
    assert everything.extras == ("covariates", "rows")
    little = Mixture([{"name": "info_nce"}])
    assert (little.needs_labels, little.wants_all_vectors, little.extras) == (False, False, ())
    assert (Mixture.needs_labels, Mixture.wants_all_vectors, Mixture.extras) == (False, False, ())
    assert little(numbers(4, 3), numbers(4, 3, seed=1))["loss"].item() > 0


def test_two_parts_of_one_name_are_told_apart_by_their_place() -> None:
    chosen = Mixture([{"name": "info_nce"}, {"name": "centre"}, {"name": "centre", "vectors": "unit"}])
    assert chosen.labels_of_parts == ("info_nce", "centre_2", "centre_3")
    chosen.prepare(FACTS, torch.Generator().manual_seed(0))
    found = chosen(5 * numbers(4, 3), numbers(4, 3, seed=1), LABELS)
    assert found["centre_2.loss"] != found["centre_3.loss"]


def test_the_state_and_the_parameters_of_the_parts_are_its_own() -> None:
    chosen = prepared({"name": "mixture", "parts": PARTS}, torch.Generator().manual_seed(5))
    names = set(chosen.state_dict())
    assert {"members.0.log_temperature", "members.1.centres", "members.4.center.weight"} <= names
    assert "members.2.covariate_heads.gender.weight" in dict(chosen.named_parameters())
    other = prepared({"name": "mixture", "parts": PARTS}, torch.Generator().manual_seed(9))
    other.load_state_dict(chosen.state_dict())
    voice, face = numbers(4, 3), numbers(4, 3, seed=1)
    one, two = (x.eval()(voice, face, LABELS, **EXTRAS)["loss"].item() for x in (chosen, other))
    assert one == two


def test_files_reach_the_part_that_wants_them() -> None:
    spec = [{"name": "info_nce"}, PARTS[4] | {"identity_weights": "w.safetensors"}]
    chosen = Mixture(spec)
    chosen.prepare(FACTS, torch.Generator().manual_seed(0))
    assert chosen.wanted_files() == {"seeking_shape.identity_weights": "w.safetensors"}
    weight = torch.tensor([1.0, 0, 0, 1, 1, 1])
    named = {"weight": weight, "people": person_numbers(FACTS.people)}
    chosen.take_tensors("seeking_shape.identity_weights", named)
    assert chosen.state_dict()["members.1.center.weight"].tolist() == weight.tolist()
    with pytest.raises(ConfigError, match="wants no file 'centre.weights'"):
        chosen.take_tensors("centre.weights", {})


def test_the_specs_are_left_as_they_were() -> None:
    spec = [{"name": "info_nce", "weight": 2.0}]
    chosen = Mixture(spec)
    assert spec == [{"name": "info_nce", "weight": 2.0}]
    assert chosen.parts == spec
    assert chosen.weights == [2.0]


@pytest.mark.parametrize("parts", [[], {}, "info_nce", None])
def test_a_mixture_of_nothing_is_refused(parts: Any) -> None:
    with pytest.raises(ConfigError, match="`parts` must be a list of objectives, one or more. Got"):
        Mixture(parts)


@pytest.mark.parametrize("weight", [0, -1.0, "much", True])
def test_a_part_without_weight_is_refused(weight: Any) -> None:
    with pytest.raises(ConfigError, match="`weight of centre` must be a number of at least 1e-12. Got"):
        Mixture([{"name": "info_nce"}, {"name": "centre", "weight": weight}])


def test_a_part_that_is_wrong_is_refused_in_its_own_words() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown objective 'center'. Did you mean 'centre'"):
        Mixture([{"name": "center"}])
    with pytest.raises(ConfigError, match="'info_nce' takes no 'margin'"):
        Mixture([{"name": "info_nce", "margin": 1}])
    with pytest.raises(ConfigError, match="A objective needs a `name`"):
        Mixture([{"weight": 1.0}])
    with pytest.raises(ValueError, match="centre needs labels"):
        prepared({"name": "mixture", "parts": ["centre"]}, torch.Generator())(numbers(4, 3), numbers(4, 3))
    with pytest.raises(ValueError, match="one shape"):
        Mixture([{"name": "info_nce"}])(numbers(4, 3), numbers(3, 3))
