"""An MLflow model: ``MLmodel`` with its signature, and the artifact, which our loader runs in any engine.

Source: mlflow.org/docs, "MLflow Models" (MLmodel, python_function, tensor-based signatures).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from stages import __version__
from stages.contract.port import MANIFEST, Port
from stages.deliver.export.served import Served, check_known, copy_model, notes_of
from stages.engines import ENGINES
from stages.errors import UnsupportedError

FORMATS: Final = tuple(format for engine in ENGINES.values() for format in engine.RUNS)
MODEL: Final = 'model'
LOADER: Final = 'stages.deliver.mlflow_model'


def write(served: Served, to: Path) -> list[str]:
    check_known(served, 'mlflow')
    copy_model(served, to / MODEL)
    (to / MODEL / MANIFEST).write_bytes((served.folder / MANIFEST).read_bytes())
    (to / 'MLmodel').write_text(json.dumps(description(served), indent=1) + '\n', 'utf-8', newline='\n')
    runtime = [f'{package}=={version}\n' for package, version in sorted(served.manifest.runtime.items())]
    (to / 'requirements.txt').write_text(''.join([f'modelkiln=={__version__}\n', *runtime]), 'utf-8', newline='\n')
    return [
        f'mlflow.pyfunc.load_model("{to.name}").predict({{…}}): a dictionary of arrays in, one out',
        *notes_of(served),
    ]


def description(served: Served) -> dict[str, Any]:
    """Return what MLmodel says; JSON is YAML."""
    manifest = served.manifest
    flavors: dict[str, Any] = {
        'python_function': {'loader_module': LOADER, 'data': MODEL, 'env': {'virtualenv': 'requirements.txt'}}
    }
    return {
        'flavors': flavors,
        'signature': {'inputs': _tensors(manifest.inputs), 'outputs': _tensors(manifest.outputs), 'params': None},
        'metadata': {'modelkiln': manifest.name, 'digest': manifest.digest, 'engine': manifest.engine},
    }


def _tensors(ports: tuple[Port, ...]) -> str:
    return json.dumps(
        [
            {'name': port.name, 'type': 'tensor', 'tensor-spec': {'dtype': _dtype(port), 'shape': _shape(port)}}
            for port in ports
        ]
    )


def _shape(port: Port) -> list[int]:
    return [size if isinstance(size, int) else -1 for size in port.shape]


def _dtype(port: Port) -> str:
    if port.dtype == 'bfloat16':
        raise UnsupportedError(f'{port.name}: MLflow has no type bfloat16')
    return port.dtype
