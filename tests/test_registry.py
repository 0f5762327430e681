"""Names to parts: found by file name, built from a name or a mapping, and refused in one line."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from visavox import registry as registry_module
from visavox.errors import ConfigError, UnknownNameError
from visavox.registry import Registry

ALL = [value for value in vars(registry_module).values() if isinstance(value, Registry)]


class Square:
    def __init__(self, side_px: float = 1.0, *, filled: bool = False) -> None:
        self.side_px = side_px
        self.filled = filled


@pytest.fixture
def shapes() -> Registry[Any]:
    found: Registry[Any] = Registry("shape", home="visavox.nowhere")
    found.register("square")(Square)
    return found


def test_a_name_builds_with_defaults(shapes: Registry[Any]) -> None:
    assert shapes.build("square").side_px == 1.0


def test_a_mapping_builds_with_its_arguments_and_is_not_changed(shapes: Registry[Any]) -> None:
    spec = {"name": "square", "side_px": 3.0, "filled": True}
    built = shapes.build(spec)
    assert (built.side_px, built.filled) == (3.0, True)
    assert spec == {"name": "square", "side_px": 3.0, "filled": True}


def test_a_left_over_argument_is_an_error_that_lists_what_is_taken(shapes: Registry[Any]) -> None:
    with pytest.raises(ConfigError, match=r"'square' takes no 'colour'\. It takes: side_px, filled"):
        shapes.build({"name": "square", "colour": "red"})


def test_a_mapping_without_a_name_is_an_error(shapes: Registry[Any]) -> None:
    with pytest.raises(ConfigError, match="needs a `name`"):
        shapes.build({"side_px": 3.0})


def test_an_unknown_name_gives_the_nearest(shapes: Registry[Any]) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean 'square'\?"):
        shapes.build("sqare")


@pytest.mark.parametrize("name", ["", "no such", "../errors", "a.b", "x-y"])
def test_a_strange_name_is_unknown_and_imports_nothing(shapes: Registry[Any], name: str) -> None:
    with pytest.raises(UnknownNameError, match="Unknown shape"):
        shapes.get(name)


def test_a_taken_name_is_refused(shapes: Registry[Any]) -> None:
    with pytest.raises(ValueError, match="is taken"):
        shapes.register("square")(dict)


def test_a_class_of_the_same_name_from_another_module_is_refused(shapes: Registry[Any]) -> None:
    """Only the class's own name was compared, so a plug-in could replace a built-in without a word."""
    other = type("Square", (), {"__module__": "another"})
    assert other.__qualname__ == Square.__qualname__
    with pytest.raises(ValueError, match="is taken"):
        shapes.register("square")(other)


def test_registering_the_same_class_again_is_harmless(shapes: Registry[Any]) -> None:
    assert shapes.register("square")(Square) is Square


@pytest.mark.parametrize("registry", ALL, ids=lambda r: r.kind)
def test_every_registry_finds_its_plug_ins_and_their_names_are_file_names(registry: Registry[Any]) -> None:
    names = registry.names()
    assert names == sorted(names)
    assert names
    for name in names:
        factory: Any = registry.get(name)
        if factory.__module__.startswith("visavox."):  # tests register stand-ins of their own
            assert factory.__module__ == f"{registry.home}.{name}"


def test_looking_up_one_name_imports_no_other_plug_in() -> None:
    code = (
        "import sys; from visavox.registry import ASSOCIATORS; ASSOCIATORS.get('cca');"
        "print('visavox.models.associators.two_tower' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


@pytest.mark.parametrize(("key", "value"), [("side_px", "many"), ("side_px", True), ("filled", 1)])
def test_a_value_of_a_wrong_type_is_refused_by_name(shapes: Registry[Any], key: str, value: object) -> None:
    """`--face-encoder '{name: dlib, n_jitters: many}'` ended in a traceback: a text was compared with a number."""
    with pytest.raises(ConfigError, match=f"`{key}` must be .* for the shape 'square'. Got {value!r}"):
        shapes.build({"name": "square", key: value})


def test_a_whole_number_stands_for_a_number(shapes: Registry[Any]) -> None:
    assert shapes.build({"name": "square", "side_px": 3}).side_px == 3


def test_an_argument_that_is_needed_and_missing_is_named() -> None:
    """`--objective mixture` once ended in a traceback."""
    registry: Registry[Any] = Registry("shape", home="visavox.metrics")

    @registry.register("polygon")
    class Polygon:
        def __init__(self, n_sides: int, *, side_px: float = 1.0) -> None:
            self.n_sides = n_sides

    with pytest.raises(
        ConfigError, match="The shape 'polygon' needs `n_sides`. Write it as {name: polygon, n_sides: ...}"
    ):
        registry.build("polygon")
    assert registry.build({"name": "polygon", "n_sides": 3}).n_sides == 3
