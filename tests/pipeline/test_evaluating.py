"""People and a model to a report, its baselines, its log of final tests."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.errors import ConfigError, DataError
from visavox.evaluation import analysis
from visavox.evaluation.knowable_ceiling import read_ceiling
from visavox.evaluation.record import Report
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.metrics.matching import all_pairs_accuracy_score
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.model_training import train_model
from visavox.pipeline.tested_people import find_tested_people
from visavox.world.ceiling import measure_ceiling
from visavox.world.population import Leaks, Population


@pytest.fixture(scope="module")
def config(
    small_run: Path, small_embeddings: Path, small_splits: Path, small_corpus: Path, tmp_path_factory: object
) -> EvaluateConfig:
    out: Path = tmp_path_factory.mktemp("report")  # type: ignore[attr-defined]
    return EvaluateConfig(
        model=str(small_run),
        embeddings=small_embeddings,
        splits=small_splits,
        corpus=small_corpus,
        out=out,
        resamples=100,
    )


@pytest.fixture(scope="module")
def report(config: EvaluateConfig) -> Report:
    return evaluate_model(config)


def test_every_protocol_is_there_in_both_directions(report: Report) -> None:
    found = {(m.protocol, m.direction) for m in report.measures}
    assert found == {
        (p, d) for p in ("matching", "verification", "retrieval") for d in ("voice_to_face", "face_to_voice")
    }


def test_the_main_figure_is_the_metric_of_the_tables(report: Report, config: EvaluateConfig) -> None:

    people = find_tested_people(config)
    identity = np.unique(people.voice.identities, return_inverse=True)[1]
    expected = all_pairs_accuracy_score(
        people.voice.vectors @ people.face.vectors.T,
        np.arange(len(identity)),
        identity[:, None] != identity,
        people=identity,
    )
    measure = report.find(protocol="matching", direction="voice_to_face", group="all", measure="accuracy_1_of_2")
    assert measure is not None
    assert measure.value == pytest.approx(expected)
    assert measure.low <= measure.value <= measure.high
    assert (measure.chance, measure.n_people) == (0.5, 2)


def test_gender_alone_and_random_stand_beside_the_model(report: Report) -> None:
    assert [b.name for b in report.baselines] == ["gender alone", "random"]
    assert report.baselines[0].note == "given labels"
    assert len(report.baselines[0].measures) == len(report.measures)


def test_what_is_undefined_says_why(report: Report) -> None:
    """Two test people of different gender cannot be matched within a gender."""
    undefined = [m for m in report.measures if math.isnan(m.value)]
    assert all(m.note for m in undefined)


def test_the_three_files_are_written_and_read_back(report: Report, config: EvaluateConfig) -> None:
    assert read_report(config.out).measures == report.measures
    assert (config.out / "report.md").is_file()
    page = (config.out / "report.html").read_text(encoding="utf-8")
    assert "data:audio" in page
    assert "data:image" in page


def test_the_provenance_names_encoders_people_and_seed(report: Report) -> None:
    facts = report.provenance
    assert "VoxCeleb" in facts["encoders"]["voice"]["training_data"]
    assert facts["counts"] == {"voices": 4, "faces": 4, "people": 2}
    assert facts["catalog_hash"]
    assert facts["caveats"]


def test_the_same_seed_gives_the_same_report(report: Report, config: EvaluateConfig) -> None:

    again = evaluate_model(dataclasses.replace(config, out=config.out / "again"))
    assert again.measures == report.measures


def test_a_final_test_is_logged_with_its_date(config: EvaluateConfig, tmp_path: Path) -> None:

    final = dataclasses.replace(config, final=True, final_log=tmp_path / "log.jsonl", out=tmp_path / "a")
    evaluate_model(final)
    evaluate_model(final)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 2
    assert rows[0]["date"].startswith("20")
    assert "voice_to_face all accuracy_1_of_2" in rows[0]["figures"]


def test_trial_lists_can_be_used_instead_of_all_pairs(
    config: EvaluateConfig, small_splits: Path, tmp_path: Path
) -> None:

    listed = evaluate_model(dataclasses.replace(config, trials=small_splits / "trials", out=tmp_path))
    names = {m.measure for m in listed.measures}
    assert "accuracy_1_of_2_by_trial" in names
    everything = evaluate_model(dataclasses.replace(config, out=tmp_path / "all"))
    hashes = {report.provenance["trial_hash"] for report in (listed, everything)}
    assert len(hashes) == 2  # or a comparison would put two tests into one table


def test_reports_are_compared(config: EvaluateConfig, report: Report, tmp_path: Path) -> None:

    evaluate_model(dataclasses.replace(config, compare=(config.out,), out=tmp_path))
    assert "Runs compared" in (tmp_path / "comparison.html").read_text(encoding="utf-8")


def test_checkpoints_become_a_curve(
    config: EvaluateConfig, small_embeddings: Path, small_splits: Path, tmp_path: Path
) -> None:

    towers = {"name": "two_tower", "hidden": [8], "output_dim": 4, "n_epochs": 3, "batch_size": 8}
    train_model(
        TrainConfig(
            embeddings=small_embeddings,
            splits=small_splits,
            out=tmp_path / "run",
            associator=towers,
            checkpoint_every_epochs=1,
        )
    )
    found = evaluate_model(
        dataclasses.replace(config, model=str(tmp_path / "run"), checkpoints=True, out=tmp_path / "report")
    )
    curves = [c for c in found.curves if c.name == "checkpoints"]
    assert [len(c.x) for c in curves] == [3, 3]
    assert any("networks alone" in note for note in found.notes)
    assert found.training is not None
    assert len(found.training.rows) == 3
    last = found.training.rows[-1]
    assert set(last) == {"epoch", "loss", "positive_similarity", "negative_similarity", "validation_accuracy"}
    assert found.training.ceiling["positive_similarity"] > found.training.ceiling["negative_similarity"]
    with pytest.raises(ConfigError, match="keeps no checkpoints"):
        evaluate_model(dataclasses.replace(config, checkpoints=True, out=tmp_path / "none"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"trials": Path("absent")}, "`trials` must be a folder"), ({"checkpoints": True}, "keeps no checkpoints")],
)
def test_a_wrong_request_is_refused_before_any_work(
    config: EvaluateConfig, tmp_path: Path, wrong: dict[str, object], message: str
) -> None:
    asked = dataclasses.replace(config, out=tmp_path / "r", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        evaluate_model(asked)
    with pytest.raises(DataError, match=r"report\.json"):
        evaluate_model(dataclasses.replace(config, out=tmp_path / "r", compare=(tmp_path,)))
    assert not (tmp_path / "r").exists()


def test_a_final_test_that_cannot_be_logged_shows_no_figure(config: EvaluateConfig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    final = dataclasses.replace(config, final=True, final_log=tmp_path / "file" / "log.jsonl", out=tmp_path / "r")
    with pytest.raises(OSError):
        evaluate_model(final)
    assert not (tmp_path / "r" / "report.json").exists()


def test_too_few_resamples_are_refused(config: EvaluateConfig) -> None:

    with pytest.raises(ConfigError, match="`resamples` must be at least 100. Got 5"):
        evaluate_model(dataclasses.replace(config, resamples=5))


@pytest.fixture(scope="module")
def known_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ceiling of a world and nothing else."""
    folder = tmp_path_factory.mktemp("world")
    ceiling = measure_ceiling(Population(leaks=Leaks(recording=0.3)), n_trials=2000).to_json()
    (folder / "world.json").write_text(json.dumps({"ceiling": ceiling}), encoding="utf-8")
    return folder


def test_on_a_known_world_the_report_says_how_much_was_learned(
    config: EvaluateConfig, report: Report, known_world: Path, tmp_path: Path
) -> None:
    found = evaluate_model(dataclasses.replace(config, world=known_world, out=tmp_path, next_steps="go on"))
    assert found.measures[: len(report.measures)] == report.measures
    assert [b.name for b in found.baselines] == ["gender alone", "random", "ceiling"]
    names = {"protocol": "knowable", "group": "all", "measure": "share_of_knowable"}
    share = found.find(direction="voice_to_face", **names)
    reached = found.find(protocol="matching", direction="voice_to_face", group="all", measure="accuracy_1_of_2")
    assert share is not None
    assert reached is not None
    assert found.knowable is not None
    assert found.knowable.world == str(known_world / "world.json")
    ceilings = read_ceiling(known_world).honest
    opposite = ceilings["voice_to_face", "opposite_gender", "accuracy_1_of_2"].value  # a woman and a man are tested
    assert share.value == pytest.approx((reached.value - 0.5) / (opposite - 0.5))
    assert found.knowable.rows[0].share == share.value
    assert read_report(tmp_path) == found
    assert found.provenance["world"] == str(known_world)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.index("How much of what could be known was learned") < page.index("All measures")
    assert "go on" in page


def test_a_report_with_shares_and_one_without_are_compared(
    config: EvaluateConfig, report: Report, known_world: Path, tmp_path: Path
) -> None:
    evaluate_model(dataclasses.replace(config, world=known_world, compare=(config.out,), out=tmp_path))
    assert "share of the knowable" in (tmp_path / "comparison.md").read_text(encoding="utf-8")


def test_a_world_that_is_none_is_refused_before_any_work(config: EvaluateConfig, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="A world must be a folder with a world.json"):
        evaluate_model(dataclasses.replace(config, world=tmp_path / "absent", model="no such model"))


def test_people_of_another_world_are_refused(config: EvaluateConfig, known_world: Path, tmp_path: Path) -> None:
    (tmp_path / "world.json").write_bytes((known_world / "world.json").read_bytes())
    (tmp_path / "people.csv").write_text("video,person\na.mp4,somebody\n", encoding="utf-8")
    with pytest.raises(DataError, match="Got 2 others .*Name the world that they were simulated in"):
        evaluate_model(dataclasses.replace(config, world=tmp_path, out=tmp_path / "r"))
    assert not (tmp_path / "r").exists()


def test_progress_counts_every_scorer_on_every_protocol_in_both_directions(
    config: EvaluateConfig, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    evaluate_model(dataclasses.replace(config, out=tmp_path), lambda done, total: seen.append((done, total)))
    assert seen == [(done, 18) for done in range(1, 19)]


def test_more_pairs_than_are_analysed_are_drawn_and_the_page_says_so(
    config: EvaluateConfig, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report.sections
    assert not any("were drawn" in note for section in report.sections for note in section.notes)
    monkeypatch.setattr(analysis, "MOST_ANALYSED", 15)  # of 4 voices by 4 faces
    found = evaluate_model(dataclasses.replace(config, out=tmp_path))
    assert found.sections
    for section in found.sections:
        assert section.notes[0].startswith("Of 2 people 2 were drawn (seed 0), with 4 of 4 voices and 4 of 4 faces")
    assert "were drawn (seed 0)" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_analyses_are_of_one_direction_and_say_so(config: EvaluateConfig, report: Report, tmp_path: Path) -> None:
    said = "Shortcuts, errors by group, calibration and open set are analysed voice → face only"
    assert any(note.startswith(said) for note in report.notes)
    without = evaluate_model(dataclasses.replace(config, analysis=False, out=tmp_path))
    assert without.sections == ()
    assert not any(note.startswith(said) for note in without.notes)
