"""Checkpoints are read without running what they hold, and what is wrong with them is one line."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from visavox.errors import DataError
from visavox.pipeline.converting.checkpoint_reading import foreign_names, read_checkpoint, read_state


class Wish:
    """Unpickling it would call os.mkdir."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.folder),)


def said(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_state(path)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict"])
def test_weights_are_found_under_the_usual_names(written: Callable[..., Path], wrapper: str) -> None:
    state = read_state(written({"epoch": 3, wrapper: {"module.a.b": torch.ones(2, 3)}, "optimizer": {"lr": 1}}))
    assert list(state.tensors) == ["a.b"]
    assert state.tensors["a.b"].shape == (2, 3)
    assert state.beside == ("epoch", "optimizer")


def test_a_bare_state_dict_is_taken_as_it_is(written: Callable[..., Path]) -> None:
    state = read_state(written({"a": torch.ones(2, dtype=torch.float16), "n": torch.tensor(4), "note": "x"}))
    assert state.tensors["a"].dtype == np.float32
    assert state.tensors["n"].dtype == np.int64
    assert state.tensors["n"] == 4
    assert state.beside == ("note",)


def test_the_loss_of_voxceleb_trainer_is_set_aside(written: Callable[..., Path]) -> None:
    state = read_state(written({"__S__.conv1.weight": torch.ones(1), "__L__.w": torch.ones(1)}))
    assert list(state.tensors) == ["conv1.weight"]
    assert state.beside == ("__L__.w",)


def test_prefixes_stay_where_not_all_names_have_them(written: Callable[..., Path]) -> None:
    state = read_state(written({"module.a": torch.ones(1), "b": torch.ones(1)}))
    assert list(state.tensors) == ["module.a", "b"]


def test_safetensors_are_read_too(tmp_path: Path) -> None:
    save_file({"a": torch.arange(3.0)}, tmp_path / "a.safetensors", metadata={"format": "pt"})
    np.testing.assert_array_equal(read_state(tmp_path / "a.safetensors").tensors["a"], [0, 1, 2])


def test_old_files_without_a_zip_are_read(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(3)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert read_state(tmp_path / "old.pth").tensors["a"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_named_and_not_run(tmp_path: Path, zipped: bool) -> None:
    target = tmp_path / "made-by-a-pickle"
    content = {"a": torch.ones(1), "x": Wish(target)}
    torch.save(content, tmp_path / "evil.pth", _use_new_zipfile_serialization=zipped)
    text = said(tmp_path / "evil.pth")
    assert f"holds code ({os.mkdir.__module__}.mkdir), which is not run. Ask for the weights alone" in text
    assert not target.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_code_in_a_bare_pickle_of_any_protocol_is_named(tmp_path: Path, protocol: int) -> None:
    target = tmp_path / "made-by-a-pickle"
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps([Wish(target)], protocol=protocol))
    assert f"holds code ({os.mkdir.__module__}.mkdir)" in said(tmp_path / "evil.pkl")
    assert foreign_names(tmp_path / "evil.pkl") == [f"{os.mkdir.__module__}.mkdir"]
    assert not target.exists()


def test_a_whole_pickled_network_is_code(written: Callable[..., Path]) -> None:
    text = said(written({"model": np.float64(1.0), "a": torch.ones(1)}))
    assert "holds code (numpy." in text


def test_names_that_stand_in_a_memo_are_found(tmp_path: Path) -> None:
    target = tmp_path / "x"
    (tmp_path / "two.pkl").write_bytes(pickle.dumps([Wish(target), os.rmdir, os.mkdir], protocol=4))
    module = os.mkdir.__module__
    assert foreign_names(tmp_path / "two.pkl") == [f"{module}.mkdir", f"{module}.rmdir"]


def test_torch_itself_is_not_foreign(written: Callable[..., Path]) -> None:
    assert foreign_names(written({"a": torch.ones(2)})) == []


def test_files_that_are_no_checkpoints_are_one_line_each(tmp_path: Path, written: Callable[..., Path]) -> None:
    (tmp_path / "text.pth").write_text("hello world\n" * 10, encoding="utf-8")
    assert "text.pth is no checkpoint that torch wrote" in said(tmp_path / "text.pth")
    (tmp_path / "script.pth").write_text("import torch, sys\nfor f in sys.argv: print(f)\n", encoding="utf-8")
    assert "script.pth is no checkpoint that torch wrote" in said(tmp_path / "script.pth")
    (tmp_path / "empty.pth").touch()
    assert "empty.pth is empty. Download it again." in said(tmp_path / "empty.pth")
    assert "is a folder. Give the checkpoint file itself." in said(tmp_path)
    assert "none.pth cannot be read (No such file or directory)" in said(tmp_path / "none.pth")
    whole = written({"a": torch.ones(400)}).read_bytes()
    (tmp_path / "half.pth").write_bytes(whole[: len(whole) // 2])
    assert "half.pth is cut off or damaged (PytorchStreamReader" in said(tmp_path / "half.pth")
    torch.save({"a": torch.ones(400)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "old-half.pth").write_bytes((tmp_path / "old.pth").read_bytes()[:-6])
    assert "old-half.pth is cut off or damaged" in said(tmp_path / "old-half.pth")


@pytest.mark.parametrize(("content", "kind"), [([1, 2], "list"), ({"a": 1}, "dict"), (torch.ones(2), "Tensor")])
def test_a_file_without_named_weights_is_refused(written: Callable[..., Path], content: object, kind: str) -> None:
    assert f"holds no weights by name, but a {kind}" in said(written(content))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(written: Callable[..., Path], bad: float) -> None:
    text = said(written({"fc.weight": torch.tensor([1.0, bad])}))
    assert "Key 'fc.weight' of" in text
    assert "holds nan or infinity. Take an earlier checkpoint." in text


def test_random_bytes_never_end_in_a_traceback(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(60):
        path = tmp_path / f"{number}.pth"
        path.write_bytes(rng.bytes(1 + number * 7))
        with pytest.raises(DataError):
            read_checkpoint(path)


def mutated(raw: bytes, rng: np.random.Generator) -> bytes:
    """A file with one to eight bytes changed, cut out or put in."""
    found = bytearray(raw)
    for _ in range(int(rng.integers(1, 9))):
        place, kind = int(rng.integers(len(found))), int(rng.integers(4))
        if kind < 2:
            found[place] = int(rng.integers(256))
        elif kind == 2:
            del found[place : place + int(rng.integers(1, 20))]
        else:
            found[place:place] = rng.bytes(int(rng.integers(1, 20)))
    return bytes(found)


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_checkpoints_never_end_in_a_traceback(tmp_path: Path, zipped: bool) -> None:
    """BadZipFile, struct.error, AssertionError and UnicodeDecodeError came out of 59 among 1,500."""
    content = {
        "epoch": 3,
        "state_dict": {"module.a": torch.arange(12.0).reshape(3, 4), "module.n": torch.tensor(4)},
        "optimizer": {"lr": 0.1},
    }
    torch.save(content, tmp_path / "whole.pth", _use_new_zipfile_serialization=zipped)
    raw = (tmp_path / "whole.pth").read_bytes()
    refused = 0
    for seed in range(200):
        path = tmp_path / "damaged.pth"
        path.write_bytes(mutated(raw, np.random.default_rng([seed, zipped])))
        try:
            read_state(path)
        except DataError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > 100


def test_a_damaged_archive_names_no_code(written: Callable[..., Path]) -> None:
    path = written({"a": torch.ones(2), "x": Wish(Path("x"))})
    assert foreign_names(path) == [f"{os.mkdir.__module__}.mkdir"]
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"mkdir")] ^= 1  # the checksum of data.pkl no longer fits
    path.write_bytes(raw)
    assert foreign_names(path) == []
    assert "checkpoint.pth is " in said(path)


def test_tensors_that_are_no_plain_numbers_are_named(written: Callable[..., Path]) -> None:
    plain = torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sparse layouts and quantisation are said to be in beta, or to go away
        odd = {
            "a sparse tensor": [plain.to_sparse(), plain.to_sparse_csr()],
            "a quantised tensor": [torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8)],
            "a meta tensor (a shape without numbers)": [torch.empty(2, 3, device="meta")],
            "a tensor of 20,000,000 numbers of which 1 are stored": [torch.zeros(1).expand(20_000_000)],
        }
        for sort, tensors in odd.items():
            for tensor in tensors:
                text = said(written({"b": torch.ones(1), "fc.w\n": tensor}))
                assert text.startswith("Key 'fc.w\\\\n' of ")
                assert f" is {sort}, not plain numbers. Ask for the weights alone" in text


def test_a_small_repeated_tensor_is_read(written: Callable[..., Path]) -> None:
    assert read_state(written({"a": torch.ones(1).expand(5)})).tensors["a"].tolist() == [1.0] * 5


def test_zeroed_bytes_of_an_archive_are_found(tmp_path: Path) -> None:
    """torch does not look at the checksums: 64 zeroed bytes once gave 17 wrong weights without a word."""
    path = tmp_path / "c.pth"
    torch.save({"state_dict": {"weight": torch.rand(4096)}}, path)
    data = bytearray(path.read_bytes())
    start = data.index(b"data/0") + 2000
    data[start : start + 64] = bytes(64)
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged: the checksum of"):
        read_checkpoint(path)
