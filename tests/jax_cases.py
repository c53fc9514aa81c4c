"""Models that Python builds as recipes declare them, gone through in a locked environment by ``python_child.py``."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stages.contract.port import Contract, Port, contract_json

HERE = Path(__file__).parent
OWN = HERE / 'jax_models.py'


def case(
    function: str, *inputs: tuple[str, tuple[int | str, ...], str], outputs: tuple[str, ...] = (), file: Path = OWN,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    declared = Contract(tuple(Port(*each) for each in inputs), tuple(Port(name, (), '') for name in outputs))
    return {'function': function, 'file': str(file), 'declared': contract_json(declared), **more}


def gone_through(python: str, folder: Path, cases: Mapping[str, Any], format: str = 'jax') -> Path:
    asked = folder / 'asked.json'
    asked.write_text(json.dumps(cases))
    away = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    subprocess.run([python, HERE / 'python_child.py', asked, folder, format], check=True, env=away, timeout=900)
    return folder


def answer(folder: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / name / 'answer.json').read_text())
    return read
