"""The command `visavox`: a table of commands, a parser made from each configuration, exit codes.

Exit codes: 0 done, 1 failed, 2 bad use, 130 interrupted. A user's mistake is one line on stderr, never a
traceback; a command's module is imported only when it is called.
"""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType
from typing import Any, cast

from visavox.command_line import parse_arguments
from visavox.errors import ConfigError, UnknownNameError, VisavoxError, one_line

# name -> (configuration class, positional fields); those of two words are in the module that `GROUPS` names
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "prepare": ("PrepareConfig", ()),
    "corpus status": ("CorpusStatusConfig", ()),
    "corpus show": ("CorpusShowConfig", ("key",)),
    "corpus retry": ("CorpusRetryConfig", ()),
    "corpus gallery": ("CorpusGalleryConfig", ()),
    "corpus label": ("CorpusLabelConfig", ()),
    "corpus audit": ("CorpusAuditConfig", ()),
    "corpus export": ("CorpusExportConfig", ()),
    "corpus merge": ("CorpusMergeConfig", ("corpora",)),
    "embed": ("EmbedConfig", ()),
    "split": ("SplitConfig", ()),
    "trials": ("TrialsConfig", ()),
    "train": ("TrainConfig", ()),
    "evaluate": ("EvaluateConfig", ()),
    "compare": ("CompareConfig", ("recipe",)),
    "robustness": ("RobustnessConfig", ()),
    "convert": ("ConvertConfig", ("checkpoint",)),
    "export": ("ExportConfig", ("model",)),
    "enroll": ("EnrollConfig", ()),
    "identify": ("IdentifyConfig", ("people",)),
    "generate": ("GenerateConfig", ("voice",)),
    "match": ("MatchConfig", ("voice", "faces")),
    "gallery build": ("GalleryBuildConfig", ()),
    "gallery add": ("GalleryAddConfig", ("gallery",)),
    "gallery remove": ("GalleryRemoveConfig", ("gallery",)),
    "gallery info": ("GalleryInfoConfig", ("gallery",)),
    "gallery export": ("GalleryExportConfig", ("gallery",)),
    "search": ("SearchConfig", ("query",)),
    "serve": ("ServeConfig", ()),
    "game pool": ("GamePoolConfig", ()),
    "game play": ("GamePlayConfig", ()),
    "game study": ("GameStudyConfig", ("pool",)),
    "game export": ("GameExportConfig", ("log",)),
    "game import": ("GameImportConfig", ("log",)),
    "game report": ("GameReportConfig", ("log",)),
    "run": ("RunConfig", ("recipe",)),
    "simulate": ("SimulateConfig", ()),
    "doctor": ("DoctorConfig", ()),
}
GROUPS = {"corpus": "visavox.manage", "gallery": "visavox.gallery", "game": "visavox.game"}
"""First word of the commands of two words -> the module that does them all."""
CONFIGS = (
    "visavox.config",
    "visavox.corpus_config",
    "visavox.evaluation_config",
    "visavox.game_config",
    "visavox.generation_config",
    "visavox.identification_config",
    "visavox.method_config",
    "visavox.retrieval_config",
    "visavox.service_config",
)
LISTS = {
    "encoders": "ENCODERS",
    "objectives": "OBJECTIVES",
    "protocols": "PROTOCOLS",
    "sources": "SOURCES",
    "detectors": "DETECTORS",
    "associators": "ASSOCIATORS",
    "identifiers": "IDENTIFIERS",
    "backends": "BACKENDS",
    "drawers": "DRAWERS",
    "decoders": "FACE_DECODERS",
    "predictors": "PREDICTORS",
    "indexes": "INDEXES",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: arguments after the program's name; those of the process by default.

    Returns:
        0 done, 1 failed, 2 bad use, 130 interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end)  # as Ctrl-C: what is being written is finished or removed
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file may have a name that the terminal cannot show
    try:
        return _dispatch(arguments)
    except VisavoxError as error:
        sys.stderr.write(f"visavox: {one_line(str(error))}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("visavox: interrupted. What was finished is kept: run the same command again to go on.\n")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        said = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
        sys.stderr.write(f"visavox: {one_line(said)}. What was finished is kept; mend it and run again.\n")
        return 1


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(overview())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        sys.stdout.write(f"visavox {_version()}\n")
        return 0
    if arguments[0] == "--list":
        return _list(arguments[1:])
    n_words = 2 if arguments[0] in GROUPS else 1
    name = " ".join(arguments[:n_words])
    if n_words == 2 and (len(arguments) == 1 or arguments[1] in ("-h", "--help")):
        sys.stdout.write(overview(f"{arguments[0]} "))
        return 0 if len(arguments) > 1 else 2
    if name not in COMMANDS:
        raise UnknownNameError("command", name, COMMANDS)
    class_name, positional = COMMANDS[name]
    config = parse_arguments(
        config_class(class_name), arguments[n_words:], prog=f"visavox {name}", positional=positional
    )
    if config is None:
        return 0
    module = importlib.import_module(GROUPS[arguments[0]] if n_words == 2 else f"visavox.{name}")
    return int(module.run(config) or 0)


def config_class(name: str) -> type[Any]:
    """Return a configuration class by its name; the module that holds it is imported."""
    for module in map(importlib.import_module, CONFIGS):
        if name in vars(module):
            return cast("type[Any]", vars(module)[name])
    raise LookupError(name)


def overview(prefix: str = "") -> str:
    """Return the text of `visavox --help`: every command with the first line of its configuration.

    Args:
        prefix: only commands that begin so, "corpus " for instance.
    """
    lines = [
        f"usage: visavox {prefix}COMMAND ...",
        "",
        "Voice-face association: whose voice is this, among these faces?",
        "",
    ]
    for name, (class_name, _) in COMMANDS.items():
        if name.startswith(prefix):
            lines.append(f"  {name:<15} {(config_class(class_name).__doc__ or '').splitlines()[0]}")
    lines += [
        "",
        f"  visavox {prefix}COMMAND --help      the options of a command",
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
