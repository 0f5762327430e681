"""The recipe of the identification experiment as it stands, with few people, few clips and small networks."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from visavox.__main__ import main
from visavox.evaluation.report import read_report
from visavox.pipeline.identification_design import EnsembleEntry, read_design
from visavox.pipeline.recipe import StrictLoader, read_recipe
from visavox.registry import IDENTIFIERS

RECIPE = Path(__file__).parents[1] / "recipes" / "faces-and-voices.yaml"
PUBLISHED_PAIRS = {"mobilevit-max": 2_700_000}
N_KNOWN, N_STRANGERS = 4, 2


def text() -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(RECIPE.read_text(encoding="utf-8"), Loader=StrictLoader)
    return read


def networks() -> Mapping[str, Any]:
    found: Mapping[str, Any] = text()["steps"][4]["train"]["networks"]
    return found


def small_network(spec: dict[str, Any]) -> dict[str, Any]:
    """The same kind of network with narrow layers."""
    small = {**spec}
    if spec["name"] == "vgg":
        small |= {"hidden": [16, 12], **({"face_px": 32} if spec["modality"] == "face" else {})}
    elif spec["name"] == "vit":
        small |= {"dim": 8, "n_layers": 1, "n_heads": 2, "head": [16, 12], "patch_px": 24}
        small |= {"face_px": 32} if "face_px" in spec else {}
    elif spec["name"] == "mobilevit":
        small |= {"picture_px": 64}
    for part in ("voice", "face", "trunk"):
        if part in spec:
            small[part] = small_network({"modality": "face", **spec[part]} if part == "trunk" else spec[part])
            if part == "trunk":
                small[part].pop("modality")
    return small


def small_recipe() -> dict[str, Any]:
    """Every step of the recipe, made small."""
    read = copy.deepcopy(text())
    simulate, _, *splits = read["steps"][:4]
    simulate["simulate"] |= {"people": N_KNOWN + N_STRANGERS, "clips": 10, "clips_per_session": 2}
    for split in splits:
        split["split"] |= {"known": N_KNOWN, "strangers": N_STRANGERS, "counts": [20, 8, 8]}
    for step in read["steps"][4:6]:
        step["train"]["device"] = "cpu"
        step["train"]["networks"] = {
            name: entry
            if "ensemble" in entry
            else {
                **entry,
                "network": small_network(entry["network"]),
                "training": {**entry["training"], "n_epochs": 1, "batch_size": 8, "patience_epochs": 1},
            }
            for name, entry in step["train"]["networks"].items()
        }
    read["steps"][6]["evaluate"]["resamples"] = 100
    return read


def test_every_network_of_the_recipe_is_within_its_budget() -> None:
    design = read_design(networks())
    spec_of = {entry.name: entry.spec for entry in design if not isinstance(entry, EnsembleEntry)}
    n_of: dict[str, int] = {}
    for entry in design:
        if isinstance(entry, EnsembleEntry):
            n_of[entry.name] = sum(n_of[name] for name in entry.of)
        else:
            branches = {part: spec_of[name] for part, name in entry.branches.items()}
            n_of[entry.name] = IDENTIFIERS.build({**entry.spec, **branches, "n_people": 49}).n_parameters
        assert entry.max_parameters is not None, entry.name
        assert n_of[entry.name] <= entry.max_parameters, (entry.name, n_of[entry.name])
    assert n_of["vgg16-voice"] == 44_329_169
    assert n_of["mobilevit-max"] <= 2_700_000


def test_the_recipe_asks_for_the_design_of_the_original() -> None:
    steps = read_recipe(RECIPE, out=Path("run"), data=None)
    assert [step.name for step in steps] == ["simulate", "prepare", "split", "split", "train", "train", "evaluate"]
    assert {step.config.by for step in steps if step.name == "split"} == {"clip", "session"}
    assert all(
        step.config.counts == (2850, 950, 950) and step.config.known == 49 for step in steps if step.name == "split"
    )
    assert steps[4].config.networks == steps[5].config.networks


def test_with_other_data_nothing_is_simulated() -> None:
    steps = read_recipe(RECIPE, out=Path("run"), data=Path("people"), source="voxceleb")
    assert [step.name for step in steps] == ["prepare", "split", "split", "train", "train", "evaluate"]
    assert (steps[0].config.root, steps[0].config.source) == (Path("people"), "voxceleb")


@pytest.mark.slow  # sixteen small networks on two splits
def test_the_small_form_runs_from_end_to_end_and_is_done_the_second_time(
    quick_ceiling: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tmp_path / "small.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(), sort_keys=False), encoding="utf-8")
    assert main(["run", str(recipe), "--out", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert "report.html" in printed
    report = read_report(tmp_path / "run" / "report")
    names = set(networks())
    shown = json.dumps([section.rows for section in report.sections])
    assert all(name in shown for name in names)
    top_1 = [measure for measure in report.measures if measure.measure == "top_1" and measure.n_people == N_KNOWN]
    assert top_1
    assert all(measure.chance == pytest.approx(1 / N_KNOWN) for measure in top_1)
    page = (tmp_path / "run" / "report" / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in names)
    assert main(["run", str(recipe), "--out", str(tmp_path / "run"), "--json"]) == 0
    assert {line["state"] for line in json.loads(capsys.readouterr().out)} == {"skipped"}
