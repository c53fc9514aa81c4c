"""Which variants a first recipe has, and the reason for each that it leaves out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stages.begin import pays
from stages.begin.variants import Ground, proposals
from stages.kinds import KINDS
from stages.sources import SOURCES

FAST = frozenset({'avx2', 'avx512_vnni'})


def everything() -> dict[str, str]:
    """All that any kind or engine needs, as if it were installed."""
    from stages.engines import ENGINES
    from stages.execute.tools import normal

    tools = {t for kinds in KINDS.values() for kind in kinds for t in kind.TOOLS}
    return {normal(tool): '1' for tool in tools | {t for engine in ENGINES.values() for t in engine.TOOLS}}


def ground(roles=(), installed=None, programs=('g++',)) -> Ground:
    return Ground(roles, FAST, everything() if installed is None else installed, frozenset(programs))


def by_name(format: str, given: Ground) -> dict[str, str]:
    return {one.name: one.against for one in proposals(format, given)}


def test_calibration_is_proposed_where_there_is_data_and_told_where_there_is_none():
    without, with_data = by_name('onnx', ground()), by_name('onnx', ground(('calibrate', 'evaluate')))

    assert 'data to calibrate' in without['openvino-quantize']
    assert 'onnx-quantize-static' not in without
    assert with_data['openvino-quantize'] == with_data['onnx-quantize-static'] == ''


def test_a_tool_that_is_not_installed_is_named_with_the_command_that_mends_it():
    installed = everything()
    del installed['openvino']

    found = by_name('onnx', ground(installed=installed))

    assert 'not installed: openvino' in found['openvino']
    assert 'pip install' in found['openvino']
    assert found['onnx-quantize'] == ''


def test_what_calls_a_compiler_is_left_out_where_there_is_none():
    assert by_name('exported', ground())['aoti'] == ''
    assert 'apt-get install' in by_name('exported', ground(programs=()))['aoti']


@pytest.mark.parametrize('format', [*SOURCES])
def test_each_format_has_its_source_as_the_baseline_and_every_chain_holds_together(format):
    found = proposals(format, ground(('calibrate', 'evaluate')))

    assert found[0].stages == ()
    assert len({one.name for one in found}) == len(found) > 1
    for one in found:
        last = format
        for stage in one.stages:
            assert last in stage.kind.ACCEPTS
            last = stage.kind.GIVES


def test_half_precision_pays_only_where_the_cpu_computes_it():
    assert 'no float16' in pays.against('f16', FAST)
    assert pays.against('f16', {'avx512_fp16'}) == pays.against('f16', frozenset()) == ''


def test_an_environment_that_the_model_lives_in_anyway_is_no_reason_against_a_kind():
    apart, anyway = ground(), replace(ground(), environments=frozenset({'mxnet'}))

    assert 'locked environment mxnet' in by_name('mxnet', apart)['onnx']
    assert by_name('mxnet', anyway)['onnx'] == ''
