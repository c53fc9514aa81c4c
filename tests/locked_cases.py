"""Models that are gone through in the locked environment of their format, by ``locked_child.py``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.contract.port import Contract, Port, contract_json
from tests.locked import python_of

HERE = Path(__file__).parent
OWN = HERE / 'jax_models.py'


def case(
    function: str, *inputs: tuple[str, tuple[int | str, ...], str], outputs: tuple[str, ...] = (), file: Path = OWN,
    at: str = 'models/nets.py', pick: Mapping[str, Any] | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return a case of Python that builds a model: ``file`` lies at recipes/models/nets.py."""
    declared = Contract(tuple(Port(*each) for each in inputs), tuple(Port(name, (), '') for name in outputs))
    source = {'file': at, 'function': function, **(pick or {})}
    return {'source': source, 'file': str(file), 'declared': contract_json(declared), **more}


def gone_through(folder: Path, format: str, cases: Mapping[str, Mapping[str, Any]], kind: str = '') -> Path:
    """Go the road of each case, all in one process, as most of its time goes to imports; return ``folder``."""
    asked = folder / 'asked.json'
    asked.write_text(json.dumps({name: _laid_out(each, folder / 'given' / name) for name, each in cases.items()}))
    away = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    child = [python_of(format), HERE / 'locked_child.py', asked, folder, format, kind or f'onnx_from_{format}']
    subprocess.run(child, check=True, env=away, timeout=900)
    return folder


def _laid_out(case: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a case with the folders of what it is made from; its Python gets one, with what cannot be imported."""
    if 'file' not in case:
        return dict(case)
    (folder / 'models').mkdir(parents=True)
    shutil.copyfile(case['file'], folder / 'models/nets.py')
    (folder / 'models/lacking.py').write_text('import haiku\n')
    weights = {'weights': case['weights']} if 'weights' in case else {}
    return {**case, 'inputs': {'python': str(folder), **weights}}


def answer(folder: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / name / 'answer.json').read_text())
    return read
