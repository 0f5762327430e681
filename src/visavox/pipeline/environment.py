"""What is installed on this machine, what is broken, and how to mend it: the engine of `visavox doctor`.

Looks and reports; installs nothing and opens no network connection. Packages are found with `find_spec` and by the
names of their distributions; those whose import may crash are imported in a process of their own.

Example:
    >>> states = {check.name: check.state for check in inspect_environment()}
    >>> states["python"]
    'ok'
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visavox.errors import MissingDependencyError
from visavox.media.carried_weights import INSTALL_LINE, carried_file
from visavox.persistence import boxed_names

State = Literal["ok", "missing", "broken", "warning"]

MIN_PYTHON = (3, 11)
MIN_TORCH, TOO_NEW_TORCH = (2, 6), (2, 14)
TORCH_LINE = 'pip install "torch>=2.6,<2.14"'
OPENCV_LINE = 'pip install --force-reinstall --no-deps "opencv-python-headless>=4.14,<5"'
OPENCV_DISTRIBUTIONS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
FRAGILE_PACKAGES = ("torchvision", "torchaudio", "torchcodec")
"""Nobody needs them, but transformers imports them where it finds them and fails if they do not match torch."""

CARRIED_FILES: dict[str, tuple[str, tuple[tuple[str, ...], ...]]] = {
    "ge2e voice encoder": ("resemblyzer", (("pretrained.pt",),)),
    "dlib face encoder": (
        "face_recognition_models",
        (
            ("models", "dlib_face_recognition_resnet_model_v1.dat"),
            ("models", "shape_predictor_5_face_landmarks.dat"),
        ),
    ),
    "mtcnn detector": ("facenet_pytorch", (("data", "pnet.pt"), ("data", "rnet.pt"), ("data", "onet.pt"))),
}
"""What works offline: its name -> the package that carries its files, and the files."""

CODECS = ("libx264", "opus", "aac")
EXTRAS = {
    "download": "yt-dlp",
    "export": "onnxruntime",
    "hub": "transformers",
    "milvus": "pymilvus",
    "ray": "ray",
    "search": "optuna",
    "web": "gradio",
}
"""Extras of the package, and the package that tells that each is there."""
MIN_DISK_GB = 2.0
MIN_MEMORY_GB = 3.0
IMPORT_LIMIT_S = 20.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """Of the thing: "torch"."""
    state: State
    """ok; missing: something of use is not there; broken: a command will fail; warning: worth knowing."""
    detail: str
    """What was found."""
    remedy: str = ""
    """What to type or do; empty when the state is ok."""


def inspect_environment() -> list[Check]:
    """Return what was found, in the order in which a reader wants it; takes under 3 s unless an import hangs."""
    checks = [check_python(), check_torch()]
    with ThreadPoolExecutor(len(FRAGILE_PACKAGES)) as threads:  # each waits for a process of its own
        checks += threads.map(check_fragile, FRAGILE_PACKAGES)
    checks.append(check_opencv())
    checks += [check_carried(name) for name in CARRIED_FILES]
    rest: tuple[Callable[[], Check], ...] = (
        check_dlib,
        check_silero,
        check_codecs,
        check_extras,
        check_disk,
        check_memory,
        check_cores,
        check_cache_folder,
        check_real_data,
        check_boxed_models,
    )
    return [*checks, *(check() for check in rest)]


def check_python() -> Check:
    """Return whether this Python is new enough."""
    found = ".".join(map(str, sys.version_info[:3]))
    if tuple(sys.version_info[:2]) < MIN_PYTHON:
        return Check("python", "broken", found, "Install Python 3.11 or newer and make a new .venv with it.")
    return Check("python", "ok", found)


def check_torch() -> Check:
    """Return whether torch is there in a version that is known to work; torch is not imported."""
    found = _version("torch")
    if found is None:
        return Check("torch", "missing", "not installed", TORCH_LINE)
    if _release(found) < MIN_TORCH:
        return Check("torch", "broken", f"{found} is too old", TORCH_LINE)
    if _release(found) >= TOO_NEW_TORCH:
        return Check("torch", "warning", f"{found} is newer than any tried", TORCH_LINE)
    return Check("torch", "ok", found)


def check_fragile(package: str) -> Check:
    """Return whether a package that nobody needs is absent or at least imports, tried in another process."""
    if importlib.util.find_spec(package) is None:
        return Check(package, "ok", "not installed, not needed")
    remedy = f"pip uninstall {package}"
    # -P: a file of the same name in the current folder must not stand in for the package.
    command = [sys.executable, "-P", "-c", f"import {package}"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return Check(package, "broken", f"its import takes more than {IMPORT_LIMIT_S:.0f} s", remedy)
    found = _version(package) or "unknown version"
    if tried.returncode == 0:
        return Check(package, "ok", f"{found}, not needed")
    lines = tried.stderr.strip().splitlines()
    why = lines[-1] if lines else f"exit code {tried.returncode}"
    return Check(package, "broken", f"{found} does not import, and transformers then fails: {why}", remedy)


def check_opencv() -> Check:
    """Return whether exactly one OpenCV 4 is there."""
    installed = {name: found for name in OPENCV_DISTRIBUTIONS if (found := _version(name)) is not None}
    if not installed:
        return Check("opencv", "missing", "not installed", OPENCV_LINE)
    detail = ", ".join(f"{name} {found}" for name, found in installed.items())
    if len(installed) > 1:
        remedy = f"pip uninstall -y {' '.join(installed)} && {OPENCV_LINE}"
        return Check("opencv", "broken", f"several overwrite each other's files: {detail}", remedy)
    if _release(next(iter(installed.values())))[0] >= 5:
        remedy = f"pip uninstall -y {' '.join(installed)} && {OPENCV_LINE}"
        return Check("opencv", "broken", f"{detail} has no cascade detector", remedy)
    return Check("opencv", "ok", detail)


def check_carried(name: str) -> Check:
    """Return whether the files of one offline encoder or detector are there; `name` is a key of CARRIED_FILES."""
    package, files = CARRIED_FILES[name]
    try:
        found = [carried_file(package, *parts) for parts in files]
    except MissingDependencyError as error:
        installed = importlib.util.find_spec(package) is not None
        detail = str(error).split(" Install it")[0]
        return Check(name, "broken" if installed else "missing", detail, INSTALL_LINE)
    empty = [path.name for path in found if path.stat().st_size == 0]
    if empty:
        return Check(name, "broken", f"{package}: {', '.join(empty)} is empty", f"{INSTALL_LINE} --force-reinstall")
    return Check(name, "ok", f"weights of {package} {_version(package) or ''}".strip())


def check_dlib() -> Check:
    """Return whether the dlib library is there; only the detector `dlib_hog` needs it."""
    if importlib.util.find_spec("dlib") is None:
        return Check("dlib library", "missing", "not installed; the detector dlib_hog needs it", INSTALL_LINE)
    return Check("dlib library", "ok", _version("dlib-bin") or _version("dlib") or "unknown version")


def check_silero() -> Check:
    """Return whether the voice activity network is there."""
    remedy = 'pip install "silero-vad>=6.2"'
    try:
        carried_file("silero_vad", "data", "silero_vad.jit")
    except MissingDependencyError as error:
        state: State = "missing" if importlib.util.find_spec("silero_vad") is None else "broken"
        return Check("silero-vad", state, str(error).split(" Install it")[0], remedy)
    return Check("silero-vad", "ok", _version("silero-vad") or "unknown version")


def check_codecs() -> Check:
    """Return whether PyAV has the codecs of the videos and sounds that we write and read."""
    remedy = 'pip install --force-reinstall --no-deps "av>=15"'
    if importlib.util.find_spec("av") is None:
        return Check("codecs", "missing", "PyAV is not installed", remedy)
    try:
        available = importlib.import_module("av").codecs_available
    except (ImportError, OSError) as error:
        return Check("codecs", "broken", f"PyAV does not import: {error}", remedy)
    lacking = [codec for codec in CODECS if codec not in available]
    if lacking:
        return Check("codecs", "warning", f"PyAV was built without {', '.join(lacking)}", remedy)
    return Check("codecs", "ok", ", ".join(CODECS))


def check_extras() -> Check:
    """Return which optional packages are there; a command that needs one of the others says so itself."""
    found = {extra: _version(package) for extra, package in EXTRAS.items()}
    parts = [
        f"{EXTRAS[extra]} {version}" if version else f"no {EXTRAS[extra]} (pip install 'visavox[{extra}]')"
        for extra, version in found.items()
    ]
    return Check("extras", "ok", ", ".join(parts))


def check_disk() -> Check:
    """Return whether the disk of the current folder has room."""
    try:
        free_gb = shutil.disk_usage(Path.cwd()).free / 1e9
    except OSError as error:
        return Check("disk", "warning", f"unknown: {error.strerror}", "Change into a folder that exists.")
    detail = f"{free_gb:.1f} GB free in the current folder"
    if free_gb < MIN_DISK_GB:
        return Check("disk", "warning", detail, f"Make room: {MIN_DISK_GB:.0f} GB or more.")
    return Check("disk", "ok", detail)


def check_memory() -> Check:
    """Return whether the machine has enough memory."""
    try:
        total_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):
        return Check("memory", "ok", "unknown on this system")
    if total_gb < MIN_MEMORY_GB:
        return Check("memory", "warning", f"{total_gb:.1f} GB", "Use `--workers 1` and a small `--batch-size`.")
    return Check("memory", "ok", f"{total_gb:.1f} GB")


def check_cores() -> Check:
    """Return how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return Check("cores", "ok", str(len(affinity(0)) if affinity else os.cpu_count() or 1))


def check_cache_folder() -> Check:
    """Return whether the folder in which Hugging Face keeps downloaded models may be written."""
    base = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    folder = Path(base).expanduser()
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), Path("/"))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        remedy = "Give yourself permission, or set HF_HOME to a folder of yours."
        return Check("cache folder", "warning", f"{existing} may not be written", remedy)
    return Check("cache folder", "ok", str(folder))


def check_real_data() -> Check:
    """Return whether VISAVOX_DATA names a folder; only tests and recipes on real data need it."""
    named = os.environ.get("VISAVOX_DATA")
    if not named:
        return Check("VISAVOX_DATA", "ok", "not set: tests on real data are skipped")
    if not Path(named).is_dir():
        return Check("VISAVOX_DATA", "warning", f"{named} is not a folder", "Correct or unset VISAVOX_DATA.")
    return Check("VISAVOX_DATA", "ok", named)


def check_boxed_models() -> Check:
    """Return which trained models came with the package."""
    names = boxed_names()
    if not names:
        return Check("models in the box", "missing", "none", "pip install --force-reinstall --no-deps visavox")
    return Check("models in the box", "ok", ", ".join(names))


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, int]:
    """Return the first two numbers of a version: (2, 13) of "2.13.0+cpu", (0, 0) of what is no version."""
    numbers = [int(number) for number in re.findall(r"\d+", version)[:2]]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (numbers[0] if numbers else 0, 0)
