"""The folder of a study: what is made, what is read back, what is refused."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from visavox.__main__ import main
from visavox.errors import ConfigError, DataError
from visavox.game_config import GameStudyConfig
from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.study_folder import Study, make_study, pool_digest


@pytest.fixture
def config(game_pool: GamePool, tmp_path: Path) -> GameStudyConfig:
    return GameStudyConfig(
        pool=game_pool.folder, out=tmp_path / "study", participants=4, trials=4, attention=1, title="A *test*"
    )


def test_a_study_is_made_and_read_back(config: GameStudyConfig, game_pool: GamePool) -> None:
    outcome = make_study(config)
    assert (outcome.participants, outcome.turns, outcome.attention, outcome.same_gender) == (4, 4, 1, 0.5)
    assert outcome.pairs * outcome.shown[0] <= 16 <= outcome.pairs * outcome.shown[1]
    assert {path.name for path in config.out.iterdir()} >= {"plan.json", "links.csv", "consent.md", "turns.sqlite"}
    study = Study.load(config.out, game_pool)
    assert [len(turns) for turns in study.plan] == [5] * 4
    assert sorted(study.numbers.values()) == [1, 2, 3, 4]
    assert study.title == "A *test*"
    assert study.log.items()["f0"] == "f" and study.log.turns() == []
    about = json.loads((config.out / "plan.json").read_text(encoding="utf-8"))
    assert (about["seed"], about["pool"], about["model"]) == (0, pool_digest(game_pool), "oracle")


def test_links_are_secret_and_long_and_the_plan_is_not_random(config: GameStudyConfig, tmp_path: Path) -> None:
    make_study(config)
    make_study(dataclasses.replace(config, out=tmp_path / "again"))
    with (config.out / "links.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["participant"] for row in rows] == ["1", "2", "3", "4"]
    assert len({row["link"] for row in rows}) == 4
    assert all(row["link"].startswith("/study/") and len(row["link"]) >= 7 + 24 for row in rows)
    assert (config.out / "links.csv").stat().st_mode & 0o077 == 0
    one, two = ((folder / "plan.json").read_bytes() for folder in (config.out, tmp_path / "again"))
    assert one == two
    assert (config.out / "links.csv").read_bytes() != (tmp_path / "again" / "links.csv").read_bytes()


def test_a_study_with_answers_is_never_replaced(config: GameStudyConfig, game_pool: GamePool) -> None:
    make_study(config)
    with pytest.raises(ConfigError, match=r"holds a study\. Choose another --out, or replace it with --overwrite\.$"):
        make_study(config)
    again = dataclasses.replace(config, overwrite=True)
    make_study(again)
    log = Study.load(config.out, game_pool).log
    session = log.start_session("study", {})
    turn = log.add_turn(session, "study", true_item="f0", false_item="f1", left_item="f0", model_choice="f0")
    make_study(again)  # dealt and not answered
    assert log.turns() == []
    session = log.start_session("study", {})
    turn = log.add_turn(session, "study", true_item="f0", false_item="f1", left_item="f0", model_choice="f0")
    log.answer(turn.id, "f0")
    with pytest.raises(DataError, match="has answers already, and is not replaced"):
        make_study(again)


def test_an_edited_consent_is_shown(config: GameStudyConfig, game_pool: GamePool) -> None:
    make_study(config)
    (config.out / "consent.md").write_text("# Ours\n\nWords.", encoding="utf-8")
    study = Study.load(config.out, game_pool)
    assert (study.title, study.consent[0].lines) == ("Ours", ("Words.",))
    (config.out / "consent.md").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"Mend consent\.md\.$"):
        Study.load(config.out, game_pool)


def test_what_is_no_study_is_refused_in_one_line(
    config: GameStudyConfig, game_pool: GamePool, make_game_pool, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"is no study: plan\.json is missing\. Make one with: visavox game study"):
        Study.load(tmp_path, game_pool)
    make_study(config)
    links = config.out / "links.csv"
    links.write_text(links.read_text(encoding="utf-8").replace("\n2,", "\n3,"), encoding="utf-8")
    with pytest.raises(DataError, match=r"damaged \(links\.csv must hold one link for each of the 4 participants\)"):
        Study.load(config.out, game_pool)
    links.unlink()
    with pytest.raises(DataError, match=r"is no study: links\.csv is missing"):
        Study.load(config.out, game_pool)
    other = dataclasses.replace(game_pool, model="other")
    with pytest.raises(DataError, match="planned for another pool"):
        Study.load(config.out, other)
    (config.out / "plan.json").write_text('{"format": "x"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"damaged \(its format is 'x', not 'visavox-study-1'\)\. Plan it again"):
        Study.load(config.out, game_pool)
    with pytest.raises(DataError, match="is no folder of a study"):
        Study.load(config.out / "plan.json", game_pool)


def test_a_consent_text_that_nobody_edited_is_told(
    config: GameStudyConfig, game_pool: GamePool, caplog: pytest.LogCaptureFixture
) -> None:
    make_study(config)
    Study.load(config.out, game_pool)
    assert "consent.md still says 'EDIT THIS'" in caplog.text
    caplog.clear()
    path = config.out / "consent.md"
    path.write_text(path.read_text(encoding="utf-8").replace("EDIT THIS: name", "Ann Lee"), encoding="utf-8")
    Study.load(config.out, game_pool)
    assert not caplog.text


def test_the_command_says_what_was_planned(config: GameStudyConfig, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["game", "study", str(config.pool), "--out", str(config.out), "--participants", "6", "--trials", "4"]
    assert main([*words, "--attention", "1"]) == 0
    said = capsys.readouterr().out
    assert f"{config.out}: 6 participants, 4 turns and 1 attention check each" in said
    assert "8 pairs, each shown 3 times" in said
    assert "50 % of the turns show two faces of one gender" in said
    assert main(words) == 2
    assert "holds a study" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--trials", "400"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
