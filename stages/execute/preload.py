"""What of the frameworks there is for a step: the tools that it declares, loaded before it begins, and no others."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from stages.launch import Tool

PACKAGES: Final[Mapping[str, str]] = {
    'torch': 'torch',
    'tensorflow-cpu': 'tensorflow',
    'paddlepaddle': 'paddle',
    'apache-tvm': 'tvm',
    'openvino': 'openvino',
    'onnxruntime': 'onnxruntime',
    'ai-edge-litert': 'ai_edge_litert.interpreter',
    'numpy': 'numpy',
    'safetensors': 'safetensors',
    'keras': 'keras',
    'nncf': 'nncf',
    'torch-pruning': 'torch_pruning',
    'onnx': 'onnx',
    'onnxscript': 'onnxscript',
    'onnx-ir': 'onnx_ir',
    'tf2onnx': 'tf2onnx',
    'opencv-python-headless': 'cv2',
}
"""By distribution: what is slow to import of it. In the order that lets most steps share what is slowest; a name that
is missing here costs time, nothing else."""

FRAMEWORKS: Final = ('torch', 'tensorflow', 'keras', 'onnxruntime', 'openvino', 'nncf', 'paddle', 'tvm')
"""What tools import when they find it, to serve it too."""


def loaded(tools: Iterable[str]) -> Iterator[Tool]:
    """Give the tools to load for a step that declares ``tools``, in order; each finds only those before it."""
    declared, before = set(tools), []
    for tool, package in PACKAGES.items():
        if tool in declared:
            before.append(tool)
            yield Tool(tool, (package,), tuple(hidden(before)))


def modules(module: str, code: Iterable[str]) -> list[str]:
    """Return what else to load for a step: its own code, which loads no framework, and what its tools load late."""
    return [module, *code, *getattr(importlib.import_module(module), 'LOADS', ())]


def hidden(tools: Iterable[str]) -> list[str]:
    """Return the frameworks that a step with these tools must not find: all others."""
    return sorted(set(FRAMEWORKS) - {PACKAGES.get(tool, tool).partition('.')[0] for tool in tools})
