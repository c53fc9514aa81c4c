"""The benchmark of ONNX's node tests: it judges by the suite's outputs, outlives crashes, and finds nothing of ours."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.operators.outcome import CRASHED, NAMED, PASSED, REFUSED, WRONG, Outcome, differs, failed, judged
from stages.errors import UnsupportedError

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = (
    'add', 'conv_with_strides_padding', 'gather_0', 'gemm_all_attributes', 'identity', 'instancenorm_example', 'if',
    'layer_normalization_2d_axis1', 'lstm_defaults', 'maxpool_2d_default', 'qlinearconv', 'reduce_sum_default_axes_*',
    'resize_upsample_scales_linear', 'sum_example', 'topk', 'where_example',
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.onnx
@pytest.mark.openvino
@pytest.mark.tvm
def test_a_sample_of_onnx_own_tests_passes_or_is_refused_by_name(tmp_path: Path) -> None:
    for name in ('onnx', 'onnxruntime', 'openvino', 'tvm'):
        pytest.importorskip(name, reason='needs modelkiln[onnx,openvino,tvm]: pip install "modelkiln[all]"')
    kept = tmp_path / 'kept.jsonl'
    only = [word for name in SAMPLE for word in ('--only', name)]
    command = [sys.executable, ROOT / 'benchmarks' / 'onnx_operators.py', *only, '--keep', kept]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {
        (case, column): outcome['what'] for case, column, outcome in map(json.loads, kept.read_text().splitlines())
    }
    assert found['add', 'source'] == found['add frozen', 'openvino'] == found['add', 'tvm'] == PASSED
    assert found['lstm_defaults frozen', 'tvm'] == PASSED and found['lstm_defaults frozen', 'stock TVM'] == REFUSED
    lost = [case for case, column in found if column == 'stock TVM' and found[case, column] == PASSED
            and found[case, 'tvm'] != PASSED]  # fmt: skip
    assert not lost, f'stock TVM passes {lost}, and ours does not'


@pytest.mark.onnx
def test_a_case_that_dies_costs_its_own_cell_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('onnx', reason='needs modelkiln[onnx]')
    from benchmarks.operators import child
    from benchmarks.operators.cases import cases

    def column(name: str, case: object, folder: Path) -> dict[str, np.ndarray]:
        if name == 'optimize':
            os.kill(os.getpid(), signal.SIGKILL)
        return {'y': np.zeros(3, np.float32)}

    monkeypatch.setattr(child, 'column', column)
    [relu] = cases(['relu'])
    found = {cell.column: outcome for cell, outcome in child.outcomes([(relu, ['optimize', 'stock TVM'])], 1)}
    assert found['optimize'] == Outcome(CRASHED, 'SIGKILL') and found['optimize'].ours
    assert found['stock TVM'].what == WRONG and 'shape [3] for [3, 4, 5]' in found['stock TVM'].words


def test_equal_infinities_agree_and_another_type_does_not() -> None:
    want = np.array([1.0, np.inf, np.nan], np.float32)
    assert not differs(want.copy(), want, drawn=False, rtol=1e-3, atol=1e-4)
    assert differs(-want, want, drawn=False, rtol=1e-3, atol=1e-4) == '2 of 3 numbers, by up to inf'
    assert judged({'y': want.astype('f8')}, {'y': want}, 'Relu', 1e-3, 1e-4).words == 'y: float64 for float32'


def test_a_refusal_counts_as_named_where_its_first_line_names_the_operator() -> None:
    named = UnsupportedError('TVM cannot read this model: it has no operator DFT\nwhat to try: …')
    other = UnsupportedError('TVM cannot read this model: RuntimeError\n  DFT is unknown')
    assert failed(named, {'DFT'}, set()).what == NAMED
    assert failed(other, {'DFT'}, set()) == Outcome(REFUSED, 'TVM cannot read this model: RuntimeError DFT is unknown')
    assert failed(TypeError('no'), {'DFT'}, set()) == Outcome(CRASHED, 'TypeError: no')
