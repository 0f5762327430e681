"""The command `train`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.splits import Splits
from visavox.pipeline.drawing.diffusion_run import DiffusionOutcome, PartRow
from visavox.pipeline.drawing.reconstruction_run import ReconstructionOutcome
from visavox.train import describe_diffusion, describe_reconstruction


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


def test_what_draws_is_trained_from_a_corpus(
    small_corpus: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing = tmp_path / "drawing.yaml"
    drawing.write_text(
        "image_px: 16\nvoice_encoder: voice_cnn\npredictor: {name: light, training: {n_folds: 2}}\n"
        "face_encoder: {name: face_look, dim: 8, training: {n_epochs: 1, batch_size: 4}}\n"
        "decoder: {name: small, channel_factor: 0.1}\n",
        encoding="utf-8",
    )
    words = ["train", "--task", "reconstruction", "--corpus", str(small_corpus), "--splits", str(small_splits)]
    words += ["--drawing", str(drawing), "--out", str(tmp_path / "r"), "--workers", "1"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / 'r' / 'generator'}: pictures of 16 px, 4 people, clips: 8 train" in said
    assert "guidance 1.5, not chosen: too few clips" in said
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["image_px"] == 16
    assert main([*words, "--seed", "3"]) == 1
    assert "other settings: " in capsys.readouterr().err


def test_a_wrong_name_in_drawing_is_bad_use(
    small_corpus: Path, small_splits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--task", "reconstruction", "--corpus", str(small_corpus), "--splits", str(small_splits)]
    assert main([*words, "--drawing", "{decoders: small}", "--out", str(tmp_path / "r")]) == 2
    said = capsys.readouterr().err
    assert "takes no 'decoders'" in said and "decoder, face_encoder" in said and not (tmp_path / "r").exists()


def test_a_reconstruction_is_told_with_what_was_measured() -> None:
    rows = [{"guidance": 2.0, "matched": 0.631, "gender_agreement": 0.9}]
    figures = {
        "faces": {"validation_l1": 0.04, "gender_accuracy": 0.951, "age_error": 7.31, "race_accuracy": 0.84},
        "predictor": {"validation_matched": 0.652},
        "guidance": {"guidance": 2.0, "rows": rows},
    }
    outcome = ReconstructionOutcome(Path("g"), 787, {"train": 819, "validation": 142}, 17000, 64, 2.0, figures)
    assert describe_reconstruction(outcome) == (
        "g: pictures of 64 px, 787 people, clips: 819 train, 142 validation; 17,000 labelled faces\n"
        "  face to face: validation pixels within 10.2 of 255 on average\n"
        "  held-out labelled faces: gender 95.1 %, age within 7.3 years, race 84.0 %\n"
        "  voice to feature: validation 1:2 65.2 %\n"
        "  guidance 2, validation 1:2 of drawn faces 63.1 %\n"
    )


def test_a_reconstruction_tells_only_what_was_measured() -> None:
    figures = {"faces": {}, "predictor": {}, "guidance": {"guidance": 1.5, "rows": []}}
    said = describe_reconstruction(ReconstructionOutcome(Path("g"), 2, {"train": 4}, 0, 16, 1.5, figures))
    assert said.splitlines()[1:] == ["  guidance 1.5, not chosen: too few clips"]


def test_a_diffusion_is_told_part_by_part() -> None:
    row = PartRow("denoiser", 1_234_567, 4500, 61.7, "all epochs done", {"validation_loss": 0.123456})
    told = describe_diffusion(DiffusionOutcome(Path("g"), 819, 17000, 0.034, (row,)))
    assert told == (
        "g: 819 clips with a voice, 17,000 faces without\n"
        "  imagined voices: 3.4 % of the variance of held-out ones\n"
        "  denoiser: 1,234,567 parameters, 4,500 steps in 62 s (all epochs done); validation loss 0.1235\n"
    )
    assert "imagined" not in describe_diffusion(DiffusionOutcome(Path("g"), 8, 0, float("nan"), ()))
