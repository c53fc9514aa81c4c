"""The lines that manifests and reports give to copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stages.contract.port import Port
from stages.document.manifest import File, Made, Manifest
from stages.engines import ENGINES, use
from stages.engines.bare import PLAIN

IMAGE = Port('image', ('batch', 3, 'side'), 'float32')
SCORES = Port('scores', ('batch', 10), 'float32', file='out')
FORMATS = [(format, name) for name, engine in ENGINES.items() if name in PLAIN for format in engine.RUNS]


def manifest(format: str, engine: str) -> Manifest:
    places = {'aoti': '0'}  # a package knows its ports by place alone
    image = replace(IMAGE, file=places.get(format, 'input'))
    files = {'model.keras': File('', 0)} if format == 'keras' else {'weights.safetensors': File('', 0)}
    made = (Made('torch-source', '', {'file': 'models/net.py', 'function': 'build'}),)
    return Manifest('net', 'v', files, '', '', format, engine, (image,), (SCORES,), sizes={'side': 8}, stages=made)


@pytest.mark.parametrize(('format', 'engine'), FORMATS)
def test_lines_are_python_name_the_place_and_feed_what_was_measured(format, engine):
    found = use(manifest(format, engine), 'artifacts/net/v')

    for lines in (found.modelkiln, found.plain):
        compile('\n'.join(lines), 'lines', 'exec')
        assert 3 <= len(lines) <= 8
        assert any("'artifacts/net/v" in line for line in lines)
        assert any("np.zeros([1, 3, 8], 'float32')" in line for line in lines)
    assert "'image'" in '\n'.join(found.modelkiln)
    assert "'image'" not in '\n'.join(found.plain)  # that is our name for it


def test_other_threads_than_the_manifest_has_are_told_to_both():
    found = use(manifest('onnx', 'onnxruntime'), threads=2)

    assert "stages.load('.', threads=2)" in found.modelkiln[1]
    assert 'intra_op_num_threads = 2' in found.plain[1]
    assert 'threads' not in use(manifest('onnx', 'onnxruntime')).modelkiln[1]


def test_where_no_few_lines_are_right_there_are_none():
    changed = manifest('torch', 'torch')
    pruned = replace(changed, stages=(*changed.stages, Made('torch-prune', '')))
    nested = replace(changed, inputs=(replace(IMAGE, file='given.0'),))

    assert use(pruned).plain == use(nested).plain == ()
    assert use(pruned).modelkiln


def test_an_unknown_engine_has_the_loader_alone():
    assert use(replace(manifest('onnx', 'onnxruntime'), engine='abacus')).plain == ()


def test_openvino_alone_is_compiled_for_the_shapes_it_is_fed_where_the_variant_is():
    found = replace(manifest('openvino', 'openvino'), options={'shape': 'static', 'streams': 2})

    assert any(line.startswith('graph.reshape') for line in use(found).plain)
    assert "'NUM_STREAMS': '2'" in '\n'.join(use(found).plain)
    assert not any('reshape' in line for line in use(manifest('openvino', 'openvino')).plain)
