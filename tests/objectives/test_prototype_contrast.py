"""Prototype contrast, against a slow loop over instances and prototypes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.clustering import concentrations, k_means
from visavox.objectives.info_nce import InfoNCE
from visavox.objectives.prototype_contrast import PrototypeContrast
from visavox.registry import OBJECTIVES

N_ROWS, ROWS = 12, torch.tensor([7, 2, 11, 5, 0])
FACTS = TrainingFacts(n_people=12, dim=4, n_rows=N_ROWS, n_steps=9)


def unit(n: int, seed: int = 0, dim: int = 4) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return nn.functional.normalize(x)


def objective(*, looks: int = 1, **options: Any) -> PrototypeContrast:
    given: dict[str, Any] = {"cluster_counts": (3, 5), "temperature": 0.3, "warmup_epochs": 0} | options
    chosen = PrototypeContrast(**given)
    chosen.prepare(FACTS, torch.Generator().manual_seed(5))
    for _ in range(looks):
        chosen.before_epoch(unit(N_ROWS, 10), unit(N_ROWS, 11), torch.Generator().manual_seed(6))
    return chosen


def slow_clusters(options: dict[str, Any]) -> dict[str, list[tuple[list[list[float]], list[float], list[int]]]]:
    """Unit prototypes, temperatures and clusters of both modalities, from the tested k-means."""
    generator = torch.Generator().manual_seed(6)
    found: dict[str, list[tuple[list[list[float]], list[float], list[int]]]] = {}
    for role, x in (("voice", unit(N_ROWS, 10)), ("face", unit(N_ROWS, 11))):
        found[role] = []
        for k in options.get("cluster_counts", (3, 5)):
            clusters = k_means(x, k, generator=generator)
            phi = concentrations(clusters, mean=options.get("prototype_temperature", 0.2)).tolist()
            found[role].append((nn.functional.normalize(clusters.centres).tolist(), phi, clusters.of.tolist()))
    return found


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def surprise(scores: list[float], at: int) -> float:
    return math.log(sum(math.exp(s) for s in scores)) - scores[at]


def slow_loss(voice: Tensor, face: Tensor, rows: list[float], excluded: set[tuple[int, int]], **options: Any) -> dict:  # type: ignore[type-arg]
    clusters, temperature = slow_clusters(options), options.get("temperature", 0.3)
    v, f, n = voice.tolist(), face.tolist(), len(voice)
    instance, prototype, rho = [[], []], [[], []], []  # type: ignore[var-annotated]
    for i in range(n):
        for way, (own, other) in enumerate(((v, f), (f, v))):
            allowed = [j for j in range(n) if ((i, j) if way == 0 else (j, i)) not in excluded]
            scores = [dot(own[i], other[j]) / temperature for j in allowed]
            instance[way].append(surprise(scores, allowed.index(i)))
            each = []
            for centres, phi, of in clusters["face" if way == 0 else "voice"]:
                scores = [dot(own[i], c) / t for c, t in zip(centres, phi, strict=True)]
                each.append(surprise(scores, of[ROWS[i]]))
            prototype[way].append(sum(each) / len(each))
        alike = [
            dot(a[0][a[2][ROWS[i]]], b[0][b[2][ROWS[i]]])
            for a, b in zip(clusters["voice"], clusters["face"], strict=True)
        ]
        rho.append(dot(v[i], f[i]) - sum(alike) / len(alike))
    share = [1.0] * n
    if options.get("recalibrate", True):
        mean, std = np.mean(rho), np.std(rho)
        middle, width = mean + options.get("shift", -1.0) * std, math.sqrt(options.get("width", 0.1)) * std
        share = [0.5 * (1 + math.erf((r - middle) / width / math.sqrt(2))) for r in rho]
    share = [s * w for s, w in zip(share, rows, strict=True)]
    ways = [
        sum(s * (a + b) for s, a, b in zip(share, instance[way], prototype[way], strict=True)) / sum(share)
        for way in (0, 1)
    ]
    parts = [
        sum(s * (a + b) for s, a, b in zip(share, *of, strict=True)) / sum(share) / 2 for of in (instance, prototype)
    ]
    return {
        "loss": sum(ways) / 2,
        "instance_loss": parts[0],
        "prototype_loss": parts[1],
        "voice_to_face_loss": ways[0],
        "face_to_voice_loss": ways[1],
    }


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"recalibrate": False},
        {"shift": 0.5, "width": 2.0},
        {"cluster_counts": (4,), "prototype_temperature": 0.5, "temperature": 0.1},
    ],
)
@pytest.mark.parametrize("rows", [None, [1.0, 2.0, 0.5, 0.0, 1.0]])
def test_it_equals_the_slow_loop(options: dict[str, Any], rows: list[float] | None) -> None:
    voice, face = unit(5), unit(5, 1)
    given = None if rows is None else torch.tensor(rows, dtype=torch.float64)
    found = objective(**options)(voice, face, weights=given, rows=ROWS)
    expected = slow_loss(voice, face, rows or [1.0] * 5, set(), **options)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(expected, abs=1e-9)


def test_labels_and_mask_only_take_pairs_out_of_the_negatives() -> None:
    voice, face = unit(5), unit(5, 1)
    mask = torch.ones(5, 5, dtype=torch.bool)
    mask[1, 3] = False
    mask.fill_diagonal_(False)
    found = objective()(voice, face, torch.tensor([0, 1, 0, 2, 3]), None, mask, rows=ROWS)
    expected = slow_loss(voice, face, [1.0] * 5, {(0, 2), (2, 0), (1, 3)})
    assert found["loss"].item() == pytest.approx(expected["loss"], abs=1e-9)


def test_in_the_warm_up_it_is_info_nce_and_needs_no_rows() -> None:
    chosen = objective(warmup_epochs=2, looks=2)
    voice, face = unit(5), unit(5, 1)
    found = chosen(voice, face)
    nce = InfoNCE(0.3).double()
    with torch.no_grad():
        nce.log_temperature.fill_(math.log(0.3))
    expected = nce(voice, face)
    for name in ("loss", "voice_to_face_loss", "face_to_voice_loss"):
        assert found[name].item() == pytest.approx(expected[name].item(), abs=1e-12)
    assert found["prototype_loss"].item() == 0
    assert chosen.figures() == {"n_prototypes": 0.0}
    chosen.before_epoch(unit(N_ROWS, 10), unit(N_ROWS, 11), torch.Generator().manual_seed(6))
    assert chosen.figures() == {"n_prototypes": 8.0}
    assert chosen(voice, face, rows=ROWS)["prototype_loss"].item() > 0


def test_the_end_of_the_warm_up_is_kept_with_the_state() -> None:
    chosen = objective(warmup_epochs=3, looks=3)
    again = objective(warmup_epochs=3, looks=0)
    again.load_state_dict(chosen.state_dict())
    again.before_epoch(unit(N_ROWS, 10), unit(N_ROWS, 11), torch.Generator().manual_seed(6))
    assert again.figures() == {"n_prototypes": 8.0}
    assert list(chosen.state_dict()) == ["n_looks"]


def test_each_epoch_clusters_what_the_network_sees_then() -> None:
    chosen = objective()
    before = chosen(unit(5), unit(5, 1), rows=ROWS)["prototype_loss"].item()
    chosen.before_epoch(unit(N_ROWS, 20), unit(N_ROWS, 21), torch.Generator().manual_seed(6))
    assert chosen(unit(5), unit(5, 1), rows=ROWS)["prototype_loss"].item() != before


def test_blindness_costs_the_logarithms_of_the_batch_and_of_the_prototypes() -> None:
    """Voices and faces orthogonal to every prototype and alike among themselves."""
    chosen = objective(recalibrate=False, looks=0)
    flat = unit(N_ROWS, 10)
    flat[:, 3] = 0
    chosen.before_epoch(flat, flat, torch.Generator().manual_seed(6))
    blind = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).expand(5, 4)
    expected = math.log(5) + (math.log(3) + math.log(5)) / 2
    assert chosen(blind, blind, rows=ROWS)["loss"].item() == pytest.approx(expected, abs=1e-9)


def test_pairs_that_are_less_alike_than_their_prototypes_count_less() -> None:
    chosen = objective(looks=0, cluster_counts=(2,))
    both = torch.eye(4, dtype=torch.float64)[[0] * 6 + [1] * 6]
    chosen.before_epoch(both, both, torch.Generator().manual_seed(0))
    voice = torch.eye(4, dtype=torch.float64)[[0, 0, 1]]
    face = nn.functional.normalize(
        torch.tensor([[1.0, 0, 0, 0], [0.3, 0, 1, 0], [0, 1.0, 0.1, 0]], dtype=torch.float64)
    )
    share = chosen._learnable(voice, face, torch.tensor([0, 1, 8]))
    assert share[1] < 0.5 < share[2] < share[0] <= 1


def test_where_all_pairs_are_equally_learnable_each_counts_alike() -> None:
    chosen = objective(looks=0, cluster_counts=(2,))
    both = torch.eye(4, dtype=torch.float64)[[0] * 6 + [1] * 6]
    chosen.before_epoch(both, both, torch.Generator().manual_seed(0))
    same = torch.eye(4, dtype=torch.float64)[[0, 1]]
    assert chosen._learnable(same, same, torch.tensor([0, 8])).tolist() == [1.0, 1.0]


def test_the_gradient_is_that_of_finite_differences_without_the_weights() -> None:
    chosen = objective(recalibrate=False)
    inputs = unit(5).requires_grad_(), unit(5, 1).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, f: chosen(v, f, rows=ROWS)["loss"], inputs)


def test_the_weights_have_no_gradient() -> None:
    voice, face = unit(5).requires_grad_(), unit(5, 1)
    chosen = objective()
    (found,) = torch.autograd.grad(chosen(voice, face, rows=ROWS)["loss"], voice)
    share = chosen._learnable(voice.detach(), face, ROWS)
    plain = objective(recalibrate=False)
    (expected,) = torch.autograd.grad(plain(voice, face, weights=share, rows=ROWS)["loss"], voice)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("n_rows", "counts"),
    [(18_057, (500, 1000, 1500)), (3612, (100, 200, 300)), (5, (2, 2, 2)), (100_000, (500, 1000, 1500))],
)
def test_without_counts_the_published_shares_of_the_pairs_are_taken(n_rows: int, counts: tuple[int, ...]) -> None:
    chosen = PrototypeContrast()
    chosen.prepare(TrainingFacts(n_people=3, dim=2, n_rows=n_rows, n_steps=1), torch.Generator())
    assert chosen._counts == counts


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(ConfigError, match=r"`cluster_counts` must be at most the training pairs, 12. Got 13"):
        objective(cluster_counts=(3, 13))
    objective(cluster_counts=(12,))
    with pytest.raises(ConfigError, match=r"`cluster_counts` must be a list of whole numbers. Got 7"):
        PrototypeContrast(7)  # type: ignore[arg-type]
    for wrong in (2.5, 3.0, "3", None):
        with pytest.raises(
            ConfigError, match=rf"`cluster_counts` must be a list of whole numbers. Got {wrong!r} in it"
        ):
            PrototypeContrast((4, wrong))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"`cluster_counts` must be a number of at least 2. Got True"):
        PrototypeContrast((True,))
    limits: dict[str, tuple[Any, str]] = {
        "cluster_counts": ((1,), "at least 2. Got 1"),
        "temperature": (0.0, "at least 0.001 and at most 10. Got 0.0"),
        "prototype_temperature": (11.0, "at least 0.001 and at most 10. Got 11.0"),
        "warmup_epochs": (-1, "at least 0. Got -1"),
        "shift": (-11.0, "at least -10 and at most 10. Got -11.0"),
        "width": (0.0, "at least 1e-06. Got 0.0"),
    }
    for name, (value, words) in limits.items():
        with pytest.raises(ConfigError, match=f"`{name}` must be a number of {words}"):
            PrototypeContrast(**{name: value})
    with pytest.raises(
        ValueError, match=r"^prototype_contrast needs rows, \(n,\) numbers of training pairs\. Got none\.$"
    ):
        objective()(unit(5), unit(5, 1))
    with pytest.raises(ValueError, match="one shape"):
        objective()(unit(5), unit(4), rows=ROWS)


def test_the_registry_builds_it_with_the_published_constants() -> None:
    chosen = OBJECTIVES.build({"name": "prototype_contrast", "cluster_counts": [3, 4]})
    assert isinstance(chosen, PrototypeContrast)
    assert (chosen.takes, chosen.needs_labels, chosen.extras) == ("unit", False, ("rows",))
    assert chosen.wants_all_vectors
    assert (chosen.cluster_counts, chosen.temperature, chosen.prototype_temperature) == ((3, 4), 0.03, 0.2)
    assert (chosen.warmup_epochs, chosen.recalibrate, chosen.shift, chosen.width) == (5, True, -1.0, 0.1)
