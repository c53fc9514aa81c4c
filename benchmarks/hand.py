"""What somebody writes by hand around an engine, with nothing of ours in it: run by ``by_hand.py`` and ``peers.py``.

    python benchmarks/hand.py REQUEST.json

The request says engine, file, settings, threads, calls, and the ``.npz`` of feeds (``0/image``, ``1/image`` …). Prints
the mean milliseconds of a call, host arrays in, host arrays out; those that the engine's own clock tells; and the size
of the first answer, by which two ways can be seen to compute the same.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Feed = dict[str, np.ndarray]
Call = Callable[[Feed], Any]


def onnxruntime(file: str, threads: int, feeds: list[Feed], how: dict[str, Any]) -> Call:
    """``level``, ``arena``, ``spinning``: of the session's options."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, how.get('level', 'ORT_ENABLE_ALL'))
    options.enable_cpu_mem_arena = how.get('arena', True)
    options.add_session_config_entry('session.intra_op.allow_spinning', '1' if how.get('spinning', True) else '0')
    session = ort.InferenceSession(file, options, providers=['CPUExecutionProvider'])
    names = [output.name for output in session.get_outputs()]
    return lambda feed: session.run(names, feed)


def openvino(file: str, threads: int, feeds: list[Feed], how: dict[str, Any]) -> Call:
    """``shape``: static or dynamic; all else is configuration of the CPU, by OpenVINO's own names."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(file)
    if how.get('shape') == 'static':
        model.reshape({name: list(array.shape) for name, array in feeds[0].items()})
    config = {'INFERENCE_NUM_THREADS': threads, **{name: value for name, value in how.items() if name.isupper()}}
    request = core.compile_model(model, 'CPU', config).create_infer_request()

    def call(feed: Feed) -> Any:
        found = request.infer(feed, share_inputs=True)  # outputs are copied
        _OWN.append(request.latency)
        return found

    return call


def torch(file: str, threads: int, feeds: list[Feed], how: dict[str, Any]) -> Call:
    """``layout``: channels last; ``compile``: by inductor, frozen; ``precision``: bf16 by autocast."""
    import torch

    torch.set_num_threads(threads)
    sys.path.insert(0, how['house'])
    from stages.frameworks.torch.module import load

    module = load(Path(file))
    if how.get('layout'):
        module = module.to(memory_format=torch.channels_last)
    if how.get('compile'):
        import torch._inductor.config as inductor

        inductor.freezing = True
        for name, value in how['compile'].items():
            setattr(inductor, name, value)
        module = torch.compile(module)
    return _tensors(module, how)


def torchscript(file: str, threads: int, feeds: list[Feed], how: dict[str, Any]) -> Call:
    """``fusion``: by oneDNN; ``freeze``: and optimize for inference; ``layout`` and ``precision``: as torch."""
    import torch

    torch.set_num_threads(threads)
    module = torch.jit.load(file).eval()
    if how.get('fusion'):
        torch.jit.enable_onednn_fusion(True)
    if how.get('freeze'):
        frozen = module if not hasattr(module, 'training') else torch.jit.freeze(module)
        module = torch.jit.optimize_for_inference(frozen)
    return _tensors(module, how)


def _tensors(module: Any, how: dict[str, Any]) -> Call:
    """Call a module of torch with arrays, in the order of the feed."""
    import torch

    last = torch.channels_last if how.get('layout') else torch.preserve_format
    brain = how.get('precision') == 'bf16'

    def call(feed: Feed) -> Any:
        given = [torch.from_numpy(array) for array in feed.values()]
        if how.get('layout'):
            given = [each.to(memory_format=last) if each.dim() == 4 else each for each in given]
        with torch.inference_mode(), torch.autocast('cpu', torch.bfloat16, enabled=brain, cache_enabled=False):
            found = module(*given)
        return [each.float().numpy() for each in (found if isinstance(found, (tuple, list)) else [found])]

    return call


def litert(file: str, threads: int, feeds: list[Feed], how: dict[str, Any]) -> Call:
    """``xnnpack``: whether the default delegate runs what it can."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if how.get('xnnpack', True) else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    made = Interpreter(model_path=file, num_threads=threads, experimental_op_resolver_type=resolver)
    places = [detail['index'] for detail in made.get_input_details()]
    for place, array in zip(places, feeds[0].values(), strict=True):
        made.resize_tensor_input(place, array.shape, strict=True)
    made.allocate_tensors()
    returned = [detail['index'] for detail in made.get_output_details()]

    def call(feed: Feed) -> Any:
        for place, array in zip(places, feed.values(), strict=True):
            made.set_tensor(place, array)
        made.invoke()
        return [made.get_tensor(place) for place in returned]

    return call


ENGINES = {
    'onnxruntime': onnxruntime, 'openvino': openvino, 'torch': torch, 'torchscript': torchscript, 'litert': litert
}  # fmt: skip
_OWN: list[float] = []
"""What the engine's own clock told of each call, in milliseconds."""


def main() -> None:
    asked = json.loads(Path(sys.argv[1]).read_text())
    kept = np.load(asked['inputs'])
    feeds = [
        {name.partition('/')[2]: kept[name] for name in kept if name.startswith(f'{i}/')} for i in range(asked['feeds'])
    ]
    call = ENGINES[asked['engine']](asked['file'], asked['threads'], feeds, asked['how'])
    first = call(feeds[0])
    answer = float(np.abs(np.asarray(first[0], np.float64)).sum())
    for i in range(asked['warm_up']):
        call(feeds[i % len(feeds)])
    _OWN.clear()
    taken = []
    for i in range(asked['calls']):
        start = time.perf_counter()
        call(feeds[i % len(feeds)])
        taken.append(time.perf_counter() - start)
    own = sum(_OWN) / len(_OWN) if _OWN else None
    print(json.dumps({'call': 1e3 * sum(taken) / len(taken), 'own': own, 'answer': answer}))


if __name__ == '__main__':
    main()
