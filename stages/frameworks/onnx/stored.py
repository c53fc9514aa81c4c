"""A model held to stored answers: what its own framework gave, where that framework cannot be run here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract
from stages.errors import IntegrityError, PromiseError
from stages.feed.npz import read_npz

if TYPE_CHECKING:
    import numpy

NEAR: Final = 1e-3
"""How far an answer may be, of the largest number in it."""


def answers_like(model: Any, contract: Contract, path: Path) -> None:
    """Raise PromiseError unless ``model`` answers the inputs of the ``.npz`` at ``path`` as that says.

    Its arrays bear the names that the model's file has for them. Raises IntegrityError for one that lacks any.
    """
    import onnxruntime

    given = read_npz(path)
    ports = (*contract.inputs, *contract.outputs)
    if missing := [port.in_file for port in ports if port.in_file not in given]:
        raise IntegrityError(f'{path.name}: has no {", ".join(missing)}; it has {", ".join(given) or "nothing"}')
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=['CPUExecutionProvider'])
    feed = {node.name: given[port.in_file] for node, port in zip(session.get_inputs(), contract.inputs, strict=True)}
    try:
        answers = session.run(None, feed)
    except Exception as error:  # a feed that does not fit
        raise IntegrityError(f'{path.name}: the model does not take these inputs: {str(error)[:300]}') from error
    for port, answer in zip(contract.outputs, answers, strict=True):
        _compare(path.name, port.in_file, answer, given[port.in_file])


def _compare(where: str, name: str, answer: numpy.ndarray, wanted: numpy.ndarray) -> None:
    if answer.shape != wanted.shape:
        raise PromiseError(f'{where}: {name} has the shape {list(answer.shape)}; stored is {list(wanted.shape)}')
    largest = float(abs(wanted).max()) if wanted.size else 0.0
    apart = float(abs(answer.astype('float64') - wanted).max()) if wanted.size else 0.0
    if not apart <= NEAR * max(largest, 1e-30):
        raise PromiseError(f'{where}: {name} is {apart:.3g} from what is stored there, whose largest is {largest:.3g}')
