"""What of the frameworks there is for a step: the tools that it declares, loaded before it begins, and no others."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Final

from stages.plan.step import Step

PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    'numpy': ('numpy',),
    'torch': ('torch',),
    'safetensors': ('safetensors',),
    'onnx': ('onnx',),
    'onnxscript': ('onnxscript',),
    'onnx-ir': ('onnx_ir',),
    'onnxruntime': ('onnxruntime',),
    'openvino': ('openvino',),
    'nncf': ('nncf',),
    'tensorflow-cpu': ('tensorflow',),
    'keras': ('keras',),
    'ai-edge-litert': ('ai_edge_litert.interpreter',),
    'tf2onnx': ('tf2onnx',),
    'paddlepaddle': ('paddle',),
    'apache-tvm': ('tvm',),
}
"""By distribution: what is slow to import of it. A name that is missing here costs time, nothing else."""

FRAMEWORKS: Final = ('torch', 'tensorflow', 'keras', 'onnxruntime', 'openvino', 'nncf', 'paddle', 'tvm')
"""What tools import when they find it, to serve it too."""


def modules(step: Step) -> list[str]:
    """Return the modules to load: the step's own code first, which loads no framework, and what tools load late."""
    late = getattr(importlib.import_module(step.module), 'LOADS', ())
    packages = [name for tool in sorted(step.tools) for name in PACKAGES.get(tool, ())]
    return [step.module, *step.code, *packages, *late]


def hidden(step: Step, more: Iterable[str] = ()) -> list[str]:
    """Return the frameworks that a step must not find: all but those of its tools, and of ``more`` tools."""
    tools = {*step.tools, *more}
    return sorted(set(FRAMEWORKS) - {package for tool in tools for package in PACKAGES.get(tool, (tool,))})
