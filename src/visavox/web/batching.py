"""Many askers, one network: what waits together is encoded together, by a thread of its own.

Who asks alone never waits: a batch is held open, `wait_s` at most, only while `expects_more` says that others are on
their way. Batches change no answer but by rounding; what fails fails alone.

Example:
    >>> batcher = Batcher("squares", lambda items: [item * item for item in items], max_batch=4)
    >>> batcher.submit(3).result()
    9
    >>> batcher.close()
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batcher(Generic[Item, Result]):
    """Runs a function on batches of what several threads hand in.

    Args:
        name: of the thread.
        run: takes 1 to `max_batch` items and returns as many results, in order; an exception among them is raised
            where that result is asked for, one that it raises where any of the batch is.
        max_batch: most items of a batch, 1 or more.
        wait_s: how long a batch is held open for others, 0 or more seconds.
        expects_more: whether others are on their way, given the number of items at hand.
        on_batch: is told the number of items of every batch.
        prepare_thread: is called once in the thread, before the first batch.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[list[Item]], Sequence[Result | Exception]],
        *,
        max_batch: int = 16,
        wait_s: float = 0.0,
        expects_more: Callable[[int], bool] | None = None,
        on_batch: Callable[[int], None] | None = None,
        prepare_thread: Callable[[], None] | None = None,
    ) -> None:
        """Start the thread."""
        self.name = name
        self.max_batch = max_batch
        self.wait_s = wait_s
        self._run = run
        self._expects_more = expects_more or (lambda _n: False)
        self._on_batch = on_batch
        # Batches run in a thread of the pool, so that whatever they raise arrives as a value.
        self._runner = ThreadPoolExecutor(1, f"visavox-{name}-batches", prepare_thread)
        self._waiting: queue.SimpleQueue[tuple[Item, Future[Result]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"visavox-{name}", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """Items that no batch has taken yet."""
        return self._waiting.qsize()

    def submit(self, item: Item) -> Future[Result]:
        """Hand in an item; the result is there when the batch is done. `cancel()` takes it out of the queue again."""
        future: Future[Result] = Future()
        self._waiting.put((item, future))
        return future

    def close(self, timeout_s: float = 10.0) -> None:
        """Finish what was handed in, and end the thread."""
        self._waiting.put(None)
        self._thread.join(timeout_s)
        self._runner.shutdown(wait=False)

    def _work(self) -> None:
        is_open = True
        while is_open:
            batch, is_open = self._gather()
            taken = [(item, future) for item, future in batch if future.set_running_or_notify_cancel()]
            if taken:
                self._answer(taken)
            del batch, taken  # an array of a stranger does not wait for the next one in memory

    def _gather(self) -> tuple[list[tuple[Item, Future[Result]]], bool]:
        """Return the next batch, and whether there may be another."""
        first = self._waiting.get()
        if first is None:
            return [], False
        batch = [first]
        until = time.monotonic() + self.wait_s
        while len(batch) < self.max_batch:
            left_s = until - time.monotonic() if self._expects_more(len(batch)) else 0.0
            try:
                found = self._waiting.get(timeout=left_s) if left_s > 0 else self._waiting.get_nowait()
            except queue.Empty:
                break
            if found is None:
                return batch, False
            batch.append(found)
        return batch, True

    def _answer(self, taken: list[tuple[Item, Future[Result]]]) -> None:
        done = self._runner.submit(self._run, [item for item, _ in taken])
        error = done.exception()
        if error is not None:
            for _, future in taken:
                future.set_exception(error)
            return
        results = done.result()
        if self._on_batch is not None:
            self._on_batch(len(taken))
        for (_, future), result in zip(taken, results, strict=True):
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
