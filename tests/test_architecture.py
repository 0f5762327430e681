"""The layer table of docs/architecture.md: an import may only point downwards."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import visavox

ROOT = Path(visavox.__file__).parent

# Layer of each package or root module; commands are layer 6.
LAYER = {
    "metrics": 0, "objectives": 0, "errors": 0, "registry": 0,
    "config": 1, "corpus_config": 1, "method_config": 1,
    "evaluation_config": 1, "identification_config": 1, "generation_config": 1,
    "retrieval_config": 1, "service_config": 1, "game_config": 1,
    "command_line": 1, "persistence": 1, "worker_pool": 1,
    "media": 2, "corpus": 2, "world": 2,
    "batches": 3, "models": 3, "evaluation": 3, "identification": 3, "retrieval": 3,
    "generation": 4, "pipeline": 4,
    "web": 5,
}  # fmt: skip

# Siblings and neighbours that must not know each other, whatever their layer says.
FORBIDDEN = {
    "metrics": {"objectives", "registry"},
    "objectives": {"metrics"},
    "media": {"corpus", "world"},
    "corpus": {"media", "world"},
    "world": {"corpus"},
    "models": {"corpus", "batches", "evaluation"},
    "batches": {"models", "evaluation"},
    "evaluation": {"models", "batches", "world", "identification"},
    "identification": {"models", "batches", "evaluation", "media", "world"},
    "retrieval": {"models", "batches", "evaluation", "identification", "media", "world"},
    "generation": {"corpus", "batches", "evaluation", "world", "identification", "retrieval"},
}  # fmt: skip

# Within a layer: errors and the registry are below everything; the world may write media; the commands of a corpus
# begin where all commands do.
BELOW_ALL = {"errors", "registry"}
ALLOWED_SIDEWAYS = {
    ("world", "media"), ("corpus_config", "config"), ("method_config", "config"),
    ("evaluation_config", "config"), ("identification_config", "config"),
    ("generation_config", "config"), ("pipeline", "generation"), ("retrieval_config", "config"),
    ("service_config", "config"), ("game_config", "config"),
}  # fmt: skip

EVERYWHERE = {"numpy"} | set(sys.stdlib_module_names)
THIRD_PARTY = {
    "errors": set(), "registry": set(), "__init__": set(),
    "metrics": {"scipy", "sklearn", "skimage"},
    "objectives": {"torch"},
    "worker_pool": {"cv2"}, "config": set(), "corpus_config": set(), "method_config": set(),
    "evaluation_config": set(), "identification_config": set(), "generation_config": set(),
    "retrieval_config": set(), "service_config": set(), "game_config": set(),
    "command_line": {"jsonargparse", "docstring_parser"},
    "persistence": {"torch", "safetensors", "huggingface_hub"},
    "media": {
        "av", "soundfile", "soxr", "cv2", "PIL", "silero_vad", "dlib", "torch", "scipy", "scenedetect", "tenacity",
        "yt_dlp",
    },
    "corpus": {"pyarrow", "scipy"},
    "world": {"scipy", "cv2", "PIL", "soundfile"},
    "batches": {"torch"},
    "models": {"torch", "scipy", "safetensors", "cv2", "sklearn", "transformers", "diffusers"},
    "identification": {"sklearn", "scipy"},
    "evaluation": {"matplotlib", "sklearn", "scipy", "PIL", "soundfile"},
    "retrieval": {"faiss", "milvus_lite", "pyarrow", "pymilvus", "torch"},
    "generation": {"torch", "diffusers", "safetensors", "cv2", "PIL", "scipy"},
    "pipeline": {
        "torch", "diffusers", "tensorboard", "rich", "sklearn", "safetensors", "yaml", "av", "cv2", "PIL", "ray",
        "pyarrow", "soundfile", "onnx", "onnxscript", "onnxruntime", "scipy", "optuna",
    },
    "web": {
        "fastapi", "starlette", "uvicorn", "pydantic", "gradio", "prometheus_client", "fastapi_offline", "httpx",
        "anyio", "PIL", "soundfile", "matplotlib",
    },
}  # fmt: skip
COMMAND_THIRD_PARTY = {"rich", "yaml", "jsonargparse", "torch"}


def files() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def unit(path: Path) -> str:
    """Folder directly under the package, or the root module's name."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every absolute module named by an import, wherever it stands in the file, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import; name the module in full"
            yield node.lineno, node.module or ""


def layer(name: str) -> int:
    return LAYER.get(name, 6)


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    me = unit(path)
    for line, module in imports(path):
        where = f"{path.relative_to(ROOT)}:{line} imports {module}"
        if module == "visavox":
            raise AssertionError(f"{where}: import the module that defines the name, not the package root")
        if not module.startswith("visavox."):
            continue
        other = module.split(".")[1]
        if other == me or me == "__init__" or me == "__main__":
            continue
        assert other not in FORBIDDEN.get(me, set()), f"{where}: {me} must not know {other}"
        if layer(me) == 6:
            assert layer(other) < 6, f"{where}: no command imports another; what two need lives in pipeline"
        elif other not in BELOW_ALL and (me, other) not in ALLOWED_SIDEWAYS:
            assert layer(other) < layer(me), f"{where}: layer {layer(me)} may not import layer {layer(other)}"


@pytest.mark.parametrize("path", files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_third_party_imports_are_those_of_the_layer(path: Path) -> None:
    me = unit(path)
    allowed = EVERYWHERE | THIRD_PARTY.get(me, COMMAND_THIRD_PARTY)
    for line, module in imports(path):
        top = module.split(".")[0]
        if top != "visavox":
            assert top in allowed, f"{path.relative_to(ROOT)}:{line}: {me} may not import {top}"


def test_no_import_cycle() -> None:
    names = {".".join(p.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): p for p in files()}
    graph = {n: {m for _, m in imports(p) if m in names and m != n} for n, p in names.items()}
    finished: set[str] = set()

    def visit(name: str, path: list[str]) -> None:
        assert name not in path, f"import cycle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in finished:
            for other in sorted(graph[name]):
                visit(other, [*path, name])
            finished.add(name)

    for name in graph:
        visit(name, [])


def test_no_file_over_400_lines() -> None:
    long = {
        str(p.relative_to(ROOT)): n for p in files() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_every_module_has_a_test_of_its_name() -> None:
    tests = Path(__file__).parent
    missing = []
    for path in files():
        if path.name in {"__init__.py", "__main__.py"}:
            continue
        relative = path.relative_to(ROOT)
        if not (tests / relative.parent / f"test_{path.name}").exists():
            missing.append(str(relative))
    assert not missing
