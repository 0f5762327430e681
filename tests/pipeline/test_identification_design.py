"""Designs of identification experiments: order, references, and every mistake in one line that names the entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.errors import ConfigError
from visavox.pipeline.identification_design import EnsembleEntry, NetworkEntry, read_design

VOICE = {"network": {"name": "vit", "modality": "voice"}}
FACE = {"network": {"name": "vit", "modality": "face"}}
FUSED = {"network": {"name": "output_fusion", "how": "add"}, "from": {"voice": "v", "face": "f"}}


def test_a_design_keeps_order_options_and_figures() -> None:
    design = read_design(
        {
            "fused": FUSED,
            "v": {**VOICE, "training": {"n_epochs": 3}, "max_parameters": 10, "published": {"top_1": 0.5}},
            "f": FACE,
            "both": {"ensemble": "max", "of": ["v", "f"]},
        }
    )
    assert [entry.name for entry in design] == ["fused", "v", "f", "both"]
    voice = design.entries["v"]
    assert isinstance(voice, NetworkEntry)
    assert (voice.training.n_epochs, voice.max_parameters, voice.published.top_1) == (3, 10, 0.5)
    assert voice.published.top_5 is None
    assert design.ensembles == [EnsembleEntry(name="both", how="max", of=("v", "f"))]


def test_networks_come_after_those_whose_weights_they_take() -> None:
    design = read_design({"fused": FUSED, "f": FACE, "v": VOICE})
    assert [entry.name for entry in design.networks()] == ["v", "f", "fused"]


def test_only_brings_what_it_rests_on_and_no_more() -> None:
    design = read_design(
        {"v": VOICE, "f": FACE, "x": FACE, "fused": FUSED, "both": {"ensemble": "sum", "of": ["v", "x"]}}
    )
    assert [entry.name for entry in design.networks("fused")] == ["v", "f", "fused"]
    assert [entry.name for entry in design.networks("both")] == ["v", "x"]
    with pytest.raises(ConfigError, match="`only` names 'w', which `networks` has not. It has: v, f, x, fused, both"):
        design.networks("w")


def test_a_file_holds_the_mapping_alone_or_under_networks(tmp_path: Path) -> None:
    path = tmp_path / "n.yaml"
    path.write_text("v:\n  network: {name: vit, modality: voice}\n", encoding="utf-8")
    assert read_design(path).entries == read_design({"v": VOICE}).entries
    path.write_text("networks:\n  v:\n    network: {name: vit, modality: voice}\n", encoding="utf-8")
    assert read_design(str(path)).entries == read_design({"v": VOICE}).entries
    path.write_text("v: [", encoding="utf-8")
    with pytest.raises(ConfigError, match="must be a YAML file that can be read"):
        read_design(path)
    with pytest.raises(ConfigError, match="No such file"):
        read_design(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ({}, "`networks` must map names to networks, as in {vit-voice"),
        ({"a/b": VOICE}, "A network's name must be 1 to 100 letters, digits or `._+-`"),
        ({3: VOICE}, "Got 3."),
        ({"a": {}}, "The network 'a' must be a mapping with either `network` or `ensemble`. Got {}."),
        ({"a": {**VOICE, "ensemble": "sum"}}, "either `network` or `ensemble`"),
        ({"a": {**VOICE, "epochs": 3}}, "The network 'a' takes no 'epochs'. It takes: network, training, from"),
        ({"a": {"ensemble": "sum", "of": ["v"], "training": {}}}, "takes no 'training'. It takes: ensemble, of"),
        ({"a": {"network": {"modality": "voice"}}}, "`network` of 'a' must be a mapping with `name` and options"),
        ({"a": {"network": {"name": "vit", "n_people": 4}}}, "`network` of 'a' takes no `n_people`"),
        ({"a": {**VOICE, "max_parameters": 0.5}}, "`max_parameters` of the network 'a' must be a whole number above 0"),
        ({"a": {**VOICE, "published": {"top1": 1}}}, "`published` of the network 'a' takes top_1, top_5, n_parameters"),
        ({"a": {**VOICE, "published": {"top_1": 54.2}}}, "`published.top_1` of the network 'a' must be 0 to 1. Got"),
        ({"a": {**VOICE, "training": {"n_epochs": 0}}}, "The network 'a': `n_epochs` must be"),
        ({"v": VOICE, "a": {"ensemble": "mean", "of": ["v", "f"]}}, "`ensemble` of 'a' must be sum or max, of prob"),
        ({"v": VOICE, "a": {"ensemble": "sum", "of": ["v"]}}, "`of` of the ensemble 'a' must list two or more diff"),
        ({"v": VOICE, "a": {"ensemble": "sum", "of": ["v", "v"]}}, "two or more different networks"),
        ({"v": VOICE, "a": {"ensemble": "sum", "of": ["v", "w"]}}, "`of` of 'a' names 'w', which `networks` has not"),
        ({"v": VOICE, "f": FACE, "e": {"ensemble": "sum", "of": ["v", "f"]},
          "a": {"ensemble": "max", "of": ["v", "e"]}},
         "`of` of 'a' must name networks. 'e' is an ensemble. Name its members instead."),
        ({"a": FUSED}, "`from` of 'a' names 'v', which `networks` has not. It has: a."),
        ({"v": VOICE, "a": {**FUSED, "from": ["v"]}}, "`from` of the network 'a' must map voice and face to networks"),
        ({"v": VOICE, "a": {**FUSED, "from": {"ear": "v"}}}, "Got {'ear': 'v'}"),
        ({"v": VOICE, "a": {"network": {"name": "x", "voice": {}}, "from": {"voice": "v"}}}, "`voice` of the"),
        ({"a": {**VOICE, "from": {"voice": "b"}}, "b": {**VOICE, "from": {"voice": "a"}}}, "Got a -> b -> a."),
        ({"x": {**VOICE, "from": {"voice": "a"}}, "a": {**VOICE, "from": {"voice": "b"}},
          "b": {**VOICE, "from": {"voice": "a"}}}, "Got a -> b -> a. Leave one of them out."),
        ({n: {**VOICE, "from": {"voice": o}} for n, o in ("ab", "bc", "ca")}, "Got a -> b -> c -> a."),
        ({"a": {**VOICE, "max_parameters": True}}, "`max_parameters` of the network 'a' must be a whole number above"),
        ({"a": {**VOICE, "max_parameters": 0}}, "a whole number above 0. Got 0."),
        ({"a": {**VOICE, "published": {"top_5": True}}}, "`published.top_5` of the network 'a' must be 0 to 1. Got T"),
        ({"a": {**VOICE, "published": {"top_1": -0.1}}}, "Got -0.1."),
        ({"v": VOICE, "w": FACE, "a": {"ensemble": "sum", "of": "vw"}}, "two or more different networks. Got 'vw'."),
        ({"a" * 101: VOICE}, "1 to 100 letters"),
        ({".a": VOICE}, "1 to 100 letters"),
        ({"a": {**VOICE, "y": 1, "x": 2}}, "The network 'a' takes no 'x', 'y'. It takes: network, training, from, sea"),
        ([VOICE], "`networks` must map names to networks"),
        ({"a": {**VOICE, "from": {"voice": "a"}}}, "`from` must not lead back to where it began. Got a -> a."),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_the_entry(networks: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_design(networks)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_networks_may_rest_on_the_same_ones() -> None:
    design = read_design({"x": FUSED, "y": FUSED, "v": VOICE, "f": FACE, "e": {"ensemble": "sum", "of": ["x", "y"]}})
    assert [entry.name for entry in design.networks()] == ["v", "f", "x", "y"]
    assert [entry.name for entry in design.networks("e")] == ["v", "f", "x", "y"]
    assert [entry.name for entry in design.networks("y", "v")] == ["v", "f", "y"]
    fused = design.entries["x"]
    assert isinstance(fused, NetworkEntry) and fused.branches == {"voice": "v", "face": "f"}


def test_what_is_not_said_is_nothing_and_a_name_alone_is_a_network() -> None:
    given = {"a": {"network": "vit", "training": None, "from": None, "published": None}}
    (entry,) = read_design(given).networks()
    assert (entry.spec, entry.branches, entry.search, entry.max_parameters) == ({"name": "vit"}, {}, None, None)
    assert entry.published == read_design({"a": VOICE}).entries["a"].published
    assert read_design({"a" * 100: VOICE, "a.b_c+d-1": FACE}).ensembles == []


def test_a_design_does_not_change_with_what_it_was_read_from() -> None:
    spec = {"name": "vit", "modality": "voice"}
    (entry,) = read_design({"a": {"network": spec}}).networks()
    spec["modality"] = "face"
    assert entry.spec["modality"] == "voice"


def test_what_is_unlike_the_original_is_said_in_words() -> None:
    design = read_design({"a": {**VOICE, "unlike": "random weights;\n  10 of 15 epochs"}, "b": FACE})
    assert [entry.unlike for entry in design] == ["random weights; 10 of 15 epochs", ""]
    with pytest.raises(ConfigError, match="`unlike` of the network 'a' must say in words .* Got 3."):
        read_design({"a": {**VOICE, "unlike": 3}})


def test_an_ensemble_names_its_members_and_a_fusion_itself_alone() -> None:
    design = read_design({"x": FUSED, "v": VOICE, "f": FACE, "e": {"ensemble": "sum", "of": ["x", "v"]}})
    assert design.named("e", "v") == ["x", "v"]
    assert design.named("x") == ["x"] and design.named() == []
