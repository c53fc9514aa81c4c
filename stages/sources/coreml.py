"""Take a Core ML program: the files of an ``.mlpackage``, iOS 15 and later."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import StepError
from stages.sources.fetched import fetched

KIND = 'coreml-source'
TOOLS = ('coremltools', 'numpy', 'onnx')
ENVIRONMENT = ''
original = None

PACKAGE: Final = 'model.mlpackage'
MODEL: Final = 'Data/com.apple.CoreML/model.mlmodel'
WEIGHTS: Final = 'Data/com.apple.CoreML/weights/weight.bin'
MANIFEST: Final = 'Manifest.json'
NOTE: Final = (
    'Core ML itself, which runs on Apple’s systems alone, was not run; the baseline is our own reading of the file, '
    'in ONNX Runtime'
)


@dataclass(frozen=True)
class Params:
    """Options of ``coreml-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the program; its weights lie beside it where it has some outside."""
    return (f'{PACKAGE}/{MODEL}',)


def recognise(path: Path) -> dict[str, str]:
    """Return the files of a package where ``path`` is the folder of one."""
    if not path.is_dir() or not (path / MODEL).is_file():
        return {}
    return {name: name for name in (MODEL, WEIGHTS, MANIFEST) if (path / name).is_file()}


def operators(folder: Path) -> dict[str, int]:
    """Return how many operations of each type the program that ``run`` left has."""
    from stages.frameworks.coreml import read

    return read.program(folder / PACKAGE).counted()


def run(params: Params, job: Job) -> Contract:
    """Leave program and weights, each operation of a type that is read."""
    from stages.frameworks.coreml import read

    places: dict[str, Path] = {}
    for name, path in fetched(job.inputs).items():
        word = PurePosixPath(name).name
        place = {'model.mlmodel': MODEL, 'weight.bin': WEIGHTS, MANIFEST: ''}.get(word)
        if place is None or place in places:
            raise StepError(
                f'{name}: not a file of an .mlpackage, or the second; expected model.mlmodel and weight.bin'
            )
        if place:
            places[place] = path
    if MODEL not in places:
        raise StepError(
            f'a Core ML program is {MODEL}, with {WEIGHTS} beside it; fetched: {", ".join(places) or "none"}'
        )
    for place, path in places.items():
        target = job.output / PACKAGE / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    try:
        contract = matched(MODEL, read.program(job.output / PACKAGE).contract, job.contract)
        read.read(job.output / PACKAGE, contract)
    except BaseException:
        shutil.rmtree(job.output / PACKAGE)
        raise
    return replace(contract, notes=(*contract.notes, NOTE))
