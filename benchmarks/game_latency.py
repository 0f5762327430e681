"""How long from opening the page of the game to the first sound, and from one turn to the next?

    python benchmarks/game_latency.py --rounds 20

Starts a real `visavox game play` on 127.0.0.1 at a free port, opens it in Chromium without a window, a fresh browser
context each round, and presses Start as soon as it is there. Prints median and worst of

    page to sound   from the navigation to the `playing` event of the voice, the click between them
    click to sound  from the click on Start
    next to sound   from the click on Next, whose faces and voice were fetched while the player thought

and the requests that left the machine: there must be none. Exit status 1: there were, or the median from the page to
the first sound is above 2 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
LIMIT_S = 2.0
N_TURNS = 3  # turns of each round after the first
# In the page: when its navigation began, by the clock of the page, is 0.
SOUND_AFTER = """(selector) => new Promise((done) => {
    const audio = document.getElementById("audio"), begun = performance.now();
    audio.addEventListener("playing", () => done([performance.now() / 1000, (performance.now() - begun) / 1000]),
                           { once: true });
    document.querySelector(selector).click();
})"""


@contextmanager
def playing(pool: Path | None, folder: Path) -> Iterator[str]:
    """Run the command while the block runs; give the address of the game."""
    command = [sys.executable, "-m", "visavox", "game", "play", "--port", "0", "--log", str(folder / "game.sqlite")]
    process = subprocess.Popen(
        [*command, *(["--pool", str(pool)] if pool else [])],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url.startswith("http"):
            sys.exit("The game did not start.")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def measure(browser: Any, url: str, foreign: list[str]) -> tuple[float, float, list[float]]:
    """Return page to sound, click to sound, and next to sound of some turns, in seconds."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.on("request", lambda asked: foreign.append(asked.url) if urlsplit(asked.url).hostname != "127.0.0.1" else None)
    page.goto(url)
    page.wait_for_selector("#begin")
    from_page_s, from_click_s = page.evaluate(SOUND_AFTER, "#begin")
    turns_s = []
    for _ in range(N_TURNS):
        page.wait_for_load_state("networkidle")
        page.click("#left")
        page.wait_for_selector("#next", state="visible")
        turns_s.append(page.evaluate(SOUND_AFTER, "#next")[1])
        page.wait_for_selector("#next", state="hidden")
    context.close()
    return from_page_s, from_click_s, turns_s


def line(name: str, seconds: Sequence[float]) -> str:
    return f"{name:<15} median {statistics.median(seconds):6.3f} s   worst {max(seconds):6.3f} s   of {len(seconds)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20, help="Fresh browser contexts.")
    parser.add_argument("--pool", type=Path, help="Pool of the game; by default the default pool.")
    arguments = parser.parse_args()
    foreign: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        started = time.monotonic()
        with playing(arguments.pool, Path(folder)) as url:
            print(
                f"{url} after {time.monotonic() - started:.1f} s; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
            )
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            rounds = [measure(browser, url, foreign) for _ in range(arguments.rounds)]
            browser.close()
    page_s, click_s, turns_s = zip(*rounds, strict=True)
    print(line("page to sound", page_s))
    print(line("click to sound", click_s))
    print(line("next to sound", [seconds for turns in turns_s for seconds in turns]))
    print(f"requests that left the machine: {len(foreign)}")
    return int(bool(foreign) or statistics.median(page_s) > LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
