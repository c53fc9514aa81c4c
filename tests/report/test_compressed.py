"""Compressed forms against their float form: the right form, the right ratio, and plain words when it does not pay."""

from __future__ import annotations

import csv
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from stages.report import read_findings, rows_of
from stages.report.compressed import Compressed
from tests.report.example import cycle, findings, written


def compared(document: dict[str, Any]) -> dict[str, Compressed]:
    return {row.variant: row.compressed for row in rows_of(read_findings(document)) if row.compressed}


Made = tuple[str, list[tuple[str, str]], str, float, float]


def simulated(*variants: Made, flags: Any = ('avx2',)) -> dict[str, Any]:
    """Findings of ``(name, [(kind, makes)], format, ms, MB)``, all measured in the same six rounds."""
    rng = random.Random(11)
    base = [cycle(rng, 20.0, between=0.004) for _ in range(6)]
    made = []
    for name, kinds, form, ms, mb in variants:
        stages = [{'kind': kind, 'params': {}, 'makes': makes} for kind, makes in kinds]
        light = [makes for _, makes in kinds if makes != 'f32']
        made.append({
            'name': name, 'stages': stages, 'engine': form, 'format': form, 'precision': [*light, 'f32'][0], 'batch': 1,
            'status': 'built', 'size_bytes': int(mb * 1e6), 'check': {},
            'measured': [{'threads': 1, 'cycles': [cycle(rng, ms, between=0.004) for _ in range(6)],
                          'baseline_cycles': base if name != 'torch' else []}],
        })  # fmt: skip
    return {'baseline': 'torch', 'variants': made, 'machine': {'cpu': {'flags': list(flags)}}}


TORCH = ('torch', [], 'torch', 20.0, 40.0)
ONNX = ('onnx', [('onnx', 'f32')], 'onnx', 10.0, 40.0)


def int8(ms: float, mb: float) -> Made:
    return ('onnx-int8', [('onnx', 'f32'), ('onnx-quantize', 'int8')], 'onnx', ms, mb)


def test_a_quantized_variant_stands_against_the_same_stages_without_quantizing() -> None:
    found = compared(findings())
    forms = {'ts-int8': 'torchscript', 'ort-int8': 'ort', 'ov-int8': 'ov'}
    assert {name: one.form for name, one in found.items()} == forms
    assert all(one.exact for one in found.values())


def test_size_and_speed_are_those_of_the_two_in_one_run() -> None:
    one = compared(simulated(TORCH, ONNX, int8(5.0, 10.0)))['onnx-int8']
    assert one.size == 0.25 and one.one_run and one.word == 'pays'
    assert one.speed and one.speed.low and 1.9 < one.speed.low < 2.0 < (one.speed.high or 0) < 2.1
    assert '× faster (' in one.why and '75 % smaller' in one.why


@pytest.mark.parametrize(
    ('ms', 'mb', 'word'),
    [
        (14.0, 10.0, 'does not pay on this CPU'),
        (10.0, 10.0, 'pays in size only'),
        (10.0, 39.9, 'does not pay on this CPU'),
        (5.0, 41.0, 'pays'),
    ],
)
def test_the_word_follows_speed_and_size(ms: float, mb: float, word: str) -> None:
    one = compared(simulated(TORCH, ONNX, int8(ms, mb)))['onnx-int8']
    assert one.word == word


def test_a_slower_one_says_so_with_the_reason_that_the_cpu_gives() -> None:
    one = compared(simulated(TORCH, ONNX, int8(14.0, 10.0)))['onnx-int8']
    assert '× slower (' in one.why and 'though 75 % smaller' in one.why
    assert one.why.endswith('this CPU has no int8 dot products')
    vnni = compared(simulated(TORCH, ONNX, int8(14.0, 10.0), flags=('avx2', 'avx512_vnni')))['onnx-int8']
    assert 'dot products' not in vnni.why


def test_an_open_question_is_not_answered() -> None:
    document = simulated(TORCH, ONNX, int8(10.0, 39.9))
    for at, one in enumerate(document['variants'][2]['measured'][0]['cycles']):
        one['time_ns'] = [int(t * (1.5 if at % 2 else 0.6)) for t in one['time_ns']]
    one = compared(document)['onnx-int8']
    assert one.verdict == 'inconclusive' and one.word == 'not shown to pay on this CPU'


def test_a_stage_that_converts_and_compresses_stands_against_its_float_form() -> None:
    plain = ('openvino', [('onnx', 'f32'), ('openvino', 'f32')], 'openvino', 8.0, 40.0)
    half = ('openvino-f16', [('onnx', 'f32'), ('openvino', 'f16')], 'openvino', 8.0, 20.0)
    one = compared(simulated(TORCH, ONNX, plain, half))['openvino-f16']
    assert (one.form, one.exact, one.word) == ('openvino', True, 'pays in size only')


def test_without_such_a_variant_the_nearest_stands_in_and_is_marked() -> None:
    other = ('onnx-optimized', [('onnx', 'f32'), ('onnx-optimize', 'f32')], 'onnx', 9.0, 40.0)
    assert compared(simulated(TORCH, other, int8(5.0, 10.0)))['onnx-int8'].form == 'onnx-optimized'
    alone = compared(simulated(TORCH, int8(5.0, 10.0)))['onnx-int8']
    assert (alone.form, alone.exact) == ('torch', False)


def test_of_two_runs_each_is_taken_against_its_own_baseline() -> None:
    document = simulated(TORCH, ONNX, int8(5.0, 10.0))
    measured = document['variants'][2]['measured'][0]
    for one in [*measured['cycles'], *measured['baseline_cycles']]:
        one['time_ns'] = [t * 3 for t in one['time_ns']]  # a machine three times as slow that day
    document['variants'][1]['measured'][0]['baseline_cycles'] = simulated(TORCH, ONNX)['variants'][1]['measured'][0][
        'baseline_cycles'
    ]
    one = compared(document)['onnx-int8']
    assert not one.one_run and one.speed and math.isclose(one.speed.value, 2.0, rel_tol=0.03)


def test_one_that_fails_its_accuracy_bound_does_not_pay_however_fast() -> None:
    document = simulated(TORCH, ONNX, int8(5.0, 10.0))
    document['variants'][2]['accuracy_failed'] = 'top1 fell from 0.9 to 0.1'
    one = compared(document)['onnx-int8']
    assert one.word == 'does not pay' and 'top1 fell' in one.why


def test_every_page_has_the_table(tmp_path: Path) -> None:
    written(findings(), tmp_path)
    text = (tmp_path / 'report.md').read_text(encoding='utf-8')
    table = text.partition('## Compressed forms against their float form')[2].partition('\n## ')[0]
    assert '| ov-int8 ' in table and 'int8 on this CPU: avx512_vnni.' in table
    assert 'id="compressed"' in (tmp_path / 'report.html').read_text(encoding='utf-8')
    records = json.loads((tmp_path / 'report.json').read_text())['rows']
    record = next(row for row in records if row['variant'] == 'ov-int8')
    lines = csv.DictReader((tmp_path / 'report.csv').read_text('utf-8').splitlines())
    line = next(row for row in lines if row['variant'] == 'ov-int8')
    assert record['compressed']['form'] == line['compressed_form'] == 'ov'
    assert float(line['compressed_speed_low']) == record['compressed']['speed']['low']
