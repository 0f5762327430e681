"""All pages in a real browser on the simulated world: what is asked for appears, and what goes wrong is one line.

With VISAVOX_WRITE_TOUR=1 it also writes the pictures of the README's tour into docs/tour; `test_tour` checks them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("gradio")

from visavox.game_config import GamePoolConfig
from visavox.pipeline.gallery.changing import build_gallery
from visavox.pipeline.game_pool import make_pool
from visavox.retrieval_config import GalleryBuildConfig
from visavox.service_config import ServeConfig
from visavox.web.pages.uploads import upload_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),  # both are Gradio's
    pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting' is deprecated"),
]

TOUR = Path(__file__).parents[2] / "docs" / "tour"
LEFT = ("AbortError: signal is aborted", "Connection errored out")
"""What Gradio says of its own connection when a page is left."""
WRITES_TOUR = os.environ.get("VISAVOX_WRITE_TOUR") == "1"
LARGEST_BYTES, COLOURS = 150_000, 160
DESKTOP, PHONE = (1280, 900), (390, 844)
SIMPLE_REPORT = "<!doctype html><title>R</title><h1>Among 8 people</h1><script>document.title = 'run'</script>"


@pytest.fixture(scope="module")
def small_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one report: a real one for the tour, a made-up one otherwise."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "first").mkdir()
    if WRITES_TOUR:
        from visavox.__main__ import main
        from visavox.world.pairs_folder import write_pairs_folder

        write_pairs_folder(folder / "world", n_people=24, n_clips=2, seed=5, n_processes=1)
        words = [
            "--model",
            "world",
            "--pairs",
            str(folder / "world"),
            "--out",
            str(folder / "first"),
            "--device",
            "cpu",
        ]
        assert main(["evaluate", *words, "--resamples", "200", "--quiet"]) == 0
    else:
        (folder / "first" / "report.html").write_text(SIMPLE_REPORT, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def address(
    served: Callable[[Any], str],
    small_world: Path,
    small_corpus: Path,
    small_runs: Path,
    tiny_generator: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """A server that has everything, of the small world."""
    from visavox.web.app import create_app

    folder = tmp_path_factory.mktemp("service")
    common: dict[str, Any] = {"model": "world", "workers": 1, "quiet": True, "device": "cpu"}
    build_gallery(GalleryBuildConfig(pairs=small_world, out=folder / "gallery", **common))
    make_pool(GamePoolConfig(pairs=small_world, out=folder / "pool", **common))
    settings = ServeConfig(
        model="world",
        device="cpu",
        decoders=1,
        gallery=folder / "gallery",
        game=folder / "pool",
        log=folder / "game.sqlite",
        corpora=(small_corpus,),
        runs=(small_runs,),
        generator=str(tiny_generator),
        max_upload_mb=2,
    )
    return served(create_app(settings))


@pytest.fixture
def faces(small_world: Path) -> list[str]:
    """Three people's faces, the first is that of `voice`."""
    found = sorted((small_world / "faces").glob("*.jpg"))
    return [str(found[place]) for place in (0, 5, 11)]


@pytest.fixture
def voice(small_world: Path) -> str:
    return str(min((small_world / "voices").iterdir()))


def keep_picture(page: Any, name: str, *, height: int = 0) -> None:
    """Write a picture of the tour, in few colours so that it stays small."""
    if not WRITES_TOUR:
        return
    TOUR.mkdir(parents=True, exist_ok=True)
    path = TOUR / f"{name}.png"
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height} if height else None
    page.screenshot(path=path, full_page=True, clip=clip)
    with Image.open(path) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def give_voice(page: Any, path: str) -> None:
    page.get_by_role("button", name="Upload file").first.click()
    page.locator("input[type=file]").first.set_input_files(path)
    page.get_by_role("button", name="Play", exact=True).wait_for()


def give_faces(page: Any, paths: list[str]) -> None:
    page.locator("input[type=file][multiple]").set_input_files(paths)
    page.wait_for_function(f"document.querySelectorAll('.thumbnail-item img').length == {len(paths)}")


def held_files() -> list[Path]:
    return [path for path in upload_folder().rglob("*") if path.is_file()]


def wait_for_no_files() -> None:
    end = time.monotonic() + 10
    while held_files() and time.monotonic() < end:
        time.sleep(0.1)
    assert held_files() == []


def test_home_says_what_it_is_for_and_leads_everywhere(address: str, page_at: Any) -> None:
    page = page_at(address)
    page.get_by_role("heading", name="Voices and faces").wait_for()
    assert "not for naming strangers" in page.inner_text("body")
    links = {link.get_attribute("href") for link in page.locator(".vx-nav a").all()}
    assert links == {"/", "/match", "/search", "/draw", "/report", "/corpus", "/game"}
    assert page.locator(".vx-cards .off").count() == 0
    page.locator(".vx-cards").get_by_text("Match", exact=True).click()
    page.get_by_role("heading", name="Whose voice is it?").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_match_shows_bars_and_what_the_model_attends_to(
    address: str, page_at: Any, voice: str, faces: list[str]
) -> None:
    page = page_at(f"{address}/match", width=DESKTOP[0], height=DESKTOP[1])
    give_voice(page, voice)
    give_faces(page, faces)
    page.get_by_role("button", name="Match", exact=True).click()
    page.locator(".vx-verdict").wait_for()
    values = [float(bar.get_attribute("aria-valuenow")) for bar in page.get_by_role("meter").all()]
    assert len(values) == 3 and sum(values) == pytest.approx(100, abs=0.3)
    assert "most probable" in page.inner_text(".vx-verdict")
    page.get_by_role("button", name="What does the model attend to?").click()
    page.get_by_role("heading", name="What the model attends to").wait_for()
    assert page.locator(".vx-maps img").count() == 3 and page.locator(".vx-voice img").count() == 1
    words = page.inner_text("#vx-attention")
    assert "covering this makes the match less likely" in words and "more likely" in words
    assert held_files()
    keep_picture(page, "match")
    page.context.close()
    wait_for_no_files()


def test_a_voice_is_recorded_in_the_browser(address: str, page_at: Any, faces: list[str]) -> None:
    page = page_at(f"{address}/match", width=PHONE[0], height=PHONE[1])
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Play", exact=True).wait_for()
    give_faces(page, faces[:2])
    page.get_by_role("button", name="Match", exact=True).click()
    page.locator(".vx-verdict").wait_for()
    assert "most probable" in page.inner_text(".vx-verdict")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_bad_input_is_one_line_on_the_page(address: str, page_at: Any, voice: str, tmp_path: Path) -> None:
    page = page_at(f"{address}/match")
    page.get_by_role("button", name="Match", exact=True).click()
    page.get_by_role("alert").get_by_text("There is no voice yet").wait_for()
    give_voice(page, voice)
    page.get_by_role("button", name="Match", exact=True).click()
    page.get_by_role("alert").get_by_text("A match needs at least 2 faces. Got 0.").wait_for()
    pictures = [tmp_path / "wall.png", tmp_path / "sky.png"]
    for shade, path in enumerate(pictures):
        Image.new("RGB", (200, 200), (60 * shade, 120, 150)).save(path)
    give_faces(page, [str(path) for path in pictures])
    page.get_by_role("button", name="Match", exact=True).click()
    page.get_by_text("At least two usable faces are needed.").wait_for()
    assert "No face found" in page.inner_text(".vx-bars")
    assert "Traceback" not in page.content()


def test_search_finds_the_face_of_a_voice_and_the_voice_of_a_face(
    address: str, page_at: Any, small_world: Path, faces: list[str]
) -> None:
    voice = str(sorted((small_world / "voices").iterdir())[6])
    page = page_at(f"{address}/search")
    page.get_by_text("holds 8 people with a voice (16 clips)").wait_for()
    give_voice(page, voice)
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator(".vx-verdict").wait_for()
    assert page.locator(".vx-bars img").count() == 8 and "nobody here" in page.inner_text(".vx-bars")
    keep_picture(page, "search", height=1500)
    page.get_by_label("a face").check()
    page.get_by_test_id("image").locator("input[type=file]").set_input_files(faces[0])
    page.locator("[data-testid=image] img, .image-frame img").first.wait_for()
    page.get_by_label("Only those who are").click()
    page.get_by_role("option", name="gender: f").click()
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator(".vx-bars audio").first.wait_for()
    assert page.locator(".vx-bars audio").count() == 4
    assert "gender m" not in page.inner_text(".vx-bars")


def test_draw_labels_every_guess_and_keeps_the_label_in_the_file(address: str, page_at: Any, voice: str) -> None:
    from visavox.generation.picture_files import read_label

    page = page_at(f"{address}/draw")
    give_voice(page, voice)
    page.get_by_role("button", name="Draw", exact=True).click()
    page.locator(".vx-guesses img").nth(3).wait_for()
    captions = page.locator(".vx-guesses figcaption").all_inner_texts()
    assert len(captions) == 4 and all("a guess from the voice, not a photograph" in said for said in captions)
    with page.expect_download() as download:
        page.get_by_role("link", name="save guess 2").click()
    label = read_label(Path(download.value.path()))
    assert label["sample"] == 1 and "guess" in label["label"]


def test_a_report_is_opened_inside_the_page(address: str, page_at: Any) -> None:
    page = page_at(f"{address}/report", allowed=("Blocked script execution",))
    inside = page.frame_locator("iframe.vx-frame")
    inside.get_by_role("heading", level=1).wait_for()
    assert page.get_by_role("link", name="open it alone").get_attribute("href").startswith("/reports/")
    assert inside.locator("head > title").text_content() != "run", "a report runs no script"
    keep_picture(page, "report")


def test_a_clip_is_shown_with_its_reason(address: str, page_at: Any, small_world: Path) -> None:
    page = page_at(f"{address}/corpus")
    page.get_by_text("1 to 16 of 16 clips; page 1 of 1.").wait_for()
    page.get_by_text("Counts by status").click()
    page.get_by_role("cell", name="can be used").first.wait_for()
    page.get_by_text("Counts by status").click()
    clip = min((small_world / "faces").iterdir()).stem
    page.get_by_role("gridcell", name=clip).or_(page.get_by_role("cell", name=clip)).first.click()
    page.get_by_role("heading", name=clip).wait_for()
    assert page.locator(".vx-known img").count() == 1 and page.locator(".vx-known audio").count() == 1
    keep_picture(page, "corpus")
    page.get_by_label("Clip: choose it above").fill("nobody")
    page.get_by_label("Clip: choose it above").press("Enter")
    page.get_by_role("alert").get_by_text("is called 'nobody'").wait_for()
    page.get_by_label("Person").fill("nobody")
    page.get_by_label("Person").press("Enter")
    page.get_by_text("No clip is of this kind.").wait_for()


@pytest.mark.parametrize("name, size", [("game", DESKTOP), ("game-phone", PHONE)])
def test_the_game_is_one_click_away(name: str, size: tuple[int, int], address: str, page_at: Any) -> None:
    page = page_at(address, width=size[0], height=size[1])
    page.get_by_role("navigation").get_by_role("link", name="Game").click()
    page.wait_for_url("**/game")
    page.get_by_role("button").first.wait_for()
    page.get_by_role("button").first.click()
    page.wait_for_load_state("networkidle")
    keep_picture(page, name)


def test_every_page_fits_a_phone(address: str, page_at: Any) -> None:
    page = page_at(address, width=PHONE[0], height=PHONE[1], allowed=("Blocked script execution", *LEFT))
    for name in ("match", "search", "draw", "report", "corpus"):
        page.goto(f"{address}/{name}")
        page.locator(f".vx-nav a[href='/{name}'][aria-current=page]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
