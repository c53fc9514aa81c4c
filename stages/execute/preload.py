"""What a server loads before it is forked for a step: the packages of the tools that the step declares, no others."""

from __future__ import annotations

from collections.abc import Mapping
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


def modules(step: Step) -> list[str]:
    """Return the modules to load: the step's own code first, which loads no framework."""
    return [step.module, *step.code, *(name for tool in sorted(step.tools) for name in PACKAGES.get(tool, ()))]
