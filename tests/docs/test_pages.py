"""The documentation holds: it is built without a broken reference, and what it tells to type does what it shows."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from stages.measure.tolerance import DEFAULTS
from tests.docs.console import Command, File, actions, follow

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / 'docs'
PAGES = sorted(path for path in DOCS.rglob('*.md') if '```console' in path.read_text('utf-8'))


@pytest.mark.slow
def test_the_pages_are_built_and_no_reference_is_broken(tmp_path):
    pytest.importorskip('sphinx', reason='needs modelkiln[docs]: pip install "modelkiln[docs]"')

    done = subprocess.run(
        [sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', '-n', DOCS, tmp_path / 'site'],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, '')
    assert (tmp_path / 'site/searchindex.js').stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_what_a_page_tells_to_type_does_what_it_shows(page, tmp_path):
    pytest.importorskip('onnxruntime', reason='needs modelkiln[onnx]: pip install "modelkiln[onnx]"')

    assert follow(page.read_text('utf-8'), tmp_path) == []


def test_the_tolerances_of_the_page_are_those_that_hold():
    page = (DOCS / 'how-to/own-recipe.md').read_text('utf-8')
    table = {row[0]: row[1] for row in re.findall(r'^\| `(\w+)` \| ((?:relative|cosine) [0-9.]+|nothing)', page, re.M)}
    held = {
        precision: ', '.join(f'{word} {bound:g}' for word, bound in asdict(tolerance).items() if bound) or 'nothing'
        for precision, tolerance in DEFAULTS.items()
    }

    assert table == held


def test_a_page_is_read_as_files_and_commands():
    page = (
        '```{code-block} yaml\n:caption: a/b.yaml\n\nx: 1\n```\n'
        'text\n```console\n$ echo a \\\n> b\na b\n$ true\n```\n```sh\nno\n```\n'
    )

    assert [*actions(page)] == [File('a/b.yaml', 'x: 1\n'), Command('echo a \\\nb', ('a b',)), Command('true', ())]


def test_a_page_that_shows_something_else_is_found(tmp_path):
    assert follow('```console\n$ printf "1 file\\nok\\n"\n… file\nok\n```\n', tmp_path) == []
    assert follow('```console\n$ echo 2\n3\n```\n', tmp_path)[:3] == ['$ echo 2', 'the page shows:', '3']
    assert follow('```console\n$ exit 4\n```\n', tmp_path)[1] == 'exit code 4'
