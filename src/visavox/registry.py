"""Registries: short names for the parts that a user chooses by name.

A registry knows where its plug-ins live (`home`, a package) and relies on one convention: **the name of a plug-in
is the name of its file**. So a lookup imports one module and `--help` imports none. Saved files hold these names,
never import paths, so that a file may move without breaking a saved model.

Example:
    >>> registry: Registry[object] = Registry("shape", home="visavox.metrics")
    >>> @registry.register("circle")
    ... class Circle:
    ...     def __init__(self, radius_px: float = 1.0) -> None:
    ...         self.radius_px = radius_px
    >>> registry.build({"name": "circle", "radius_px": 2.0}).radius_px
    2.0
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from visavox.errors import ConfigError, UnknownNameError

T = TypeVar("T")
Factory = TypeVar("Factory", bound=Callable[..., Any])

NUMBERS: tuple[tuple[type, ...], ...] = ((int,), (int, float))
PLAIN_TYPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "int": (NUMBERS[0], "a whole number"),
    "float": (NUMBERS[1], "a number"),
    "bool": ((bool,), "true or false"),
    "str": ((str,), "a text"),
}
"""Annotation -> the types that a value may have, and the words for them."""


class Registry(Generic[T]):
    """Names of one kind of plug-in and the factories behind them.

    Args:
        kind: what a plug-in is, in the singular, for messages: "encoder".
        home: dotted name of the package whose module files are the plug-ins.
    """

    def __init__(self, kind: str, *, home: str) -> None:
        """Store the kind and the home package; nothing is imported yet."""
        self.kind = kind
        self.home = home
        self._factories: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[Factory], Factory]:
        """Return a decorator that files a class or function under `name`.

        Raises:
            ValueError: the name is taken by another object.
        """

        def decorate(factory: Factory) -> Factory:
            taken = self._factories.get(name)
            if taken is not None and _home(taken) != _home(factory):
                raise ValueError(f"The {self.kind} name {name!r} is taken by {taken!r}. Choose another.")
            self._factories[name] = factory
            return factory

        return decorate

    def get(self, name: str) -> Callable[..., T]:
        """Return the factory filed under `name`, importing its module if needed.

        Raises:
            UnknownNameError: no plug-in has this name; the message gives the nearest and the list.
        """
        if name not in self._factories and name.isidentifier():
            module = f"{self.home}.{name}"
            if importlib.util.find_spec(self.home) and importlib.util.find_spec(module):
                importlib.import_module(module)
        if name not in self._factories:
            raise UnknownNameError(self.kind, name, self.names())
        return self._factories[name]

    def build(self, spec: str | Mapping[str, Any]) -> T:
        """Return a new plug-in from its name, or from a mapping with `name` and its arguments.

        Raises:
            UnknownNameError: no plug-in has this name.
            ConfigError: `name` or an argument is missing, left over, or not of the plain type that it must have.
        """
        arguments: dict[str, Any] = {}
        arguments.update({"name": spec} if isinstance(spec, str) else spec)
        name = arguments.pop("name", None)
        if not isinstance(name, str):
            raise ConfigError(f"A {self.kind} needs a `name`. Got {spec!r}. Known: {', '.join(self.names())}.")
        factory = self.get(name)
        accepted = list(inspect.signature(factory).parameters)
        unknown = sorted(set(arguments) - set(accepted))
        if unknown:
            raise ConfigError(
                f"The {self.kind} {name!r} takes no {', '.join(map(repr, unknown))}. "
                f"It takes: {', '.join(accepted) or 'nothing'}."
            )
        needed = [p.name for p in inspect.signature(factory).parameters.values() if p.default is p.empty]
        missing = [argument for argument in needed if argument not in arguments and argument not in ("args", "kwargs")]
        if missing:
            raise ConfigError(
                f"The {self.kind} {name!r} needs {', '.join(f'`{argument}`' for argument in missing)}. "
                f"Write it as {{name: {name}, {missing[0]}: ...}}."
            )
        self._check_types(name, factory, arguments)
        return factory(**arguments)

    def _check_types(self, name: str, factory: Callable[..., T], arguments: Mapping[str, Any]) -> None:
        """Hold numbers, texts and switches to their annotations, so that no plug-in meets a text for a number."""
        parameters = inspect.signature(factory).parameters
        for argument, value in arguments.items():
            annotation = parameters[argument].annotation
            accepted, words = PLAIN_TYPES.get(str(getattr(annotation, "__name__", annotation)), ((object,), ""))
            if not isinstance(value, accepted) or (isinstance(value, bool) and accepted in NUMBERS):
                raise ConfigError(f"`{argument}` must be {words} for the {self.kind} {name!r}. Got {value!r}.")

    def names(self) -> list[str]:
        """Return every name in order, importing the modules of the home package to find them."""
        if importlib.util.find_spec(self.home):
            package = importlib.import_module(self.home)
            for found in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self.home}.{found.name}")
        return sorted(self._factories)


def _home(factory: Callable[..., Any]) -> tuple[str, str]:
    """Return module and name: a module that is read again may register its own classes again, another may not."""
    return factory.__module__, factory.__qualname__


INDEXES: Registry[Any] = Registry("index", home="visavox.retrieval.indexes")
ENCODERS: Registry[Any] = Registry("encoder", home="visavox.models.encoders")
ASSOCIATORS: Registry[Any] = Registry("associator", home="visavox.models.associators")
IDENTIFIERS: Registry[Any] = Registry("identifier", home="visavox.models.identifiers")
BACKENDS: Registry[Any] = Registry("back-end", home="visavox.identification.backends")
OBJECTIVES: Registry[Any] = Registry("objective", home="visavox.objectives")
PROTOCOLS: Registry[Any] = Registry("protocol", home="visavox.evaluation.protocols")
SOURCES: Registry[Any] = Registry("source", home="visavox.corpus.sources")
DETECTORS: Registry[Any] = Registry("detector", home="visavox.media.detectors")
DRAWERS: Registry[Any] = Registry("drawer", home="visavox.generation.drawers")
FACE_DECODERS: Registry[Any] = Registry("face decoder", home="visavox.models.face_decoders")
PREDICTORS: Registry[Any] = Registry("face-feature predictor", home="visavox.models.face_predictors")
