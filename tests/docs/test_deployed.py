"""The page of what arrived on a second machine is that of the rows beside it."""

from __future__ import annotations

from pathlib import Path

from benchmarks import deployed

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_says_what_the_rows_say():
    found = deployed.read(ROOT)

    assert len(found.rows) > 100
    assert (ROOT / deployed.PAGE).read_text('utf-8') == deployed.page(found)
