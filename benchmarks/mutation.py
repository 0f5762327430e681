"""Prints how many small faults in visavox/metrics and visavox/objectives their tests notice.

    nice python benchmarks/mutation.py [metrics/retrieval.py ...] [--max-children 2] [--folder NEW]

A mutant is the code with one fault put in: `<` for `<=`, an argument dropped, a text changed. mutmut 3 (extra `dev`)
makes them and runs on each the tests of these two packages that reach its function; the rest of the suite and the
doctests take no part, nor do tests named `..._point_at_the_caller`, since mutmut stands between caller and function.
A mutant is killed when a test fails; a timeout, mostly a loop that never ends, is one that was noticed; one that no
test reaches has survived. Everything happens in a copy, in a temporary folder; with --folder the copy stays, and
`mutmut results` and `mutmut show NAME` inside it say what lives. The processes of mutmut run one thread each.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("metrics", "objectives")
SURVIVED = {0, 5, 33}  # exit codes that mutmut stores: tests passed, no test
TIMEOUT = {36, 24, -24, 152, 255}
SETTINGS = """
[tool.mutmut]
source_paths = ["src/"]
only_mutate = {patterns}
pytest_add_cli_args_test_selection = ["tests/metrics", "tests/objectives"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-k", "not point_at_the_caller"]
use_git_change_detection = false
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=list(PACKAGES), help="packages or files; default: both packages")
    parser.add_argument("--max-children", type=int, default=1, help="mutants tested at once; default: %(default)s")
    parser.add_argument("--folder", type=Path, help="a new folder for the copy, which is kept")
    options = parser.parse_args()
    for name in options.files:
        if name.split("/")[0] not in PACKAGES or not (ROOT / "src/visavox" / name).exists():
            parser.error(f"a file must be one of visavox/metrics or visavox/objectives. Got {name}.")
    if options.folder and options.folder.exists():
        parser.error(f"--folder must be new. {options.folder} exists.")
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        copy_project(folder, options.files)
        run_mutmut(folder, options.max_children)
        print_table(folder)


def copy_project(folder: Path, files: list[str]) -> None:
    """Lay the package, the tests of the two packages and the settings for these files into the folder."""
    for name in ("src", *(f"tests/{package}" for package in PACKAGES)):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    patterns = [f"src/visavox/{name if name.endswith('.py') else name + '/*.py'}" for name in files]
    settings = SETTINGS.format(patterns=json.dumps(patterns))
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + settings)


def run_mutmut(folder: Path, max_children: int) -> None:
    """Make and test the mutants; what mutmut prints goes to mutmut.log in the folder."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(max_children)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    with (folder / "mutmut.log").open("w") as log:
        done = subprocess.run(command, cwd=folder, env={**os.environ, **threads}, stdout=log, stderr=log, check=False)
    if done.returncode:
        last = (folder / "mutmut.log").read_text().splitlines()[-20:]
        raise SystemExit("\n".join(["mutmut stopped:", *last]))


def print_table(folder: Path) -> None:
    """Print one line a file, one a package and one of all, from the exit codes that mutmut stored."""
    print(f"{'package':12}{'file':28}{'mutants':>8}{'killed':>8}{'survived':>9}{'timeouts':>9}{'share':>8}")
    everything: Counter[str] = Counter()
    for package in PACKAGES:
        of_package: Counter[str] = Counter()
        for path in sorted((folder / "mutants/src/visavox" / package).glob("*.meta")):
            codes = json.loads(path.read_text())["exit_code_by_key"].values()
            if None in codes:
                raise SystemExit(f"mutmut was stopped before it had tested every mutant of {path.stem}.")
            found = Counter(fate(code) for code in codes)
            if found:
                of_package += found
                print_line(package, path.stem, found)
        if of_package:
            everything += of_package
            print_line(package, "all", of_package)
    print_line("all", "all", everything)


def fate(code: int) -> str:
    if code in SURVIVED:
        return "survived"
    return "timeouts" if code in TIMEOUT else "killed"


def print_line(package: str, file: str, found: Counter[str]) -> None:
    n_mutants = found.total()
    share = 1 - found["survived"] / max(n_mutants, 1)
    numbers = "".join(f"{found[name]:>{width}}" for name, width in (("killed", 8), ("survived", 9), ("timeouts", 9)))
    print(f"{package:12}{file:28}{n_mutants:>8}{numbers}{share:>8.1%}", flush=True)


if __name__ == "__main__":
    main()
