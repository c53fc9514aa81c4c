"""What every kind and every engine promises before any framework is there."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from stages.engines import ENGINES
from stages.kinds import KINDS, formats_of

HOUSE = Path(__file__).parents[2]


def test_the_tables_import_no_framework():
    heavy = '{"numpy", "torch", "onnx", "onnxruntime", "openvino", "nncf", "safetensors"}'
    code = f'import sys, stages.kinds, stages.engines; print(sorted({heavy} & set(sys.modules)))'

    done = subprocess.run([sys.executable, '-c', code], cwd=HOUSE, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == '[]'


EVERY = [(word, kind) for word, kinds in KINDS.items() for kind in kinds]


@pytest.mark.parametrize(('word', 'kind'), EVERY, ids=lambda value: getattr(value, '__name__', value))
def test_every_kind_is_a_file_of_its_name_and_is_explained(word, kind):
    name = kind.__name__.rpartition('.')[2]

    assert word == kind.KIND and name.partition('_from_')[0] == word.replace('-', '_')
    assert kind.__doc__.splitlines()[0].endswith('.')
    assert len(inspect.getsource(kind).splitlines()) <= 120


@pytest.mark.parametrize('word', sorted(KINDS))
def test_a_word_means_one_kind_for_each_format(word):
    formats = formats_of(word)

    assert len({*formats}) == len(formats)
    assert len({kind.GIVES for kind in KINDS[word]}) == 1


@pytest.mark.parametrize('owner', [*(kind for _, kind in EVERY), *ENGINES.values()], ids=lambda m: m.__name__)
def test_every_option_has_a_default_and_a_description(owner):
    options = getattr(owner, 'Params', None) or owner.Options
    bodies = [ast.parse(inspect.getsource(c)).body[0].body for c in options.__mro__ if dataclasses.is_dataclass(c)]
    described = {
        field.target.id
        for body in bodies
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
    }

    assert dataclasses.is_dataclass(options()) and options.__dataclass_params__.frozen
    assert described == {field.name for field in dataclasses.fields(options)}
