"""Whether a model runs on a CPU kept to an instruction set, with which instructions, and how far its answers move.

Nothing is timed here: the libraries are made talkative, and the CPU may be emulated.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from stages.contract.engine import Engine
from stages.contract.port import BATCH, read_contract
from stages.feed.npz import map_npz, read_npz, write_npz
from stages.feed.samples import samples
from stages.measure.difference import difference
from stages.measure.rotation import rotation

TALKATIVE: Final = {'ONEDNN_VERBOSE': '1', 'MKL_VERBOSE': '1'}
"""Variables that have oneDNN and MKL print what they use."""

CALLS: Final = 3
"""Calls of the model: TorchScript compiles at the second one what the first one showed."""


def proof(request: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    """Run the model of a cycle's ``request`` a few times.

    Returns ``instructions``, the strongest set it says it uses (empty: it does not say), and ``relative``, how far its
    answers are from those in the file ``request['before']`` (None without). They go to the file ``request['keep']``.
    """
    engine.prepare()
    folder = Path(request['folder'])
    contract = read_contract(folder)
    sizes = {**contract.sizes, **request.get('sizes', {}), BATCH: request['batch']}
    contract = replace(contract, sizes=sizes)
    given = map_npz(Path(request['inputs'])) if request['inputs'] else {}
    feed = rotation(samples(given, contract, sizes, request['seed']), contract, request['batch'])[0]
    with _heard() as said:
        session = engine.load(folder, contract, engine.Options(**request['options']), request['threads'])
        for _ in range(CALLS):
            found = {name: array.copy() for name, array in session.run(feed).items()}
    if request.get('keep'):
        write_npz(Path(request['keep']), found)
    relative = None
    if request.get('before'):
        before = read_npz(Path(request['before']))
        relative = difference({n: [a] for n, a in found.items()}, {n: [a] for n, a in before.items()}).relative
    return {'instructions': engine.instructions(session, folder, said[0]), 'relative': relative}


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """Give a list; in the end it holds what libraries printed meanwhile, who write past Python's own stdout."""
    heard = ['']
    sys.stdout.flush()
    before = os.dup(1)
    with tempfile.TemporaryFile() as told:
        os.dup2(told.fileno(), 1)
        try:
            yield heard
        finally:
            _flush()
            os.dup2(before, 1)
            os.close(before)
            told.seek(0)
            heard[0] = told.read().decode('utf-8', 'replace')


def _flush() -> None:
    """Have C's stdio write what it holds."""
    import ctypes

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).fflush(None)
