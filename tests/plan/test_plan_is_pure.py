"""Planning opens nothing, imports no framework, and its ids are digests of what is meant, not of how it is written."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.conftest import RECIPE, with_variants

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    'numpy',
    'torch',
    'onnx',
    'onnxruntime',
    'openvino',
    'nncf',
    'tensorflow',
    'keras',
    'paddle',
    'matplotlib',
    'jinja2',
    'jsonschema',
    'PIL',
    'safetensors',
    'doit',
)


def child(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, '-c', textwrap.dedent(code), *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_reading_and_planning_import_no_framework_and_no_numpy(plan, tmp_path):
    plan(with_variants(a='[onnx, openvino, openvino-quantize]', b='[torch-quantize, torchscript]'))

    loaded = child(
        """
        import sys
        from pathlib import Path
        from stages.plan.make import make_plan
        from stages.recipe.read import read_recipes
        assert make_plan(read_recipes(Path(sys.argv[1]))).steps
        print(*sys.modules)
    """,
        str(tmp_path),
    ).split()

    assert 'stages.plan.make' in loaded
    assert not {name.partition('.')[0] for name in loaded} & set(HEAVY)


def test_what_doit_loads_for_a_run_that_does_nothing_imports_no_framework_either(tmp_path):
    loaded = child('import sys, stages.front.tasks; print(*sys.modules)').split()

    assert 'stages.front.tasks' in loaded
    assert not {name.partition('.')[0] for name in loaded} & (set(HEAVY) - {'doit'})


def test_planning_opens_no_file_and_starts_nothing(plan, tmp_path):
    plan(with_variants(a='[onnx, openvino, openvino-quantize]', b='[torch-quantize, torchscript]'))

    events = child(
        """
        import json, shutil, sys
        from pathlib import Path
        from stages.plan.make import make_plan
        from stages.recipe.read import read_recipes
        root = Path(sys.argv[1])
        recipes = read_recipes(root)
        make_plan(recipes)   # modules are loaded on first use
        shutil.rmtree(root / 'recipes')
        seen = []
        sys.addaudithook(lambda event, found: seen.append(event))
        make_plan(recipes)
        events = list(seen)
        print(json.dumps(events))
    """,
        str(tmp_path),
    )

    doors = ('open', 'os', 'subprocess', 'socket', 'import', 'exec')
    assert not [event for event in json.loads(events) if event.partition('.')[0] in doors]


def test_ids_are_the_same_in_another_process_with_another_hash_seed(plan, tmp_path):
    ids = [*plan(RECIPE).steps]

    again = child(
        """
        import sys
        from pathlib import Path
        from stages.plan.make import make_plan
        from stages.recipe.read import read_recipes
        print(*make_plan(read_recipes(Path(sys.argv[1]))).steps)
    """,
        str(tmp_path),
    ).split()

    assert again == ids


MEANT = {
    'recipe': 1,
    'model': 'net',
    'source': {'torch': 'models/net.py:build'},
    'inputs': {'image': {'shape': ['batch', 3, 8, 8], 'dtype': 'float32'}},
    'outputs': ['logits'],
    'data': {
        'calibrate': {'prepare': 'models/net.py:calibrate'},
        'evaluate': {'prepare': 'models/net.py:evaluate', 'metric': 'top1'},
    },
    'variants': {
        'torch': [],
        'int8': [{'onnx': {'opset': 18, 'shape': 'static'}}, {'onnx-quantize': {'mode': 'static', 'samples': 9}}],
        'openvino': {'stages': ['onnx', 'openvino'], 'run': {'hint': 'latency', 'precision': 'f32'}},
    },
    'check': {'max_drop': 0.01},
}


def written(value: object, draw: st.DrawFn) -> str:
    """Return ``value`` as YAML, the keys of each mapping in an order of its own."""
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return '{' + ', '.join(f'{json.dumps(key)}: {written(value[key], draw)}' for key in keys) + '}'
    if isinstance(value, list):
        return '[' + ', '.join(written(item, draw) for item in value) + ']'
    return json.dumps(value)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Return the same recipe, as somebody else would have written it."""
    noise = st.sampled_from(['', '\n', '# a comment\n', '   # another: {one}\n'])
    lines = [
        f'{key}: {written(MEANT[key], draw)}{draw(st.sampled_from(["", "   # why"]))}\n'
        for key in draw(st.permutations(list(MEANT)))
    ]
    return ''.join(draw(noise) + line for line in lines)


@settings(max_examples=60)
@given(text=texts())
def test_ids_do_not_hang_on_the_order_of_keys_nor_on_comments(plan, text):
    assert set(plan(text).steps) == set(plan(json.dumps(MEANT)).steps)


@settings(max_examples=40)
@given(name=st.from_regex(r'x[a-z0-9-]{0,12}', fullmatch=True))
def test_ids_do_not_hang_on_the_names_of_recipe_and_variant(plan, name):
    renamed = RECIPE.replace('model: net', f'model: {name}').replace('  onnx: [onnx]', f'  {name}: [onnx]')

    assert set(plan(renamed).steps) == set(plan(RECIPE).steps)
