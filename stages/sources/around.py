"""Keep the Python that stands around a model, with the files it reads requests from, as measuring needs them."""

from __future__ import annotations

import inspect
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.contract.job import Job
from stages.contract.port import Contract, listed
from stages.errors import StepError
from stages.sources.fetched import fetched
from stages.sources.python import call, load_function

if TYPE_CHECKING:
    import numpy

KIND = 'around'
TOOLS = ('numpy',)
FILE = 'around.json'
PYTHON, FILES = 'python', 'files'

Feed = Mapping[str, 'numpy.ndarray']


@dataclass(frozen=True)
class Params:
    """Functions of one file below recipes/models/."""

    file: str
    requests: str
    """Takes the folder of the files that `evaluate` fetches (or nothing), returns a list of requests."""

    before: str
    """Takes a request, returns what the model takes, by name."""

    after: str = ''
    """Takes what the model returns, by name; empty: nothing comes after."""


@dataclass(frozen=True)
class Around:
    """The functions, loaded, and the requests."""

    requests: Sequence[Any]
    before: Callable[[Any], Feed]
    after: Callable[[Feed], Any] | None


def outputs(params: Params) -> tuple[str, ...]:
    """Promise what names the functions; their files lie beside it."""
    return (FILE,)


def run(params: Params, job: Job) -> None:
    """Leave Python and files, when `before` makes of every request what the model takes."""
    shutil.copytree(job.inputs['python'], job.output / PYTHON, ignore=shutil.ignore_patterns('__pycache__'))
    for name, path in fetched({role: path for role, path in job.inputs.items() if role.startswith('file')}).items():
        target = job.output / FILES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (job.output / FILE).write_text(json.dumps(asdict(params), indent=1) + '\n', 'utf-8')
    read(job.output, job.contract)


def read(folder: Path, contract: Contract) -> Around:
    """Return what ``run`` left in ``folder``: every request was made an input of once, and fits the model.

    Raises StepError with the line of the recipe's Python that failed, or with what does not fit.
    """
    params = Params(**json.loads((folder / FILE).read_text('utf-8')))
    python = folder / PYTHON

    def function(name: str) -> Callable[..., Any]:
        found = load_function(python, params.file, name)
        return lambda *given: call(found, python, f'{params.file}:{name}', *given)

    asked = load_function(python, params.file, params.requests)
    files = folder / FILES if (folder / FILES).is_dir() else None
    given = (files,) if inspect.signature(asked).parameters else ()
    requests = call(asked, python, f'{params.file}:{params.requests}', *given)
    if not isinstance(requests, Sequence) or isinstance(requests, (str, bytes)) or not requests:
        raise StepError(f'{params.file}:{params.requests} must give a list of requests, not {type(requests).__name__}')
    before = function(params.before)
    for number, request in enumerate(requests):
        if wrong := misfit(before(request), contract):
            raise StepError(f'{params.file}:{params.before} of request {number}: {wrong}')
    return Around(requests, before, function(params.after) if params.after else None)


def misfit(feed: Any, contract: Contract) -> str:
    """Return why ``feed`` is not what the model takes of one sample; empty: it is."""
    import numpy as np

    takes = f'the model takes {listed(contract.inputs)}'
    if not isinstance(feed, Mapping):
        return f'gave {type(feed).__name__}, not a dict of arrays by name; {takes}'
    if set(feed) != {port.name for port in contract.inputs}:
        return f'gave {", ".join(map(str, feed)) or "nothing"}; {takes}'
    for port in contract.inputs:
        array = feed[port.name]
        if not isinstance(array, np.ndarray):
            return f'{port.name} is {type(array).__name__}, not an array; {takes}'
        fits = array.ndim == len(port.shape) and all(
            there == 1 if axis == port.batch and isinstance(size, str) else isinstance(size, str) or size == there
            for axis, (size, there) in enumerate(zip(port.shape, array.shape, strict=False))
        )
        if not fits or array.dtype != np.dtype(port.dtype):
            return f'{port.name} is {array.dtype} {list(array.shape)}; {takes}, of one sample'
    return ''
