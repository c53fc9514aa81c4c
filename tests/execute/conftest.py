"""A small project whose keys are asked for, and a copy of our own code to edit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from stages.digest import digest_of
from stages.execute.project import Project, Stamp, open_project

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """
recipe: 1
model: net
source: {torch: models/net.py:build}
inputs:
  image: {shape: [batch, 3, 8, 8], dtype: float32}
data:
  calibrate: {prepare: models/data.py:calibrate}
  evaluate: {prepare: models/data.py:evaluate, metric: top1}
variants:
  torch: []
  int8: [onnx, onnx-quantize: {mode: static, samples: 16}]
"""
NET = """
from models.blocks import width

def build():
    return width
"""
DATA = """
def calibrate():
    return {}

def evaluate():
    return {}
"""


@dataclass
class Keyed:
    """A project; every step before another counts as made, with a result of given content."""

    root: Path

    def write(self, name: str, text: str) -> None:
        path = self.root / 'recipes' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / 'recipes' / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def project(self, content: str = '') -> Project:
        project = open_project(self.root)
        for id, step in project.plan.steps.items():
            what = [step.kind, step.params.get('function', '')]
            project.stamps[id] = Stamp('a key', digest_of([*what, content]))
        return project

    def keys(self, content: str = '') -> dict[str, str]:
        """Return the keys of the steps that make models and data, by kind and function."""
        project = self.project(content)
        found = {}
        for step in project.plan.steps.values():
            if step.kind != 'check':
                found[f'{step.kind}:{step.params.get("function", "")}'.rstrip(':')] = project.key(step)
        return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Return the steps whose keys differ."""
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.fixture
def keyed(tmp_path: Path) -> Keyed:
    made = Keyed(tmp_path / 'project')
    made.write('net.yaml', RECIPE)
    made.write('models/net.py', NET)
    made.write('models/blocks.py', 'width = 3\n')
    made.write('models/data.py', DATA)
    return made


@dataclass
class House:
    """A copy of ``stages/``, whose files may be edited; digests are taken by a process that imports the copy."""

    root: Path

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / 'stages' / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def write(self, name: str, text: str) -> None:
        (self.root / 'stages' / name).write_text(text)

    def digests(self, *modules: str) -> dict[str, str]:
        code = (
            'import json, sys\n'
            'from pathlib import Path\n'
            'from stages.execute.code import code_digest\n'
            'from stages.store.files import Remembered\n'
            'seen = Remembered(Path("none.json"))\n'
            'print(json.dumps({name: code_digest((name,), seen) for name in sys.argv[1:]}))\n'
        )
        return self._run(code, *modules)

    def keys(self, root: Path) -> dict[str, str]:
        """Return the keys of the first steps of the project at ``root``, by id."""
        code = (
            'import json, sys\n'
            'from pathlib import Path\n'
            'from stages.execute.project import open_project\n'
            'project = open_project(Path(sys.argv[1]))\n'
            'steps = project.plan.steps.values()\n'
            'print(json.dumps({step.id: project.key(step) for step in steps if not step.inputs}))\n'
        )
        return self._run(code, str(root))

    def _run(self, code: str, *arguments: str) -> dict[str, str]:
        done = subprocess.run(
            [sys.executable, '-c', code, *arguments], cwd=self.root, capture_output=True, text=True, check=False,
            env={'PYTHONPATH': str(self.root), 'PATH': ''},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found: dict[str, str] = json.loads(done.stdout)
        return found


KIND = '''"""Do something to a model."""

from dataclasses import dataclass

KIND = 'sample'


@dataclass(frozen=True)
class Params:
    """Options of ``sample``."""

    samples: int = 128
    """How many are read."""


def run(params, job):
    """Do it."""
    from stages.frameworks import sample_file
    from stages.kinds import KINDS

    # the helper does the work
    sample_file.write(job.output, params.samples, KINDS)
'''
HELPER = '''"""Write the file."""


def write(folder, samples, kinds):
    from stages.frameworks.sample_bytes import HEADER

    (folder / 'out').write_bytes(HEADER * samples)
'''
DEEPER = """HEADER = b'one'
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Our code, and in it a kind ``sample`` with a helper that has a helper."""
    shutil.copytree(ROOT / 'stages', tmp_path / 'house' / 'stages', ignore=shutil.ignore_patterns('__pycache__'))
    made = House(tmp_path / 'house')
    made.write('kinds/sample.py', KIND)
    made.write('frameworks/sample_file.py', HELPER)
    made.write('frameworks/sample_bytes.py', DEEPER)
    return made
