"""The end of every evaluation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.evaluation.measures import Measure
from visavox.evaluation.record import Report
from visavox.evaluation.report import read_report
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.report_writing import finish_report, log_final_test

FACTS = {"date": "2026-01-01", "corpus": "people", "trial_hash": "t", "version": "1"}


def report(value: float = 0.81234) -> Report:
    measures = (
        Measure("sss", "voice_to_face", "all", "accuracy_1_of_2", value, 0.7, 0.9, 0.5, 9, 3),
        Measure("sss", "voice_to_face", "all", "map", 0.1, 0.05, 0.2, 0.01, 9, 3),
        Measure("sss", "voice_to_face", "all", "auc", note="undefined"),
    )
    return Report("A test", measures, (), FACTS)


def test_a_final_test_is_one_line_with_its_protocol_and_main_figures(tmp_path: Path) -> None:
    config = EvaluateConfig(
        out=tmp_path, protocol="sss", lists=tmp_path, model="m", final_log=tmp_path / "new" / "log.jsonl"
    )
    log_final_test(config, report())
    log_final_test(config, report(0.5))
    rows = [json.loads(line) for line in config.final_log.read_text(encoding="utf-8").splitlines()]
    assert rows[0] == {
        "date": "2026-01-01",
        "model": "m",
        "people": "people",
        "catalog_hash": "",
        "trial_hash": "t",
        "version": "1",
        "protocol": "sss",
        "figures": {"voice_to_face all accuracy_1_of_2": [0.8123, 0.7, 0.9]},
    }
    assert len(rows) == 2


def test_the_report_and_the_comparison_are_written(tmp_path: Path) -> None:
    first = EvaluateConfig(out=tmp_path / "a", final_log=tmp_path / "log.jsonl")
    finish_report(first, report())
    assert read_report(tmp_path / "a") == report()
    assert not (tmp_path / "a" / "comparison.html").exists()
    assert not (tmp_path / "log.jsonl").exists()
    second = replace(first, out=tmp_path / "b", compare=(tmp_path / "a",), final=True)
    finish_report(second, report(0.5))
    assert "Runs compared" in (tmp_path / "b" / "comparison.html").read_text(encoding="utf-8")
    assert "50.0 %" in (tmp_path / "b" / "comparison.md").read_text(encoding="utf-8")
    assert (tmp_path / "log.jsonl").is_file()


def test_an_earlier_report_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"report\.json"):
        finish_report(EvaluateConfig(out=tmp_path / "a", compare=(tmp_path / "none",)), report())
