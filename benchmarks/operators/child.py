"""Cases in processes of their own: a signal, or a case that never ends, costs one cell of the table."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.operators.cases import Case, loaded
from benchmarks.operators.columns import ROADS, STOCK, column
from benchmarks.operators.outcome import CRASHED, REFUSED, WRONG, Outcome, failed, judged
from stages.launch.birth import die_with

LIMIT = 120.0
"""Seconds for one cell."""


@dataclass(frozen=True)
class Cell:
    """One case in one column."""

    case: Case
    column: str


@dataclass
class Running:
    """A forked process with the cells it has yet to tell of."""

    pid: int
    pipe: int
    cells: list[Cell]
    scratch: Path
    deadline: float = field(default_factory=lambda: time.monotonic() + LIMIT)
    text: bytes = b''


def outcomes(cells: Sequence[tuple[Case, list[str]]], jobs: int) -> Iterator[tuple[Cell, Outcome]]:
    """Run the columns of each case, ``jobs`` cases at a time; give each outcome as it comes."""
    waiting = [[Cell(case, name) for name in names] for case, names in reversed(cells)]
    watched = selectors.DefaultSelector()
    running: list[Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_started(waiting.pop()))
                watched.register(running[-1].pipe, selectors.EVENT_READ, running[-1])
            for key, _ in watched.select(timeout=1.0):
                yield from _told(key.data)
            for child in [one for one in running if one.deadline == 0 or time.monotonic() > one.deadline]:
                watched.unregister(child.pipe)
                running.remove(child)
                ended = _ended(child)
                if child.cells:
                    yield child.cells[0], ended
                    if child.cells[1:]:
                        waiting.append(child.cells[1:])
    finally:
        for child in running:
            _ended(child)


def cell(case: Case, name: str, folder: Path) -> Outcome:
    """Run ``case`` in the column ``name``; where that goes wrong, find out whether the tool alone does so too."""
    given = loaded(case)
    folder.mkdir()
    road = ROADS.get(name)
    close = (road.rtol, road.atol) if road else (1e-3, 1e-4)
    operators, ports = {given.operator, given.model.graph.node[0].op_type}, {*given.feed, *given.wanted}
    try:
        found = judged(column(name, given, folder), given.wanted, given.operator, *close)
    except Exception as error:
        found = failed(error, operators, ports)
        if road is None:  # it has no word for a refusal
            found = Outcome(REFUSED, found.words)
    if found.what not in (WRONG, CRASHED):
        return found
    if road is None:
        return Outcome(found.what, found.words, found.what)
    _tell(found)  # if the tool alone dies of it, this stands
    again = loaded(case)
    try:
        alone = judged(road.alone(again, folder), again.wanted, again.operator, *close).what
    except Exception as error:
        alone = failed(error, operators, ports).what
    return Outcome(found.what, found.words, alone)


def _started(cells: list[Cell]) -> Running:
    reads, writes = os.pipe()
    scratch = Path(tempfile.mkdtemp(prefix='operators-'))
    parent = os.getpid()
    pid = os.fork()
    if pid:
        os.close(writes)
        return Running(pid, reads, cells, scratch)
    os.setsid()  # what it starts, linkers, can be ended with it
    die_with(parent)
    os.close(reads)
    os.dup2(writes, PIPE)
    said = os.open(scratch / 'said', os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    try:
        tempfile.tempdir = str(scratch)
        for number, each in enumerate(cells):
            _tell(cell(each.case, each.column, scratch / str(number)), done=True)
    except BaseException as error:  # nothing may run the parent's code on
        print(repr(error), file=sys.stderr)
    finally:
        sys.stderr.flush()
        os._exit(0)
    raise AssertionError


PIPE = 100
"""The descriptor that a child writes to."""


def _tell(outcome: Outcome, done: bool = False) -> None:
    os.write(PIPE, (json.dumps([done, asdict(outcome)]) + '\n').encode())


def _told(child: Running) -> Iterator[tuple[Cell, Outcome]]:
    """Read what a child wrote; the first line that is not its last word on a cell is kept for its death."""
    data = os.read(child.pipe, 1 << 16)
    if not data:
        child.deadline = 0
        return
    child.text += data
    while b'\n' in child.text:
        line, rest = child.text.split(b'\n', 1)
        done, outcome = json.loads(line)
        if not done:
            child.deadline = time.monotonic() + LIMIT
            if b'\n' not in rest:
                return  # left in ``text`` until more is known
        else:
            yield child.cells.pop(0), Outcome(**outcome)
            child.deadline = time.monotonic() + LIMIT
        child.text = rest


def _ended(child: Running) -> Outcome:
    """Return what the death of a child means for the cell it was at."""
    late = child.deadline != 0
    os.close(child.pipe)
    if late:
        os.killpg(child.pid, signal.SIGKILL)
    _, status = os.waitpid(child.pid, 0)
    words = [line for line in (child.scratch / 'said').read_text(errors='replace').splitlines() if line.strip()]
    shutil.rmtree(child.scratch, ignore_errors=True)
    code = os.waitstatus_to_exitcode(status)
    why = f'more than {LIMIT:.0f} s' if late else signal.Signals(-code).name if code < 0 else f'exit {code}'
    if child.text:  # our own answer is there: it is the tool alone that died
        return Outcome(**json.loads(child.text.split(b'\n')[0])[1] | {'alone': CRASHED})
    alone = CRASHED if child.cells[:1] and child.cells[0].column == STOCK else ''
    return Outcome(CRASHED, f'{why}: {words[-1][:200]}' if words and not late else why, alone)
