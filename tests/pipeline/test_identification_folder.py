"""The folder of an experiment: how it is claimed, what is read of it, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.evaluation.identification_figures import search_sections
from visavox.evaluation.protocols.identification import Identification
from visavox.persistence import CONFIG_FILE, save_folder, write_tensors
from visavox.pipeline.identification_design import read_design
from visavox.pipeline.identification_folder import (
    DESIGN,
    KIND,
    PREDICTIONS,
    TRAINING,
    claim_run,
    entry_as_json,
    load_identifier,
    network_folder,
    read_design_file,
    read_experiment,
    read_training,
)
from visavox.pipeline.identification_media import ChosenClips

RNG = np.random.default_rng(0)
VIT = {"network": {"name": "vit"}}
ENTRIES = {
    "e": {"ensemble": "max", "of": ["v", "f"], "max_parameters": 40},
    "f": {**VIT, "published": {"top_1": 0.5}, "max_parameters": 30},
    "v": VIT,
}


def clips_of(folder: Path, seed: int = 0) -> ChosenClips:
    """Two people, two test clips."""
    return ChosenClips(
        folder / "corpus", ("ann", "ben"), {"train": ("a", "b"), "test": ("c", f"d{seed}")},
        {"train": np.array([0, 1]), "test": np.array([1, 0])}, {}, "session", "hash", {},
    )  # fmt: skip


def finish(folder: Path, name: str, rows: list[list[float]], modality: str) -> None:
    """Leave what a trained network leaves, without weights."""
    place = network_folder(folder, name)
    place.mkdir(parents=True)
    (place / CONFIG_FILE).write_text("{}", encoding="utf-8")
    cost = {"n_parameters": 10, "macs": 2.0, "latency_ms": 1.5, "file_bytes": 40, "budget": 7}
    about = {"modalities": [modality], "cost": cost, "epochs": 3}
    (place / TRAINING).write_text(json.dumps(about), encoding="utf-8")
    write_tensors(place / PREDICTIONS, {"test": np.array(rows, dtype=np.float32)}, {})
    (place / "metrics.jsonl").write_text('{"member": "x", "epoch": 1, "loss": 0.5}\n', encoding="utf-8")


def test_what_is_no_experiment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no identification experiment. Make one with: visavox train --task"):
        read_experiment(tmp_path)
    (tmp_path / DESIGN).write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="is damaged .* Start the experiment anew with --overwrite"):
        read_experiment(tmp_path)
    (tmp_path / DESIGN).write_text(json.dumps({"format": "visavox-identification-1", "entries": {}}), encoding="utf-8")
    with pytest.raises(DataError, match="No network of .* is done"):
        read_experiment(tmp_path)


def test_a_network_without_training_json_is_not_done(tmp_path: Path) -> None:
    assert read_training(tmp_path) is None
    (tmp_path / "training.json").write_text("[", encoding="utf-8")
    assert read_training(tmp_path) is None
    (tmp_path / "config.json").touch()
    with pytest.raises(DataError, match="Remove its folder to train the network again"):
        read_training(tmp_path)


def test_a_folder_of_another_kind_or_with_other_people_is_refused(tmp_path: Path) -> None:
    save_folder(tmp_path / "a", kind="associator", name="cca", arguments={}, tensors={"x": np.ones(1)})
    with pytest.raises(DataError, match="not a saved identifier"):
        load_identifier(tmp_path / "a")
    arguments = {"n_people": 3, "modality": "face", "picture_px": 64, "people": ["a"]}
    save_folder(tmp_path / "b", kind=KIND, name="mobilevit", arguments=arguments, tensors={"x": np.ones(1)})
    with pytest.raises(DataError, match="names 1 people and its network 3"):
        load_identifier(tmp_path / "b")
    arguments["people"] = ["a", "b", "c"]
    save_folder(tmp_path / "c", kind=KIND, name="mobilevit", arguments=arguments, tensors={"x": np.ones(1)})
    with pytest.raises(DataError, match="is damaged: .* Train it again."):
        load_identifier(tmp_path / "c")


def test_entries_become_json() -> None:
    vit = {"network": {"name": "vit"}, "max_parameters": 3}
    design = read_design({"v": vit, "w": vit, "e": {"ensemble": "max", "of": ["v", "w"]}})
    assert json.loads(json.dumps([entry_as_json(entry) for entry in design]))[2]["of"] == ["v", "w"]
    assert entry_as_json(design.entries["v"])["max_parameters"] == 3


def test_a_run_is_read_in_the_order_of_its_recipe_with_ensembles_of_what_is_done(tmp_path: Path) -> None:
    claim_run(tmp_path, read_design(ENTRIES), clips_of(tmp_path), seed=3, overwrite=False)
    finish(tmp_path, "v", [[0.9, 0.1], [0.4, 0.6]], "voice")
    alone = read_experiment(tmp_path)
    assert [contender.name for contender in alone.contenders] == ["v"]
    finish(tmp_path, "f", [[0.2, 0.8], [0.5, 0.5]], "face")
    found = read_experiment(tmp_path)
    both, face, voice = found.contenders
    assert [c.name for c in found.contenders] == ["e", "f", "v"]
    np.testing.assert_allclose(both.probabilities["test"], [[0.9 / 1.7, 0.8 / 1.7], [0.5 / 1.1, 0.6 / 1.1]], rtol=1e-6)
    assert (both.kind, both.modalities, both.history) == ("ensemble", ("voice", "face"), ())
    cost = both.cost
    assert (cost.n_parameters, cost.macs, cost.latency_ms, cost.file_bytes, cost.budget) == (20, 4.0, 3.0, 80, 40)
    assert (face.kind, face.cost.budget, face.published.top_1) == ("network", 30, 0.5)  # the recipe's, not the file's
    assert voice.cost.budget is None and voice.history == ({"epoch": 1, "loss": 0.5},)
    assert "cost" not in voice.about and voice.about["epochs"] == 3
    assert (found.people, found.seed, found.split_by) == (("ann", "ben"), 3, "session")
    assert (found.corpus_name, found.catalog_hash) == ("corpus", "hash")
    assert found.clips == {"train": ("a", "b"), "test": ("c", "d0")} and found.labels["test"].tolist() == [1, 0]


def test_a_folder_is_claimed_once_and_only_for_its_own_clips(tmp_path: Path) -> None:
    out, design = tmp_path / "run", read_design(ENTRIES)
    claim_run(out, design, clips_of(tmp_path), seed=0, overwrite=False)
    claim_run(out, design, clips_of(tmp_path, 1), seed=1, overwrite=False)  # nothing was trained yet
    assert read_design_file(out)["clips"]["test"] == ["c", "d1"]
    finish(out, "v", [[1.0, 0.0], [0.0, 1.0]], "voice")
    with pytest.raises(DataError, match="holds an experiment with other clips, seed. Choose another folder, or start"):
        claim_run(out, design, clips_of(tmp_path), seed=0, overwrite=False)
    fewer = read_design({"v": VIT})
    claim_run(out, fewer, clips_of(tmp_path, 1), seed=1, overwrite=False)
    assert list(read_design_file(out)["entries"]) == ["v"] and network_folder(out, "v").is_dir()
    claim_run(out, fewer, clips_of(tmp_path), seed=0, overwrite=True)
    assert not network_folder(out, "v").exists()


def test_a_folder_with_other_files_is_left_alone_and_the_stamps_of_a_recipe_are_not_others(tmp_path: Path) -> None:
    out, design = tmp_path / "run", read_design(ENTRIES)
    (out / ".steps").mkdir(parents=True)
    claim_run(out, design, clips_of(tmp_path), seed=0, overwrite=False)
    assert (out / DESIGN).is_file() and (out / ".steps").is_dir()
    for overwrite in (False, True):
        taken = tmp_path / f"taken-{overwrite}"
        taken.mkdir()
        (taken / "notes.txt").write_text("mine", encoding="utf-8")
        with pytest.raises(ConfigError, match="`out` must be a new or empty folder, or an experiment. .* holds other"):
            claim_run(taken, design, clips_of(tmp_path), seed=0, overwrite=overwrite)
        assert [p.name for p in taken.iterdir()] == ["notes.txt"]


def test_another_format_is_damage(tmp_path: Path) -> None:
    (tmp_path / DESIGN).write_text(json.dumps({"format": "old", "entries": {}}), encoding="utf-8")
    with pytest.raises(DataError, match="is damaged .its format is 'old'.. Start the experiment anew with --overwrite"):
        read_design_file(tmp_path)


def test_ensembles_are_of_probabilities_alone(tmp_path: Path) -> None:
    claim_run(tmp_path, read_design(ENTRIES), clips_of(tmp_path), seed=3, overwrite=False)
    finish(tmp_path, "v", [[0.9, 0.1], [0.4, 0.6]], "voice")
    finish(tmp_path, "f", [[3.0, -1.0], [0.5, 0.5]], "face")
    with pytest.raises(DataError, match="An ensemble is made of probabilities, .* Take the softmax of logits first."):
        read_experiment(tmp_path)


def test_only_some_networks_make_way_and_not_for_other_clips(tmp_path: Path) -> None:
    out, design = tmp_path / "run", read_design(ENTRIES)
    claim_run(out, design, clips_of(tmp_path), seed=0, overwrite=False)
    for name in ("v", "f"):
        finish(out, name, [[1.0, 0.0], [0.0, 1.0]], "voice")
    claim_run(out, design, clips_of(tmp_path), seed=0, overwrite=True, only=["f"])
    assert network_folder(out, "v").is_dir() and not network_folder(out, "f").exists()
    with pytest.raises(
        DataError, match="with other clips. Choose another folder, or start anew with --overwrite witho"
    ):
        claim_run(out, design, clips_of(tmp_path, 1), seed=0, overwrite=True, only=["f"])
    claim_run(out, design, clips_of(tmp_path, 1), seed=0, overwrite=True, only=["f", "v"])
    assert not network_folder(out, "v").exists() and read_design_file(out)["clips"]["test"] == ["c", "d1"]


def test_trials_and_what_is_unlike_the_original_are_read_and_may_be_missing(tmp_path: Path) -> None:
    """The table of the search never was in a report, since nobody read search.json."""
    entries = {"v": {**VIT, "unlike": "random  weights"}, "f": VIT, "e": {"ensemble": "max", "of": ["v", "f"]}}
    claim_run(tmp_path, read_design(entries), clips_of(tmp_path), seed=0, overwrite=False)
    for name in ("v", "f"):
        finish(tmp_path, name, [[1.0, 0.0], [0.0, 1.0]], "voice")
    place = network_folder(tmp_path, "v")
    about = json.loads((place / TRAINING).read_text(encoding="utf-8"))
    about |= {"search": {"best": 1, "n_trials": 2}, "identity": {"search": {"measure": "loss"}}}
    (place / TRAINING).write_text(json.dumps(about), encoding="utf-8")
    trials = [{"number": 0, "options": {"dim": 3}, "state": "complete", "value": 2.5}]
    (place / "search.json").write_text(json.dumps(trials), encoding="utf-8")
    voice, face, both = read_experiment(tmp_path).contenders
    assert voice.about["search"] == {"best": 1, "n_trials": 2, "trials": trials, "measure": "loss"}
    assert face.about["search"] is None
    assert [c.about["unlike"] for c in (voice, face, both)] == ["random weights", "", ""]
    (section,) = search_sections(Identification(n_resamples=9).evaluate(read_experiment(tmp_path), rng=RNG))
    assert section.columns == ("trial", "validation loss", "dim") and section.rows == (("0", 2.5, "3"),)
    older = read_design_file(tmp_path)
    for entry in older["entries"].values():
        del entry["unlike"]
    (tmp_path / DESIGN).write_text(json.dumps(older), encoding="utf-8")
    assert [c.about["unlike"] for c in read_experiment(tmp_path).contenders] == ["", "", ""]
    (place / "search.json").write_text("[", encoding="utf-8")
    with pytest.raises(DataError, match="search.json is damaged .* Remove it to do without the table of the search."):
        read_experiment(tmp_path)
