"""Convert a model of scikit-learn to ONNX with skl2onnx."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stages.kinds import usual

if TYPE_CHECKING:
    import onnx

    from stages.contract.job import Job
    from stages.contract.port import Contract
    from stages.frameworks.sklearn.model import Model

KIND = 'onnx'
ACCEPTS = ('sklearn',)
GIVES = 'onnx'
TOOLS = ('skl2onnx', 'scikit-learn', 'skops', 'onnx', 'numpy')
ENVIRONMENT = 'scikit-learn'
PROGRAMS = ()
DETERMINISTIC = True

ML_VERSION = 3


@dataclass(frozen=True)
class Params:
    """Options of ``onnx``, from scikit-learn."""

    opset: int = 17
    """Version of the operator set."""


needs = usual.no_data
precision = usual.same_precision
host = usual.any_cpu


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.onnx',)


def run(params: Params, job: Job) -> Contract:
    """Write ``model.onnx``, its one output what the source's contract says: no labels and no maps beside it."""
    from stages.frameworks.onnx import ports
    from stages.frameworks.onnx.names import name_ports
    from stages.frameworks.onnx.write import write_stripped
    from stages.frameworks.refusal import refusal
    from stages.frameworks.sklearn import model as sklearn_model

    model = sklearn_model.load(job.inputs['model'] / 'model.skops')
    with refusal('skl2onnx', 'an estimator that it has a converter for; its documentation lists them'):
        made = _converted(model, params.opset)
    _only(made, model.method, len(job.contract.outputs[0].shape))
    name_ports(made, [port.name for port in job.contract.inputs], [port.name for port in job.contract.outputs])
    with refusal('skl2onnx', 'another opset'):
        write_stripped(made, job.output / 'model.onnx')
    return ports.made(made, job.contract)


def _converted(model: Model, opset: int) -> onnx.ModelProto:
    """Return the graph, with plain numbers where the converter of a classifier can be told to give them."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    from stages.frameworks.sklearn import model as sklearn_model

    raw = {'raw_scores': True} if model.method == 'decision_function' else {}
    ways = [{}] if model.method == 'predict' else [{'zipmap': False, **raw}, raw]
    for options in ways:
        try:
            made: onnx.ModelProto = to_onnx(
                model.estimator, initial_types=[(sklearn_model.FEATURES, FloatTensorType([None, model.features]))],
                options=options, target_opset={'': opset, 'ai.onnx.ml': ML_VERSION},
            )  # fmt: skip
            return made
        except NameError:  # by which it says that this converter does not know an option
            if options == ways[-1]:
                raise
    raise AssertionError('one way at least is tried')


def _only(model: onnx.ModelProto, method: str, rank: int) -> None:
    """Leave one output, in float32, shaped as the method's own: skl2onnx has labels beside it, and columns more."""
    from onnx import TensorProto, helper

    chosen = model.graph.output[0 if method == 'predict' else -1]
    nodes = [helper.make_node('Cast', [chosen.name], ['as_float'], to=TensorProto.FLOAT)]
    if rank == 1 and method == 'decision_function':  # of two classes it has both, NumPy the second alone
        model.graph.initializer.append(helper.make_tensor('last_column', TensorProto.INT64, [], [-1]))
        nodes.append(helper.make_node('Gather', ['as_float', 'last_column'], ['answer'], axis=1))
    elif rank == 1:
        model.graph.initializer.append(helper.make_tensor('no_columns', TensorProto.INT64, [1], [-1]))
        nodes.append(helper.make_node('Reshape', ['as_float', 'no_columns'], ['answer']))
    del model.graph.output[:]
    model.graph.node.extend(nodes)
    shape = [None] * rank
    model.graph.output.append(helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, shape))
