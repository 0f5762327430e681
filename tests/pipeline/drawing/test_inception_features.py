"""Inception's features from a file of the user's: a tiny network that is written here, and files that are none."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError, MissingDependencyError
from visavox.pipeline.drawing.inception_features import CHUNK, DIM, SIDE_PX, InceptionFeatures

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

Shape = tuple[str | int, ...]
TAKEN: Shape = ("n", 3, SIDE_PX, SIDE_PX)


def write(
    path: Path, *, taken: Shape = TAKEN, dim: int = DIM, flat: bool = True, kind: int | None = None, scale: float = 1.0
) -> np.ndarray:
    """Write means of the colours times a matrix; return the matrix (dim, 3)."""
    helper, numbers = onnx.helper, onnx.TensorProto
    weights = (scale * np.random.default_rng(0).normal(size=(dim, 3))).astype(np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["pictures"], ["means"]),
        helper.make_node("Conv", ["means", "weights"], ["map"]),
    ]
    if flat:
        nodes.append(helper.make_node("Flatten", ["map"], ["pool"], axis=1))
    shape = ["n", dim] if flat else ["n", dim, 1, 1]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pictures", kind or numbers.FLOAT, list(taken))],
        [helper.make_tensor_value_info("pool" if flat else "map", numbers.FLOAT, shape)],
        [onnx.numpy_helper.from_array(weights[:, :, None, None], "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(path))
    return weights


def pictures(n: int, px: int = 32) -> list[np.ndarray]:
    """One colour each."""
    colours = np.random.default_rng(1).integers(0, 256, size=(n, 1, 1, 3))
    return [np.broadcast_to(colour, (px, px, 3)).astype(np.uint8) for colour in colours]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    path = tmp_path_factory.mktemp("inception") / "tiny.onnx"
    return path, write(path)


def test_pictures_enter_as_rgb_from_0_to_1(tiny: tuple[Path, np.ndarray]) -> None:
    path, weights = tiny
    given = pictures(3)
    found = InceptionFeatures(path).encode(given)
    assert found.shape == (3, DIM) and found.dtype == np.float32
    for row, picture in zip(found, given, strict=True):
        red, green, blue = picture[0, 0] / 255.0
        wanted = [w[0] * red + w[1] * green + w[2] * blue for w in weights[:50]]
        assert row[:50] == pytest.approx(wanted, abs=2e-3)  # the mean of 89,401 floats


def test_many_pictures_go_through_in_parts_and_in_order(tiny: tuple[Path, np.ndarray]) -> None:
    features = InceptionFeatures(tiny[0])
    given = pictures(CHUNK + 2, px=8)
    together = features.encode(given)
    alone = np.concatenate([features.encode([picture]) for picture in given])
    assert together == pytest.approx(alone, abs=1e-5)
    assert features.encode([]).shape == (0, DIM)


def test_a_pooling_that_is_not_flattened_and_a_batch_of_one_will_do(tmp_path: Path) -> None:
    weights = write(tmp_path / "one.onnx", taken=(1, *TAKEN[1:]), flat=False)
    found = InceptionFeatures(tmp_path / "one.onnx").encode(pictures(2))
    assert found.shape == (2, DIM)
    assert found[1, :9] == pytest.approx(
        weights[:9] @ (pictures(2)[1][0, 0] / 255.0), abs=2e-3
    )  # the mean of 89,401 floats


def test_the_digest_is_that_of_the_file(tiny: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    write(tmp_path / "same.onnx")
    write(tmp_path / "other.onnx", scale=2.0)
    digests = [InceptionFeatures(path).digest for path in (tiny[0], tmp_path / "same.onnx", tmp_path / "other.onnx")]
    assert digests[0] == digests[1] != digests[2] and len(digests[0]) == 12


def test_a_missing_file_and_one_that_is_no_onnx_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="`inception` must be an ONNX file. .*gone.onnx is none"):
        InceptionFeatures(tmp_path / "gone.onnx")
    with pytest.raises(DataError, match="is none"):
        InceptionFeatures(tmp_path)
    (tmp_path / "text.onnx").write_text("no network\n" * 9, encoding="utf-8")
    with pytest.raises(DataError, match="text.onnx cannot be read") as caught:
        InceptionFeatures(tmp_path / "text.onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dim": 1000}, r"gives \(2, 1000\) for 2 pictures"),
        ({"taken": ("n", 3, 64, 64)}, "refuses pictures"),
        ({"taken": (5, 3, SIDE_PX, SIDE_PX)}, "refuses pictures"),
        ({"scale": np.inf}, "no finite numbers"),
    ],
)
def test_another_network_is_refused_when_it_is_opened(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    write(tmp_path / "wrong.onnx", **options)
    with pytest.raises(DataError, match=said) as caught:
        InceptionFeatures(tmp_path / "wrong.onnx")
    assert "\n" not in str(caught.value) and f"(n, {DIM})" in str(caught.value)


def test_a_network_of_two_inputs_is_refused(tmp_path: Path) -> None:
    helper, numbers = onnx.helper, onnx.TensorProto
    given = [helper.make_tensor_value_info(name, numbers.FLOAT, list(TAKEN)) for name in "ab"]
    node = helper.make_node("Add", ["a", "b"], ["sum"])
    graph = helper.make_graph([node], "two", given, [helper.make_tensor_value_info("sum", numbers.FLOAT, list(TAKEN))])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), tmp_path / "t.onnx")
    with pytest.raises(DataError, match="takes 2 inputs"):
        InceptionFeatures(tmp_path / "t.onnx")


def test_what_must_be_installed_is_said(tiny: tuple[Path, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without(name: str, *more: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingDependencyError, match=r"pip install visavox\[export\]"):
        InceptionFeatures(tiny[0])
