"""ONNX Runtime's CPU, as kinds call it: to optimize a graph, to see whether a model can be loaded, to run it once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from stages.frameworks.refusal import Refused

Level = Literal['none', 'basic', 'extended', 'all']
"""How far a graph is optimized, as recipes say it."""

NO_KERNEL = ('NOT_IMPLEMENTED', 'is not a registered function')


def level_of(level: Level) -> Any:
    """Return ONNX Runtime's own word for how far it optimizes a graph."""
    from onnxruntime import GraphOptimizationLevel as Levels

    return {
        'none': Levels.ORT_DISABLE_ALL,
        'basic': Levels.ORT_ENABLE_BASIC,
        'extended': Levels.ORT_ENABLE_EXTENDED,
        'all': Levels.ORT_ENABLE_ALL,
    }[level]


def opened(path: Path, level: Level = 'none', saved: Path | None = None, form: str = 'ONNX') -> Any:
    """
    Return a session of the model in ``path``, quiet and on one thread.

    ``level`` says how far its graph is optimized, ``saved`` where that is written, in
    ``form`` (ONNX or ORT). Raises what the runtime does.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.graph_optimization_level = level_of(level)
    options.log_severity_level = 4  # what it prints it raises too, or warns of: that level all suits this CPU
    options.intra_op_num_threads = 1
    if saved is not None:
        options.optimized_model_filepath = str(saved)
        options.add_session_config_entry('session.save_model_format', form)
    return ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def made_up(session: Any, size: int = 2) -> dict[str, Any]:
    """Return a feed of small numbers for ``session``: every free dimension is ``size``."""
    import numpy as np

    rng = np.random.default_rng(0)
    feed: dict[str, Any] = {}
    for given in session.get_inputs():
        shape = [d if isinstance(d, int) and d >= 0 else size for d in given.shape]
        word = given.type.removeprefix('tensor(').removesuffix(')')
        dtype = {'float': 'float32', 'double': 'float64', 'string': 'object'}.get(word, word)
        if dtype.startswith('float'):
            feed[given.name] = rng.standard_normal(shape).astype(dtype)
        else:
            feed[given.name] = np.zeros(shape, dtype) if dtype != 'object' else np.full(shape, '', object)
    return feed


def fault(path: Path, feed: Mapping[str, Any] | None) -> Exception | None:
    """Return what ONNX Runtime raises when it loads ``path``, and runs ``feed`` through it; None if nothing."""
    try:
        session = opened(path, 'all')
        if feed is not None:
            session.run(None, dict(feed))
    except (MemoryError, OSError):
        raise
    except Exception as error:  # the runtime has a class for each of its codes
        return error
    return None


def advice(otherwise: str) -> Any:
    """Return advice on a model that ONNX Runtime does not load: ``otherwise``, unless it lacks the operator."""

    def words(refused: Refused) -> str:
        if any(sign in refused.words for sign in NO_KERNEL):
            return 'openvino or tvm from here: ONNX Runtime has no kernel for this on the CPU, whatever the options'
        return otherwise

    return words
