"""What a command shows while it works: one progress bar on stderr, or nothing.

Example:
    with progress_bar("Preparing", quiet=config.quiet) as progress:
        build_corpus(config, progress)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Yield a callable that takes (done, total) and draws a bar on stderr.

    Args:
        title: what is being done, in the -ing form.
        quiet: draw nothing. Nothing is drawn either where stderr is no terminal, so that logs stay readable.
    """
    if quiet or not sys.stderr.isatty():
        yield _ignore
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _ignore(_done: int, _total: int) -> None:
    """Take progress and show nothing."""
