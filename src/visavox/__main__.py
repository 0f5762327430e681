"""The command `visavox`: a table of commands, a parser made from each configuration, exit codes.

Exit codes: 0 done, 1 failed, 2 bad use, 130 interrupted. A user's mistake is one line on stderr, never a
traceback; a command's module is imported only when it is called.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence

from visavox.command_line import parse_arguments
from visavox.errors import ConfigError, UnknownNameError, VisavoxError, one_line

# name -> (configuration class, positional fields)
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "prepare": ("PrepareConfig", ()),
    "embed": ("EmbedConfig", ()),
    "split": ("SplitConfig", ()),
    "train": ("TrainConfig", ()),
    "evaluate": ("EvaluateConfig", ()),
    "match": ("MatchConfig", ("voice", "faces")),
    "run": ("RunConfig", ("recipe",)),
    "simulate": ("SimulateConfig", ()),
    "doctor": ("DoctorConfig", ()),
}
LISTS = {
    "encoders": "ENCODERS",
    "objectives": "OBJECTIVES",
    "protocols": "PROTOCOLS",
    "sources": "SOURCES",
    "detectors": "DETECTORS",
    "associators": "ASSOCIATORS",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: arguments after the program's name; those of the process by default.

    Returns:
        0 done, 1 failed, 2 bad use, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file may have a name that the terminal cannot show
    try:
        return _dispatch(arguments)
    except VisavoxError as error:
        sys.stderr.write(f"visavox: {one_line(str(error))}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("visavox: interrupted. What was done is kept: run the same command again to go on.\n")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        said = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        sys.stderr.write(f"visavox: {one_line(said)}. What was done is kept; mend it and run again.\n")
        return 1


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        sys.stdout.write(f"visavox {_version()}\n")
        return 0
    if arguments[0] == "--list":
        return _list(arguments[1:])
    name = arguments[0]
    if name not in COMMANDS:
        raise UnknownNameError("command", name, COMMANDS)
    class_name, positional = COMMANDS[name]
    config_class = getattr(importlib.import_module("visavox.config"), class_name)
    config = parse_arguments(config_class, arguments[1:], prog=f"visavox {name}", positional=positional)
    if config is None:
        return 0
    module = importlib.import_module(f"visavox.{name}")
    return int(module.run(config) or 0)


def overview() -> str:
    """Return the text of `visavox --help`: every command with the first line of its configuration."""
    config = importlib.import_module("visavox.config")
    lines = [
        "usage: visavox COMMAND ...",
        "",
        "Voice-face association: whose voice is this, among these faces?",
        "",
    ]
    for name, (class_name, _) in COMMANDS.items():
        lines.append(f"  {name:<10} {(getattr(config, class_name).__doc__ or '').splitlines()[0]}")
    lines += [
        "",
        "  visavox COMMAND --help      the options of a command",
        f"  visavox --list KIND         names of {', '.join(LISTS)}",
        "  visavox --version",
        "",
    ]
    return "\n".join(lines)


def _version() -> str:
    from importlib.metadata import version

    return version("visavox")


def _list(arguments: list[str]) -> int:
    registry = importlib.import_module("visavox.registry")

    if len(arguments) != 1:
        raise ConfigError(f"`--list` takes one kind. Got {len(arguments)}. Give one of: {', '.join(LISTS)}.")
    if arguments[0] not in LISTS:
        raise UnknownNameError("kind", arguments[0], LISTS)
    names = getattr(registry, LISTS[arguments[0]]).names()
    sys.stdout.write("".join(f"{name}\n" for name in names))
    return 0


if __name__ == "__main__":
    sys.exit(main())
