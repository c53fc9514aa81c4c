"""All that a step saw, as one folder: to look at, to send to somebody, and to run again wherever our package is."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from stages import spawn
from stages.atomic import write_text
from stages.confine import Policy
from stages.document.typed import LATER
from stages.errors import StepError
from stages.execute import tools
from stages.launch import Launcher, Limits
from stages.launch.answers import answer_at
from stages.launch.client import WORKER
from stages.launch.worker import ANSWERS
from stages.store.records import Kinds, read_record, write_record

FILE: Final = 'capsule.json'
LOG: Final = 'log.txt'
KEEP: Final = 'keep'


@dataclass(frozen=True)
class Capsule:
    """What is in ``capsule.json``; inputs, request and log lie beside it."""

    step: str
    kind: str
    action: Mapping[str, Any]
    """What the step's key was made of: tools, platform, parameters."""

    environment: Mapping[str, str]
    """What was set for it; HOME and TMPDIR are folders of the capsule."""

    network: bool
    hosts: tuple[str, ...] = field(metadata=LATER)
    nearby: tuple[str, ...] = field(metadata=LATER)
    """What it may connect to, as a policy says it."""

    loopback: bool = field(metadata=LATER)
    """Whether it talks to itself."""

    seconds: float
    memory: int
    python: str
    """The interpreter, of a locked environment; where it is not there, ours."""

    ended: str = ''
    """How the last run of it ended; empty: well, or it was not run."""

    error: Mapping[str, str] | None = None
    """The class of our errors and its words, where the step gave any."""


FIELDS: Final[Kinds] = {
    'step': str, 'kind': str, 'action': dict, 'environment': dict, 'network': bool,
    'seconds': (int, float),
    'memory': int, 'python': str, 'ended': str, 'error': (dict, type(None)),
}  # fmt: skip


def is_capsule(folder: Path) -> bool:
    """Whether ``folder`` holds one."""
    return (folder / FILE).is_file()


def write(capsule: Capsule, folder: Path) -> None:
    """Make a capsule of a folder that a step is laid out in."""
    request = json.loads((folder / 'request.json').read_text())
    request['keep'] = KEEP if request['keep'] else ''
    write_text(folder / 'request.json', json.dumps(request, indent=1) + '\n')
    write_record(folder / FILE, asdict(capsule))


def read(folder: Path) -> Capsule:
    """Return the capsule in ``folder``. Raises StepError where it is none that we can read."""
    found = read_record(folder / FILE, FIELDS)
    if found is None:
        raise StepError(f'{folder / FILE}: no capsule that can be read here; `modelkiln repeat STEP` makes one')
    hosts, nearby = (tuple(found.get(name) or ()) for name in ('hosts', 'nearby'))
    loopback = found.get('loopback') is True
    return Capsule(**{name: found[name] for name in FIELDS}, hosts=hosts, nearby=nearby, loopback=loopback)


def differences(capsule: Capsule) -> list[str]:
    """Return in sentences which tools are of other versions here than where the step ran."""
    wanted: Mapping[str, str] = capsule.action['tools']
    here = tools.versions(wanted, tools.installed())
    return [f'{tool} is {here[tool]} here, and was {was}' for tool, was in wanted.items() if here[tool] != was]


def command(capsule: Capsule, folder: Path) -> list[str]:
    """Return the command that runs it."""
    there = capsule.python if Path(capsule.python).is_file() else sys.executable
    return spawn.python(WORKER, str(folder / 'request.json'), interpreter=there)


def run(folder: Path, watch: Callable[[], None]) -> Capsule:
    """Run the step once more, confined as it was, from nothing; return the capsule with how it ended, which is kept."""
    capsule = read(folder)
    for name in ('out', 'home', ANSWERS, KEEP):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
    (folder / LOG).write_bytes(b'')
    home = str(folder / 'home')
    launcher = Launcher(folder / 'servers')
    line = command(capsule, folder)
    ended = launcher.program(
        line, folder, folder / LOG, {**capsule.environment, 'HOME': home, 'TMPDIR': home},
        Policy(
            (str(folder),), tuple(str(folder / name) for name in ('out', 'home', ANSWERS, KEEP)), capsule.network,
            tuple(capsule.hosts), tuple(capsule.nearby), loopback=capsule.loopback,
        ),
        Limits(capsule.seconds, capsule.memory), python=line[0], watch=watch,
    )  # fmt: skip
    launcher.close()
    shutil.rmtree(folder / 'servers', ignore_errors=True)
    answer = answer_at(folder / ANSWERS / 'result.json')
    error = answer.get('error') if isinstance(answer, dict) else None
    capsule = replace(capsule, ended=ended or '', error=error if isinstance(error, dict) else None)
    write_record(folder / FILE, asdict(capsule))
    return capsule
