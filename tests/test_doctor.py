from __future__ import annotations

import json

import pytest

from visavox import doctor
from visavox.config import DoctorConfig
from visavox.pipeline.environment import Check

FINE = Check("torch", "ok", "2.13.0")
MISSING = Check("dlib library", "missing", "not installed", "pip install --no-deps -r requirements-offline.txt")
BROKEN = Check("opencv", "broken", "5.0 has no [cascade]", "pip install " + "a-long-line-that-must-not-be-wrapped " * 4)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    checks: list[Check] = []
    monkeypatch.setattr(doctor, "inspect_environment", lambda: checks)
    return checks


def test_what_is_missing_is_told_but_only_what_is_broken_fails(found: list[Check]) -> None:
    found += [FINE, MISSING]
    assert doctor.run(DoctorConfig()) == 0
    found.append(BROKEN)
    assert doctor.run(DoctorConfig()) == 1
    assert doctor.run(DoctorConfig(json=True)) == 1


def test_json_holds_every_check(found: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    found += [FINE, BROKEN]
    doctor.run(DoctorConfig(json=True))
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["checks"][0] == {"name": "torch", "state": "ok", "detail": "2.13.0", "remedy": ""}
    assert [check["name"] for check in answer["checks"]] == ["torch", "opencv"]


def test_the_table_shows_what_was_found_and_remedies_on_one_line_each(
    found: list[Check], capsys: pytest.CaptureFixture[str]
) -> None:
    found += [FINE, MISSING, BROKEN]
    doctor.run(DoctorConfig())
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert any(line.split()[:2] == ["torch", "ok"] for line in lines)
    assert any("5.0 has no [cascade]" in line for line in lines)
    assert f"{MISSING.name}: {MISSING.remedy}" in lines
    assert f"{BROKEN.name}: {BROKEN.remedy}".strip() in lines


def test_quiet_leaves_out_what_is_in_order(found: list[Check], capsys: pytest.CaptureFixture[str]) -> None:
    found.append(FINE)
    assert doctor.run(DoctorConfig(quiet=True)) == 0
    assert capsys.readouterr().out == ""
    found.append(MISSING)
    doctor.run(DoctorConfig(quiet=True))
    assert "torch" not in capsys.readouterr().out


def test_the_real_machine_is_described_without_a_crash(capsys: pytest.CaptureFixture[str]) -> None:
    code = doctor.run(DoctorConfig(json=True))
    answer = json.loads(capsys.readouterr().out)
    assert code == int(any(check["state"] == "broken" for check in answer["checks"]))
    assert answer["ok"] == (code == 0)
