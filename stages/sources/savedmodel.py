"""Take a TensorFlow SavedModel from outside; leave the ``savedmodel`` format.

A SavedModel is a program: its graph is read as data first, and refused when it reaches outside. What is left is its
graph, variables and assets; models that Keras 2 saved are mended so that TensorFlow of today loads them.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import IntegrityError, StepError
from stages.sources import wire
from stages.sources.fetched import BESIDE, GRAPH, fetched

KIND = 'savedmodel-source'
TOOLS = ('tensorflow-cpu', 'keras', 'numpy', 'protobuf')
ENVIRONMENT = ''
original = None
"""What is left is what came; only what TensorFlow cannot load as it came (moments of Adam) is mended."""

MOST = 2**31 - 1
"""Bytes of the graph: what protobuf can hold."""

INDEX = 'variables/variables.index'
SHARD = re.compile(r'variables/variables\.data-\d{5}-of-(\d{5})')


@dataclass(frozen=True)
class Params:
    """Which of what the folder holds is meant."""

    signature: str = ''
    """The signature of a SavedModel or TFLite file; needed where there are several and none is `serving_default`."""

    tags: tuple[str, ...] = ()
    """The tags of a SavedModel's graph; needed where it has several graphs and none is tagged `serve` alone."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph; what lies beside it is the model's affair: a frozen one has no variables."""
    return (GRAPH,)


def run(params: Params, job: Job) -> Contract:
    """Leave the model, checked to take and return what the recipe says."""
    for name, path in _kept(fetched(job.inputs)).items():
        target = job.output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _check(job.output / GRAPH, params)

    from stages.frameworks.tensorflow import graph as tensorflow_graph

    try:
        model = tensorflow_graph.load(job.output)
    except StepError:
        raise
    except Exception as error:  # TensorFlow has many
        raise StepError(f'{GRAPH}: TensorFlow cannot load it: {type(error).__name__}: {str(error)[:500]}') from error
    return matched(GRAPH, model.found, job.contract, ordered=model.ordered)


def recognise(path: Path) -> dict[str, str]:
    """Return the folder of a graph, where that is one of TensorFlow by its content; ``path`` may be either."""
    graph = path / GRAPH if path.is_dir() else path
    if graph.name != GRAPH or not graph.is_file():
        return {}
    return {'': '.'} if wire.fields(graph) == {(1, wire.NUMBER), (2, wire.BYTES)} else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many nodes of each operator the model that ``run`` left has, in its functions too."""
    from stages.frameworks.tensorflow import allowed
    from stages.frameworks.tensorflow import model as tensorflow_model

    tensorflow_model.framework()
    from tensorflow.core.protobuf import saved_model_pb2

    [graph] = saved_model_pb2.SavedModel.FromString((folder / GRAPH).read_bytes()).meta_graphs
    return allowed.counted(graph)


def _kept(files: dict[str, Path]) -> dict[str, Path]:
    """Return graph, variables and assets by their names in the folder that holds the graph."""
    graphs = [PurePosixPath(name) for name in files if PurePosixPath(name).name == GRAPH]
    if len(graphs) != 1:
        has = ', '.join(files) or 'nothing'
        raise StepError(f'a source needs one folder with a {GRAPH}; fetched {len(graphs)} of them: {has[:500]}')
    root = graphs[0].parent
    found = {PurePosixPath(name).relative_to(root).as_posix(): path for name, path in files.items() if _in(name, root)}
    return {name: path for name, path in found.items() if name == GRAPH or name.split('/')[0] in BESIDE}


def _in(name: str, folder: PurePosixPath) -> bool:
    return PurePosixPath(name).is_relative_to(folder)


def _check_variables(folder: Path, names: list[str], objects: bool) -> None:
    """Refuse a model whose weights were left behind. ``objects``: of TensorFlow 2, which always writes the index."""
    index = (folder / INDEX).is_file()
    if not index and (names or objects):
        what = f'variables ({", ".join(names[:5])})' if names else 'an index of its variables, though it has none'
        raise StepError(f'{GRAPH}: has {what}, but {INDEX} was not fetched; name the whole folder')
    shards = {
        path.name: match
        for path in (folder / 'variables').glob('*')
        if (match := SHARD.fullmatch(f'variables/{path.name}'))
    }
    wanted = {int(match[1]) for match in shards.values()}
    if index and (len(wanted) != 1 or len(shards) != min(wanted)):
        raise StepError(
            f'{GRAPH}: of its variables {", ".join(sorted(shards)) or "no data"} was fetched; name the whole folder'
        )


def _check(path: Path, params: Params) -> None:
    from stages.frameworks.tensorflow import allowed
    from stages.frameworks.tensorflow import model as tensorflow_model
    from stages.frameworks.tensorflow import saved_model as saved_model_file

    tensorflow_model.framework()
    from tensorflow.core.protobuf import saved_model_pb2

    if path.stat().st_size > MOST:
        raise IntegrityError(f'{path.name}: larger than a graph can be')
    try:
        read = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except Exception as error:  # protobuf has several
        raise IntegrityError(f'{path.name}: damaged, or no SavedModel: {str(error)[:300]}') from error
    if not read.meta_graphs:
        raise IntegrityError(f'{path.name}: holds no graph')
    changed = [saved_model_file.choose_graph(path.name, read, params.tags)]
    [graph] = read.meta_graphs
    allowed.check(path.name, graph)
    _check_variables(path.parent, saved_model_file.variables(graph), bool(graph.object_graph_def.nodes))
    changed += [saved_model_file.mend(graph), saved_model_file.choose_signature(path.name, graph, params.signature)]
    if any(changed):
        path.write_bytes(read.SerializeToString(deterministic=True))
