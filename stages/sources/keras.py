"""Take a Keras model (``.keras``, or the ``.h5`` of Keras 2) from outside; leave the ``keras`` format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources import signs

KIND = 'keras-source'
TOOLS = ('tensorflow-cpu', 'keras', 'numpy', 'h5py')
ENVIRONMENT = ''
original = None
"""What is left is what came; only what Keras cannot load as it came (words of Keras 2) is mended."""

HDF5 = b'\x89HDF\r\n\x1a\n'


@dataclass(frozen=True)
class Params:
    """Options of ``keras-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise nothing by name: it leaves model.keras or model.h5, as it was fetched."""
    return ()


def run(params: Params, job: Job) -> Contract:
    """Leave the model, its configuration checked before Keras sees it, and its inputs and outputs after."""
    from stages.frameworks.tensorflow import graph as tensorflow_graph
    from stages.frameworks.tensorflow import keras_file

    fetched = job.inputs['file']
    files = sorted(p for p in fetched.rglob('*') if not p.is_dir()) if fetched.is_dir() else [fetched]
    if len(files) != 1:
        names = ', '.join(f.name for f in files) or 'nothing'
        raise StepError(f'a source needs one .keras or .h5 file; fetched: {names}')
    keras_file.checked(files[0], job.output)
    try:
        model = tensorflow_graph.load(job.output)
    except StepError:
        raise
    except Exception as error:  # Keras has many
        raise StepError(f'{files[0].name}: Keras cannot load it: {type(error).__name__}: {str(error)[:500]}') from error
    return matched(files[0].name, model.found, job.contract, ordered=model.ordered)


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is an archive of Keras, or HDF5, which Keras alone writes of our formats."""
    if signs.head(path, 8) == HDF5:
        return {signs.named(path, '.h5', '.hdf5', '.keras'): path.name}
    archive = {'config.json', 'model.weights.h5'} <= signs.members(path)
    return {signs.named(path, '.keras', '.h5'): path.name} if archive else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many layers of each class the model that ``run`` left has."""
    from stages.frameworks.tensorflow import graph as tensorflow_graph
    from stages.frameworks.tensorflow import keras_file

    return keras_file.counted(tensorflow_graph.keras_file(folder))
