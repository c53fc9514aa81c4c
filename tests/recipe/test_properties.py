"""Whatever the text: comments, order and whitespace mean nothing, and nothing crashes."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.errors import RecipeError
from stages.recipe.model import Recipe
from stages.recipe.read import read_recipe

RECIPE = Path(__file__).with_name('net.yaml').read_text(encoding='utf-8')
VALUE: dict[str, Any] = yaml.load(RECIPE, Loader=yaml.SafeLoader)  # noqa: TID251
ORDERED = ('inputs', 'variants')  # their order is meant


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / 'recipes' / 'models').mkdir(parents=True)
        (root / 'recipes' / 'models' / 'net.py').write_text('raise SystemExit\n')
        yield root


def read(root: Path, text: bytes) -> Recipe:
    path = root / 'recipes' / 'net.yaml'
    path.write_bytes(text)
    return read_recipe(path, root)


def without_lines(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(without_lines, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: without_lines(getattr(value, f.name)) for f in dataclasses.fields(value) if f.name != 'line'}
        return type(value).__name__, fields
    return value


@given(st.permutations([*VALUE]), st.integers(1, 8), st.booleans(), st.integers(20, 200))
def test_key_order_and_layout_do_not_matter(keys: list[str], indent: int, flow: bool, width: int) -> None:
    text = yaml.safe_dump(
        {key: VALUE[key] for key in keys}, sort_keys=False, indent=indent, default_flow_style=flow, width=width
    )
    with folder() as root:
        assert without_lines(read(root, text.encode())) == without_lines(read(root, RECIPE.encode()))


@given(st.lists(st.tuples(st.integers(0, 10), st.text(st.characters(min_codepoint=32, max_codepoint=126)))))
def test_comments_do_not_matter(comments: list[tuple[int, str]]) -> None:
    lines = RECIPE.splitlines()
    for at, comment in comments:
        lines[at:at] = [f'   # {comment}', '']
    with folder() as root:
        assert without_lines(read(root, '\r\n'.join(lines).encode())) == without_lines(read(root, RECIPE.encode()))


@settings(max_examples=300)
@given(st.binary() | st.text().map(lambda text: text.encode('utf-8', 'surrogatepass')))
def test_any_text_is_a_recipe_error_and_nothing_else(text: bytes) -> None:
    with folder() as root:
        try:
            read(root, text)
        except RecipeError as error:
            assert all(problem.startswith('recipes/net.yaml:') for problem in error.problems)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(['onnx', '{x}', '../x', 'models/net.py:f', '1 MiB', 'batch', 'nul', ''])
)
VALUES = st.recursive(
    SCALARS,
    lambda v: (
        st.lists(v, max_size=3)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(['onnx', 'stages', 'run', 'matrix', 'x', 'batch', 'pip', 'path', 'sha256', 'file']),
            v,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=500)
@given(
    st.dictionaries(
        st.sampled_from([*VALUE, 'outputs', 'preprocessing', 'check', 'benchmark', 'choose', 'timeout']),
        VALUES,
        max_size=4,
    )
)
def test_any_value_in_any_place_is_a_recipe_error_and_nothing_else(change: dict[str, Any]) -> None:
    text = yaml.safe_dump(VALUE | change, allow_unicode=False)
    with folder() as root:
        try:
            read(root, text.encode())
        except RecipeError as error:
            assert error.problems


PARTS = {'variants': VALUES, 'data': VALUES, 'inputs': VALUES, 'choose': VALUES, 'benchmark': VALUES, 'check': VALUES}


@settings(max_examples=500)
@given(
    st.sampled_from([*PARTS]),
    st.sampled_from(
        ['x-{x}', 'calibrate', 'evaluate', 'image', 'within', 'fastest', 'threads', 'sizes', 'tolerance', 'max_drop']
    ),
    VALUES,
)
def test_any_value_one_level_down_is_a_recipe_error_and_nothing_else(part: str, key: str, value: Any) -> None:
    text = yaml.safe_dump(VALUE | {part: {**VALUE.get(part, {}), key: value}})
    with folder() as root:
        try:
            read(root, text.encode())
        except RecipeError as error:
            assert error.problems
