"""The kind tvm: right results, equal bytes, and a clear word where it cannot."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

np = pytest.importorskip('numpy')
for needed in ('tvm', 'ziglang', 'onnx', 'onnxruntime', 'onnxscript'):
    pytest.importorskip(needed, reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')

from stages.errors import StepError, UnsupportedError  # noqa: E402
from stages.frameworks.tvm.emit import binary, library  # noqa: E402
from stages.frameworks.tvm.schedule import tuned  # noqa: E402
from stages.frameworks.tvm.target import target_for  # noqa: E402
from stages.kinds import tvm as kind  # noqa: E402
from tests.kinds.conftest import job_of, run_kind  # noqa: E402

pytestmark = pytest.mark.tvm
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def net(conv_net, tmp_path_factory):
    """The residual net as ONNX, of any batch."""
    return run_kind('onnx', conv_net, tmp_path_factory.mktemp('onnx') / 'out')


def built(model, out, **params):
    """Run the kind; return what it left."""
    chosen = kind.Params(**params)
    out.mkdir()
    kind.run(chosen, job_of(model, out))
    assert sorted(p.name for p in out.iterdir()) == sorted(kind.outputs(chosen))
    return dataclasses.replace(model, folder=out, format='tvm')


def error(source, made, sizes):
    """Return how far the library is from the source module, relative to the latter."""
    import torch

    from stages.engines import tvm as engine
    from stages.frameworks.torch import examples
    from stages.frameworks.torch import module as torch_module

    feed = examples.arrays(source.told, sizes)
    (got,) = engine.load(made.folder, source.told, engine.Options(), 1).run(feed).values()
    with torch.no_grad():
        wanted = torch_module.load(source.folder)(*(torch.from_numpy(a) for a in feed.values())).numpy()
    assert got.shape == wanted.shape
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize('params', [
    {}, {'level': 1}, {'level': 2}, {'schedule': 'none'}, {'target': 'x86-64-v2'}, {'sizes': {'batch': 2}},
], ids=str)  # fmt: skip
def test_the_outputs_are_kept(net, conv_net, tmp_path, params):
    made = built(net, tmp_path / 'out', **params)

    assert error(conv_net, made, params.get('sizes', {})) < 1e-5


@pytest.mark.parametrize(('target', 'system'), [('aarch64', 'linux'), ('x86-64-v3', 'windows')])
def test_a_library_for_another_machine_is_one(net, tmp_path, target, system):
    made = built(net, tmp_path / 'out', target=target, system=system)
    wanted = target_for(target, system)

    found = library.read(made.folder)

    exports = binary.check(made.folder / found.file, wanted).exports

    assert sum(name.startswith('__tvm_ffi_') for name in exports - {binary.ENTRANCE}) == found.kernels['all'] > 3
    assert (found.target, found.system, found.needs) == (target, system, wanted.needs)


@pytest.mark.parametrize(('schedule', 'by'), [('rule', 'rule'), ('none', 'unscheduled')])
def test_a_library_says_who_scheduled_its_kernels(net, tmp_path, schedule, by):
    found = library.read(built(net, tmp_path / 'out', schedule=schedule).folder).kernels

    assert found == dict.fromkeys(found, 0) | {'all': found['all'], by: found['all']}


def test_the_same_model_gives_the_same_bytes_elsewhere(net, tmp_path):
    code = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from tests.kinds.conftest import Model, job_of
        from stages.kinds import tvm
        from stages.contract.port import Contract, Port, Quantization
        folder, out = map(Path, sys.argv[1:])
        out.mkdir()
        tvm.run(tvm.Params(target='x86-64-v3'), job_of(Model(folder, (), (), 'onnx', {net.told!r}), out))
    """)
    found = []
    for place in ('one', 'another/place'):
        shutil.copytree(net.folder, tmp_path / place / 'model')
        env = os.environ | {'PYTHONPATH': str(ROOT), 'PYTHONHASHSEED': '0', 'PATH': ''}
        command = [sys.executable, '-c', code, str(tmp_path / place / 'model'), str(tmp_path / place / 'out')]
        subprocess.run(command, cwd=tmp_path / place, env=env, check=True, capture_output=True)
        found.append({p.name: p.read_bytes() for p in (tmp_path / place / 'out').iterdir()})

    assert found[0] == found[1]
    assert str(tmp_path).encode() not in found[0]['model.so']


def test_what_was_tuned_for_another_target_is_refused(net, tmp_path):
    shutil.copytree(net.folder, tmp_path / 'model')
    about = {'target': 'x86-64-v3', 'features': list(target_for('x86-64-v3').needs)}
    (tmp_path / 'model' / tuned.ABOUT).write_text(json.dumps(about))
    model = dataclasses.replace(net, folder=tmp_path / 'model')

    with pytest.raises(StepError, match=r'tuned for x86-64-v3, to be compiled for x86-64-v2; they differ in abm, avx'):
        built(model, tmp_path / 'out', target='x86-64-v2')
    built(model, tmp_path / 'right', target='x86-64-v3')


def test_windows_on_arm_is_refused(net, tmp_path):
    with pytest.raises(UnsupportedError, match='windows needs an x86-64 target'):
        built(net, tmp_path / 'out', target='aarch64', system='windows')


def test_only_native_depends_on_the_machine():
    assert kind.host(kind.Params())
    assert not kind.host(kind.Params(target='x86-64-v3'))
