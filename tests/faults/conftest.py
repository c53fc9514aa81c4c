"""Small projects of fake steps, built by the real store, the real worker and, where asked, the real doit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.faults.chain import plan_of, project_at
from tests.faults.processes import alive_below

ROOT = Path(__file__).resolve().parents[2]
DODO = """
from pathlib import Path
from stages.front.tasks import settings, tasks_of
from tests.faults.chain import project_at
ROOT = Path(__file__).resolve().parent
PROJECT = project_at(ROOT)
PROJECT.leave_out()
DOIT_CONFIG = settings(PROJECT)
def wanted(task):
    return not task['basename'].startswith('_measure') and task.get('name') != 'report'
def task_fake():
    yield from filter(wanted, tasks_of(PROJECT))
"""


@dataclass
class Chain:
    """A project of one variant whose stages are fake steps, described by chain.json."""

    root: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def set(self, *steps: dict[str, object], **others: object) -> None:
        (self.root / 'chain.json').write_text(json.dumps({'steps': steps, **others}))

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, '-m', 'doit', *arguments], cwd=self.root, text=True, start_new_session=True,
            env=os.environ | {'PYTHONPATH': str(ROOT)} | (env or {}),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self.started.append(process)
        return process

    def doit(self, *arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
        process = self.start(*arguments, env=env)
        text = process.communicate(timeout=120)[0]
        return process.returncode, text

    @property
    def state(self) -> Path:
        return self.root / '.modelkiln'

    @property
    def journal(self) -> Path:
        return self.state / 'kept' / 'fake' / 'journal'

    def began(self) -> list[str]:
        """Return the names of the steps that ran since ``ran`` was asked."""
        return self.journal.read_text().split() if self.journal.exists() else []

    def ran(self) -> list[str]:
        """Return the names of the steps that ran since last asked."""
        names = self.began()
        self.journal.unlink(missing_ok=True)
        return names

    def wait_for(self, name: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while name not in self.began():
            if time.monotonic() > deadline:
                raise AssertionError(f'{name} never started')
            time.sleep(0.01)

    def artifact(self, variant: str = 'v') -> Path:
        return self.root / 'artifacts' / 'fake' / variant / 'out.txt'

    def blob(self, content: bytes) -> Path:
        return next(path for path in self.state.glob('store/blobs/*/*') if path.read_bytes() == content)

    def temporary(self) -> list[str]:
        """Return what only a run under way may have: temporary folders, and files not written to their end."""
        found = [*self.state.glob('store/tmp/*'), *self.root.rglob('*.part')]
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def project(self):
        return project_at(self.root)

    @property
    def plan(self):
        return plan_of(self.root)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    made = chain_at(tmp_path)
    yield made
    for process in made.started:  # a test that fails leaves nobody behind
        if process.poll() is None:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
    for pid in alive_below(made.root):
        os.kill(pid, signal.SIGKILL)


def chain_at(root: Path) -> Chain:
    (root / 'recipes').mkdir(parents=True)
    (root / 'dodo.py').write_text(DODO)
    made = Chain(root)
    made.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'B'}, {'name': 'c', 'text': 'C'})
    return made
