"""A configuration class to a command line and back: flags, positional arguments, YAML file, help.

What it is not: the table of commands (`visavox.__main__`) or the configurations themselves (`visavox.config`).

Example:
    >>> from visavox.config import MatchConfig
    >>> words = ["v.wav", "a.jpg", "b.jpg", "--batch-size", "8"]
    >>> config = parse_arguments(MatchConfig, words, prog="visavox match", positional=("voice", "faces"))
    >>> len(config.faces), config.batch_size
    (2, 8)
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from visavox.errors import ConfigError

Config = TypeVar("Config")

WORDS_FOR_TYPES = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a number",
    "<class 'bool'>": "true or false",
    "<class 'collections.abc.Mapping'>": "a mapping, as in '{name: value}'",
}
"""How the parser names a type, and how a reader would."""


def protect_dashes(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with every existing file whose name begins with `-` written as ./-name.

    A clip may be called `-DdYEiZQ5oI.jpg`; without this the parser would take it for an option.
    """
    return [f"./{a}" if a.startswith("-") and a not in ("-", "--") and Path(a).exists() else a for a in arguments]


def attribute_texts(config_class: type) -> dict[str, str]:
    """Return the text under each field of a configuration class, keyed by the field's name."""
    from docstring_parser import parse_from_object

    texts: dict[str, str] = {}
    for parent in reversed(config_class.__mro__[:-1]):
        texts |= {p.arg_name: p.description or "" for p in parse_from_object(parent).params}
    return texts


def parse_arguments(
    config_class: type[Config], arguments: Sequence[str], *, prog: str, positional: Sequence[str] = ()
) -> Config | None:
    """Return the configuration that the arguments describe, or None where --help has answered.

    Args:
        config_class: frozen dataclass; the text under each field is its help.
        arguments: what stands after the command's name.
        prog: the command as the user typed it, for messages.
        positional: fields that are given by place instead of by flag; a tuple field takes one or more.

    Raises:
        ConfigError: an unknown option, a missing one, a value of the wrong type, an unknown key of a YAML file.
    """
    from jsonargparse import ArgumentError

    parser = _build_parser(config_class, prog=prog, positional=positional)
    try:
        return _as_config(config_class, parser, parser.parse_args(protect_dashes(arguments)))
    except SystemExit:
        return None
    except ArgumentError as error:
        raise ConfigError(f"{_plain(error)}. See `{prog} --help`.") from error


def parse_mapping(config_class: type[Config], values: Mapping[str, Any], *, where: str) -> Config:
    """Return the configuration that a mapping from a YAML recipe describes.

    Args:
        config_class: frozen dataclass.
        values: field names to values; fields with a default may be left out.
        where: what the mapping is, for messages: "recipes/a.yaml, step 2 (embed)".

    Raises:
        ConfigError: a left-over or missing key, or a value of the wrong type; the message names the known keys.
    """
    from jsonargparse import ArgumentError

    known = [item.name for item in dataclasses.fields(config_class)]  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"{where} takes no {', '.join(map(repr, unknown))}, probably a typo. It takes: {', '.join(sorted(known))}."
        )
    parser = _build_parser(config_class, prog=where, positional=())
    try:
        return _as_config(config_class, parser, parser.parse_object(dict(values)))
    except ArgumentError as error:
        raise ConfigError(f"{where}: {_plain(error)}.") from error
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _plain(error: Exception) -> str:
    """Return what the parser says as one line, in the words of our other messages, without its full stop."""
    message = " ".join(str(error).split()).removesuffix(".")
    found = re.fullmatch(r'Parser key "(?P<name>\w+)": unsupported operand type.*', message)
    if found is not None:  # the parser joins names of keys, and YAML reads null, 1 and yes as no names
        return f"The keys of `{found['name']}` must be text. Got one that YAML reads as another type: put it in quotes"
    found = re.fullmatch(r'Parser key "(?P<name>\w+)": Expected an? (?P<type>.+?)\. Got value: (?P<value>.*)', message)
    if found is None:  # an option that may be left out
        found = re.fullmatch(
            r'Parser key "(?P<name>\w+)": Does not validate against any of the Union subtypes '
            r"Subtypes: \[(?P<type><class '\w+'>), <class 'NoneType'>\] .* Given value: (?P<value>.*)",
            message,
        )
    if found is None:
        return _in_our_words(message)
    choices = found["type"].removeprefix("typing.Literal")
    named = ", ".join(filter(None, re.findall(r"'([^']*)'", choices)))  # "" stands for not given
    wanted = WORDS_FOR_TYPES.get(found["type"], f"one of {named}" if choices.startswith("[") else choices)
    return f"`{found['name']}` must be {wanted}. Got {found['value']!r}"


def _in_our_words(message: str) -> str:
    """Return a message of the parser about the words themselves, with what mends it."""
    unknown = re.fullmatch(r"[Uu]nrecognized arguments: (-\S.*)", message)
    if unknown is not None:
        return f"There is no option {unknown[1]}. A name that begins with - goes to the end, after --"
    missing = re.fullmatch(r"the following arguments are required: (.*)", message)
    if missing is not None:
        return f"These are missing: {missing[1]}"
    return message


def _as_config(config_class: type[Config], parser: Any, namespace: Any) -> Config:
    values = {key: value for key, value in vars(parser.instantiate(namespace)).items() if key != "config"}
    return config_class(**{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})


def _build_parser(config_class: type, *, prog: str, positional: Sequence[str]) -> Any:
    from jsonargparse import ActionYesNo, ArgumentParser, DefaultHelpFormatter

    class PlainHelpFormatter(DefaultHelpFormatter):
        """Help with defaults and without Python's type names."""

        def _get_help_string(self, action: Any) -> str:
            default = action.default
            shown = default is not False and default not in (None, "==SUPPRESS==", [], {}) and action.option_strings
            return f"{action.help or ''}{f' (default: {default})' if shown else ''}"

    description = (config_class.__doc__ or "").strip()
    parser = ArgumentParser(
        prog=prog,
        description=description,
        exit_on_error=False,
        formatter_class=PlainHelpFormatter,
        allow_abbrev=False,  # an option of tomorrow must not change what a script of today means
    )
    parser.add_argument("--config", action="config", help="YAML file with the same names as the options.")
    texts, types = attribute_texts(config_class), get_type_hints(config_class)
    for item in dataclasses.fields(config_class):
        annotation, text = types[item.name], texts.get(item.name, "")
        flags = ["--" + item.name.replace("_", "-"), *(["-" + item.name] if len(item.name) == 1 else [])]
        element = get_args(annotation)[0] if get_origin(annotation) is tuple else None
        has_factory = item.default_factory is not dataclasses.MISSING
        default: Any = item.default_factory() if callable(item.default_factory) and has_factory else item.default
        required = default is dataclasses.MISSING
        if item.name in positional:
            parser.add_argument(item.name, type=element or annotation, nargs="+" if element else None, help=text)
        elif annotation is bool:
            parser.add_argument(*flags, action=ActionYesNo(no_prefix="no-"), default=default, help=text)
        elif element is not None:
            parser.add_argument(*flags, type=element, nargs="+", default=list(default), help=text)
        elif required:
            parser.add_argument(*flags, type=annotation, required=True, help=text)
        else:
            parser.add_argument(*flags, type=annotation, default=default, help=text)
    return parser
