"""Small torch nets through ONNX and TVM."""

from __future__ import annotations

import io
import statistics
import time
from typing import Any

import numpy as np
import torch

from stages.frameworks.tvm import lower
from stages.frameworks.tvm.target import target_for


def imported(net: torch.nn.Module, *inputs: torch.Tensor) -> Any:
    """Return the Relax module of ``net``."""
    import onnx
    from tvm.relax.frontend.onnx import from_onnx

    stream = io.BytesIO()
    torch.onnx.export(net.eval(), inputs, stream, input_names=[f'x{i}' for i in range(len(inputs))], dynamo=False)
    return from_onnx(onnx.load_from_string(stream.getvalue()), keep_params_in_input=False)


def executed(executable: Any, *inputs: torch.Tensor) -> np.ndarray:
    """Return the first output."""
    import tvm

    machine = tvm.relax.VirtualMachine(executable, tvm.cpu())
    output = machine['main'](*(tvm.runtime.tensor(x.numpy()) for x in inputs))
    return (output if hasattr(output, 'numpy') else output[0]).numpy()


def difference(net: torch.nn.Module, x: torch.Tensor, target: str = 'native', level: lower.Level = 3) -> float:
    """Return the largest difference between TVM's output and torch's."""
    executable = lower.compiled(imported(net, x), target_for(target), level)
    with torch.inference_mode():
        expected = net(x).numpy()
    found = executed(executable, x)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


def run_time(net: torch.nn.Module, x: torch.Tensor, *, scheduled: bool = True, level: lower.Level = 3) -> float:
    """Return the median CPU seconds of a call, with the rule or as TVM leaves it."""
    import tvm

    target = target_for('native')
    made = lower.scheduled(imported(net, x), target, level, rule=scheduled)
    machine = tvm.relax.VirtualMachine(lower.machine_code(made.module, target), tvm.cpu())
    given = tvm.runtime.tensor(x.numpy())
    machine['main'](given)
    samples = []
    for _ in range(7):
        start = time.process_time()
        machine['main'](given)
        samples.append(time.process_time() - start)
    return statistics.median(samples)
