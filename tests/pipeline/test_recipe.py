"""Recipes: every step is checked before the first is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.__main__ import COMMANDS, config_class
from visavox.command_line import parse_arguments
from visavox.errors import ConfigError, UnknownNameError
from visavox.pipeline.recipe import read_recipe, recipe_name, recipe_next

RECIPES = Path(__file__).parents[2] / "recipes"


def write(folder: Path, text: str) -> Path:
    (folder / "r.yaml").write_text(text, encoding="utf-8")
    return folder / "r.yaml"


def test_paths_lie_in_the_run_and_data_is_filled_in(tmp_path: Path) -> None:
    path = write(
        tmp_path, "steps:\n  - prepare: {root: '{data}/a', out: corpus}\n  - embed: {corpus: corpus, out: /e}\n"
    )
    first, second = read_recipe(path, out=Path("/run"), data=Path("/data"))
    assert (first.config.root, first.config.out) == (Path("/data/a"), Path("/run/corpus"))
    assert (second.config.corpus, second.config.out) == (Path("/run/corpus"), Path("/e"))


def test_a_relative_data_folder_is_relative_to_where_the_command_runs(tmp_path: Path) -> None:
    """`--data ../data` once became OUT/../data."""
    path = write(tmp_path, "steps:\n  - prepare: {root: '{data}/a', out: '{out}/c'}\n")
    (step,) = read_recipe(path, out=Path("runs/x"), data=Path("../data"))
    assert (step.config.root, step.config.out) == (Path("../data/a"), Path("runs/x/c"))


def test_options_that_are_no_paths_keep_their_text(tmp_path: Path) -> None:
    text = "steps:\n  - embed: {corpus: c, out: e, voice_encoder: {name: ge2e, output: hidden}, batch_size: 4}\n"
    (step,) = read_recipe(write(tmp_path, text), out=tmp_path, data=None)
    assert dict(step.config.voice_encoder) == {"name": "ge2e", "output": "hidden"}
    assert step.config.batch_size == 4


def test_folders_inside_an_option_are_filled_in_and_its_names_are_no_paths(tmp_path: Path) -> None:
    text = (
        "steps:\n  - train: {embeddings: e, out: r, associator: {name: cca, x: '{out}/../w', deep: {y: '{data}/z'}}}\n"
    )
    (step,) = read_recipe(write(tmp_path, text), out=Path("/run"), data=Path("/data"))
    assert dict(step.config.associator) == {"name": "cca", "x": "/run/../w", "deep": {"y": "/data/z"}}


def test_a_final_step_is_marked(tmp_path: Path) -> None:
    text = "steps:\n  - evaluate: {out: a, pairs: p}\n  - evaluate: {out: b, pairs: p, final: true}\n"
    assert [step.final for step in read_recipe(write(tmp_path, text), out=tmp_path, data=None)] == [False, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps:\n  - prepare: {rot: a, out: b}\n", r"step 1 \(prepare\) takes no 'rot', probably a typo. It takes: "),
        ("steps:\n  - prepare: {out: b}\n", "root"),
        ("steps:\n  - embed: {corpus: a, out: b, batch_size: many}\n", "batch_size"),
        ("steps:\n  - prepare: {root: '{data}/a', out: b}\n", "Name the folder with --data"),
        ("steps:\n  - prepare: 3\n", "must have a mapping of options"),
        ("steps:\n  - {prepare: {}, embed: {}}\n", "must be one command"),
        ("steps: 3\n", "`steps`, a list"),
        ("- a\n", "`steps`, a list"),
        ("stepps: []\nsteps: []\n", "takes no 'stepps'"),
        ("steps: [}\n", "is no YAML that"),
        ("steps:\n  - split: {corpus: a, out: b}\nnext: [a]\n", "`next` must be text. Got .*after a |"),
        ("steps:\n  - split: {corpus: a, out: b}\nnext: see {data}\n", "`next`, uses {data}. Name the folder"),
        ("steps:\n  - split: {corpus: a, out: b, seed: 1, seed: 2}\n", "the key 'seed' is given twice, line 2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        read_recipe(write(tmp_path, text), out=tmp_path, data=None)
    assert "\n" not in str(raised.value)


def test_an_unknown_step_gives_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'prepare'"):
        read_recipe(write(tmp_path, "steps:\n  - prepair: {}\n"), out=tmp_path, data=None)


def test_a_missing_recipe_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no recipe"):
        read_recipe(tmp_path / "no.yaml", out=tmp_path, data=None)


def test_the_name_of_a_recipe_is_its_own_or_its_files(tmp_path: Path) -> None:
    assert recipe_name(write(tmp_path, "name: mine\nsteps: []\n")) == "mine"
    assert recipe_name(write(tmp_path, "steps: []\n")) == "r"
    assert recipe_name(tmp_path / "absent.yaml") == "absent"


@pytest.mark.parametrize(
    "path", sorted(p for p in RECIPES.glob("*.yaml") if not p.name.startswith("compare-")), ids=lambda p: p.stem
)
def test_every_recipe_that_comes_along_is_valid(path: Path, tmp_path: Path) -> None:
    steps = read_recipe(path, out=tmp_path, data=tmp_path / "data")
    assert steps[-1].name in ("train", "evaluate")


def test_the_fingerprint_follows_options_files_and_what_came_before(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text = "steps:\n  - prepare: {root: '{data}/in', out: c, limit: 1}\n"

    def fingerprint(text: str, before: str = "") -> str:
        return read_recipe(write(tmp_path, text), out=tmp_path, data=tmp_path)[0].fingerprint(before)

    first = fingerprint(text)
    assert fingerprint(text) == first
    assert fingerprint(text, "x") != first
    assert fingerprint(text.replace("limit: 1", "limit: 2")) != first
    (tmp_path / "in" / "new.jpg").write_bytes(b"x")
    assert fingerprint(text) != first


def test_a_folder_is_no_recipe_and_no_steps_are_no_recipe_either(tmp_path: Path) -> None:
    """The one said "Is a directory" without a remedy, the other did nothing and called it done."""
    with pytest.raises(ConfigError, match="There is no recipe"):
        read_recipe(tmp_path, out=tmp_path, data=None)
    with pytest.raises(ConfigError, match="must be a list of one or more"):
        read_recipe(write(tmp_path, "steps: []\n"), out=tmp_path, data=None)


def test_a_number_out_of_range_names_its_step(tmp_path: Path) -> None:
    text = "steps:\n  - prepare: {root: a, out: c, workers: -1}\n"
    with pytest.raises(ConfigError, match=r"step 1 \(prepare\): `workers` must be at least 0. Got -1"):
        read_recipe(write(tmp_path, text), out=tmp_path, data=None)


def test_the_fingerprint_follows_what_other_runs_made(tmp_path: Path) -> None:
    """Embeddings and models from outside the run were known by their names alone, so new ones were passed over."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "voice.parquet").write_bytes(b"old")
    recipe = write(
        tmp_path,
        "steps:\n"
        '  - train: {embeddings: "{data}/elsewhere", out: a}\n'
        '  - evaluate: {model: "{data}/elsewhere", embeddings: embeddings, out: b}\n',
    )

    def fingerprints() -> list[str]:
        steps = read_recipe(recipe, out=tmp_path / "run", data=tmp_path)
        return [step.fingerprint("") for step in steps]

    first = fingerprints()
    (tmp_path / "run" / "embeddings").mkdir(parents=True)
    (tmp_path / "run" / "embeddings" / "voice.parquet").write_bytes(b"made by a step")
    assert fingerprints() == first
    (tmp_path / "elsewhere" / "voice.parquet").write_bytes(b"newer")
    assert all(now != before for now, before in zip(fingerprints(), first, strict=True))


NEXT = """
steps:
  - evaluate: {pairs: p, out: first}
  - evaluate: {pairs: p, out: second}
  - split: {corpus: c, out: s}
next: |
  Now look at {out}:
    visavox match
"""


def test_what_comes_next_is_shown_and_ends_the_last_report(tmp_path: Path) -> None:
    path = write(tmp_path, NEXT)
    assert recipe_next(path, out=Path("/run"), data=None) == "Now look at /run:\n  visavox match"
    first, second, last = read_recipe(path, out=Path("/run"), data=None)
    assert (first.config.next_steps, second.config.next_steps) == ("", "Now look at /run:\n  visavox match")
    assert not hasattr(last.config, "next_steps")


def test_a_report_with_a_text_of_its_own_keeps_it(tmp_path: Path) -> None:
    path = write(tmp_path, NEXT.replace("out: second", "out: second, next_steps: mine"))
    assert read_recipe(path, out=tmp_path, data=None)[1].config.next_steps == "mine"


def test_a_recipe_need_not_say_what_comes_next(tmp_path: Path) -> None:
    path = write(tmp_path, "steps:\n  - split: {corpus: c, out: s}\n")
    assert recipe_next(path, out=tmp_path, data=None) == ""
    said = write(tmp_path, "steps:\n  - split: {corpus: c, out: s}\nnext: go\n")
    assert recipe_next(said, out=tmp_path, data=None) == "go"
    assert len(read_recipe(said, out=tmp_path, data=None)) == 1


@pytest.mark.parametrize(
    "path", sorted(p for p in RECIPES.glob("*.yaml") if not p.name.startswith("compare-")), ids=lambda p: p.stem
)
def test_every_command_that_a_recipe_says_comes_next_is_one(path: Path, tmp_path: Path) -> None:
    text = recipe_next(path, out=tmp_path, data=tmp_path)
    for line in (line.split() for line in text.splitlines() if line.startswith("  visavox ")):
        class_name, positional = COMMANDS[line[1]]
        assert parse_arguments(config_class(class_name), line[2:], prog=line[1], positional=positional) is not None
    assert path.stem != "quickstart" or "visavox prepare --source videos" in text


def test_a_comparison_is_sent_to_its_own_command(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a comparison of methods. Run it with: visavox compare .*compare-small"):
        read_recipe(RECIPES / "compare-small.yaml", out=tmp_path, data=None)


OWN_DATA = (
    "data: world\nsteps:\n  - simulate: {out: world}\n  - simulate: {out: other}\n"
    "  - prepare: {root: '{data}', out: corpus}\n"
)


def test_a_recipe_that_makes_its_data_reads_it_from_the_run(tmp_path: Path) -> None:
    steps = read_recipe(write(tmp_path, OWN_DATA), out=Path("/run"), data=None)
    assert [step.name for step in steps] == ["simulate", "simulate", "prepare"]
    assert steps[2].config.root == Path("/run/world")


def test_with_other_data_it_makes_none_of_its_own(tmp_path: Path) -> None:
    steps = read_recipe(write(tmp_path, OWN_DATA), out=Path("/run"), data=Path("/people"))
    assert [(step.number, str(step.config.out)) for step in steps] == [(2, "/run/other"), (3, "/run/corpus")]
    assert steps[1].config.root == Path("/people")


def test_other_data_may_be_read_by_another_source(tmp_path: Path) -> None:
    text = OWN_DATA + "  - prepare: {root: '{out}/other', out: second}\n"
    steps = read_recipe(write(tmp_path, text), out=Path("/run"), data=Path("/people"), source="voxceleb")
    assert [step.config.source for step in steps[1:]] == ["voxceleb", "pairs"]


@pytest.mark.parametrize("own", ["3", "''", "/abs", "'{out}/w'"])
def test_the_data_of_a_recipe_is_a_folder_of_the_run(tmp_path: Path, own: str) -> None:
    with pytest.raises(ConfigError, match="`data` must name a folder inside that of the run"):
        read_recipe(write(tmp_path, OWN_DATA.replace("world\n", f"{own}\n", 1)), out=tmp_path, data=None)


def test_what_comes_next_knows_the_data_of_the_recipe(tmp_path: Path) -> None:
    text = OWN_DATA + "next: look at {data}\n"
    assert recipe_next(write(tmp_path, text), out=Path("/run"), data=None) == "look at /run/world"


def test_a_mapping_may_be_laid_under_another(tmp_path: Path) -> None:
    text = "steps:\n  - embed: &first {corpus: c, out: e, batch_size: 4}\n  - embed: {<<: *first, batch_size: 5}\n"
    first, second = read_recipe(write(tmp_path, text), out=tmp_path, data=None)
    assert (first.config.batch_size, second.config.batch_size) == (4, 5)
    assert second.config.corpus == first.config.corpus
