"""The kind tvm-tune: the model goes on unchanged, with what the search found beside it."""

from __future__ import annotations

import dataclasses
import json

import pytest

from stages.errors import UnsupportedError

pytestmark = pytest.mark.tvm
for name in ('tvm', 'xgboost', 'onnx', 'onnxruntime', 'torch', 'onnxscript'):
    pytest.importorskip(name, reason='needs modelkiln[tvm]: pip install "modelkiln[tvm]"')


def tuned(model, out, keep, **params):
    """Run the kind as a worker would."""
    from stages.contract.job import Job
    from stages.kinds import tvm_tune

    out.mkdir()
    words = []
    job = Job({'model': model.folder}, out, model.told, lambda _, said: words.append(said), keep)
    tvm_tune.run(tvm_tune.Params(**params), job)
    assert {path.name for path in out.iterdir()} >= set(tvm_tune.outputs(tvm_tune.Params(**params)))
    return words


def test_the_model_goes_on_with_its_figures_and_a_second_call_only_reads(chain, bare_conv_net, tmp_path):
    model = chain(bare_conv_net, ('onnx', {}))

    first = tuned(model, tmp_path / 'one', tmp_path / 'keep', trials=8, target='x86-64-v2')
    again = tuned(model, tmp_path / 'two', tmp_path / 'keep', trials=8, target='x86-64-v2')

    assert any('trial 8 of 8, best ' in words for words in first)
    assert not any('trial ' in words for words in again)
    told = json.loads((tmp_path / 'one/tuning.json').read_text())
    assert (told['target'], told['trials']) == ('x86-64-v2', {'asked': 8, 'done': 8})
    assert sum(task['trials'] for task in told['tasks']) == 8
    for path in (tmp_path / 'one').iterdir():
        assert path.read_bytes() == (tmp_path / 'two' / path.name).read_bytes()
    assert (tmp_path / 'one/model.onnx').read_bytes() == (model.folder / 'model.onnx').read_bytes()


def test_a_build_with_what_was_found_gives_the_same_outputs(chain, bare_conv_net, tmp_path):
    import tvm
    from tvm import relax

    from stages.frameworks.torch import examples
    from stages.frameworks.tvm import lower
    from stages.frameworks.tvm.read.model import imported
    from stages.frameworks.tvm.target import target_for

    model = chain(bare_conv_net, ('onnx', {}))
    tuned(model, tmp_path / 'out', None, trials=8)
    image = tvm.runtime.tensor(examples.arrays(model.told, {})['image'])
    module, target = imported(tmp_path / 'out', model.signature, model.outputs, {}), target_for('native')

    with_it, without = (
        relax.VirtualMachine(lower.compiled(module, target, 3, database), tvm.cpu())['main'](image).numpy()
        for database in (tmp_path / 'out', None)
    )

    assert abs(with_it - without).max() < 1e-5


def test_a_cpu_that_cannot_run_the_code_is_refused():
    from stages.frameworks.tvm.target import TARGETS
    from stages.kinds import tvm_tune

    with pytest.raises(UnsupportedError, match=r'this one lacks amx\nwhat to try: tvm: \{target: x86-64-v4\} without'):
        tvm_tune.runnable(dataclasses.replace(TARGETS['x86-64-v4'], needs=('amx',)))
