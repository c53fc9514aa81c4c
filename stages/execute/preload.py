"""What of the frameworks there is for a step: the tools that it declares, loaded before it begins, and no others."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Final

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


def modules(module: str, code: Iterable[str], tools: Iterable[str]) -> list[str]:
    """Return what to load for a step: its own code first, which loads no framework, and what its tools load late."""
    late = getattr(importlib.import_module(module), 'LOADS', ())
    packages = [name for tool in sorted(tools) for name in PACKAGES.get(tool, ())]
    return [module, *code, *packages, *late]


def hidden(tools: Iterable[str]) -> list[str]:
    """Return the frameworks that a step with these tools must not find: all others."""
    return sorted(set(FRAMEWORKS) - {package for tool in tools for package in PACKAGES.get(tool, (tool,))})
