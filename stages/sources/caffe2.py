"""Take a Caffe2 model: ``init_net.pb``, which fills its weights, and ``predict_net.pb``, which computes."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from stages.contract.job import Job
from stages.contract.match import matched
from stages.contract.port import ANY, Contract
from stages.errors import IntegrityError, StepError
from stages.sources.fetched import fetched

KIND = 'caffe2-source'
TOOLS: tuple[str, ...] = ('numpy', 'onnx', 'onnxruntime')
ENVIRONMENT = ''
original = None

INIT, PREDICT, ANSWERS = 'init_net.pb', 'predict_net.pb', '.npz'
NOTE = (
    'Caffe2 itself was not run: no wheel of it is for a Python of today; the baseline is our own reading of its files, '
    'in ONNX Runtime'
)


@dataclass(frozen=True)
class Params:
    """Options of ``caffe2-source``: none."""


def outputs(params: Params) -> tuple[str, ...]:
    """Promise both files."""
    return (INIT, PREDICT)


def recognise(path: Path) -> dict[str, str]:
    """Return both files where ``path`` is one of a net of Caffe2 and the other lies beside it, alone of its kind."""
    from stages.frameworks.caffe2 import net

    if path.suffix != '.pb' or not path.is_file():
        return {}
    kinds: dict[bool, list[str]] = {True: [], False: []}
    for each in sorted(path.parent.glob('*.pb'))[:50]:
        try:
            kinds[net.read(each).fills].append(each.name)
        except IntegrityError:
            if each == path:
                return {}
    names = [name for found in kinds.values() for name in found]
    return {name: name for name in names} if [len(found) for found in kinds.values()] == [1, 1] else {}


def operators(folder: Path) -> dict[str, int]:
    """Return how many operators of each type the net that ``run`` left has."""
    from stages.frameworks.caffe2 import net

    return dict(Counter(operator.type for operator in net.read(folder / PREDICT).operators))


def run(params: Params, job: Job) -> Contract:
    """Leave both nets, told apart by what they do and read whole before; held to answers of Caffe2, if they come along.

    An ``.npz`` among the files has arrays by the names of inputs and outputs, as Caffe2 gave them.
    """
    from stages.frameworks.caffe2 import net, read
    from stages.frameworks.onnx.stored import answers_like

    files = [*fetched(job.inputs).values()]
    stored = [path for path in files if path.suffix == ANSWERS]
    nets = [(path, net.read(path)) for path in files if path not in stored]
    init, predict = ([path for path, found in nets if found.fills is fills] for fills in (True, False))
    if (len(init), len(predict)) != (1, 1) or len(stored) > 1:
        names = ', '.join(path.name for path in files) or 'nothing'
        raise StepError(
            'a caffe2 model is one net that fills weights, one that computes, and maybe answers (.npz); '
            f'fetched: {names}\nName both files, each with its sha256: caffe2: [{{…}}, {{…}}]'
        )
    found = read.files(init[0], predict[0]).contract
    contract = matched(predict[0].name, found, job.contract)
    unknown = tuple(replace(port, shape=ANY, batch=None) for port in contract.outputs)  # until the model is read
    contract = replace(contract, outputs=unknown)
    model = read.read(init[0], predict[0], contract)
    shapes = {port.name: value for port, value in zip(contract.outputs, model.graph.output, strict=True)}
    if stored:
        answers_like(model, contract, stored[0])
    shutil.copyfile(init[0], job.output / INIT)
    shutil.copyfile(predict[0], job.output / PREDICT)
    given = tuple(replace(port, shape=_told(shapes[port.name])) for port in contract.outputs)
    checked = f', held to the answers of Caffe2 in {stored[0].name}' if stored else ''
    return replace(contract, outputs=given, notes=(*contract.notes, NOTE + checked))


def _told(value: object) -> tuple[int | str, ...]:
    dims = value.type.tensor_type.shape.dim  # type: ignore[attr-defined]
    return tuple(dim.dim_value if dim.HasField('dim_value') else dim.dim_param for dim in dims)
