"""The processes of one training run: who is the first, which rows are whose, and what they tell each other.

`torchrun` starts the processes and sets environment variables; here they find each other (gloo on a CPU, nccl on CUDA)
and exchange tensors. It knows no network and no loss. One process alone needs none of it: every method then returns
what it was given.

Example:
    >>> processes = Processes()
    >>> processes.count, processes.is_first, processes.own_rows(5)
    (1, True, slice(0, 5, None))
    >>> Processes(rank=1, count=2).own_rows(5)
    slice(3, 5, None)
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as torch_distributed
from torch import Tensor

from visavox.errors import ConfigError, DataError, VisavoxError

TIMEOUT_S = 1800.0  # the others wait while the first one measures, embeds and writes after an epoch
LOST = (
    "Another process of this run has ended or does not answer. The state of the last whole epoch is kept: "
    "start the same command again to go on."
)


@dataclass(frozen=True)
class Processes:
    """The processes of a run, seen from one of them."""

    rank: int = 0
    """Number of this process, 0 to count - 1."""
    count: int = 1
    """How many there are."""
    device: str = "cpu"
    """Where tensors must lie to be exchanged: "cpu" or "cuda"."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def own_rows(self, n: int, rank: int | None = None) -> slice:
        """Return which of n rows are a process's: shares that follow each other and differ by one row at most.

        Args:
            n: rows of the batch, 0 or more.
            rank: whose; None: this process's.
        """
        place = self.rank if rank is None else rank
        share, rest = divmod(n, self.count)
        start = place * share + min(place, rest)
        return slice(start, start + share + (place < rest))

    def gather(self, own: Tensor, counts: Sequence[int]) -> Tensor:
        """Return the rows (n, ...) of all processes, those of the first before those of the second, without gradient.

        Args:
            own: (counts[rank], ...), the same type and width everywhere.
            counts: rows of each process.

        Returns:
            (sum of counts, ...).

        Raises:
            DataError: another process has ended.
        """
        own = own.detach()
        if self.count == 1:
            return own
        padded = own.new_zeros(max(counts), *own.shape[1:])
        padded[: len(own)] = own
        parts = [torch.empty_like(padded) for _ in counts]
        with _lost_is_one_line():
            torch_distributed.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over all processes; as many of the same shapes everywhere, of one type.

        Raises:
            DataError: another process has ended.
        """
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _lost_is_one_line():
            torch_distributed.all_reduce(flat)
        pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, piece in zip(tensors, pieces, strict=True):
            tensor.copy_(piece.reshape(tensor.shape))

    def copy_from_first(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor, of any shape, by that of the first process.

        Raises:
            DataError: another process has ended.
        """
        if self.count == 1:
            return
        with _lost_is_one_line():
            for tensor in tensors:
                dense = tensor.contiguous()
                torch_distributed.broadcast(dense, src=0)
                if dense is not tensor:
                    tensor.copy_(dense)

    def number_from_first(self, number: int) -> int:
        """Return the first process's whole number."""
        if self.count == 1:
            return number
        box = torch.tensor([number], device=self.device)
        self.copy_from_first([box])
        return int(box.item())

    def bytes_from_first(self, content: bytes) -> bytes:
        """Return the first process's bytes."""
        size = self.number_from_first(len(content))
        if self.count == 1 or not size:
            return content if self.count == 1 else b""
        box = torch.zeros(size, dtype=torch.uint8, device=self.device)
        if self.is_first:
            box.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        self.copy_from_first([box])
        return box.cpu().numpy().tobytes()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Wait for each other behind the block, and let it fail everywhere if it failed anywhere.

        Raises:
            VisavoxError: the block's own error; else DataError, "Process 1 of 2: " and what was said there.
        """
        failed: VisavoxError | None = None
        try:
            yield
        except VisavoxError as error:
            failed = error
        said = self.texts("" if failed is None else str(failed))
        if failed is not None:
            raise failed
        for rank, text in enumerate(said):
            if text:
                raise DataError(f"Process {rank} of {self.count}: {text}")

    def texts(self, own: str) -> list[str]:
        """Return the text that each process gives, in the order of the processes.

        Raises:
            DataError: another process has ended.
        """
        if self.count == 1:
            return [own]
        content = own.encode("utf-8", "surrogatepass")
        sizes = self.gather(torch.tensor([len(content)], device=self.device), [1] * self.count).tolist()
        row = torch.zeros(1, max(*sizes, 1), dtype=torch.uint8, device=self.device)
        if content:
            row[0, : len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        rows = self.gather(row, [1] * self.count).cpu().numpy()
        return [
            rows[rank, :size].tobytes().decode("utf-8", "surrogatepass") for rank, size in enumerate(map(int, sizes))
        ]

    def wait(self) -> None:
        """Return when all processes have come here.

        Raises:
            DataError: another process has ended.
        """
        self.add_up([torch.zeros(1, device=self.device)])

    def leave(self) -> None:
        """Part from the others; nothing can be exchanged afterwards."""
        if self.count > 1 and torch_distributed.is_initialized():
            torch_distributed.destroy_process_group()


ALONE = Processes()


def told_processes() -> tuple[int, int]:
    """Return rank and count as `torchrun` tells them by RANK and WORLD_SIZE; (0, 1) where nobody says anything."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    return (int(os.environ.get("RANK", "0")), count) if count > 1 else (0, 1)


def join_processes(device: str, *, timeout_s: float = TIMEOUT_S) -> Processes:
    """Find the other processes that `torchrun` started, or return at once where there are none.

    Args:
        device: of the training, "cpu", "cuda" or "mps"; with CUDA each process of a machine takes a device of its own.
        timeout_s: seconds to wait for the others, here and in every exchange.

    Raises:
        ConfigError: several processes on a device that cannot exchange tensors, or more than there are devices.
        DataError: the others cannot be reached.
    """
    rank, count = told_processes()
    if count == 1:
        return Processes(device=device)
    if device not in ("cpu", "cuda"):
        raise ConfigError(f"Several processes train on cpu or cuda. Got {device!r}. Give --device cpu.")
    if device == "cuda":
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"`--nproc-per-node` must be at most the number of devices, {torch.cuda.device_count()}. "
                f"Got a process of number {local}, counted from 0."
            )
        torch.cuda.set_device(local)
    if not torch_distributed.is_initialized():
        try:
            torch_distributed.init_process_group(
                "nccl" if device == "cuda" else "gloo", timeout=timedelta(seconds=timeout_s)
            )
        except (RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise DataError(
                f"The {count} processes of this run cannot meet: {reason}. Start them with torchrun."
            ) from error
    processes = Processes(rank, count, device)
    atexit.register(processes.leave)  # an error may end the process first, and threads of gloo would then abort it
    return processes


def refuse_several(what: str) -> None:
    """Refuse a work that one process does alone, where `torchrun` started several.

    Args:
        what: the work, for the message.

    Raises:
        ConfigError: there are several.
    """
    _, count = told_processes()
    if count > 1:
        raise ConfigError(f"{what} is the work of one process. Got {count}. Start it without torchrun.")


@contextmanager
def _lost_is_one_line() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # every backend's own words for a closed connection or a time-out
        raise DataError(LOST) from error
