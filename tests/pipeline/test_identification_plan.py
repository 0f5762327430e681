"""Networks are built once before anything is read: needs, budgets, branches, weights by seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from visavox.errors import ConfigError
from visavox.pipeline.identification_design import read_design
from visavox.pipeline.identification_plan import build_identifier, check_networks, take_branches, with_branches
from visavox.registry import IDENTIFIERS

SMALL = {"name": "mobilevit", "picture_px": 64, "head_channels": 8}
VOICE, FACE = {"network": {**SMALL, "modality": "voice"}}, {"network": {**SMALL, "modality": "face"}}
FUSED = {"network": {"name": "output_fusion", "hidden": [4]}, "from": {"voice": "v", "face": "f"}}


def test_modalities_and_sizes_are_those_of_all_networks() -> None:
    assert check_networks(read_design({"v": VOICE}).networks(), seed=0) == (("voice",), ())
    assert check_networks(read_design({"f": FACE, "v": VOICE}).networks(), seed=0) == (("voice", "face"), (64,))
    assert check_networks(read_design({"f": FACE, "v": VOICE, "x": FUSED}).networks(), seed=0)[1] == (64,)


def test_the_budget_is_held_for_the_people_at_hand() -> None:
    (entry,) = read_design({"v": VOICE}).networks()
    n = [build_identifier(entry, entry.spec, n_people=p, seed=0, fill=False).n_parameters for p in (2, 9)]
    design = read_design({"v": {**VOICE, "max_parameters": n[0]}}).networks()
    check_networks(design, seed=0, n_people=2, budgets=True)
    with pytest.raises(ConfigError, match=f"at most {n[0]:,} parameters. It has {n[1]:,}. Make it smaller"):
        check_networks(design, seed=0, n_people=9, budgets=True)


def test_first_weights_are_a_function_of_the_seed_and_leave_the_generator_alone() -> None:
    (entry,) = read_design({"v": VOICE}).networks()
    before = torch.get_rng_state()
    one, two, other = (build_identifier(entry, entry.spec, n_people=3, seed=s, fill=False) for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.last.weight, two.last.weight)  # type: ignore[union-attr, arg-type]
    assert not torch.equal(one.last.weight, other.last.weight)  # type: ignore[union-attr, arg-type]


def test_branches_take_the_weights_given_and_keep_the_others() -> None:
    voice, _, fused = read_design({"v": VOICE, "f": FACE, "x": FUSED}).networks()
    trained = build_identifier(voice, voice.spec, n_people=3, seed=5, fill=False)
    spec = {**fused.spec, "voice": VOICE["network"], "face": FACE["network"]}
    network = build_identifier(fused, spec, n_people=3, seed=0, fill=False)
    face_before = network.face_branch.last.weight.clone()  # type: ignore[union-attr, operator]
    take_branches(network, {"voice": trained})
    assert torch.equal(network.voice_branch.last.weight, trained.last.weight)  # type: ignore[union-attr, arg-type]
    assert torch.equal(network.face_branch.last.weight, face_before)  # type: ignore[union-attr, arg-type]


def test_branches_stand_in_the_specification_and_arguments_stay_as_they_are() -> None:
    fused = read_design({"v": VOICE, "f": FACE, "x": FUSED}).networks()[-1]
    voice = {"name": "a"}
    found = with_branches(fused, {"voice": voice})
    assert found == {"name": "output_fusion", "hidden": [4], "voice": {"name": "a"}}
    found["voice"]["name"] = "b"
    assert voice == {"name": "a"} and "voice" not in fused.spec


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ({"v": {"network": {"name": "mobile"}}}, "Unknown identifier 'mobile'"),
        ({"v": {"network": {**SMALL, "wide": 3}}}, "The network 'v': "),
        ({"v": VOICE, "f": FACE, "x": {**FUSED, "from": {"voice": "f", "face": "v"}}},
         "`from.voice` of 'x' must be a network of the voice alone. 'f' takes face."),
        ({"v": VOICE, "f": FACE, "x": FUSED, "y": {**FUSED, "from": {"voice": "x", "face": "f"}}},
         "`from.voice` of 'y' must be a network of the voice alone. 'x' takes voice and face."),
        ({"v": VOICE, "w": {**VOICE, "from": {"voice": "v"}}},
         "`from` of 'w': the identifier 'mobilevit' takes no trained networks. Leave `from` out, or take output_fusio"),
    ],
)  # fmt: skip
def test_what_cannot_be_built_is_said_of_its_entry(networks: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_networks(read_design(networks).networks(), seed=0)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_weights_of_an_earlier_training_are_read_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    (entry,) = read_design({"v": VOICE}).networks()
    filled: list[int] = []
    kind = type(build_identifier(entry, entry.spec, n_people=2, seed=0, fill=False))
    monkeypatch.setattr(kind, "fill_pretrained", lambda self: filled.append(self.n_people), raising=False)
    build_identifier(entry, entry.spec, n_people=3, seed=0, fill=False)
    check_networks([entry], seed=0)
    assert filled == []
    build_identifier(entry, entry.spec, n_people=3, seed=0, fill=True)
    check_networks([entry], seed=0, n_people=5, budgets=True)
    assert filled == [3, 5]
    assert "mobilevit" in IDENTIFIERS.names()


def test_the_members_of_an_ensemble_count_together() -> None:
    """`max_parameters` of an ensemble was never looked at."""
    given = {"v": VOICE, "f": FACE, "e": {"ensemble": "sum", "of": ["v", "f"]}}
    n = sum(
        build_identifier(entry, entry.spec, n_people=2, seed=0, fill=False).n_parameters
        for entry in read_design(given).networks()
    )
    for budget in (n, n - 1):
        design = read_design({**given, "e": {**given["e"], "max_parameters": budget}})
        options: dict[str, Any] = {"seed": 0, "budgets": True, "ensembles": design.ensembles}
        check_networks(design.networks("v"), **options)  # not all members are asked for
        if budget == n:
            check_networks(design.networks(), **options)
            continue
        with pytest.raises(
            ConfigError, match=f"members of the ensemble 'e' must have at most {budget:,} .* have {n:,}"
        ):
            check_networks(design.networks(), **options)


def test_a_network_that_is_searched_for_is_held_to_its_budget_by_its_trials() -> None:
    entry = {**FACE, "max_parameters": 10}
    of_network = read_design({"f": {**entry, "search": {"space": {"head_channels": [1, 2]}}}}).networks()
    check_networks(of_network, seed=0, budgets=True)
    of_training = read_design({"f": {**entry, "search": {"space": {"training.batch_size": [4, 8]}}}}).networks()
    with pytest.raises(ConfigError, match="The network 'f' must have at most 10 parameters."):
        check_networks(of_training, seed=0, budgets=True)


@pytest.mark.parametrize("given", [{}, {"voice": "v"}])
def test_random_weights_are_not_frozen(given: dict[str, str]) -> None:
    """`frozen: true` without `from` trained a head on branches that nobody had trained."""
    spec = {"name": "output_fusion", "hidden": [4], "frozen": True, "face": FACE["network"]}
    spec |= {} if given else {"voice": VOICE["network"]}
    networks = {"v": VOICE, "x": {"network": spec, "from": given}}
    missing = "face" if given else "voice"
    with pytest.raises(ConfigError) as caught:
        check_networks(read_design(networks).networks(), seed=0)
    assert str(caught.value) == (
        f"The network 'x' would freeze random weights: `frozen` needs a trained network of the {missing}. Name it by "
        f"`from: {{{missing}: ...}}`, or leave `frozen` out."
    )
    check_networks(
        read_design({"v": VOICE, "x": {"network": {**spec, "frozen": False}, "from": given}}).networks(), seed=0
    )
    both = {"network": {"name": "output_fusion", "frozen": True}, "from": {"voice": "v", "face": "f"}}
    check_networks(read_design({"v": VOICE, "f": FACE, "x": both}).networks(), seed=0)
