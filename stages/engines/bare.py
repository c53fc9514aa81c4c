"""Lines of Python to copy that run an artifact: with our loader, and with the engine alone, for whoever wants that.

They feed zeros, of the size that the artifact was measured at, and leave ``answers``. The engine's own names stand in
the lines for it. Where no few lines are right (a module that transforms changed, names that are no arguments), there
are none, and the loader is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from stages.contract.port import Port
from stages.document.manifest import Manifest, Use
from stages.engines.usual import BRAIN

Lines = tuple[str, ...]
TRANSFORMED: Final = ('torch-quantize', 'torch-prune')


def use(manifest: Manifest, place: str = '.', threads: int | None = None) -> Use:
    """Return the lines for an artifact in the folder ``place``, as whoever runs them sees it.

    ``threads`` are those to run it on, where they are not the manifest's.
    """
    told = f', threads={threads}' if threads not in (None, manifest.threads) else ''
    manifest = replace(manifest, threads=threads or manifest.threads)
    plain = PLAIN.get(manifest.engine)
    ports = (*manifest.inputs, *manifest.outputs)
    said = plain(manifest, place) if plain and all(port.dtype != BRAIN for port in ports) else ()
    return Use(_ours(manifest, place, told), said)


def _ours(manifest: Manifest, place: str, told: str) -> Lines:
    given = [port for port in manifest.inputs if not port.carries]
    return (
        'import numpy as np, stages',
        f'with stages.load({place!r}{told}) as model:',
        f'    answers = model.run({_feed(manifest, {port.name: port for port in given})})',
        f'print({{name: answers[name].shape for name in {[port.name for port in manifest.outputs]}}})',
    )


def _onnxruntime(manifest: Manifest, place: str) -> Lines:
    file = 'model.ort' if manifest.model_format == 'ort' else 'model.onnx'
    return (
        'import numpy as np, onnxruntime as ort',
        f'options = ort.SessionOptions(); options.intra_op_num_threads = {manifest.threads}',
        f"session = ort.InferenceSession({_path(place, file)}, options, providers=['CPUExecutionProvider'])",
        f'answers = session.run({_returned(manifest)}, {_own_feed(manifest)})',
    )


def _openvino(manifest: Manifest, place: str) -> Lines:
    config = {
        'INFERENCE_PRECISION_HINT': manifest.options.get('precision', 'f32'),
        'INFERENCE_NUM_THREADS': manifest.threads,
        'PERFORMANCE_HINT': str(manifest.options.get('hint', 'latency')).upper(),
    }
    if streams := manifest.options.get('streams'):
        config['NUM_STREAMS'] = str(streams)
    fixed = ('graph.reshape({name: list(array.shape) for name, array in feed.items()})',)
    return (
        'import numpy as np, openvino as ov',
        f'feed = {_own_feed(manifest)}',
        f'graph = ov.Core().read_model({_path(place, "model.xml")})',
        *(fixed if manifest.options.get('shape') == 'static' else ()),
        f"model = ov.Core().compile_model(graph, 'CPU', {config})",
        'found = model(feed)',
        f'answers = [found[name] for name in {_returned(manifest)}]',
    )


def _torch(manifest: Manifest, place: str) -> Lines:
    if manifest.model_format == 'exported':
        return _exported(manifest, place)
    source = manifest.stages[0].params if manifest.stages else {}
    file, function = source.get('file', ''), source.get('function', '')
    if not file or any(stage.kind in TRANSFORMED for stage in manifest.stages):
        return ()
    module = str(file).removesuffix('.py').replace('/', '.')
    lines = _called(manifest, f'from {module} import {function}; model = {function}().eval()')
    if not lines:
        return ()
    path = f'import sys; sys.path.insert(0, {_path(place, "python")})'
    if 'weights.safetensors' not in manifest.files:
        return (path, *lines)
    weights = f'model.load_state_dict(safetensors.torch.load_file({_path(place, "weights.safetensors")}))'
    return (path, 'import safetensors.torch', *lines[:3], weights, *lines[3:])


def _exported(manifest: Manifest, place: str) -> Lines:
    given = ', '.join(f'{p.in_file!r}: torch.from_numpy({_array(manifest, p)})' for p in manifest.inputs)
    return (
        'import numpy as np, torch',
        f'torch.set_num_threads({manifest.threads})',
        f'program = torch.export.load({_path(place, "model.pt2")}); given = {{{given}}}',
        'placed = [given[name] for name in program.graph_signature.user_inputs]',
        'with torch.inference_mode(): answers = program.module()(*placed)',
    )


def _torchscript(manifest: Manifest, place: str) -> Lines:
    return _called(manifest, f'model = torch.jit.load({_path(place, "model.pt")}).eval()')


def _aotinductor(manifest: Manifest, place: str) -> Lines:
    inputs = sorted(manifest.inputs, key=lambda port: int(port.in_file))
    return (
        'import numpy as np, torch, torch._inductor',
        f'torch.set_num_threads({manifest.threads})',
        f'model = torch._inductor.aoti_load_package({_path(place, "model.pt2")})',
        f'answers = model({", ".join(f"torch.from_numpy({_array(manifest, port)})" for port in inputs)})',
    )


def _called(manifest: Manifest, made: str) -> Lines:
    """Return lines that call a module of torch by the names of its arguments."""
    if not all(port.in_file.isidentifier() for port in manifest.inputs) or _has_text(manifest):
        return ()
    given = ', '.join(f'{p.in_file}=torch.from_numpy({_array(manifest, p)})' for p in manifest.inputs)
    return (
        'import numpy as np, torch',
        f'torch.set_num_threads({manifest.threads})',
        made,
        f'with torch.inference_mode(): answers = model({given})',
    )


def _tensorflow(manifest: Manifest, place: str) -> Lines:
    threads = f'tf.config.threading.set_intra_op_parallelism_threads({manifest.threads})'
    if manifest.model_format == 'savedmodel':
        if not all(port.in_file.isidentifier() for port in manifest.inputs):
            return ()
        given = ', '.join(f'{p.in_file}=tf.constant({_array(manifest, p)})' for p in manifest.inputs)
        made = f"model = tf.saved_model.load({place!r}).signatures['serving_default']"
        return ('import numpy as np, tensorflow as tf', threads, made, f'answers = model({given})')
    file = next((name for name in ('model.keras', 'model.h5') if name in manifest.files), '')
    if not file or len(manifest.inputs) != 1:
        return ()
    return (
        'import numpy as np, tensorflow as tf, keras',
        threads,
        f'model = keras.saving.load_model({_path(place, file)}, compile=False)',
        f'answers = model({_array(manifest, manifest.inputs[0])})',
    )


def _litert(manifest: Manifest, place: str) -> Lines:
    if len(manifest.inputs) != 1 or _has_text(manifest):
        return ()  # whether the file has a signature, whose names several inputs go by, it says itself alone
    array = _array(manifest, manifest.inputs[0])
    return (
        'import numpy as np; from ai_edge_litert.interpreter import Interpreter',
        f'model = Interpreter({_path(place, "model.tflite")}, num_threads={manifest.threads}); given = {array}',
        "[taken] = model.get_input_details(); model.resize_tensor_input(taken['index'], given.shape)",
        "model.allocate_tensors(); model.set_tensor(taken['index'], given); model.invoke()",
        "answers = [model.get_tensor(port['index']) for port in model.get_output_details()]",
    )


def _paddle(manifest: Manifest, place: str) -> Lines:
    graph = next((name for name in ('model.json', 'model.pdmodel') if name in manifest.files), '')
    return (
        'import numpy as np; from paddle import inference',
        f'config = inference.Config({_path(place, graph)}, {_path(place, "model.pdiparams")})',
        f'config.set_cpu_math_library_num_threads({manifest.threads}); model = inference.create_predictor(config)',
        f'for name, array in {_own_feed(manifest)}.items(): model.get_input_handle(name).copy_from_cpu(array)',
        f'model.run(); answers = [model.get_output_handle(name).copy_to_cpu() for name in {_returned(manifest)}]',
    )


def _tvm(manifest: Manifest, place: str) -> Lines:
    file = next((name for name in ('model.so', 'model.dll') if name in manifest.files), 'model.so')
    given = ', '.join(f'tvm.runtime.tensor({_array(manifest, port)})' for port in manifest.inputs)
    return (
        f"import os; os.environ['TVM_NUM_THREADS'] = '{manifest.threads}'",
        'import numpy as np, tvm; from tvm import relax',
        f'model = relax.VirtualMachine(tvm.runtime.load_module({_path(place, file)}), tvm.cpu())',
        f"answers = model['main']({given})",
    )


PLAIN: Final[Mapping[str, Callable[[Manifest, str], Lines]]] = {
    'torch': _torch,
    'torchscript': _torchscript,
    'aotinductor': _aotinductor,
    'onnxruntime': _onnxruntime,
    'openvino': _openvino,
    'tensorflow': _tensorflow,
    'litert': _litert,
    'paddle': _paddle,
    'tvm': _tvm,
}
"""By engine: its lines."""


def _own_feed(manifest: Manifest) -> str:
    return _feed(manifest, {port.in_file: port for port in manifest.inputs})


def _feed(manifest: Manifest, ports: Mapping[str, Port]) -> str:
    return f'{{{", ".join(f"{name!r}: {_array(manifest, port)}" for name, port in ports.items())}}}'


def _array(manifest: Manifest, port: Port) -> str:
    shape = list(port.sized(**manifest.sizes))
    return f"np.full({shape}, '')" if port.dtype == 'str' else f'np.zeros({shape}, {port.dtype!r})'


def _has_text(manifest: Manifest) -> bool:
    return any(port.dtype == 'str' for port in manifest.inputs)


def _returned(manifest: Manifest) -> list[str]:
    return [port.in_file for port in manifest.outputs]


def _path(place: str, file: str) -> str:
    return repr(file if place == '.' else f'{place}/{file}')
