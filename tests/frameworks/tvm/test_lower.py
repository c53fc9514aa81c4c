"""From a Relax module to kernels and to machine code."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.tvm
tvm = pytest.importorskip('tvm')
torch = pytest.importorskip('torch')

from stages.frameworks.tvm import lower  # noqa: E402
from stages.frameworks.tvm.target import target_for  # noqa: E402
from tests.frameworks.tvm.torch_nets import difference, imported  # noqa: E402


def net():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.GELU(), torch.nn.Conv2d(16, 8, 1))


def functions(module):
    return {
        variable.name_hint: each for variable, each in module.functions.items() if isinstance(each, tvm.tirx.PrimFunc)
    }


@pytest.mark.parametrize('level', [1, 2, 3])
def test_every_level_gives_what_torch_gives(level):
    assert difference(net(), torch.randn(1, 3, 12, 12), level=level) < 1e-4


def test_kernels_are_fused_and_none_is_scheduled():
    kernels = lower.kernels(imported(net(), torch.randn(1, 3, 12, 12)), target_for('x86-64-v3'))

    assert any('conv2d' in name and 'add' in name for name in functions(kernels))
    assert not any(each.attrs.get('tirx.is_scheduled') for each in functions(kernels).values())


def test_the_same_model_gives_the_same_keys_for_tuning():
    module = imported(net(), torch.randn(1, 3, 12, 12))
    first, second = (lower.kernels(module, target_for('x86-64-v3')) for _ in range(2))

    import tvm_ffi

    assert tvm_ffi.structural_equal(first, second)


def test_level_one_keeps_the_layout_and_packs_nothing():
    kernels = lower.kernels(imported(net(), torch.randn(1, 3, 12, 12)), target_for('x86-64-v3'), level=1)

    assert not any('nhwc' in each.script() for each in functions(kernels).values())
    assert not any(each.attrs.get('layout_free_buffers') for each in functions(kernels).values())


def test_relu6_leaves_no_transposes_between_layers():
    layers = torch.nn.Sequential(
        torch.nn.Conv2d(3, 16, 3),
        torch.nn.ReLU6(),
        torch.nn.Conv2d(16, 16, 3, groups=16),
        torch.nn.ReLU6(),
        torch.nn.Conv2d(16, 8, 1),
    )
    kernels = lower.kernels(imported(layers, torch.randn(1, 3, 12, 12)), target_for('x86-64-v3'))

    assert sum('transpose' in name for name in functions(kernels)) <= 2


def test_level_three_has_no_call_of_a_mathematical_library():
    layers = torch.nn.Sequential(
        torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.SiLU(), torch.nn.Sigmoid(), torch.nn.Tanh()
    )
    kernels = lower.kernels(imported(layers, torch.randn(4, 8)), target_for('x86-64-v3'))

    scripts = ' '.join(each.script() for each in functions(kernels).values())
    assert not any(word in scripts for word in ('T.erf', 'T.exp(', 'T.tanh', 'T.sigmoid'))


def test_weights_are_packed_when_compiling_not_when_running():
    module = lower.kernels(imported(torch.nn.Linear(64, 96), torch.randn(8, 64)), target_for('x86-64-v3'))

    from stages.frameworks.tvm.schedule import rule

    scheduled, unscheduled = rule.scheduled(module, target_for('x86-64-v3'))
    assert not unscheduled
    assert any('layout_rewrite_preproc' in each.script() for each in functions(scheduled).values())
