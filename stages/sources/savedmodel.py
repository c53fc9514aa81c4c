"""Take a TensorFlow SavedModel from outside; leave the ``savedmodel`` format.

A SavedModel is a program: its graph is read as data first, and refused when it reaches outside. What is left is its
graph, variables and assets; models that Keras 2 saved are mended so that TensorFlow of today loads them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from stages.contract.kind import Job
from stages.errors import IntegrityError, StepError

KIND = 'savedmodel-source'
TOOLS = ('tensorflow-cpu', 'keras', 'numpy', 'protobuf')
ENVIRONMENT = ''

GRAPH = 'saved_model.pb'
MOST = 2**31 - 1
"""Bytes of the graph: what protobuf can hold."""


@dataclass(frozen=True)
class Params:
    """Options of ``savedmodel-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the graph and the index of its variables; how many files hold these is the model's affair."""
    return (GRAPH, 'variables/variables.index')


def run(params: Params, job: Job) -> None:
    """Leave the model, checked to take and return what the recipe says."""
    folder = _folder(job.inputs['file'])
    kept = [folder / GRAPH, *_below(folder / 'variables'), *_below(folder / 'assets')]
    for path in kept:
        if path.is_symlink() or not path.is_file():
            raise IntegrityError(f'{path.name}: a link or a device, not a plain file')
        target = job.output / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    if not (job.output / 'variables/variables.index').is_file():
        raise StepError(f'{GRAPH}: has no variables/variables.index beside it; fetch the whole folder')
    _check(job.output / GRAPH)

    from stages.contract import ports
    from stages.frameworks.tensorflow import model as tensorflow_model

    try:
        model = tensorflow_model.load(job.output)
    except StepError:
        raise
    except Exception as error:  # TensorFlow has many
        raise StepError(f'{GRAPH}: TensorFlow cannot load it: {type(error).__name__}: {str(error)[:500]}') from error
    ports.check(GRAPH, model.inputs, model.outputs, job.signature, job.outputs)


def _folder(fetched: Path) -> Path:
    """Return the folder that holds the graph: the fetched one or one below it."""
    found = sorted(p.parent for p in fetched.rglob(GRAPH))
    if len(found) != 1:
        raise StepError(f'a source needs one folder with a {GRAPH}; fetched: {len(found)} of them')
    return found[0]


def _below(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob('*') if not p.is_dir() or p.is_symlink()) if folder.exists() else []


def _check(path: Path) -> None:
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
    for graph in read.meta_graphs:
        saved_model_file.check(path.name, graph)
    changed = [saved_model_file.mend(graph) for graph in read.meta_graphs]
    if any(changed):
        path.write_bytes(read.SerializeToString(deterministic=True))
