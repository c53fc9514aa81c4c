"""What the schema says of a recipe and what our own reader says never differ, whatever is changed in a right one."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stages import others
from stages.errors import RecipeError
from stages.recipe.mistakes import Mistakes
from stages.recipe.read import read_recipe
from stages.recipe.schema import recipe_schema
from stages.recipe.strict_yaml import plain, read_yaml

RECIPES = Path(__file__).parents[2] / 'recipes'
SHIPPED = sorted(RECIPES.glob('*.yaml'))

MEANT = (
    r'takes [\w, -]+, but (the source|`[\w-]+`) gives',  # which format comes before
    r'has no parameter .*; it has',  # of a word that several kinds share, which of them depends on that format
    r'no variant is the baseline',
    r'the matrix has no `',
    r'of `run` \([\w-]+\) is .*; expected',  # what a matrix fills in
    r'the variant is called|has a place in its name',
    r'`(calibrate|evaluate)` of `data` needs the key',  # unless `samples` stands beside it
    r'needs data to calibrate with, but the recipe has no',
    r'needs `data: \{evaluate',
    r'says nowhere where it comes from|is empty; expected a mapping',  # unless `samples` stands beside it
    r"is '[^']*'; expected (`|one of `)",  # names of outputs and inputs; places that no matrix fills in
    r'which none of .* runs',
    r'expected a relative path or glob|must be a plain relative path|there is no file|holds no',
    r'must have one graph|must have one file|are two files|is the same|belongs to',
    r'is \d+(\.0)?; expected (a whole number|0 to 1|a number above 0)',  # 2.0 is 2 to JSON; bounds of a share
    r'sizes` of|is no named dimension|no input has the dimension|which no input has|names? .*, which',
    r'is too long|cannot be a file on Windows',
    r'is measured|counts? (lower|more)|has no bound',
    r'has no axis `batch`|needs a dimension',
    r'calibrate and evaluate|the same data|same samples',
    r'no engine|has no option|is an option of|takes no option|is no option',
    r'is given (twice|beside)|two variants|are the same variant|has the name',
)
"""Mistakes of meaning: they take more than one place of a recipe, its folder, or the table of kinds to see."""

VALUES = st.sampled_from([
    None, True, False, 0, 1, -1, 2, 1.5, 2.0, '', 'x', '1 MiB', 'batch', '../x', 'models/net.py:f', 'onnx', 'float32',
    '{x}', 'a' * 64, [], [1], ['x'], [None], ['batch', 3], {}, {'x': 1},
])  # fmt: skip
KEYS = st.sampled_from(['x', 'onnx', 'batch', 'sha256', 'file', 'run', 'stages', 'name', 'shape', 'metric', 'threads'])


@cache
def right(path: Path) -> Any:
    return yaml.load(path.read_text('utf-8'), Loader=yaml.SafeLoader) | {'model': 'net'}  # noqa: TID251


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in items:
        yield (*path, key)
        yield from places(below, (*path, key))


@st.composite
def changed(draw: st.DrawFn) -> Any:
    """A right recipe with one value replaced, taken away or added."""
    document = copy.deepcopy(right(draw(st.sampled_from(SHIPPED))))
    path = draw(st.sampled_from([*places(document)]))
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    here, what = parent[path[-1]], draw(st.sampled_from(['replace', 'replace', 'remove', 'add']))
    if what == 'remove':
        del parent[path[-1]]
    elif what == 'add' and isinstance(here, dict):
        here[draw(KEYS)] = copy.deepcopy(draw(VALUES))
    elif what == 'add' and isinstance(here, list):
        here.append(copy.deepcopy(draw(VALUES)))
    else:
        parent[path[-1]] = copy.deepcopy(draw(VALUES))
    return document


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp('agrees')
    shutil.copytree(RECIPES / 'models', made / 'recipes/models')
    shutil.copytree(RECIPES.parent / 'kinds', made / 'kinds', ignore=shutil.ignore_patterns('__pycache__'))
    (made / 'recipes/models/net.py').write_text('')
    return made


@pytest.fixture(scope='module')
def refused(root: Path) -> Iterator[Callable[[Any], list[str]]]:
    """What the schema refuses of a document; the schema has the project's own kinds, which some recipes ask for."""
    others.open_folder(root)
    validator = jsonschema.Draft202012Validator(recipe_schema())
    yield lambda document: [error.message for error in validator.iter_errors(document)]
    others.open_folder(root / 'nowhere')


@settings(max_examples=150, derandomize=True)
@given(document=changed())
def test_a_changed_recipe_is_right_to_both_or_wrong_to_both(
    root: Path, refused: Callable[[Any], list[str]], document: Any
) -> None:
    text, path = yaml.safe_dump(document, sort_keys=False), root / 'recipes/net.yaml'
    path.write_text(text)
    try:
        read_recipe(path, root)
        reader: list[str] = []
    except RecipeError as error:
        reader = [problem.split(': ', 1)[-1] for problem in error.problems]
    node = read_yaml(text, Mistakes('net.yaml'))

    schema = refused(plain(node)) if node else ['no document']

    assert not schema or reader, f'the reader takes what the schema refuses: {schema}'
    unsaid = [problem for problem in reader if not any(re.search(meant, problem) for meant in MEANT)]
    assert schema or not unsaid, f'the schema takes what the reader refuses: {unsaid}'
