"""Write an ONNX model's machine-learning operators (ai.onnx.ml) in operators that OpenVINO and TVM have, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.kinds import usual

if TYPE_CHECKING:
    import onnx

    from stages.contract.job import Job
    from stages.contract.port import Contract

KIND = 'onnx-plain'
ACCEPTS = ('onnx',)
GIVES = 'onnx'
TOOLS = ('onnx', 'numpy')
ENVIRONMENT = ''
PROGRAMS = ()
DETERMINISTIC = True
ASIDE = 'it is for models of scikit-learn and the like: only they have operators of machine learning'


@dataclass(frozen=True)
class Params:
    """Options of ``onnx-plain``: none."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def refuses(params: Params, job: Job) -> None:
    """Raise UnsupportedError where an operator has no plain form; of a model that has none there is nothing to say."""
    import onnx

    from stages.frameworks.onnx.plain import DOMAIN

    graph = onnx.load(job.inputs['model'] / 'model.onnx', load_external_data=False).graph
    if any(node.domain == DOMAIN for node in graph.node):
        _plain(job)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx``; refuse a model in which there is nothing to write anew."""
    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.write import write_stripped

    made = _plain(job)
    write_stripped(made, job.output / 'model.onnx')
    return ports.made(made, job.contract)


def _plain(job: Job) -> onnx.ModelProto:
    from stages.frameworks.onnx import opset
    from stages.frameworks.onnx.plain import OLDEST, plain

    return plain(opset.at_least_opset(job.inputs['model'] / 'model.onnx', OLDEST))
