"""From the folder of a generator to what draws: the method's parts, checked against each other.

Example:
    load_drawer(Generator.load("portrait"), "decoder").image_px        # 64
"""

from __future__ import annotations

from visavox.errors import DataError, UnknownNameError
from visavox.generation.drawers.base import FaceDrawer
from visavox.pipeline.drawing.generator_folder import METHOD_PARTS, Generator
from visavox.registry import DRAWERS


def load_drawer(generator: Generator, method: str | None = None, *, device: str = "cpu") -> FaceDrawer:
    """Return a drawer of a generator.

    Args:
        generator: its folder.
        method: "decoder" or "diffusion"; None takes the first that the generator has.
        device: where its networks run, in torch's words.

    Raises:
        UnknownNameError: there is no such method.
        DataError: the generator has no part for it, a part is damaged, or draws pictures of another size than the
            generator says.
    """
    if method is not None and method not in METHOD_PARTS:
        raise UnknownNameError("method", method, METHOD_PARTS)
    methods = generator.methods
    if method is None and methods:
        method = methods[0]
    if method is None or method not in methods:
        wanted = METHOD_PARTS[method] if method else METHOD_PARTS["decoder"]
        missing = ", ".join(part for part in wanted if not generator.has(part))
        has = f"It draws by {', '.join(methods)}" if methods else "Train it: visavox train --task reconstruction"
        raise DataError(f"{generator.folder} cannot draw by {method or 'any method'}: it has no {missing}. {has}.")
    drawer: FaceDrawer = DRAWERS.get(method).from_generator(  # type: ignore[attr-defined]
        generator.folder, image_px=generator.image_px, choices=generator.choices.get(method, {}), device=device
    )
    if generator.image_px not in drawer.sizes_px:
        sizes = ", ".join(map(str, drawer.sizes_px))
        raise DataError(
            f"{generator.folder} is of pictures of {generator.image_px} px, and its {method} draws {sizes} px: its "
            "parts are of different generators. Train or copy it again."
        )
    return drawer
