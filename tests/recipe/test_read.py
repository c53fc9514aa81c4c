"""Reading a recipe: what it becomes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.contract.port import ANY
from stages.digest import tree_digest
from stages.errors import RecipeError
from stages.plan.make import declared
from stages.recipe.model import Benchmark, Fetch, Python, Tolerance
from stages.recipe.read import read_recipe, read_recipes

RECIPE = Path(__file__).with_name('net.yaml').read_text(encoding='utf-8')
Write = Callable[..., Path]


def test_a_small_recipe_reads(write: Write, project: Path) -> None:
    recipe = read_recipe(write(), project)
    assert (recipe.file, recipe.model) == ('recipes/net.yaml', 'net')
    assert recipe.source.python == Python('models/net.py', 'build')
    assert recipe.inputs[0].shape == ('batch', 3, 8, 8)
    assert recipe.outputs == ()
    assert [(v.name, v.format, v.batch) for v in recipe.variants] == [('torch', 'torch', 1), ('ort', 'onnx', 1)]
    assert recipe.benchmark == Benchmark()


def test_a_matrix_becomes_every_combination_and_keeps_types(write: Write, project: Path) -> None:
    table = (
        '  "ov-{compress}-{batch}":\n'
        '    matrix: {compress: [none, f16], batch: [1, 8]}\n'
        '    stages: [onnx, openvino: {compress: "{compress}"}]\n'
        '    run: {batch: "{batch}"}\n'
    )
    variants = read_recipe(write(RECIPE + table), project).variants[2:]
    assert [v.name for v in variants] == ['ov-none-1', 'ov-none-8', 'ov-f16-1', 'ov-f16-8']
    assert [v.batch for v in variants] == [1, 8, 1, 8]
    assert [v.stages[1].params.compress for v in variants] == ['none', 'none', 'f16', 'f16']


def test_amounts_become_bytes_and_seconds(write: Write, project: Path) -> None:
    asks = 'choose: {within: {peak_memory: 300 MiB, size: 10 MB, latency: 5 ms}, budget: {latency: 4 ms}}\n'
    asks += 'timeout: 10 min\nmemory: 8 GiB\n'
    recipe = read_recipe(write(RECIPE + asks), project)
    assert recipe.choose.within == {'peak_memory': 300 * 2**20, 'size': 10**7, 'latency': 0.005}
    assert recipe.choose.budget == {'latency': 0.004}
    assert (recipe.timeout, recipe.memory) == (600.0, 8 << 30)


def test_tolerances_and_threads_read(write: Write, project: Path) -> None:
    asks = 'check: {max_drop: 0.01, tolerance: {int8: {cosine: 0.99}}}\nbenchmark: {threads: [1, 2]}\n'
    recipe = read_recipe(write(RECIPE + asks), project)
    assert recipe.check.tolerance == {'int8': Tolerance(None, 0.99)}
    assert recipe.benchmark.threads == (1, 2)


def test_a_sha256_of_digits_only_is_still_a_sha256(write: Write, project: Path) -> None:
    digest = '1234' * 16
    change = ('models/net.py:build', f'models/net.py:build, weights: {{url: https://example.org/w, sha256: {digest}}}')
    recipe = read_recipe(write(RECIPE, change), project)
    assert recipe.source.files == (Fetch('https', 'https://example.org/w', '', digest),)


def test_weights_say_which_tensors_of_a_checkpoint_are_meant(write: Write, project: Path) -> None:
    file = f'url: https://example.org/w, sha256: {"a" * 64}'
    told = 'key: model, prefix: module., drop: [head.*]'
    for weights in (f'{{{file}, {told}}}', f'{{fetch: [{{{file}}}], {told}}}'):
        change = ('models/net.py:build', f'models/net.py:build, weights: {weights}')
        source = read_recipe(write(RECIPE, change), project).source
        assert source.options == {'key': 'model', 'prefix': 'module.', 'drop': ('head.*',)}
        assert len(source.files) == 1


SAVED = 'source: {savedmodel: %s, signature: encode}'


def test_files_below_recipes_keep_their_places_and_a_folder_is_one_file(write: Write, project: Path) -> None:
    lies = project / 'recipes/files/net'
    (lies / 'variables').mkdir(parents=True)
    for name in ('saved_model.pb', 'variables/variables.index'):
        (lies / name).write_bytes(b'x')
    digest = hashlib.sha256(b'x').hexdigest()
    names = ('files/net/saved_model.pb', 'files/net/variables/variables.index')
    several = ', '.join(f'{{path: {name}, sha256: {digest}}}' for name in names)
    source = ('source: {torch: models/net.py:build}', SAVED % f'[{several}]')
    recipe = read_recipe(write(RECIPE, source, ('ort: [onnx]', 'onnx: [onnx]')), project, verify=True)
    assert [file.to for file in recipe.source.files] == ['saved_model.pb', 'variables/variables.index']
    assert recipe.source.options == {'signature': 'encode'}

    folder = ('source: {torch: models/net.py:build}', SAVED % f'{{path: files/net, sha256: {tree_digest(lies)}}}')
    [file] = read_recipe(write(RECIPE, folder), project, verify=True).source.files
    assert (file.name, file.to) == ('files/net/', '')

    (lies / 'more').write_bytes(b'')
    with pytest.raises(RecipeError, match=f'the sha256 of .files/net. is {tree_digest(lies)}; the recipe says'):
        read_recipe(write(RECIPE, folder), project, verify=True)


ONNX = (
    'source: {torch: models/net.py:build}',
    f'source: {{onnx: {{url: "https://example.org/n.onnx", sha256: {"a" * 64}}}}}',
)
BARE = (
    f'recipe: 1\nmodel: net\n{ONNX[1]}\nvariants: {{plain: [], ort: {{stages: [ort], run: {{batch: 4}}}}}}\n'
    'benchmark: {sizes: {length: 7}}\n'
)


def test_what_the_file_says_may_be_left_out(write: Write, project: Path) -> None:
    recipe = read_recipe(write(BARE), project)
    assert (recipe.inputs, recipe.outputs, recipe.benchmark.sizes) == ((), (), {'length': 7})

    told = 'inputs: {past: {carries: after}, ids: {dtype: uint16}}\n'
    told += 'data: {evaluate: {prepare: models/net.py:e, output: any}}\n'
    recipe = read_recipe(write(BARE + told), project)
    assert [(p.shape, p.dtype) for p in recipe.inputs] == [(ANY, ''), (ANY, 'uint16')]
    assert recipe.carries == (('past', 'after'),)


def test_names_of_the_file_that_are_no_names_here_are_mapped(write: Write, project: Path) -> None:
    told = 'inputs: {image: {name: "input:0"}}\noutputs: {boxes: "StatefulPartitionedCall:1", n: "0"}\n'
    recipe = read_recipe(write(BARE + told), project)
    assert [port.in_file for port in recipe.inputs] == ['input:0']
    assert (recipe.outputs, recipe.in_file['boxes']) == (('boxes', 'n'), 'StatefulPartitionedCall:1')
    contract = declared(recipe)
    assert [port.in_file for port in contract.outputs] == ['StatefulPartitionedCall:1', '0']


@pytest.mark.parametrize(('told', 'said'), [
    ('outputs: ["out:0"]\n', r'`_`, `-` and `\.`; where the file calls it so: `outputs: \{NAME: .out:0.\}`'),
    ('inputs: {"in:0": {}}\n', r'where the file calls it so: `NAME: \{name: .in:0.\}`'),
    ('outputs: {a: x, b: x}\n', 'twice: as `a` and as `b`'),
    ('outputs: {}\n', '`outputs` is empty'),
    ('inputs: {x: {dtype: float31}}\n', '`dtype` of the input'),
])  # fmt: skip
def test_a_wrong_name_says_how_to_write_it(write: Write, project: Path, told: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        read_recipe(write(BARE + told), project)


def test_a_module_does_not_say_what_it_takes(write: Write, project: Path) -> None:
    with pytest.raises(RecipeError, match=r'net.yaml:3:1: a module does not say what it takes; expected `inputs:'):
        read_recipe(write(BARE, (ONNX[1], ONNX[0]), ('ort: {stages: [ort]', 'ort: {stages: [onnx]')), project)
    with pytest.raises(RecipeError, match=r"the input 'image' needs the key `shape`"):
        read_recipe(write(RECIPE, ('shape: [batch, 3, 8, 8], ', '')), project)


def test_a_function_of_jax_and_its_weights_are_python_as_a_module_is(write: Write, project: Path) -> None:
    weights = '{url: "https://example.org/w.msgpack", sha256: ' + 'a' * 64 + ', key: params, drop: ["o.*"]}'
    told = f'source: {{jax: models/net.py:build, weights: {weights}}}\n'
    told += 'inputs: {x: {shape: [batch, 4], dtype: float32}}'
    onnx = ('ort: {stages: [ort]', 'ort: {stages: [onnx]')
    recipe = read_recipe(write(BARE, (ONNX[1], told), onnx, ('sizes: {length: 7}', 'cycles: 3')), project)
    assert (recipe.source.format, recipe.source.python) == ('jax', Python('models/net.py', 'build'))
    assert recipe.source.options == {'key': 'params', 'drop': ('o.*',)}
    with pytest.raises(RecipeError, match='`weights` goes with `torch`, `jax`, `oneflow` only'):
        read_recipe(write(BARE, ('source: {', f'source: {{weights: {weights}, ')), project)


def test_all_mistakes_of_all_recipes_come_at_once(write: Write, project: Path) -> None:
    write(RECIPE, ('model: net', 'model: A'), name='a.yaml')
    write(RECIPE, ('[onnx]', '[onx]'), name='b.yaml')
    with pytest.raises(RecipeError) as caught:
        read_recipes(project)
    assert [problem.split(':')[0] for problem in caught.value.problems] == ['recipes/a.yaml', 'recipes/b.yaml']


def test_two_recipes_may_not_share_a_model(write: Write, project: Path) -> None:
    write(name='a.yaml')
    write(name='b.yaml')
    with pytest.raises(RecipeError, match=r'recipes/b.yaml:2:8: the model `net` is already in recipes/a.yaml'):
        read_recipes(project)


def test_a_recipe_that_is_not_there_is_one_message(project: Path) -> None:
    with pytest.raises(RecipeError, match='cannot be read'):
        read_recipe(project / 'recipes' / 'none.yaml', project)


def test_the_shipped_recipes_read() -> None:
    root = Path(__file__).parents[2]
    assert len(read_recipes(root)) == len([*(root / 'recipes').glob('*.yaml')])


def test_reading_imports_no_framework() -> None:
    code = 'import sys, stages.recipe.read; print(*{m.partition(".")[0] for m in sys.modules})'
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, '-c', code], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {'jsonschema', 'numpy', 'torch', 'onnx', 'onnxruntime', 'openvino'} & {*found}
