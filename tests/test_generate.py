"""The command `generate`: what it prints and what it exits with."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from visavox.__main__ import main
from visavox.generate import describe


@pytest.fixture
def words(small_world: Path, tiny_generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    voice = sorted((small_world / "voices").iterdir())[0]
    return ["generate", str(voice), "--out", "faces", "--model", str(tiny_generator), "--samples", "2"]


def test_it_says_what_was_drawn_from_what(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "faces: 2 guesses of a face, by decoder of tiny-generator, 32 px, seed 0, guidance 1.5"
    assert "s of speech; told: voice (from voice)" in lines[1]
    assert lines[2] == "  contact-sheet.png, face-0000.png ..., faces.json"
    assert lines[-1].startswith("  Drawn by a computer.")


def test_notes_are_printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--guidance", "0", "--samples", "1"]) == 0
    said = capsys.readouterr().out
    assert "faces: 1 guess of a face, by" in said
    assert "  note: guidance 0 ignores the voice" in said


def test_json_is_what_the_folder_holds(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("out") == "faces"
    assert told == json.loads(Path("faces/faces.json").read_text(encoding="utf-8"))


def test_quiet_prints_nothing(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--samples", "0"], 2, "`samples` must be 1 to 4096"),
        (["--guidance", "-3"], 2, "`guidance` must be 0 to 30"),
        (["--guidance", "1e6"], 2, "`guidance` must be 0 to 30"),
        (["--age", "30"], 2, "`age` cannot be told to"),
        (["--px", "100"], 2, "`px` must be one that"),
        (["--method", "diffusion"], 1, "It draws by decoder."),
        (["--sampler", "ddim"], 2, "`sampler` is of the method diffusion"),
        (["--model", "nothing"], 2, "Unknown model"),
    ],
)
def test_bad_use_is_one_line(
    words: list[str], capsys: pytest.CaptureFixture[str], more: list[str], code: int, said: str
) -> None:
    assert main([*words, *more]) == code
    shown = capsys.readouterr()
    assert said in shown.err and shown.err.count("\n") == 1 and shown.out == ""
    assert not Path("faces").exists()


def test_ctrl_c_leaves_nothing_and_says_so(
    words: list[str], capsys: pytest.CaptureFixture[str], stand_in_drawer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stand_in_drawer, "draw", stop)
    assert main(words) == 130
    assert capsys.readouterr().err == "visavox: interrupted. faces is as it was: nothing was written.\n"
    assert list(Path().iterdir()) == []


def test_a_second_run_needs_overwrite(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert main(words) == 1
    assert "faces holds pictures." in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_is_stopped_leaves_nothing_half_written(
    words: list[str], tmp_path: Path, sent: signal.Signals
) -> None:
    command = [sys.executable, "-m", "visavox", *words, "--samples", "4096"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 120
        while not list(tmp_path.glob(".faces.*.part/face-0100.png")):
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(sent)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert said == "visavox: interrupted. faces is as it was: nothing was written.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_diffusion_draws_the_same_bytes_twice(
    words: list[str], tiny_diffusion: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--model", str(tiny_diffusion), "--method", "diffusion", "--steps", "2", "--sampler", "dpm", "--px", "64"]
    for out in ("faces", "again"):
        assert main([*words, *more, "--out", out]) == 0
    one, other = ({path.name: path.read_bytes() for path in Path(out).iterdir()} for out in ("faces", "again"))
    assert one == other
    facts = json.loads(one["faces.json"])
    assert (facts["method"], facts["image_px"], facts["options"]) == (
        "diffusion",
        64,
        {"sampler": "dpm", "n_steps": 2, "px": 64},
    )
    assert "by diffusion of tiny-diffusion, 64 px" in capsys.readouterr().out


def test_many_sheets_are_not_all_listed() -> None:
    facts: dict[str, Any] = {"n_samples": 200, "method": "decoder", "model": "m", "image_px": 64, "seed": 0}
    facts |= {"guidance": 1.0, "voice": {"speech_s": 3.0}, "provenance": "voice", "notes": [], "disclaimer": "Drawn."}
    facts["pictures"] = [{"file": f"face-{i:04d}.png"} for i in range(200)]
    facts["contact_sheets"] = ["contact-sheet.png", *(f"contact-sheet-{i}.png" for i in range(2, 6))]
    line = describe("faces", facts).splitlines()[2]
    assert line == "  contact-sheet.png, contact-sheet-2.png ..., face-0000.png ..., faces.json"
