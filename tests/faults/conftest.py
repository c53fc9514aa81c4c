"""Small projects of fake steps, built by the real store, the real worker and, where asked, the real doit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.chain import plan_of, project_at

ROOT = Path(__file__).resolve().parents[2]
DODO = """
from pathlib import Path
from stages.front.tasks import settings, tasks_of
from tests.faults.chain import project_at
ROOT = Path(__file__).resolve().parent
DOIT_CONFIG = settings(ROOT)
def wanted(task):
    return not task['basename'].startswith('_measure') and task.get('name') != 'report'
def task_fake():
    yield from filter(wanted, tasks_of(project_at(ROOT)))
"""


@dataclass
class Chain:
    """A project of one variant whose stages are fake steps, described by chain.json."""

    root: Path

    def set(self, *steps: dict[str, object], **others: object) -> None:
        (self.root / 'chain.json').write_text(json.dumps({'steps': steps, **others}))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        env = os.environ | {'PYTHONPATH': str(ROOT)}
        return subprocess.Popen(
            [sys.executable, '-m', 'doit', *arguments], cwd=self.root, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def doit(self, *arguments: str) -> tuple[int, str]:
        process = self.start(*arguments)
        text = process.communicate(timeout=120)[0]
        return process.returncode, text

    def ran(self) -> list[str]:
        """Return the names of the steps that ran since last asked."""
        journal = self.root / 'journal'
        names = journal.read_text().split() if journal.exists() else []
        journal.write_text('')
        return names

    def wait_for(self, name: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if name in ((self.root / 'journal').read_text() if (self.root / 'journal').exists() else ''):
                return
            time.sleep(0.01)
        raise AssertionError(f'{name} never started')

    def artifact(self, variant: str = 'v') -> Path:
        return self.root / 'artifacts' / 'fake' / variant / 'out.txt'

    def project(self):
        return project_at(self.root)

    @property
    def plan(self):
        return plan_of(self.root)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    (tmp_path / 'recipes').mkdir()
    (tmp_path / 'dodo.py').write_text(DODO)
    made = Chain(tmp_path)
    made.set({'name': 'a', 'text': 'A'}, {'name': 'b', 'text': 'B'}, {'name': 'c', 'text': 'C'})
    return made
