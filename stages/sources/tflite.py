"""Take a TFLite model from outside; leave the ``tflite`` format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import IntegrityError, StepError
from stages.sources import signs

KIND = 'tflite-source'
TOOLS = ('ai-edge-litert', 'numpy')
ENVIRONMENT = ''
original = None


@dataclass(frozen=True)
class Params:
    """Which of what the file holds is meant."""

    signature: str = ''
    """The signature; needed where there are several and none is `serving_default`."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise one file."""
    return ('model.tflite',)


def run(params: Params, job: Job) -> Contract:
    """Leave the model, checked to hold built-in operators only, and to take and return what the recipe says."""
    from stages.frameworks.tflite import file as tflite_file
    from stages.frameworks.tflite import ports, signatures

    fetched = job.inputs['file']
    files = sorted(p for p in fetched.rglob('*') if not p.is_dir()) if fetched.is_dir() else [fetched]
    if len(files) != 1:
        raise StepError(f'a source needs one .tflite file; fetched: {", ".join(f.name for f in files) or "nothing"}')
    path = files[0]
    custom = tflite_file.check(path)
    (job.output / 'model.tflite').write_bytes(signatures.chosen(path.name, path.read_bytes(), params.signature))

    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(job.output / 'model.tflite'))
        if custom:
            interpreter.allocate_tensors()  # only then does it look for them
    except Exception as error:  # ValueError or RuntimeError, by where it stumbles
        raise IntegrityError(f'{path.name}: LiteRT cannot read it: {str(error)[:300]}') from error
    return matched(path.name, ports.read(job.output / 'model.tflite'), job.contract)


def recognise(path: Path) -> dict[str, str]:
    """Return the file where its content is a TFLite model."""
    return {signs.named(path, '.tflite'): path.name} if signs.head(path, 8)[4:] == b'TFL3' else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many operators of each kind the model that ``run`` left has."""
    from stages.frameworks.tflite import file as tflite_file

    return tflite_file.counted(folder / 'model.tflite')
