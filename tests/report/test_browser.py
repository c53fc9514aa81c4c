"""The page in a real browser: what a reader sees, hears and can do, checked by axe-core.

``pip install '.[browser]'`` and a Chromium on the PATH; skipped without them. `pytest -m browser` runs these alone.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stages.report.html import html
from stages.report.index import Entry, index
from stages.report.kept import read_kept
from tests.report.example import findings, many, written

api = pytest.importorskip('playwright.sync_api', reason='needs the extra browser')
axe = pytest.importorskip('axe_playwright_python', reason='needs the extra browser')
CHROMIUM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.skipif(not CHROMIUM, reason='needs Chromium')]
AXE = (Path(axe.__file__).parent / 'axe.min.js').read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of three variants, one of forty, and the index of both."""
    root = tmp_path_factory.mktemp('pages')
    for name, document in {'few': many(3), 'many': many(40), 'middle': findings()}.items():
        (root / name).mkdir()
        written(document | {'model': name}, root / name)
    kept = {name: read_kept(root / name) for name in ('few', 'many', 'middle')}
    page = index([Entry(name, found, None, f'{name}/report.html') for name, found in kept.items()])
    (root / 'index.html').write_text(html(page), encoding='utf-8')
    return {name: root / name / 'report.html' for name in kept} | {'index': root / 'index.html'}


@pytest.fixture(scope='module')
def browser() -> Iterator[Any]:
    with api.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield chromium
        chromium.close()


def opened(browser: Any, path: Path, width: int = 1280, **more: Any) -> Any:
    page = browser.new_context(viewport={'width': width, 'height': 720}, **more).new_page()
    page.problems = []
    page.on('console', lambda said: page.problems.append(said.text))
    page.on('pageerror', lambda error: page.problems.append(str(error)))
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize(('width', 'scheme'), [(360, 'light'), (1280, 'dark')])
@pytest.mark.parametrize('name', ['few', 'many', 'index'])
def test_axe_finds_nothing_and_the_policy_stops_nothing_of_ours(
    browser: Any, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    page = opened(browser, pages[name], width, color_scheme=scheme)
    run = AXE + ';axe.run().then((r) => r.violations.map((v) => `${v.id}: ${v.nodes[0].html}`))'
    debugger = page.context.new_cdp_session(page)  # past the policy, which would refuse it
    found = debugger.send('Runtime.evaluate', {'expression': run, 'awaitPromise': True, 'returnByValue': True})
    assert (found['result']['value'], page.problems) == ([], [])


def test_the_four_facts_and_the_beginning_of_the_table_are_on_the_first_screen(
    browser: Any, pages: dict[str, Path]
) -> None:
    page = opened(browser, pages['middle'])
    seen = page.evaluate("[...document.querySelectorAll('.facts dd')].map((e) => e.getBoundingClientRect().bottom)")
    assert len(seen) == 8 and max(seen) < 400
    words = page.inner_text('.verdict').replace('\u00a0', ' ')
    assert all(fact in words for fact in ('ov-int8', '4.39×', 'n = 512, source 78 %', 'no grave doubt', 'EPYC', 'UTC'))


@pytest.mark.parametrize('width', [1280, 1920])
def test_every_column_is_seen_from_1280_on_and_the_page_never_scrolls_sideways(
    browser: Any, pages: dict[str, Path], width: int
) -> None:
    page = opened(browser, pages['many'], width)
    wide = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth + 1).length"
    assert page.evaluate(wide) == 0
    for narrow in (360, 800, width):
        page.set_viewport_size({'width': narrow, 'height': 720})
        assert page.evaluate('document.documentElement.scrollWidth') <= narrow


def test_sorting_filtering_and_unfolding_by_the_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    page = opened(browser, pages['many'])
    names = (
        "[...document.querySelector('table').tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[0].innerText)"
    )
    first = page.evaluate(names)
    assert len(first) < 40 and page.inner_text('.tools [role=status] >> nth=0') == f'{len(first)} of 40 shown'
    page.get_by_role('button', name='others beat in everything').press('Enter')
    assert len(page.evaluate(names)) == 40
    head = page.locator('th[scope=col]').nth(2)
    head.get_by_role('button').press('Enter')
    assert head.get_attribute('aria-sort') == 'ascending'
    numbers = [
        float(text.split()[0]) for text in page.evaluate(names.replace('cells[0]', 'cells[2]')) if text[0] != '—'
    ]
    assert numbers == sorted(numbers) and len(numbers) == 39
    page.get_by_label('Filter').first.fill('ov-static')
    assert page.evaluate(names) and all('ov-static' in name for name in page.evaluate(names))


def test_the_copied_csv_is_the_table_as_it_is_shown(browser: Any, pages: dict[str, Path]) -> None:
    page = opened(browser, pages['middle'], permissions=['clipboard-read', 'clipboard-write'])
    page.get_by_role('button', name='Copy as CSV').first.click()
    page.get_by_role('button', name='Copied').wait_for()
    lines = list(csv.DictReader(io.StringIO(page.evaluate('navigator.clipboard.readText()'))))
    chosen = next(line for line in lines if line['variant'] == 'ov-int8')
    assert len(lines) == 10 and chosen['verdict'] == 'faster, chosen' and chosen['speed vs torch'].startswith('4.39× (')


def test_without_script_and_on_paper_every_variant_is_there(browser: Any, pages: dict[str, Path]) -> None:
    bare = opened(browser, pages['many'], java_script_enabled=False)
    assert bare.locator('table >> nth=0 >> tbody tr:visible').count() == 40
    assert not bare.get_by_role('button').count()
    printed = opened(browser, pages['many'])
    printed.emulate_media(media='print')
    assert printed.locator('table >> nth=0 >> tbody tr:visible').count() == 40
    assert printed.pdf()[:4] == b'%PDF'
