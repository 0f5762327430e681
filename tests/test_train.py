"""The command `train`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.splits import Splits


def test_the_outcome_is_printed(
    small_embeddings: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "train",
        "--embeddings",
        str(small_embeddings),
        "--splits",
        str(small_splits),
        "--out",
        str(tmp_path / "r"),
    ]
    words += ["--associator", "{name: cca, n_components: 3}"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "8 pairs of 4 people" in said
    assert "validation 1:2 voice to face: " in said
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_pairs"] == 8


def test_an_unknown_associator_is_bad_use(
    small_embeddings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--embeddings", str(small_embeddings), "--out", str(tmp_path / "r"), "--associator", "towers"]
    assert main(words) == 2
    assert "two_tower" in capsys.readouterr().err


def test_missing_embeddings_name_the_command_that_makes_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--embeddings", str(tmp_path), "--out", str(tmp_path / "r")]) == 1
    assert "visavox embed" in capsys.readouterr().err


def test_encoders_are_trained_from_a_corpus(
    small_corpus: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--corpus", str(small_corpus), "--splits", str(small_splits), "--out", str(tmp_path / "r")]
    words += ["--voice-encoder", "{name: voice_cnn}", "--face-encoder", "{name: face_cnn}"]
    words += ["--end-to-end", "{n_epochs: 1, people_a_batch: 4, window_s: 0.5}", "--associator", "heads"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "8 pairs of 4 people" in said
    assert "validation 1:2 face to voice: " in said
    assert (tmp_path / "r" / "best" / "voice_encoder" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give either `embeddings`, a folder that `embed` wrote, or `corpus`"),
        (["--corpus", "c"], "needs --splits"),
        (["--corpus", "c", "--embeddings", "e", "--splits", "s"], "Got both"),
        (["--embeddings", "e", "--end-to-end", "{n_epochs: 3}"], "`end_to_end` is of a training from a corpus"),
        (["--embeddings", "e", "--precision", "bfloat16"], "`precision` must be auto or float32"),
    ],
)
def test_wrong_combinations_are_bad_use(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words, "--out", "r"]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_recipe_trains_from_a_corpus(small_corpus: Path, small_splits: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "steps:\n  - train:\n"
        f"      corpus: {small_corpus}\n      splits: {small_splits}\n      out: run\n      associator: heads\n"
        "      end_to_end: {n_epochs: 1, people_a_batch: 4, window_s: 0.3}\n",
        encoding="utf-8",
    )
    assert main(["run", str(recipe), "--out", str(tmp_path / "all"), "--quiet"]) == 0
    assert (tmp_path / "all" / "run" / "best" / "face_encoder" / "config.json").is_file()


def test_networks_that_name_people_get_a_line_each(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Catalog.open(small_corpus / CATALOG) as catalog:
        clips = sorted({item.clip for item in catalog.items("face")})
        catalog_hash = catalog.content_hash()
        person = {item.clip: item.identity for item in catalog.items("face")}
    first = {clip for clip in clips if clip == min(c for c in clips if person[c] == person[clip])}
    last = sorted(set(clips) - first)
    subsets = dict.fromkeys(first, "train") | {clip: ("validation", "test")[i % 2] for i, clip in enumerate(last)}
    Splits(0, catalog_hash, {"train": 1.0}, subsets, by="clip").save(tmp_path / "splits" / "splits.json")
    networks = tmp_path / "n.yaml"
    networks.write_text(
        "m:\n  network: {name: mobilevit, modality: face, picture_px: 64}\n  training: {n_epochs: 1, batch_size: 8}\n",
        encoding="utf-8",
    )
    words = ["train", "--task", "identification", "--corpus", str(small_corpus), "--splits", str(tmp_path / "splits")]
    words += ["--networks", str(networks), "--out", str(tmp_path / "r"), "--workers", "1"]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("8 people, clips: 8 train, 4 validation, 4 test, split by clip")
    assert lines[1].startswith("  m: validation top-1 ") and "parameters, 1 epochs in " in lines[1]
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["name"] == "m"
