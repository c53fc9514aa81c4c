"""Take a Core ML model: a program (the files of an ``.mlpackage``) or a neural network (``.mlmodel``)."""

from __future__ import annotations

import mmap
import shutil
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import StepError
from stages.frameworks import message
from stages.sources import signs
from stages.sources.fetched import fetched

KIND = 'coreml-source'
TOOLS = ('coremltools', 'numpy', 'onnx')
ENVIRONMENT = ''
original = None

PACKAGE: Final = 'model.mlpackage'
MODEL: Final = 'Data/com.apple.CoreML/model.mlmodel'
WEIGHTS: Final = 'Data/com.apple.CoreML/weights/weight.bin'
MANIFEST: Final = 'Manifest.json'
TYPES: Final = 200
"""The least number of a field of the format that holds a model."""

NOTE: Final = (
    'Core ML itself, which runs on Apple’s systems alone, was not run; the baseline is our own reading of the file, '
    'in ONNX Runtime'
)


@dataclass(frozen=True)
class Params:
    """Options of ``coreml-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the model; its weights lie beside it where it has some outside."""
    return (f'{PACKAGE}/{MODEL}',)


def recognise(path: Path) -> dict[str, str]:
    """Return the files of a package where ``path`` is the folder of one, or the one file of a neural network."""
    if path.is_file():
        return {signs.named(path, '.mlmodel'): path.name} if _is_model(path) else {}
    if not (path / MODEL).is_file():
        return {}
    return {name: name for name in (MODEL, WEIGHTS, MANIFEST) if (path / name).is_file()}


def _is_model(path: Path) -> bool:
    """Say whether a file is a message with a version, a description and one kind of model, and nothing else."""
    if signs.head(path, 1) != b'\x08':
        return False
    with path.open('rb') as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        view = memoryview(held)
        try:
            numbers = [number for number, _ in message.parts(view)]
        except (ValueError, IndexError):
            return False
        finally:
            view.release()
    return numbers[:2] == [1, 2] and len([number for number in numbers if number >= TYPES]) == 1


def operators(folder: Path) -> dict[str, int]:
    """Return how many operations, or layers, of each type the model that ``run`` left has."""
    from stages.frameworks.coreml import read

    return read.opened(folder / PACKAGE).counted()


def run(params: Params, job: Job) -> Contract:
    """Leave model and weights, each operation or layer of a type that is read."""
    from stages.frameworks.coreml import read

    places: dict[str, Path] = {}
    for name, path in fetched(job.inputs).items():
        word = PurePosixPath(name).name
        place = MODEL if word.endswith('.mlmodel') else {'weight.bin': WEIGHTS, MANIFEST: ''}.get(word)
        if place is None or place in places:
            raise StepError(
                f'{name}: not a file of an .mlpackage, or the second; expected an .mlmodel, and maybe its weight.bin'
            )
        if place:
            places[place] = path
    if MODEL not in places:
        raise StepError(
            f'a Core ML model is an .mlmodel, or {MODEL} with {WEIGHTS}; fetched: {", ".join(places) or "none"}'
        )
    for place, path in places.items():
        target = job.output / PACKAGE / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    try:
        contract = matched(MODEL, read.opened(job.output / PACKAGE).contract, job.contract)
        read.read(job.output / PACKAGE, contract)
    except BaseException:
        shutil.rmtree(job.output / PACKAGE)
        raise
    return replace(contract, notes=(*contract.notes, NOTE))
