"""``modelkiln bisect`` on a built variant: which step, which node, which layers of int8, what keeping them gains."""

from __future__ import annotations

import json

from stages.command.answers import DOCUMENTS
from stages.command.main import main
from stages.deliver.schemas import against


def said(capsys, *arguments: str) -> str:
    capsys.readouterr()
    assert main(['bisect', *arguments]) == 0
    return capsys.readouterr().out


def test_a_good_variant_is_told_step_by_step(small, monkeypatch, capsys):
    monkeypatch.chdir(small.root)

    told = said(capsys, 'tiny:onnx-int8')

    assert 'the source' in told and told.count('within its tolerance: relative') == 2
    assert 'no step leaves its tolerance' in told


def test_the_layers_of_int8_are_ranked_and_keeping_them_is_tried(small, monkeypatch, capsys):
    monkeypatch.chdir(small.root)

    told = said(capsys, 'tiny:onnx-int8', '--step', 'onnx-quantize', '--try', '1')

    assert 'MatMul' in told or 'Gemm' in told
    assert 'onnx-quantize: {keep: [' in told
    before, after = (float(line.split('relative ')[1].split(',')[0]) for line in told.splitlines()[-2:])
    assert 0 < after < before


def test_a_float_step_that_is_right_has_no_node_to_blame(small, monkeypatch, capsys):
    monkeypatch.chdir(small.root)

    looked = json.loads(said(capsys, 'tiny:onnx', '--step', 'onnx', '--json'))
    assert (looked['blame'], looked['step'].partition('-')[0]) == (None, 'onnx')
    assert against(DOCUMENTS['bisect'](), {'it': looked}) == []


def test_programs_are_told_that_no_step_leaves_its_tolerance(small, monkeypatch, capsys):
    monkeypatch.chdir(small.root)

    assert json.loads(said(capsys, 'tiny:onnx', '--json')) == {'blame': None, 'costs': [], 'nodes': 0, 'step': None}


def test_a_step_that_the_variant_has_not_is_a_mistake(small, monkeypatch, capsys):
    monkeypatch.chdir(small.root)

    assert main(['bisect', 'tiny:onnx', '--step', 'tvm']) == 2
    assert 'tiny:onnx has no step tvm; it has onnx' in capsys.readouterr().err
