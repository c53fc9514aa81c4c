"""Try every reader on some samples and a model: which read them as they are? Runs confined, as steps do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

from stages.contract.job import Job
from stages.contract.port import Contract
from stages.contract.reader import Files, Part, Reader
from stages.errors import StepError
from stages.feed.samples import samples
from stages.readers import READERS
from stages.sources.fetched import fetched

KIND = 'try-readers'
TOOLS = ('numpy', 'pillow')
ENOUGH: Final = 8
"""Samples that are read to see that they fit."""


@dataclass(frozen=True)
class Params:
    share: float
    """What calibrates, of samples that serve both roles."""

    sizes: dict[str, int] = field(default_factory=dict)
    """Sizes of what the model leaves open."""


def run(params: Params, job: Job) -> None:
    """Leave for each reader the arrays that it made and whether samples fall on both sides, or what it says."""
    files, contract = fetched(job.inputs), replace(job.contract, sizes=dict(params.sizes))
    found: dict[str, Any] = {}
    said: dict[str, str] = {}
    for word, reader in READERS.items():
        try:
            found[word] = _read(reader, files, contract, params.share)
        except TypeError as error:  # a reader that must be told something: a column, a tokenizer
            said[word] = f'it must be told more: {error}'
        except (StepError, ImportError) as error:
            said[word] = str(error)
    (job.output / 'answer.json').write_text(json.dumps({'found': found, 'said': said}))


def _read(reader: Reader, files: Files, contract: Contract, share: float) -> dict[str, Any]:
    options = reader.Params()
    arrays = reader.read(options, files, contract, Part(share, 1.0, ENOUGH))
    samples(arrays, contract, contract.sizes)  # raises where an array does not fit its input
    try:
        both = bool(reader.read(options, files, contract, Part(0.0, share, ENOUGH)))
    except StepError:
        both = False
    labels = arrays.get('labels')
    whole = labels is not None and labels.ndim == 1 and labels.dtype.kind in 'iu'
    return {
        'arrays': {name: [list(array.shape), array.dtype.name] for name, array in arrays.items()},
        'both': both,
        'largest': int(labels.max()) if whole and labels is not None else -1,
    }
