"""Convert a SavedModel or a Keras model to TFLite, in float or quantized."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stages.kinds import usual

if TYPE_CHECKING:
    from stages.contract.kind import Job
    from stages.frameworks.tensorflow.model import Graph

KIND = 'tflite'
ACCEPTS = ('savedmodel', 'keras')
GIVES = 'tflite'
TOOLS = ('tensorflow-cpu', 'keras', 'ai-edge-litert', 'numpy', 'h5py')
ENVIRONMENT = ''


@dataclass(frozen=True)
class Params:
    """Options of ``tflite`` from TensorFlow."""

    quantize: Literal['none', 'dynamic', 'f16', 'int8'] = 'none'
    """dynamic: int8 weights; f16: half weights; int8: activations too, needs calibrate. In and out stay float."""

    shape: Literal['dynamic', 'static'] = 'dynamic'
    """dynamic keeps the recipe's named dimensions; static makes each of them 1, which XNNPACK runs best."""

    samples: int = 128
    """int8: how many calibration samples are read at most."""


host = usual.any_cpu


def needs(params: Params) -> tuple[str, ...]:
    """Read calibration data for int8."""
    return ('calibrate',) if params.quantize == 'int8' else ()


def precision(params: Params, before: str) -> str:
    """Leave what it quantizes to, else keep the precision."""
    return {'none': before, 'f16': 'f16', 'dynamic': 'int8', 'int8': 'int8'}[params.quantize]


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.tflite',)


def run(params: Params, job: Job) -> None:
    """Write ``model.tflite``: inputs by the recipe's names and in its order, outputs in the order of the source."""
    from stages.frameworks.refusal import refusal
    from stages.frameworks.tensorflow import model as tensorflow_model
    from stages.frameworks.tflite import file as tflite_file

    advice = 'tflite: {shape: static}' + (', another `quantize`' if params.quantize != 'none' else '') + ', or openvino'
    tf = tensorflow_model.framework()
    source, batch = job.inputs['model'], 1 if params.shape == 'static' else None
    with refusal('TFLite', advice), tensorflow_model.deprecations_silenced():
        names = job.outputs or [f'output_{i}' for i in range(len(tensorflow_model.load(source).outputs))]
        graph = tensorflow_model.graph(source, job.signature, batch, names)
        holder = tf.Module()
        holder.held = list(graph.function.graph.variables)  # else a Keras model's variables stay behind, unset
        converter = tf.lite.TFLiteConverter.from_concrete_functions([graph.function], holder)
        if params.quantize != 'none':
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if params.quantize == 'f16':
            converter.target_spec.supported_types = [tf.float16]
        if params.quantize == 'int8':
            converter.representative_dataset = lambda: _feeds(params, job, graph)
        made = tflite_file.in_order(converter.convert(), [t.name for t in graph.inputs], list(names))
    (job.output / 'model.tflite').write_bytes(made)


def _feeds(params: Params, job: Job, graph: Graph) -> Iterator[dict[str, Any]]:
    from stages.feed import calibration as samples

    batches = {t.name: t.shape[0] if t.shape and isinstance(t.shape[0], int) else 1 for t in graph.inputs}
    feeds = samples.feeds(job.inputs['calibrate'], batches, params.samples)
    types = {t.name: t.dtype for t in graph.inputs}
    for done, feed in enumerate(feeds, 1):
        yield {name: array.astype(types[name], copy=False) for name, array in feed.items()}
        job.progress(done / len(feeds), f'calibrating {done}/{len(feeds)}')
