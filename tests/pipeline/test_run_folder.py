"""A run's claim on its folder: the same run goes on, another is refused, and nothing of an older one stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from visavox.config import TrainConfig
from visavox.errors import ConfigError, DataError
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.run_folder import BEST, CONFIG, FOLDS, HELD_OUT, claim_folder, common_identity, run_identity


def config(folder: Path, **more: object) -> TrainConfig:
    return TrainConfig(embeddings=folder / "e", out=folder / "run", **more)  # type: ignore[arg-type]


def test_a_new_folder_is_made_and_the_same_run_goes_on(tmp_path: Path) -> None:
    wanted = common_identity(config(tmp_path), "cca")
    claim_folder(config(tmp_path), wanted)
    assert yaml.safe_load((tmp_path / "run" / CONFIG).read_text()) == wanted
    (tmp_path / "run" / BEST).mkdir()
    claim_folder(config(tmp_path), wanted)
    assert (tmp_path / "run" / BEST).is_dir()


def test_the_objective_decides_a_run(tmp_path: Path) -> None:
    claim_folder(config(tmp_path), common_identity(config(tmp_path), "two_tower"))
    (tmp_path / "run" / BEST).mkdir()
    other = config(tmp_path, objective={"name": "siglip"})
    with pytest.raises(DataError, match="holds a run with other settings: objective. Choose another folder"):
        claim_folder(other, common_identity(other, "two_tower"))


def test_overwriting_removes_everything_of_the_run_before_and_nothing_else(tmp_path: Path) -> None:
    claim_folder(config(tmp_path), {"seed": 0})
    run = tmp_path / "run"
    for name in (BEST, HELD_OUT, "member-0"):
        (run / name).mkdir()
    (run / FOLDS).write_text("{}")
    (run / "notes.txt").write_text("mine")
    claim_folder(config(tmp_path, overwrite=True), {"seed": 1})
    assert sorted(path.name for path in run.iterdir()) == [CONFIG, "notes.txt"]


def test_a_refused_run_that_never_began_may_change_its_mind(tmp_path: Path) -> None:
    claim_folder(config(tmp_path), {"seed": 0})
    claim_folder(config(tmp_path), {"seed": 1})
    assert yaml.safe_load((tmp_path / "run" / CONFIG).read_text()) == {"seed": 1}


def test_a_folder_of_other_files_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="`out` must be a new or empty folder, or a run"):
        claim_folder(config(tmp_path), {})


@pytest.mark.parametrize("text", ["[1, 2]", "a: b: c", "\x00"])
def test_damaged_settings_are_named(tmp_path: Path, text: str) -> None:
    claim_folder(config(tmp_path), {"seed": 0})
    (tmp_path / "run" / CONFIG).write_text(text)
    with pytest.raises(DataError, match=r"config\.yaml is damaged.*--overwrite"):
        claim_folder(config(tmp_path), {"seed": 0})


def test_a_run_on_embeddings_is_decided_by_its_vectors_too(small_embeddings: Path, tmp_path: Path) -> None:
    tables = CorpusEmbeddings.load(small_embeddings)
    found = run_identity(config(tmp_path), {"name": "cca"}, tables)
    assert found["voice_encoder"] == tables.voice.encoder
    assert found["catalog_hash"] == tables.about["catalog_hash"]
    assert found["associator"] == {"name": "cca"}
