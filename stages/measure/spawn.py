"""Starts the process of a cycle, and never leaves one behind."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from stages import spawn
from stages.confine import Policy
from stages.errors import StepError
from stages.launch import Launcher, Limits
from stages.launch.answers import answer_at
from stages.measure import memory
from stages.store.logs import tail

READ: Final = ('inputs', 'before', 'around')
"""What of a request names a file to read."""

SCRIPT: Final = Path(__file__).with_name('cycle.py')


def spawn_cycle(
    request: Mapping[str, Any],
    workdir: Path,
    launcher: Launcher,
    timeout: float,
    environment: Mapping[str, str] = MappingProxyType({}),
    python: str = '',
    under: Sequence[str] = (),
    loopback: bool = False,
) -> dict[str, Any]:
    """Run one cycle in a fresh process, confined; return its result or raise StepError with the end of its log.

    It reads the model's folder and the inputs, and writes what is below ``workdir``; one caller per ``workdir`` at a
    time. The padding varies the environment's size from cycle to cycle, because that alone shifts results (Mytkowicz et
    al., ASPLOS 2009); it is seeded, and recorded in the result. ``python``: the interpreter of an engine that lives
    in a locked environment. ``under``: the command of an emulator that runs it. ``loopback``: it talks to itself.
    """
    workdir = workdir.resolve()
    home = workdir / 'home'
    home.mkdir(parents=True, exist_ok=True)
    asked, answer, log = workdir / 'request.json', home / 'result.json', workdir / 'log.txt'
    answer.unlink(missing_ok=True)
    log.write_bytes(b'')
    asked.write_text(json.dumps(request))
    padding = _padding(request)
    reads = [str(asked), request['folder'], *(path for name in READ if (path := request.get(name)))]
    ended = launcher.program(
        [*under, *spawn.python(SCRIPT, str(asked), str(answer), interpreter=python)], home, log,
        spawn.environment(home, request['threads'], {**environment, 'MODELKILN_PADDING': 'x' * padding}),
        Policy(tuple(reads), (str(home), memory.RESET), loopback=loopback), Limits(timeout), python=python,
    )  # fmt: skip
    if ended:
        raise StepError(f'the cycle {ended}\n{_last_lines(log)}')
    result = answer_at(answer)
    if not isinstance(result, dict):
        raise StepError(f'the cycle left no readable result\n{_last_lines(log)}')
    return {**result, 'padding': padding}


def _padding(request: Mapping[str, Any]) -> int:
    # A string seeds through sha512: the same on every machine and run.
    return random.Random(f'{request.get("seed")} {request.get("name")} {request.get("round")}').randrange(4096)


def _last_lines(log: Path, lines: int = 20) -> str:
    return '\n'.join(tail(log, lines)) or 'its log is empty'
