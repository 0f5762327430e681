"""The command `serve`: matching, search, drawing and the game over HTTP, with pages for a browser.

Example:
    visavox serve --gallery gallery
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from visavox.errors import MissingDependencyError
from visavox.service_config import ServeConfig

if TYPE_CHECKING:
    from visavox.web.running import Started

NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "fastapi_offline")
NEEDED_BY_PAGES = ("gradio",)


def run(config: ServeConfig) -> int:
    """Serve until told to stop, or make a token. Returns 0 where it ended as it was told to, 130 where told twice."""
    check_installed(NEEDED + (NEEDED_BY_PAGES if config.pages else ()))
    if config.new_token and config.tokens is not None:
        return make_token(config, config.tokens)
    from visavox.web.running import run_service

    return run_service(config, lambda started: announce(config, started))


def check_installed(packages: tuple[str, ...]) -> None:
    """Raise where a package of the extra `web` is missing.

    Raises:
        MissingDependencyError: one is; the message holds the line that installs it.
    """
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingDependencyError(
                f"`visavox serve` needs {package}, which is not installed. Run: pip install 'visavox[web]'"
            )


def make_token(config: ServeConfig, path: Path) -> int:
    """Make a token, add it to the file, and print it: the only time that anybody can read it."""
    from visavox.web.tokens import add_token

    token = add_token(path, config.new_token, days=config.token_days)
    if config.json:
        sys.stdout.write(json.dumps({"name": config.new_token, "token": token, "file": str(path)}) + "\n")
    else:
        sys.stdout.write(f"{token}\n")
    if not config.quiet and not config.json:
        sys.stderr.write(
            f"visavox: this token of {config.new_token!r} is shown once and ends in {config.token_days:g} days. "
            f"{path} holds its digest alone.\n"
        )
    return 0


def announce(config: ServeConfig, started: Started) -> None:
    """Print where the service answers, what it has, and what would add the rest."""
    if config.json:
        sys.stdout.write(json.dumps(started.to_dict()) + "\n")
    elif config.quiet:
        sys.stdout.write(f"{started.url}\n")
    else:
        sys.stdout.write(describe(started))
    sys.stdout.flush()


def describe(started: Started) -> str:
    """Return what runs where, as lines for a reader."""
    width = max(map(len, (*started.loaded, *started.absent)), default=0)
    lines = [f"Visavox answers at {started.url} (Ctrl-C stops it)"]
    lines += [f"  {name:<{width}}  {words}" for name, words in started.loaded.items()]
    lines += [f"  {name:<{width}}  none; add it with: {remedy}" for name, remedy in started.absent.items()]
    return "\n".join(lines) + "\n"
