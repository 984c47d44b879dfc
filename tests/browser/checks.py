"""What holds for each page of the console, whatever it is about."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.contrib.staticfiles import finders
from playwright.sync_api import Page

MOST_BYTES = 150_000  # of a first visit, without pictures

# Scripts, styles and handlers that stand inside the page. The nonce is in what was sent only.
# Data in a script of type application/json is never run.
INLINE = """html => {
  const script = "script:not([src], [nonce], [type='application/json'])";
  const inline = `${script}, style:not([nonce]), [style]`;
  const sent = new DOMParser().parseFromString(html, "text/html");
  const handled = e => e.getAttributeNames().some(name => name.startsWith("on"));
  return [...sent.querySelectorAll("*")]
    .filter(e => e.matches(inline) || handled(e))
    .map(e => e.outerHTML.slice(0, 150));
}"""
SENT = """() => ["navigation", "resource"]
  .flatMap(type => performance.getEntriesByType(type))
  .map(entry => [entry.name, entry.encodedBodySize])"""
# A button changes its colors within a moment after the theme: not to be measured in between.
SETTLE = """() => document.getAnimations().forEach(
  animation => animation instanceof CSSTransition && animation.finish())"""
TOO_WIDE = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
# A page cannot be scrolled to the left of its beginning: what reaches there is never seen.
OUT_OF_SIGHT = f"""Math.max({TOO_WIDE}, ...[...document.querySelectorAll("[data-menu][open] > ul")]
  .map(list => -list.getBoundingClientRect().left))"""
MENUS_OUT_OF_SIGHT = f"""() => Math.max(0, ...[...document.querySelectorAll("[data-menu]")]
  .map(menu => {{
    menu.open = true;
    const extra = {OUT_OF_SIGHT};
    menu.open = false;
    return extra;
  }}))"""
# Whatever comes into a page, or opens in it, is measured as soon as it is laid out. Before a page is
# complete, it may lack its styles.
COMPLAIN_IF_OUT_OF_SIGHT = f"""(() => {{
  let known = 0;
  const measure = () => {{
    if (document.readyState !== "complete") return;
    const extra = {OUT_OF_SIGHT};
    if (extra > known) console.error(`${{extra}} pixels out of sight: ${{location.pathname}}`);
    known = extra;
  }};
  addEventListener("load", measure);
  new MutationObserver(() => requestAnimationFrame(measure))
    .observe(document, {{ attributes: true, childList: true, subtree: true }});
}})()"""

WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 360, "height": 740}
STATUSES = {"not-found": 404, "single-sign-on-error": 401}
"""Of the pages, by their names, that are there to say that something is not."""
LONG = {"api-docs"}
"""What takes axe a minute, and is the same English table of fields throughout: seen once."""
CONTRAST = {"runOnly": ["color-contrast", "link-in-text-block"]}  # what a theme may break
HIGH_CONTRAST = """() => {
  const { dataset } = document.documentElement;
  for (const theme of ["light", "dark"]) dataset[`${theme}Theme`] = `${theme}_high_contrast`;
}"""


def faults_of(page: Page, url: str, *, language: str, themes: bool, picture: Path) -> list[str]:
    """What is wrong with the page there, wide and light, narrow and dark; with ``themes`` in high
    contrast too. It fits, is small, says its language, has nothing inline, and axe finds nothing.
    """
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="light")
    response = page.goto(url)
    expected = STATUSES.get(picture.stem, 200)
    if response is None or response.status != expected:
        return [str(response and response.status)]
    if urlsplit(page.url).path != urlsplit(url).path:
        return [f"led to {page.url}"]
    faults = []
    if page.locator("h1").count() != 1:
        faults.append("not exactly one h1")
    if (said := page.locator("html").get_attribute("lang")) != language:
        faults.append(f"in {said}")
    if (sent := _bytes(page)) > MOST_BYTES:
        faults.append(f"{sent} bytes")
    faults += [f"inline: {html}" for html in page.evaluate(INLINE, response.text())]
    faults += _look(page, "wide, light", picture, axe=themes or picture.stem not in LONG)
    if picture.stem in LONG:
        return faults
    if themes:
        page.emulate_media(color_scheme="dark")
        faults += axe_faults(page, "dark", CONTRAST)
    page.set_viewport_size(NARROW)
    page.emulate_media(color_scheme="dark")
    faults += _look(page, "narrow, dark", picture)
    if themes:
        page.evaluate(HIGH_CONTRAST)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            faults += axe_faults(page, f"{scheme}, high contrast", CONTRAST)
        page.screenshot(path=picture.with_stem(f"{picture.stem}-high-contrast"), full_page=True)
    return faults


def _look(page: Page, how: str, picture: Path, *, axe: bool = True) -> list[str]:
    """Whether it fits, and what axe says; the picture is kept."""
    name = f"{picture.stem}-{how.replace(', ', '-')}"
    page.screenshot(path=picture.with_stem(name), full_page=picture.stem not in LONG)
    overflow = page.evaluate(TOO_WIDE)
    faults = [f"{how}: {overflow} pixels too wide"] if overflow > 0 else []
    if (hidden := page.evaluate(MENUS_OUT_OF_SIGHT)) > 0:
        faults.append(f"{how}: a menu reaches {hidden} pixels out of sight")
    return faults + (axe_faults(page, how) if axe else [])


def axe_faults(page: Page, how: str, options: dict[str, list[str]] | None = None) -> list[str]:
    page.evaluate(SETTLE)
    return [
        f"{how}: {violation['id']}: {[node['html'][:150] for node in violation['nodes']]}"
        for violation in Axe().run(page, options=options).response["violations"]
    ]


def _bytes(page: Page) -> int:
    """What a first visit transfers: the page as it came, its assets as WhiteNoise sends them."""
    return sum(
        _packed(path) if (path := urlsplit(address).path).startswith("/static/") else size
        for address, size in page.evaluate(SENT)
    )


@cache
def _packed(path: str) -> int:
    found = finders.find(path.removeprefix("/static/"))
    assert isinstance(found, str), path
    return len(gzip.compress(Path(found).read_bytes()))
