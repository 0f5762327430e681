"""Another model on the same people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from visavox.config import TrainConfig
from visavox.corpus.trial_files import read_trials
from visavox.errors import DataError
from visavox.evaluation import paired_comparison
from visavox.evaluation.contest import build_contest
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline import rival_model
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.model_training import train_model
from visavox.pipeline.rival_model import all_answers, find_rival
from visavox.pipeline.tested_people import find_tested_people


@pytest.fixture
def other_run(small_embeddings: Path, small_splits: Path, tmp_path: Path) -> Path:
    run = tmp_path / "other-run"
    associator = {"name": "cca", "n_components": 2}
    train_model(TrainConfig(embeddings=small_embeddings, splits=small_splits, out=run, associator=associator))
    return run


@pytest.fixture
def config(small_run: Path, small_embeddings: Path, small_splits: Path, tmp_path: Path) -> EvaluateConfig:
    return EvaluateConfig(
        model=str(small_run), embeddings=small_embeddings, splits=small_splits, out=tmp_path / "r", resamples=100
    )


@pytest.mark.parametrize("listed", [False, True])
def test_two_models_are_compared_in_one_section(
    config: EvaluateConfig, other_run: Path, small_splits: Path, listed: bool
) -> None:
    trials = small_splits / "trials" if listed else None
    config = replace(config, against=str(other_run), trials=trials)
    report = evaluate_model(config)
    section = next(s for s in report.sections if s.title == "Compared with other-run")
    alone = {
        m.key: m
        for m in evaluate_model(replace(config, model=str(other_run), against="", out=config.out / "alone")).measures
    }
    measure = "accuracy_1_of_2_by_trial" if listed else "accuracy_1_of_2"
    ours = report.find(protocol="matching", direction="voice_to_face", group="all", measure=measure)
    assert ours is not None
    words = "1:2 accuracy, mean over trials, all pairs" if listed else "1:2 accuracy, all pairs"
    row = next(r for r in section.rows if r[0] == f"{words}, voice → face")
    assert row[1] == ours.value
    assert row[2] == alone[ours.key].value
    assert row[3][0] == pytest.approx(ours.value - alone[ours.key].value)
    auc = next(r for r in section.rows if r[0] == "AUC, all pairs, voice → face")
    assert 0 <= auc[5] <= 1
    chosen = words if listed else "own face or voice before every wrong one, all pairs"
    choice = next(r for r in section.rows if r[0] == f"{chosen}, voice → face")
    assert " : " in choice[6]
    assert 0 < choice[7] <= 1
    assert report.provenance["against"] == str(other_run)
    assert "Compared with other-run" in (config.out / "report.html").read_text(encoding="utf-8")


def test_progress_counts_the_other_model_too(config: EvaluateConfig, other_run: Path) -> None:
    seen: list[tuple[int, int]] = []
    evaluate_model(replace(config, against=str(other_run)), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (24, 24)


def test_other_people_are_refused(config: EvaluateConfig, other_run: Path) -> None:
    people = find_tested_people(config)
    assert find_rival(replace(config, against=str(other_run)), people).trial_hash == people.trial_hash
    fewer = replace(people, voice=people.voice.select(np.arange(len(people.voice)) > 0))
    with pytest.raises(
        DataError, match=r"on the same people only. .* is measured on 3 voices and 4 faces, .* on 4 and"
    ):
        find_rival(replace(config, against=str(other_run)), fewer)


def test_answers_of_trial_lists_are_scores_and_choices(config: EvaluateConfig, small_splits: Path) -> None:
    people = find_tested_people(config)
    lists = read_trials(
        small_splits / "trials", people.voice.links(), people.face.links(),
        catalog_hash=people.raw.about.get("catalog_hash"),
    )  # fmt: skip
    found = list(all_answers(people, lists))
    assert {a.measure for a in found} >= {"auc", "accuracy_1_of_2_by_trial"}
    for answers in found:
        if answers.measure == "auc":
            assert answers.scores is not None
            assert answers.labels is not None
            assert answers.scores.shape == answers.labels.shape
        else:
            assert answers.outcomes is not None
            assert ((answers.outcomes >= 0) & (answers.outcomes <= 1)).all()


def test_the_side_by_side_test_stands_beside_all_pairs(config: EvaluateConfig) -> None:
    seen: list[tuple[int, int]] = []
    report = evaluate_model(replace(config, protocol="sbs"), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (9, 9)  # three scorers: side by side once, matching in both directions
    found = report.find(protocol="sbs", direction="voice_to_face", group="all", measure="accuracy_side_by_side")
    assert found is not None
    assert found.count == 4
    assert report.find(protocol="matching", direction="voice_to_face", group="all", measure="accuracy_1_of_2")
    assert "side-by-side" in report.provenance["protocol"]
    assert "Side by side, as FaceTones" in (config.out / "report.md").read_text(encoding="utf-8")
    assert read_report(config.out) == report


def test_vectors_in_one_space_need_no_model(config: EvaluateConfig, tmp_path: Path) -> None:
    people = find_tested_people(config)
    rng = np.random.default_rng(0)
    (tmp_path / "e").mkdir()
    for table in (people.raw.voice, people.raw.face):
        table.replace_vectors(rng.normal(size=(len(table), 3)), "one").save(
            tmp_path / "e" / f"{table.modality}.parquet"
        )
    asked = replace(config, model="identity", embeddings=tmp_path / "e", subset="all", splits=None)
    found = find_tested_people(asked)
    assert np.linalg.norm(found.voice.vectors, axis=1) == pytest.approx(1.0)
    assert found.model is None
    report = evaluate_model(asked)
    assert report.title.startswith("identity on ")
    assert not any("fold" in note for note in report.notes)


def test_one_question_of_all_pairs_is_made_at_a_time(config: EvaluateConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of every group and direction, of both models, lay in memory together."""
    people = find_tested_people(config)
    built = []
    monkeypatch.setattr(
        rival_model, "build_contest", lambda *tables, direction: built.append(direction) or build_contest(
            *tables, direction=direction
        )
    )  # fmt: skip
    answers = all_answers(people, None)
    assert built == []
    assert next(answers).question == ("voice_to_face", "all", "auc")
    assert built == ["voice_to_face"]
    assert {a.direction for a in answers} == {"voice_to_face", "face_to_voice"}


def test_too_many_pairs_for_delong_are_noted(
    config: EvaluateConfig, other_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paired_comparison, "MOST_ANALYSED", 3)
    report = evaluate_model(replace(config, against=str(other_run)))
    section = next(s for s in report.sections if s.title == "Compared with other-run")
    assert any(note.startswith("DeLong's test is left out above 3 pairs (all pairs, voice → face: ")
               for note in section.notes)  # fmt: skip
    row = next(r for r in section.rows if r[0] == "AUC, all pairs, voice → face")
    assert row[5] == ""
