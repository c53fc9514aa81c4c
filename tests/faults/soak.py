"""Kill a build at a random moment, look who is left, and build on: one round of the soak, and the table of many."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.conftest import Chain, chain_at
from tests.faults.processes import alive_below, children, gone

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP)
TARGETS = ('doit', 'group', 'worker')
EARLY_SECONDS = 0.15
"""A step that began less than this ago is still importing: the moment in which orphans are made."""


@dataclass
class Round:
    """What one kill did."""

    number: int
    target: str
    early: bool
    live: bool = False
    """The signal met a run that was not over."""

    wrong: list[str] = field(default_factory=list)


def project(folder: Path) -> Chain:
    """Eight steps in three variants that begin alike, each a tenth of a second or so."""
    chain = chain_at(folder)

    def step(name: str) -> dict[str, object]:
        return {'name': name, 'text': name, 'seconds': 0.1 + 0.03 * (ord(name) % 5)}

    chain.set(*map(step, 'abcd'), others={'w': [*map(step, 'abef')], 'x': [*map(step, 'agh')]})
    return chain


WHOLE = {'v': 'abcd', 'w': 'abef', 'x': 'agh'}


def one(folder: Path, number: int, target: str, early: bool, chance: random.Random) -> Round:
    """Start a build, kill, look, and build to the end."""
    seen = Round(number, target, early)
    chain = project(folder)
    process = chain.start('-n', '2')
    _wait_for_the_moment(chain, process, early, chance)
    seen.live = process.poll() is None
    _kill(process, number, target)
    try:
        text = process.communicate(timeout=60)[0]
    except subprocess.TimeoutExpired:
        seen.wrong.append('hangs')
        process.kill()
        text = process.communicate()[0]
    _look(chain, seen, text)
    _again(chain, seen)
    return seen


def _wait_for_the_moment(chain: Chain, process: subprocess.Popen[str], early: bool, chance: random.Random) -> None:
    if not early:
        time.sleep(chance.uniform(0.1, 2.2))
        return
    steps = chance.randrange(1, 7)
    deadline = time.monotonic() + 30
    while len(begun(chain)) < steps and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(chance.uniform(0.0, EARLY_SECONDS))


def begun(chain: Chain) -> list[str]:
    """Return the steps that were laid out: a step's folder is there before its process is."""
    try:
        laid_out = [*chain.state.glob('store/tmp/*/fake-*')]
    except FileNotFoundError:  # taken away while we looked
        laid_out = []
    return [*chain.began(), *(path.name for path in laid_out)]


def _kill(process: subprocess.Popen[str], number: int, target: str) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if target == 'group':
            os.killpg(process.pid, number)
        elif target == 'worker' and (workers := children(process.pid)):
            os.kill(workers[-1], number)
        else:
            process.send_signal(number)


def _look(chain: Chain, seen: Round, text: str) -> None:
    """After a kill: nobody is left, nothing half made is to be seen."""
    if not gone(chain.root):
        seen.wrong.append('orphan')
    before = chain.began()
    time.sleep(1.1)  # an empty part counts as left after a second
    if chain.began() != before:
        seen.wrong.append('wrote after the end')
    starting = seen.number == signal.SIGINT and not begun(chain)  # Python's own words, before a line of ours has run
    if 'Traceback' in text and not starting:
        seen.wrong.append(f'traceback: {text[-600:]}')
    for variant, content in WHOLE.items():
        if chain.artifact(variant).parent.exists() and chain.artifact(variant).read_text() != content:
            seen.wrong.append('partial artifact')


def _again(chain: Chain, seen: Round) -> None:
    """The next run makes the rest, none of it twice, and cleans up."""
    done = published(chain)
    chain.ran()
    code, text = chain.doit('-n', '2')
    if code != 0:
        seen.wrong.append(f'next run ended with {code}: {text[-300:]}')
    if any(chain.artifact(name).read_text() != content for name, content in WHOLE.items() if code == 0):
        seen.wrong.append('bytes differ')
    ran = Counter(chain.ran())
    if done & ran.keys():
        seen.wrong.append('published step ran again')
    if ran and max(ran.values()) > 1:
        seen.wrong.append('a step ran twice at once')
    if left := chain.temporary():
        seen.wrong.append(f'temporary left: {", ".join(left)}')


def published(chain: Chain) -> set[str]:
    """Return the names of the steps whose results are in the store."""
    results = chain.state.glob('store/results/*/*.json')
    return {json.loads(path.read_text())['action']['params']['name'] for path in results}


def table(rounds: Iterable[Round]) -> str:
    """Return the counts as a table, a row for each signal and target."""
    rounds = list(rounds)
    wrongs = sorted({wrong.partition(':')[0] for seen in rounds for wrong in seen.wrong})
    head = ['signal', 'to', 'kills', 'live', 'early', *wrongs]
    lines = [head]
    for number in SIGNALS:
        for target in TARGETS:
            some = [seen for seen in rounds if (seen.number, seen.target) == (number, target)]
            lines.append(_row([number.name.removeprefix('SIG'), target], some, wrongs))
    lines.append(_row(['all', ''], rounds, wrongs))
    return '\n'.join(f'| {" | ".join(line)} |' for line in [head, ['-'] * len(head), *lines[1:]])


def _row(begin: list[str], some: list[Round], wrongs: list[str]) -> list[str]:
    counts = [len(some), sum(seen.live for seen in some), sum(seen.early for seen in some)]
    counts += [sum(any(wrong.startswith(name) for wrong in seen.wrong) for seen in some) for name in wrongs]
    return [*begin, *map(str, counts)]


def end_all(root: Path) -> None:
    """End whoever is left below ``root``."""
    for pid in alive_below(root):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
