"""Keys and shapes that a published checkpoint must have."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.pipeline.converting.checkpoint_reading import PublishedState
from visavox.pipeline.converting.manifest import Manifest, load_manifest

NAMES = sorted(
    entry.name.removesuffix(".json")
    for entry in (importlib.resources.files("visavox") / "pipeline" / "converting" / "manifests").iterdir()
)
MANIFEST = Manifest(
    "toy",
    "somewhere",
    False,
    {"a": ("dim", 3), "b": ("2*dim",), "c": (1,), "n.num_batches_tracked": ()},
    {"c": "fixed"},
)


def state(**shapes: tuple[int, ...]) -> PublishedState:
    return PublishedState(Path("toy.pth"), {name: np.zeros(shape) for name, shape in shapes.items()}, ())


def test_sizes_are_read_off_the_shapes() -> None:
    assert MANIFEST.fit(state(a=(4, 3), b=(8,)), remedy="") == {"dim": 4}


def test_every_problem_is_named_with_what_was_wanted() -> None:
    with pytest.raises(DataError) as caught:
        MANIFEST.fit(state(b=(8,), x=(1,)), remedy="Give another.")
    text = str(caught.value)
    assert text.startswith(
        "toy.pth is no toy checkpoint: keys missing: 'a'; keys left over: 'x'; keys of another shape"
    )
    assert text.endswith("Give another.")
    with pytest.raises(DataError, match=r"'a' must have shape \(dim, 3\) and has \(4,\)"):
        MANIFEST.fit(state(a=(4,), b=(8,)), remedy="")
    with pytest.raises(DataError, match=r"'b' must have shape \(8\) and has \(7,\)"):
        MANIFEST.fit(state(a=(4, 3), b=(7,)), remedy="")
    with pytest.raises(DataError, match=r"'a' must have shape \(4, 3\) and has \(4, 2\)"):
        MANIFEST.fit(state(a=(4, 2), b=(8,)), remedy="")


def test_three_names_of_a_sort_are_listed_and_the_rest_counted() -> None:
    with pytest.raises(DataError, match="keys left over: 'x0', 'x1', 'x2' and 2 more"):
        MANIFEST.fit(state(a=(4, 3), b=(8,), **{f"x{i}": (1,) for i in range(5)}), remedy="")


def test_counters_and_what_is_not_kept_may_be_missing() -> None:
    found = state(a=(4, 3), b=(8,))
    MANIFEST.fit(found, remedy="")
    completed = MANIFEST.completed(found)
    assert completed.tensors["n.num_batches_tracked"] == 0
    assert "n.num_batches_tracked" not in found.tensors
    assert MANIFEST.kept(MANIFEST.completed(state(a=(4, 3), c=(1,)))) == {
        "a": "a",
        "n.num_batches_tracked": "n.num_batches_tracked",
    }


def test_likeness_is_the_share_of_keys_in_common() -> None:
    assert MANIFEST.likeness(["a", "b", "c", "n.num_batches_tracked"]) == 1
    assert MANIFEST.likeness(["a", "x"]) == pytest.approx(1 / 5)
    assert MANIFEST.likeness(["x"]) == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_manifest_says_where_it_was_read(name: str) -> None:
    manifest = load_manifest(name)
    assert manifest.source.startswith("https://")
    assert manifest.keys
    assert set(manifest.not_kept) <= set(manifest.keys)
    assert manifest.loaded_here == (name == "fop_gated")


def test_parts_come_with_their_prefix() -> None:
    manifest = load_manifest("sss")
    assert manifest.keys["F.model.output_layer.3.weight"] == (512, 25088)
    assert manifest.keys["V.model.attention"] == (128, 1)
    assert "V.model.torchfb.mel_scale.fb" in manifest.not_kept
    assert len([key for key in manifest.keys if key.startswith("F.model.")]) == len(load_manifest("ir50").keys)


def test_the_published_counts_of_parameters_are_met() -> None:
    """FaceTones counts 4,917,761 numbers, the margin included; the thin ResNet-34 1.4 million, IR-50 43.57 million."""

    def count(name: str) -> int:
        manifest = load_manifest(name)
        kept = [
            key for key in manifest.keys if not key.endswith(("num_batches_tracked", "running_mean", "running_var"))
        ]
        shapes = [manifest.keys[key] for key in kept if not key.startswith("torchfb")]
        return sum(int(np.prod([int(size) for size in shape])) for shape in shapes)

    assert count("facetones") == 4_917_761
    assert count("voxceleb_trainer") == 1_437_078
    assert count("ir50") == 43_574_976
