"""A writer is killed at every step that reaches the disk: the gallery is the old one or the new one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# One interpreter, which forks a writer for each step: the n-th sync or rename kills it with SIGKILL.
KILLER = '''
import json, os, shutil, signal, sys
from pathlib import Path
import numpy as np
from visavox.retrieval import gallery_writing
from visavox.retrieval.gallery_rows import GalleryAbout, GalleryRows
from visavox.retrieval.local_gallery import LocalGallery

gallery_writing.MANY_OF_A_SIZE = 3  # so that the change merges segments too


def rows(n, seed, prefix):
    vectors = np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    clips = tuple(f"{prefix}{i}" for i in range(n))
    media = tuple(f"{prefix}{i} {seed}".encode() for i in range(n))
    return GalleryRows("face", tuple(f"{c}/face" for c in clips), clips, clips, (None,) * n, {}, vectors, media)


def state(folder):
    """Every key with its vector and its media, after everything was verified."""
    with LocalGallery.open(folder) as gallery:
        gallery.info(verify=True)
        parts = list(gallery.tables("face"))
    return {k: (p.vectors[i].tolist(), p.media[i].decode()) for p in parts for i, k in enumerate(p.keys)}


def change(folder, kind):
    gallery = LocalGallery.open(folder)
    if kind == "add":
        gallery.add(rows(6, 9, "a"))
    elif kind == "remove":
        gallery.remove(people=["a1", "b1"])
    else:
        LocalGallery.create(folder, gallery.about, [rows(3, 5, "z")])


def attempt(folder, kind, last):
    """Fork a writer that is killed at its step number `last`; return whether it was."""
    child = os.fork()
    if child == 0:
        steps = [0]

        def deadly(call):
            def step(*arguments):
                steps[0] += 1
                if steps[0] == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments)
            return step

        os.fsync, os.replace, shutil.rmtree = deadly(os.fsync), deadly(os.replace), deadly(shutil.rmtree)
        os.unlink = deadly(os.unlink)
        change(folder, kind)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


work, told = Path(sys.argv[1]), {}
first = LocalGallery.create(work / "first", GalleryAbout("base", "00", 4), [rows(4, 1, "a")])
first.add(rows(3, 2, "b"))
old = state(work / "first")
for kind in ("add", "remove", "replace"):
    shutil.copytree(work / "first", work / f"{kind}-new")
    change(work / f"{kind}-new", kind)
    new = state(work / f"{kind}-new")
    assert new != old
    found = []
    while True:
        folder = work / f"{kind}-{len(found)}"
        shutil.copytree(work / "first", folder)
        if not attempt(folder, kind, len(found) + 1):
            break
        now = state(folder)
        found.append("old" if now == old else "new" if now == new else "broken")
        if found[-1] == "old":
            change(folder, kind)
            assert state(folder) == new, "the same again does not complete it"
        if kind == "add":
            change(folder, kind)  # again, and nothing that was left over is in the way
            assert state(folder) == new
            left = {p.name for p in (folder / "segments").iterdir()}
            assert left == {s.name for s in LocalGallery.open(folder)._snapshot.manifest.segments}
    assert state(folder) == new
    told[kind] = found
print(json.dumps(told))
'''


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_the_old_gallery_or_the_new_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    for kind, found in json.loads(done.stdout).items():
        assert len(found) >= 8, kind  # a file, its folders, the manifest and what is cleared away
        assert set(found) == {"old", "new"}, kind
        assert found == sorted(found, reverse=True), kind  # old up to one moment, new from then on
