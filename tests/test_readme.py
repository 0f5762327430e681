"""The README's commands are run, its options exist, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from visavox.__main__ import COMMANDS, GROUPS, main
from visavox.registry import ENCODERS, PROTOCOLS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


def shell_lines(first_word: str) -> list[list[str]]:
    lines = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line for line in words if line and line[0] == first_word]


@pytest.mark.slow
def test_the_commands_of_the_readme_do_what_it_says(
    quick_ceiling: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = [line[1:] for line in shell_lines("visavox")]
    assert [" ".join(command[: 1 + (command[0] in GROUPS)]) for command in commands] == [
        "doctor", "simulate", "prepare", "corpus status", "corpus gallery", "embed", "split", "train", "evaluate",
        "enroll", "identify", "generate", "gallery build", "search", "game pool",
    ]  # fmt: skip
    for command in commands:
        assert main(command) == 0, (command, capsys.readouterr().err)
    assert (tmp_path / "report" / "report.html").is_file()


def test_the_python_example_works_on_real_names(
    small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    voice = sorted((small_world / "voices").iterdir())[0]
    faces = sorted((small_world / "faces").iterdir())
    (tmp_path / "voice.wav").symlink_to(voice)
    (tmp_path / "a.jpg").symlink_to(faces[0])
    (tmp_path / "b.jpg").symlink_to(faces[2])
    (code,) = [block for kind, block in BLOCKS if kind == "python"]
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    outcome = names["outcome"]
    assert outcome.decided  # type: ignore[attr-defined]


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for _, target in shell_lines("make"):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("command", list(COMMANDS)),
        ("encoder", ENCODERS.names()),
        ("protocol", PROTOCOLS.names()),
    ],
)
def test_every_name_is_in_its_table(heading: str, names: list[str]) -> None:
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, flags=re.MULTILINE)
    assert sorted(re.findall(r"^\| `(\w+(?: \w+)?)` \|", table, flags=re.MULTILINE)) == sorted(names)


def test_files_that_are_named_exist() -> None:
    named = re.findall(r"`((?:docs|src|recipes)/[\w./-]+|\w+\.md|[\w-]+\.txt)`", README)
    assert named
    for name in named:
        assert (ROOT / name).exists(), name
