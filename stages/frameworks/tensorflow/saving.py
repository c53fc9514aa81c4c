"""SavedModels for tools that read a folder."""

from __future__ import annotations

from pathlib import Path

from stages.errors import UnsupportedError
from stages.frameworks.tensorflow import serving, state
from stages.frameworks.tensorflow.graph import Graph
from stages.frameworks.tensorflow.model import framework


def traced(graph: Graph, target: Path) -> Path:
    """Write a traced function to ``target``; its signature has the function's names."""
    tf = framework()
    holder = tf.Module()
    holder.function, holder.held = graph.function, list(graph.function.graph.variables)
    tf.saved_model.save(holder, str(target), signatures={serving.SERVING: graph.function})
    return target


def check_state(folder: Path, tool: str) -> None:
    """Raise UnsupportedError where the model reads a variable after it wrote into it.

    What freezes variables answers with the value from before, and does not say so.
    """
    if found := state.reread(serving.loaded(folder).signatures[serving.SERVING]):
        raise UnsupportedError(
            f'the model writes into variables and reads them again while it answers ({", ".join(found[:8])}); '
            f'{tool} would read the old value\n'
            'what to try: tflite, which keeps variables; or a model whose state goes in and comes out'
        )
