"""What is loaded for a step, in order: what begins alike is loaded once, and nobody pays for what only others need."""

from __future__ import annotations

from importlib import import_module

import pytest

from stages.execute import preload
from stages.execute.start import ALONE, tools_of
from stages.plan.step import Step


def loaded(kind: str) -> list[str]:
    module = import_module(f'stages.{kind}')
    step = Step('a' * 16, kind, module.__name__, {}, {}, '', '', None, (), module.TOOLS, (), False, 60.0)
    return [tool.name for tool in tools_of(step, preload.modules(module.__name__, ()))]


def test_kinds_that_export_share_what_torch_loads_late_whatever_their_other_tools_are():
    prune, onnx, exported = loaded('kinds.torch_prune'), loaded('kinds.onnx'), loaded('kinds.exported')

    assert prune[:2] == onnx[:2] == exported[:2] == ['torch', ALONE[0]]
    assert 'onnxscript' in onnx and 'onnxscript' not in prune


@pytest.mark.parametrize('kind', ['kinds.torchscript', 'kinds.torch_quantize', 'kinds.onnx_quantize'])
def test_a_kind_that_does_not_export_does_not_wait_for_it(kind):
    assert ALONE[0] not in loaded(kind)
