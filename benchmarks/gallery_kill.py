"""Kills `visavox gallery add` at random moments and looks at what is left; then lets two of them add at once.

The people are drawn and spoken by the simulated world, the commands are real ones, the signal is SIGKILL. A gallery
passes when it is, to the last byte of its rows, the one before the command or the one after it, when everything fits
its checksums, and when the same command completes it. Half of the moments are spread over the whole command, half lie
in the time in which it writes.

    OMP_NUM_THREADS=1 python benchmarks/gallery_kill.py --kills 10 --out /tmp/gallery_kill
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visavox.config import EmbedConfig
from visavox.corpus_config import PrepareConfig
from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.embedding import embed_corpus
from visavox.retrieval.gallery_opening import open_gallery
from visavox.world.pairs_folder import write_pairs_folder

COMMAND = (sys.executable, "-m", "visavox", "gallery")
WAIT_S = 300.0  # at most, for one command


@dataclass(frozen=True)
class Kill:
    """One killed writer."""

    after_s: float
    """Seconds after its start, or after it began to write."""
    phase: str
    """"command" or "writing": what the seconds are counted from."""
    was_killed: bool
    """False where it ended before."""
    left: str
    """"old", "new", or "broken" and why."""
    is_completed: bool
    """Whether the same command afterwards gave the new gallery."""


def digest(folder: Path) -> str:
    """Return the SHA-256 of all that a gallery holds, after everything was compared with its checksums."""
    rows = []
    with open_gallery(folder) as gallery:
        gallery.info(verify=True)
        for modality in gallery.modalities:
            for part in gallery.tables(modality):
                for i, key in enumerate(part.keys):
                    media = part.media[i] if len(part.media) else None
                    # Sounds are told by their length: a stream of Ogg begins with a number drawn anew.
                    about = media if modality == "face" else str(len(media or b"")).encode()
                    rows.append((key, part.people[i], hashlib.sha256(part.vectors[i].tobytes() + (about or b""))))
    text = "\n".join(f"{key} {person} {content.hexdigest()}" for key, person, content in sorted(rows, key=str))
    return hashlib.sha256("\n".join(sorted(text.splitlines())).encode()).hexdigest()


def prepared(out: Path, name: str, *, people: int, seed: int) -> list[str]:
    """Make, prepare and embed some people, and return the words that name them to a command."""
    corpus, embeddings = out / f"{name}-corpus", out / f"{name}-embeddings"
    if not embeddings.is_dir():
        write_pairs_folder(out / name, n_people=people, n_clips=2, seed=seed, n_processes=1)
        _renamed(out / name, name)
        build_corpus(PrepareConfig(root=out / name, out=corpus, workers=1))
        embed_corpus(EmbedConfig(corpus=corpus, out=embeddings, workers=1))
    return ["--corpus", str(corpus), "--embeddings", str(embeddings), "--workers", "1"]


def _renamed(folder: Path, prefix: str) -> None:
    """Give clips names that no other world has."""
    for kind in ("faces", "voices"):
        for path in list((folder / kind).iterdir()):
            path.rename(path.with_name(f"{prefix}-{path.name}"))
    lines = (folder / "clips.csv").read_text(encoding="utf-8").splitlines()
    (folder / "clips.csv").write_text("\n".join([lines[0], *(f"{prefix}-{line}" for line in lines[1:])]) + "\n")


def run(words: Sequence[str]) -> None:
    """Run a gallery command to its end."""
    subprocess.run([*COMMAND, *words, "--quiet"], check=True, timeout=WAIT_S)


def kill_at(folder: Path, words: Sequence[str], after_s: float, *, phase: str) -> bool:
    """Start a command and kill it; return whether it was still there."""
    process = subprocess.Popen([*COMMAND, *words, "--quiet"], stderr=subprocess.DEVNULL)
    began = {path.name for path in (folder / "segments").iterdir()}
    until = time.monotonic() + WAIT_S
    while phase == "writing" and process.poll() is None and time.monotonic() < until:
        if {path.name for path in (folder / "segments").iterdir()} != began:
            break
        time.sleep(0.0005)
    time.sleep(after_s)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    return process.wait(WAIT_S) == -signal.SIGKILL


def measure(out: Path, *, kills: int, people: int, seed: int) -> list[Kill]:
    """Kill as often as was asked for and say what was left each time."""
    rng = random.Random(seed)
    first, second = (prepared(out, name, people=people, seed=i) for i, name in enumerate(("first", "second")))
    base, new = out / "base", out / "new"
    for folder in (base, new):
        shutil.rmtree(folder, ignore_errors=True)
    run(["build", *first, "--out", str(base)])
    shutil.copytree(base, new)
    started = time.monotonic()
    run(["add", str(new), *second])
    whole_s = time.monotonic() - started
    old_digest, new_digest = digest(base), digest(new)
    found = []
    for number in range(kills):
        phase = "writing" if number % 2 else "command"
        after_s = rng.uniform(0, 0.06 if phase == "writing" else whole_s)
        trial = out / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        shutil.copytree(base, trial)
        was_killed = kill_at(trial, ["add", str(trial), *second], after_s, phase=phase)
        left = {old_digest: "old", new_digest: "new"}.get(digest(trial), "broken")
        run(["add", str(trial), *second])
        found.append(Kill(after_s, phase, was_killed, left, digest(trial) == new_digest))
    return found


def both_at_once(out: Path, *, people: int) -> tuple[list[int], int, int]:
    """Let two commands add at once; return their exit codes, the rows found and the rows expected."""
    second, third = (prepared(out, name, people=people, seed=i) for i, name in ((1, "second"), (2, "third")))
    trial = out / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    shutil.copytree(out / "base", trial)
    writers = [subprocess.Popen([*COMMAND, "add", str(trial), *words, "--quiet"]) for words in (second, third)]
    codes = [writer.wait(WAIT_S) for writer in writers]
    alone = out / "alone"
    shutil.rmtree(alone, ignore_errors=True)
    shutil.copytree(out / "base", alone)
    for words in (second, third):
        run(["add", str(alone), *words])
    sizes = []
    for folder in (trial, alone):
        with open_gallery(folder) as gallery:
            gallery.info(verify=True)
            sizes.append(sum(gallery.count(modality, by="clip") for modality in gallery.modalities))
    return codes, sizes[0], sizes[1]


def main() -> int:
    """Print a line a kill and what came of two writers. Returns 1 if a gallery broke."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/gallery_kill"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    kills = measure(asked.out, kills=asked.kills, people=asked.people, seed=asked.seed)
    print(f"{'counted from':<14} {'after':>9}  {'killed':<7} {'gallery':<8} the same again completes it")
    for kill in kills:
        words = "yes" if kill.was_killed else "ended"
        print(f"{kill.phase:<14} {kill.after_s:>7.3f} s  {words:<7} {kill.left:<8} {kill.is_completed}")
    codes, n_found, n_expected = both_at_once(asked.out, people=asked.people)
    print(f"two at once: exit codes {codes}, {n_found} rows of {n_expected}")
    fine = all(kill.left != "broken" and kill.is_completed for kill in kills)
    return 0 if fine and codes == [0, 0] and n_found == n_expected else 1


if __name__ == "__main__":
    sys.exit(main())
