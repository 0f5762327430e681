"""The look of the pages asks nobody for anything."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("gradio")

from visavox.web.pages.look import look


def test_no_address_of_another_machine_is_in_style_or_head() -> None:
    style = look()
    told = style.css + style.head + "".join(style.theme._stylesheets)
    addresses = set(re.findall(r"(?:https?:)?//[a-z][^'\")\s]*", told))
    assert addresses <= {"http://www.w3.org/2000/svg"}, "a name space of SVG is no address"
    assert style.theme._stylesheets == []


def test_colours_are_those_of_the_reports() -> None:
    from importlib import resources

    report = (resources.files("visavox.evaluation") / "templates" / "report.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", report.split("@media")[0]))
    ours = dict(re.findall(r"--vx-([a-z]+): (#[0-9a-f]{6})", look().css.split("@media")[0]))
    same = {
        "paper": "paper",
        "card": "card",
        "ink": "ink",
        "soft": "soft",
        "hair": "hair",
        "blue": "c0",
        "good": "good",
    }
    assert {name: ours[name] for name in same} == {name: light[of] for name, of in same.items()}


def test_every_class_of_the_pages_has_a_rule() -> None:
    from pathlib import Path

    import visavox.web.pages.look as module

    sheet = look().css
    for path in Path(module.__file__).parent.glob("*.py"):
        for names in re.findall(r'class="([a-z -]*vx[a-z -]*)"', path.read_text(encoding="utf-8")):
            for name in names.split():
                assert f".{name}" in sheet, f"{path.name}: {name}"


def test_text_is_readable_on_paper() -> None:
    """The contrast of WCAG 2, level AA: 4.5 to 1 for text."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ours = dict(re.findall(r"--vx-([a-z]+): (#[0-9a-f]{6})", look().css.split("@media")[0]))
    for name in ("ink", "soft", "blue", "orange"):
        for ground in ("paper", "card"):
            assert (luminance(ours[ground]) + 0.05) / (luminance(ours[name]) + 0.05) >= 4.5, (name, ground)


def test_there_is_one_look_by_day_and_by_night() -> None:
    theme = look().theme
    names = [name for name in dir(theme) if name.endswith("_dark") and hasattr(theme, name.removesuffix("_dark"))]
    assert len(names) > 100
    assert all(getattr(theme, name) == getattr(theme, name.removesuffix("_dark")) for name in names)
