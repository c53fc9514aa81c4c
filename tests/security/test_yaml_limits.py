"""Text made to exhaust a reader is refused at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from stages.errors import RecipeError
from stages.recipe.read import read_recipe

ROOT = Path(__file__).resolve().parents[2]
BOMB = 'a: &a [x, x, x]\n' + ''.join(
    f'{b}: &{b} [{", ".join(["*" + a] * 9)}]\n' for a, b in zip('abcdefgh', 'bcdefghi', strict=True)
)
HOSTILE = {
    'aliases': (BOMB, 'anchor'),
    'a ring': ('a: &a [*a]\n', 'anchor'),
    'an alias of nothing': ('a: *b\n', 'alias'),
    'brackets': ('[' * 20_000, 'nested deeper than 20'),
    'braces': ('{a: ' * 20_000, 'nested deeper than 20'),
    'dashes': ('- ' * 20_000, 'nested deeper than 20'),
    'a mebibyte': ('#' * 2**20, 'longer than 256 KiB'),
    'values': ('[' + 'x,' * 20_000 + ']', 'more than 10000 values'),
    'a digest twice': ('sha256: a\nsha256: b\n', 'already on line 1'),
    'a merge key': ('<<: {a: 1}\n', 'merge key'),
    'control characters': ('a: \x1b[31m\n', 'not allowed'),
    'a matrix': (
        'variants: {"{a}{b}{c}{d}": {matrix: {'
        + ', '.join(f'{x}: [{",".join(map(str, range(100)))}]' for x in 'abcd')
        + '}, stages: []}}',
        'more than 1000 variants',
    ),
}


@pytest.mark.parametrize('case', HOSTILE)
def test_it_is_refused_at_once(case: str, tmp_path: Path) -> None:
    """At once: a bomb that goes off costs millions of times a real recipe, a big file that is refused a few dozen."""
    text, says = HOSTILE[case]
    path = tmp_path / 'x.yaml'
    path.write_text(text)
    start = time.process_time()
    read_recipe(ROOT / 'recipes' / 'rnet.yaml', ROOT)
    real = time.process_time() - start
    start = time.process_time()
    with pytest.raises(RecipeError, match=says):
        read_recipe(path, tmp_path)
    assert time.process_time() - start < 200 * real


def test_text_that_is_not_utf8_is_refused_at_its_place(tmp_path: Path) -> None:
    (tmp_path / 'x.yaml').write_bytes(b'recipe: 1\nmodel: \xff\n')
    with pytest.raises(RecipeError, match=r'x.yaml:2:8: this is not UTF-8'):
        read_recipe(tmp_path / 'x.yaml', tmp_path)


def test_no_message_carries_a_control_character(tmp_path: Path) -> None:
    (tmp_path / 'x.yaml').write_text('"\\e[31m": "\\u202e"\nmodel: "\\e[31m"\n')
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path / 'x.yaml', tmp_path)
    assert str(caught.value).replace('\n', '').isprintable()
