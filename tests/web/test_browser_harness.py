"""The browser of these tests notices what a page does wrong, and hears a voice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette")
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

GOOD = """<!doctype html><title>Good</title><link rel="icon" href="data:,"><h1>Hello</h1>
<script>
async function level() {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true});
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  for (let i = 0; i < 40; i++) {
    await new Promise(done => setTimeout(done, 25));
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, ...samples.map(Math.abs));
  }
  return loudest;
}
</script>"""
FOREIGN = '<!doctype html><link rel="icon" href="data:,"><img src="http://192.0.2.1/pixel.png">'
BROKEN = '<!doctype html><link rel="icon" href="data:,"><script>nothing.of.this.exists()</script>'


@pytest.fixture(scope="module")
def address(served: Callable[[Any], str]) -> str:
    pages = {"good": GOOD, "foreign": FOREIGN, "broken": BROKEN}
    routes = [Route(f"/{name}", lambda request, text=text: HTMLResponse(text)) for name, text in pages.items()]
    return served(Starlette(routes=routes))


def test_a_page_is_shown_at_its_width(address: str, page_at: Any) -> None:
    page = page_at(f"{address}/good", width=390, height=700)
    assert page.get_by_role("heading").inner_text() == "Hello"
    assert page.evaluate("innerWidth") == 390


def test_the_microphone_plays_a_voice(address: str, page_at: Any) -> None:
    page = page_at(f"{address}/good")
    assert page.evaluate("level()") > 0.01


@pytest.mark.parametrize("name, words", [("foreign", "requests left this machine"), ("broken", "errors in the page")])
def test_a_page_that_misbehaves_fails_its_test(
    name: str, words: str, address: str, browser: Any, request: pytest.FixtureRequest
) -> None:
    conftest = request.config.pluginmanager.get_plugin(str(request.path.parent / "conftest.py"))
    assert conftest is not None
    opening = conftest.opened_pages(browser)
    open_page = next(opening)
    open_page(f"{address}/{name}").wait_for_timeout(200)
    with pytest.raises(AssertionError, match=words):
        next(opening)
