"""Look at a file that nobody vouches for in a process that can reach that file, and nothing else of the user's."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from stages import confine, errors, spawn
from stages.confine import Policy
from stages.contract.port import Contract, contract_json
from stages.environments import listens
from stages.errors import ModelkilnError, StepError, ToolError
from stages.execute import environment as environments
from stages.execute import preload
from stages.execute.project import Project
from stages.launch import Launcher, Limits
from stages.launch.answers import answer_at, shortened
from stages.launch.worker import ANSWERS
from stages.plan.step import Plan
from stages.store.logs import tail

SECONDS: Final = 600.0
LARGEST_FILE: Final = 1 << 40
PROCESSES: Final = 512
ANSWER: Final = 'answer.json'
"""What a module that looks leaves in its output."""


@dataclass
class Scratch:
    """A folder of ours, and what makes processes that work below it. Both are gone when the work is done."""

    folder: Path
    launcher: Launcher
    used: int = field(default=0)

    def ask(
        self,
        module: str,
        params: Mapping[str, Any],
        *,
        tools: Sequence[str],
        read: Sequence[Path] = (),
        inputs: Mapping[str, Path] | None = None,
        declared: Contract | None = None,
        seconds: float = SECONDS,
        environment: str = '',
    ) -> tuple[Any, Path]:
        """Return what ``run`` of ``module`` left as its answer, and its output folder.

        The process reads ``read`` and the folders ``inputs`` (of ours, lent to it), writes its output, has no network,
        and finds the frameworks of ``tools`` only. With ``environment`` it is one of that locked environment, which is
        made before where it is not there. Raises what the module raised, or StepError when it ended otherwise.
        """
        python = self._python(environment)
        self.used += 1
        folder = self.folder / str(self.used)
        for name in ('out', 'home', ANSWERS, 'in'):
            (folder / name).mkdir(parents=True)
        moved = {path: folder / 'in' / role for role, path in (inputs or {}).items()}
        for path, to in moved.items():
            path.rename(to)
        request = {
            'module': module, 'params': dict(params), 'roles': [*(inputs or {})], 'keep': '',
            'declared': contract_json(declared) if declared else None,
            'hidden': preload.hidden(tools), 'project': str(folder), 'allowed': [str(folder)],
        }  # fmt: skip
        (folder / 'request.json').write_text(json.dumps(request))
        write = tuple(str(folder / name) for name in ('out', 'home', ANSWERS))
        policy = Policy(
            (str(folder), *map(str, read)), write, loopback=listens(environment), file_size=LARGEST_FILE,
        )  # fmt: skip
        log = folder / 'log.txt'
        try:
            ended = self.launcher.worker(
                folder / 'request.json', log, spawn.environment(folder / 'home', extra=spawn.PATIENT), policy,
                Limits(seconds, 0, PROCESSES), tools=preload.loaded(tools), modules=[module],
                hidden=preload.hidden(tools), python=python,
            )  # fmt: skip
        finally:
            for path, to in moved.items():
                to.rename(path)
        _raise(folder, ended, log)
        return answer_at(folder / 'out' / ANSWER), folder / 'out'

    def _python(self, environment: str) -> str:
        """Return the interpreter of a locked environment; of none, the empty word for our own."""
        if not environment:
            return ''
        try:
            environments.make(self.apart, environment)
        except ToolError as error:  # its log goes with this folder, and the message has the last lines of it
            raise ToolError(str(error).partition('\n  log:')[0]) from error
        return environments.python_of(self.apart, environment)

    @cached_property
    def apart(self) -> Project:
        """What holds the locked environments that are used here."""
        made = Project(self.folder / 'apart', Plan({}, {}, {}, {}))
        made.launcher = self.launcher
        return made


@contextmanager
def scratch(near: Path | None = None) -> Iterator[Scratch]:
    """Give a place to look at files in, on the disk of ``near``; what it made is removed."""
    folder = Path(tempfile.mkdtemp(prefix='.modelkiln-', dir=near)).resolve()
    place = Scratch(folder, Launcher(folder / 'servers'))
    try:
        yield place
    finally:
        place.launcher.close()
        place.apart.held.close()
        shutil.rmtree(folder, ignore_errors=True)


def lacking() -> str:
    """Return in words what this system lacks to confine such a process; empty: nothing."""
    return '; '.join(f'no {layer}, else {confine.LAYERS[layer]}' for layer in confine.missing())


def _raise(folder: Path, ended: str | None, log: Path) -> None:
    """Raise what a process says went wrong, as the error that it was."""
    answer = answer_at(folder / ANSWERS / 'result.json')
    if not isinstance(answer, dict) or 'error' not in answer:
        raise StepError(f'reading it {ended or "left no answer"}: {"; ".join(tail(log, 3))}')
    said = answer['error']
    if isinstance(said, dict):
        kind = getattr(errors, str(said.get('type')), StepError)
        known = isinstance(kind, type) and issubclass(kind, ModelkilnError)
        raise (kind if known else StepError)(shortened(str(said.get('message'))))
    if ended:
        raise StepError(f'reading it {ended}: {"; ".join(tail(log, 3))}')
