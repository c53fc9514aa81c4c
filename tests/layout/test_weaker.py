"""Variants on a weaker CPU: kept to an instruction set where that can be shown; else emulated, or told why not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stages import cpu
from stages.engines import onednn
from stages.errors import StepError
from stages.launch import Launcher
from stages.layout.weaker import kept
from stages.measure.spawn import spawn_cycle
from tests.measure.fakes import model

AVX2 = 'avx2'


def request(folder: Path, engine: str, **options: Any) -> dict[str, Any]:
    return {
        'engine': engine, 'options': options, 'folder': str(folder), 'inputs': None, 'threads': 1, 'batch': 1,
        'seed': 0, 'round': 0, 'proof': True, 'name': engine,
    }  # fmt: skip


def saying(*answers: dict[str, Any] | str) -> Any:
    """Return a proof that gives one answer after the other; a text is how it failed."""
    left = list(answers)

    def prove(*asked: Any) -> dict[str, Any]:
        answer = left.pop(0)
        if isinstance(answer, str):
            raise StepError(answer)
        return answer

    return prove


@pytest.fixture(autouse=True)
def cpu_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, 'flags', lambda: frozenset({'sse4_2', 'avx2', 'fma', 'avx512f', 'avx512bw', 'avx512vl'}))


def test_an_engine_that_goes_on_using_more_is_not_measured(tmp_path: Path) -> None:
    prove = saying({}, {'instructions': 'avx512', 'relative': 0.0})

    found = kept(AVX2, request(model(tmp_path), 'openvino'), prove, tmp_path)
    assert not found.measured and found.unable == 'openvino was told to keep to avx2 and says that it uses avx512'


def test_one_that_keeps_to_it_is_measured_with_its_variables_and_says_how_far_its_answers_moved(tmp_path: Path) -> None:
    prove = saying({}, {'instructions': 'avx2', 'relative': 0.002})

    found = kept(AVX2, request(model(tmp_path), 'openvino'), prove, tmp_path)
    assert found.measured and found.environment == {'ONEDNN_MAX_CPU_ISA': 'AVX2'} and found.relative == 0.002


def test_what_this_cpu_lacks_is_a_reason_and_nothing_is_run(tmp_path: Path) -> None:
    found = kept('amx', request(model(tmp_path), 'openvino'), saying(), tmp_path)
    assert found.unable == 'this CPU has no amx_tile, amx_int8, amx_bf16'


def test_without_a_control_nothing_above_avx2_can_be_emulated(tmp_path: Path) -> None:
    found = kept('avx512', request(model(tmp_path), 'onnxruntime'), saying({}), tmp_path)
    assert 'onnxruntime cannot be told to keep to avx512, and the emulator has nothing above AVX2' in found.unable


def test_an_engine_that_does_not_start_on_the_emulated_cpu_is_a_row_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, 'which', lambda name: f'/usr/bin/{name}')
    log = 'the cycle was killed by signal 4 (SIGILL)\nqemu: uncaught target signal 4'
    prove = saying({}, log)

    found = kept('sse42', request(model(tmp_path), 'tensorflow'), prove, tmp_path)
    assert found.unable.endswith('as an emulated Nehalem it does not run: the cycle was killed by signal 4 (SIGILL)')


def test_what_libraries_print_of_themselves_is_understood() -> None:
    dnn = 'onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost\nonednn_verbose,v1,primitive,exec'
    mkl = (
        'MKL_VERBOSE oneMKL 2024.0 Update 2 Product build 20240605 for Intel(R) 64 architecture '
        'Intel(R) Advanced Vector Extensions 2 (Intel(R) AVX2) enabled processors, Lnx 2.60GHz lp64 gnu_thread'
    )

    assert [onednn.told(words) for words in (dnn, mkl, f'{mkl}\n{dnn}', 'nothing')] == ['avx512', 'avx2', 'avx512', '']
    assert cpu.needed(('sse4_2', 'avx', 'f16c')) == 'avx2' and cpu.needed(('ssse3',)) == 'sse42'


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    made = Launcher(tmp_path / 'servers')
    yield made
    made.close()


@pytest.mark.openvino
def test_openvino_takes_other_kernels_when_it_is_kept_to_avx2(
    tmp_path: Path, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    if cpu.lacks('avx512'):
        pytest.skip('this CPU has no AVX-512')
    folder = convolution(tmp_path / 'ir')
    asked = request(folder, 'openvino') | {'against': 'torch'}  # of a subject of a session: whom it is paired with

    def prove(asked: Mapping[str, Any], variables: Mapping[str, str], under: Any, seconds: float) -> dict[str, Any]:
        return spawn_cycle(asked, tmp_path / 'work', launcher, seconds, variables, '', under)

    whole = prove(asked, {}, (), 60)['instructions']
    kept(AVX2, asked, prove, tmp_path / 'work/home')
    found = kept(AVX2, asked, prove, tmp_path / 'work/home')  # as the next variant does, in the same place
    assert cpu.exceeds(whole, 'avx2')
    assert found.measured and found.relative is not None and found.relative < 1e-5


@pytest.mark.onnx
@pytest.mark.slow
def test_onnxruntime_runs_on_an_emulated_cpu_without_avx_and_is_not_timed(
    tmp_path: Path, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.measure.test_cycle import tiny_onnx

    monkeypatch.undo()
    if not shutil.which('qemu-x86_64-static'):
        pytest.skip('needs qemu-user-static')
    folder = model(tiny_onnx(tmp_path / 'model'))

    def prove(asked: Mapping[str, Any], variables: Mapping[str, str], under: Any, seconds: float) -> dict[str, Any]:
        return spawn_cycle(asked, tmp_path / 'work', launcher, seconds, variables, '', under)

    found = kept('sse42', request(folder, 'onnxruntime'), prove, tmp_path / 'work/home')
    assert (found.emulated, found.unable, found.relative) == ('Nehalem', '', 0.0)


def convolution(folder: Path) -> Path:
    """Write y = relu(conv(x)) in OpenVINO's form."""
    ov = pytest.importorskip('openvino', reason='needs modelkiln[openvino]')
    import numpy as np
    from openvino import opset13 as o

    from stages.contract.port import Contract, Port, write_contract

    x = o.parameter([1, 16, 32, 32], np.float32, name='x')
    x.output(0).get_tensor().set_names({'x'})
    weights = o.constant(np.random.default_rng(1).random((16, 16, 3, 3), np.float32))
    y = o.relu(o.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1]))
    y.output(0).get_tensor().set_names({'y'})
    folder.mkdir()
    ov.save_model(ov.Model([y], [x], 'm'), folder / 'model.xml', compress_to_fp16=False)
    ports = (Port('x', (1, 16, 32, 32), 'float32', batch=0),), (Port('y', (1, 16, 32, 32), 'float32', batch=0),)
    write_contract(Contract(*ports), folder)
    return folder
