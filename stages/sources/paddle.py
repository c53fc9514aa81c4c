"""Take a PaddlePaddle inference model: a graph (``.pdmodel``, or the ``.json`` of Paddle 3) and its weights."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import Contract
from stages.errors import StepError
from stages.frameworks import message
from stages.frameworks.paddle import allowed, ports
from stages.frameworks.paddle import weights as weights_file
from stages.sources import signs, wire
from stages.sources.fetched import fetched

KIND = 'paddle-source'
TOOLS: tuple[str, ...] = ()  # files are checked and renamed; no tool can change their bytes
ENVIRONMENT = ''
original = None

GRAPHS = ('.json', '.pdmodel')
WEIGHTS = '.pdiparams'
OTHER = ('.info', '.yml', '.yaml')
"""What lies beside an inference model and is not read: names of training variables, and settings."""


@dataclass(frozen=True)
class Params:
    """Options of ``paddle-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise the weights; the graph beside them is ``model.json`` or ``model.pdmodel``, as it came."""
    return ('model.pdiparams',)


def run(params: Params, job: Job) -> Contract:
    """Leave graph and weights under the format's names; files that are something else are refused."""
    files = [path for path in fetched(job.inputs).values() if path.suffix not in OTHER]
    graphs = [path for path in files if path.suffix in GRAPHS]
    weights = [path for path in files if path.suffix == WEIGHTS]
    if len(graphs) != 1 or len(weights) != 1 or len(files) != 2:
        names = ', '.join(path.name for path in files) or 'nothing'
        raise StepError(
            f'a Paddle model is one graph (.pdmodel or .json) and one .pdiparams; fetched: {names}'
            '\nName both files, each with its sha256: paddle: [{…}, {…}]'
        )
    (_check_json if graphs[0].suffix == '.json' else _check_pdmodel)(graphs[0])
    weights_file.check(weights[0])
    allowed.check(graphs[0])
    contract = matched(graphs[0].name, ports.read(graphs[0]), job.contract)
    shutil.copyfile(graphs[0], job.output / f'model{graphs[0].suffix}')
    shutil.copyfile(weights[0], job.output / 'model.pdiparams')
    return contract


def recognise(path: Path) -> dict[str, str]:
    """Return graph and weights where the content is a graph of Paddle; ``path`` may be the graph or their folder."""
    if path.is_dir():
        return {}
    data = signs.head(path, 4096)
    new = data.lstrip()[:1] == b'{' and b'"base_code"' in data and b'"pir"' in data
    old = {(1, wire.BYTES)} <= (made := wire.fields(path)) and made <= {(number, wire.BYTES) for number in (1, 4, 5)}
    if not new and not (old and path.suffix == '.pdmodel'):
        return {}
    weights = path.with_suffix(WEIGHTS).name
    return {signs.named(path, '.json' if new else '.pdmodel'): path.name, weights: weights}


def operators(folder: Path) -> dict[str, int]:
    """Return how many operators of each kind the graph that ``run`` left has."""
    return allowed.counted(next(path for suffix in GRAPHS if (path := folder / f'model{suffix}').exists()))


def _check_json(path: Path) -> None:
    try:
        graph = json.loads(path.read_bytes())
        magic = graph['base_code']['magic']
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StepError(f'{path.name}: not a graph of Paddle 3: {type(error).__name__}: {str(error)[:200]}') from error
    if magic != 'pir' or 'program' not in graph:
        raise StepError(f'{path.name}: not a graph of Paddle 3 (no program, or magic {magic!r} in place of "pir")')


def _check_pdmodel(path: Path) -> None:
    """A program is a Protobuf message: blocks (field 1) first, and its fields fill the file exactly."""
    data = memoryview(path.read_bytes())
    place, fields = 0, []
    try:
        while place < len(data):
            tag, place = message.varint(data, place)
            fields.append(tag >> 3)
            size, place = message.varint(data, place)
            if tag & 7 != 2:  # all fields of a program are messages
                raise ValueError(f'field {tag >> 3} is no message')
            place += size
    except (IndexError, ValueError) as error:
        raise StepError(f'{path.name}: not a .pdmodel file: {error}') from error
    if place != len(data) or fields[:1] != [1]:
        raise StepError(f'{path.name}: not a .pdmodel file, or one that is cut short')
