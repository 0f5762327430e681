"""Does the service stand? Many clients for minutes, a part of them sending garbage.

    python benchmarks/service_load.py --minutes 5 --clients 32 --model base

Starts a real `visavox serve` on 127.0.0.1 at a free port, with people of the simulated world as voices and faces, and
stops by itself. When the minutes are over, a burst of more clients than the queue has places asks at once. Checks that
nothing above 499 but 503 comes back, that every 503 says in Retry-After when to come again and some did in the burst,
that every good answer is the one that the same files get without the service, and that memory is flat: of the
proportional set size of the whole process tree (what processes share is counted once), looked at every 3 s until the
burst, the median over the last third of the time is at most 3 % above the median over the third before it; the first
third is the warm-up. Exit status 1: one of these does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the files that would do harm are those of the tests

from tests.web.hostile_media import (  # noqa: E402
    FILE_NAMES,
    Upload,
    face_file,
    hostile_faces,
    hostile_voices,
    portrait,
    voice_file,
)

N_PEOPLE = 6
SAMPLE_S = 3.0  # seconds between two looks at the memory
FLAT_SHARE = 0.03  # of the middle third, by which the last may be above it
BURST_REQUESTS = 3  # of each client of the burst
TOLERANCE = 1e-4  # of probabilities and cosines: batches of other sizes round otherwise


@dataclass(frozen=True)
class Case:
    """A good request, and its answer without the service."""

    voice: bytes
    faces: tuple[bytes, bytes]
    probabilities: tuple[float, ...]
    similarities: tuple[float, ...]


@dataclass
class Tally:
    """What came back."""

    statuses: Counter[str] = field(default_factory=Counter)
    """"good 200", "garbage 422" and so on, how often."""
    latencies_s: list[float] = field(default_factory=list)
    """Of good requests that were answered."""
    failures: list[str] = field(default_factory=list)
    """What must not be, one line each."""
    retry_after_s: Counter[str] = field(default_factory=Counter)
    """What answers of 503 said of when to come again, how often."""
    largest_difference: float = 0.0
    """Of a probability or a cosine to the one without the service."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, response: httpx.Response) -> None:
        """Count an answer; above 499 anything but a 503 that says when to come again is a failure."""
        status, again = response.status_code, response.headers.get("retry-after", "")
        with self.lock:
            self.statuses[f"{kind} {status}"] += 1
            if status == 503:
                self.retry_after_s[again] += 1
            if status >= 500 and (status != 503 or not again.isdigit() or int(again) < 1):
                self.failures.append(f"{kind}: {status}, Retry-After {again!r}: {response.text[:200]}")

    def fail(self, line: str) -> None:
        """Note what must not be."""
        with self.lock:
            self.failures.append(line)


def make_cases(model: str, folder: Path) -> list[Case]:
    """Return good requests with the answers of the model in this process, from files."""
    from visavox.pipeline.voice_face_model import VoiceFaceModel

    loaded = VoiceFaceModel.from_pretrained(model)
    cases = []
    for i in range(N_PEOPLE):
        voice, faces = voice_file(seconds=4.0, seed=i), (portrait(i), portrait((i + 1) % N_PEOPLE))
        paths = [folder / "v.wav", folder / "a.jpg", folder / "b.jpg"]
        for path, data in zip(paths, (voice, *faces), strict=True):
            path.write_bytes(data)
        outcome = loaded.match(paths[0], paths[1:])
        assert outcome.decided, str(outcome)
        known = [(face.probability or 0.0, face.similarity or 0.0) for face in outcome.faces]
        cases.append(Case(voice, faces, tuple(p for p, _ in known), tuple(s for _, s in known)))
    return cases


def ask(client: httpx.Client, case: Case, rng: random.Random, tally: Tally, *, phase: str = "good") -> None:
    """Send one good request and compare the answer; wait where the service asks to, but not in the burst."""
    start = time.perf_counter()
    voice, faces = ("voice", ("v.wav", case.voice)), [("faces", (f"{i}.jpg", f)) for i, f in enumerate(case.faces)]
    kind = rng.choice(("match", "match", "verify", "embed"))
    if kind == "match":
        response = client.post("/v1/match", files=[voice, *faces])
    elif kind == "verify":
        response = client.post("/v1/verify", files=[voice, ("face", faces[0][1])])
    else:
        response = client.post("/v1/embed", files=[("voices", voice[1]), faces[0]])
    tally.note(phase, response)
    if response.status_code == 503:
        if phase != "burst":
            time.sleep(float(response.headers.get("retry-after", "1")) * rng.uniform(0.2, 1.0))
        return
    if response.status_code != 200:
        tally.fail(f"a good {kind} was answered {response.status_code}: {response.text[:200]}")
        return
    answer = response.json()
    if kind == "match":
        got = [face["probability"] for face in answer["faces"]] + [face["similarity"] for face in answer["faces"]]
        wanted = [*case.probabilities, *case.similarities]
    elif kind == "verify":
        got, wanted = [answer["similarity"]], [case.similarities[0]]
    else:
        vectors = [np.array(item["vector"]) for item in answer["items"]]
        got, wanted = [float(vectors[0] @ vectors[1])], [case.similarities[0]]
    difference = max(abs(a - b) for a, b in zip(got, wanted, strict=True))
    with tally.lock:
        if phase != "burst":
            tally.latencies_s.append(time.perf_counter() - start)
        tally.largest_difference = max(tally.largest_difference, difference)
    if difference > TOLERANCE:
        tally.fail(f"{kind}: {got} instead of {wanted}")


def send_garbage(client: httpx.Client, uploads: Sequence[tuple[str, Upload]], rng: random.Random, tally: Tally) -> None:
    """Send one request that makes no sense."""
    what = rng.randrange(8)
    if what == 0:
        send_raw(client.base_url, rng)
        return
    if what == 1:
        response = client.post("/v1/match", files={"voice": ("v", b"x")}, data={"unknown": "1"})
    elif what == 2:
        response = client.post("/v1/verify", content=rng.randbytes(2000), headers={"content-type": "application/json"})
    elif what == 3:
        response = client.request(rng.choice(("GET", "PUT", "DELETE")), rng.choice(("/v1/match", "/v1/%2e%2e/x", "/x")))
    else:
        modality, upload = rng.choice(uploads)
        name = rng.choice((upload.file_name, rng.choice(FILE_NAMES))) or "x"
        bad, good = (name, upload.data), ("g", face_file() if modality == "voice" else voice_file())
        files = {"voice": bad, "face": good} if modality == "voice" else {"voice": good, "face": bad}
        response = client.post("/v1/verify", files=files)
    tally.note("garbage", response)
    if response.status_code == 200:
        tally.fail(f"garbage was answered 200: {response.text[:200]}")
    elif response.headers["content-type"] != "application/problem+json":
        tally.fail(f"garbage was answered with {response.headers['content-type']}: {response.text[:100]}")


def send_raw(url: httpx.URL, rng: random.Random) -> None:
    """Write something that is hardly HTTP, and hang up."""
    head = b"POST /v1/match HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    texts = (
        rng.randbytes(300),
        head + b"Content-Length: 99999999999\r\n\r\n" + bytes(1000),
        head + b"Content-Length: 5000\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n",
        head + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\nabc",
        b"GET /healthz HTTP/9.9\r\n\r\n",
    )
    with socket.create_connection((url.host, url.port or 80), timeout=5) as connection:
        connection.sendall(rng.choice(texts))
        connection.settimeout(0.2)
        try:
            connection.recv(1000)
        except OSError:
            return


def hammer(url: str, cases: Sequence[Case], *, clients: int, seconds: float, garbage: float, seed: int = 0) -> Tally:
    """Ask from many threads for some seconds; return what came back."""
    tally = Tally()
    uploads = [("voice", upload) for upload in hostile_voices()] + [("face", upload) for upload in hostile_faces()]
    until = time.monotonic() + seconds

    def work(number: int) -> None:
        rng = random.Random(f"{seed}-{number}")
        with httpx.Client(base_url=url, timeout=90.0, trust_env=False) as client:
            while time.monotonic() < until:
                try:
                    if rng.random() < garbage:
                        send_garbage(client, uploads, rng, tally)
                    else:
                        ask(client, rng.choice(cases), rng, tally)
                except httpx.TransportError as error:
                    tally.fail(f"a connection broke: {error!r}")
                    time.sleep(0.5)

    run_all([threading.Thread(target=work, args=(number,), daemon=True) for number in range(clients)], seconds, tally)
    return tally


def burst(url: str, cases: Sequence[Case], tally: Tally, *, clients: int, seed: int = 1) -> None:
    """Ask from many threads that begin at one moment and do not wait; the tally counts what came back as "burst"."""
    at_once = threading.Barrier(clients)

    def work(number: int) -> None:
        rng = random.Random(f"{seed}-{number}")
        with httpx.Client(base_url=url, timeout=90.0, trust_env=False) as client:
            at_once.wait(60)
            for _ in range(BURST_REQUESTS):
                try:
                    ask(client, rng.choice(cases), rng, tally, phase="burst")
                except httpx.TransportError as error:
                    tally.fail(f"a connection broke in the burst: {error!r}")

    run_all([threading.Thread(target=work, args=(number,), daemon=True) for number in range(clients)], 60, tally)
    if not tally.statuses["burst 503"]:
        tally.fail(f"{clients} clients at once did not fill the queue")


def run_all(threads: Sequence[threading.Thread], seconds: float, tally: Tally) -> None:
    """Start all threads and wait for their end, two minutes longer than they should take."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 120)
    if any(thread.is_alive() for thread in threads):
        tally.fail("a client still waits two minutes after the end")


def tree_mb(pid: int) -> tuple[float, float]:
    """Return the memory of a process and all below it, in megabytes, and of the process alone.

    What several share is counted in parts, so that the sum counts it once.
    """
    below: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
        except OSError:
            continue
        below.setdefault(int(fields[1]), []).append(int(path.parent.name))
    todo, total_kb, own_kb = [pid], 0, 0
    while todo:
        one = todo.pop()
        todo += below.get(one, [])
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:
            continue
        kb = int(next((line.split()[1] for line in lines if line.startswith("Pss:")), "0"))
        total_kb += kb
        own_kb += kb if one == pid else 0
    return total_kb / 1024, own_kb / 1024


def slope_of(samples: Sequence[tuple[float, float, float]]) -> float:
    """Return how fast the memory grows, in megabytes a minute: the least squares of what was seen."""
    if len(samples) < 3:
        return 0.0
    return float(np.polyfit([t / 60 for t, _, _ in samples], [mb for _, mb, _ in samples], 1)[0])


class Watch(threading.Thread):
    """Looks at the memory of a process tree until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.samples, self.ended = pid, list[tuple[float, float, float]](), threading.Event()

    def run(self) -> None:
        start = time.monotonic()
        while not self.ended.is_set():
            self.samples.append((time.monotonic() - start, *tree_mb(self.pid)))
            self.ended.wait(SAMPLE_S)

    def figures(self) -> dict[str, float]:
        """Return megabytes at the start, in each third of the time, at most and at the end; whether that is flat."""
        thirds = np.array_split(np.array([mb for _, mb, _ in self.samples]), 3)
        alone = np.array_split(np.array([mb for _, _, mb in self.samples]), 3)
        first, middle, last = (float(np.median(third)) for third in thirds)
        return {
            "start_mb": self.samples[0][1],
            "first_third_mb": first,
            "middle_third_mb": middle,
            "last_third_mb": last,
            "end_mb": self.samples[-1][1],
            "highest_mb": max(mb for _, mb, _ in self.samples),
            "server_alone_middle_third_mb": float(np.median(alone[1])),
            "server_alone_last_third_mb": float(np.median(alone[2])),
            "slope_of_the_last_two_thirds_mb_a_minute": slope_of(self.samples[len(self.samples) // 3 :]),
            "is_flat": float(last <= (1 + FLAT_SHARE) * middle),
        }


@contextmanager
def service(model: str, folder: Path, options: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """Run `visavox serve` while the block runs; give its address and its process."""
    command = [sys.executable, "-m", "visavox", "serve", "--model", model, "--port", "0", "--no-pages", "--json"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *options], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (folder / "serve.log").read_text(encoding="utf-8")
        yield json.loads(line)["url"], process.pid
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


def report(tally: Tally, memory: dict[str, float], seconds: float) -> dict[str, Any]:
    """Return the figures of a run."""
    latencies = np.array(tally.latencies_s or [float("nan")]) * 1000
    return {
        "seconds": round(seconds, 1),
        "good_a_second": round(len(tally.latencies_s) / seconds, 1),
        "statuses": dict(sorted(tally.statuses.items())),
        "retry_after_s": dict(sorted(tally.retry_after_s.items())),
        "latency_ms": {f"p{q}": round(float(np.percentile(latencies, q)), 1) for q in (50, 90, 99, 100)},
        "largest_difference": tally.largest_difference,
        "memory": {name: round(value, 1) for name, value in memory.items()},
        "n_failures": len(tally.failures),
        "failures": tally.failures[:10],
    }


def main() -> int:
    """Run, print, and say whether it stood."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--garbage", type=float, default=0.1, help="share of requests that make no sense")
    parser.add_argument("--model", default="base")
    parser.add_argument("--queue", type=int, default=32, help="places of the queue that the service has")
    parser.add_argument("--burst", type=int, default=120, help="clients of the burst, more than queue and batch hold")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = make_cases(given.model, folder)
        with service(given.model, folder, ["--queue", str(given.queue)]) as (url, pid):
            watch = Watch(pid)
            watch.start()
            start = time.monotonic()
            tally = hammer(url, cases, clients=given.clients, seconds=60 * given.minutes, garbage=given.garbage)
            seconds = time.monotonic() - start
            watch.ended.set()
            watch.join()
            burst(url, cases, tally, clients=given.burst)
            health = httpx.get(f"{url}/healthz", trust_env=False)
            tally.note("health", health)
            if health.status_code != 200:
                tally.fail(f"after it the service is not well: {health.text}")
        n_bugs = (folder / "serve.log").read_text(encoding="utf-8", errors="replace").count("Traceback")
    figures = {**report(tally, watch.figures(), seconds), "tracebacks_in_the_log": n_bugs}
    print(json.dumps(figures, indent=2))
    return 0 if not tally.failures and figures["memory"]["is_flat"] and not n_bugs else 1


if __name__ == "__main__":
    sys.exit(main())
