"""What a run says of its steps: one line for each that did something, and while one works, how far it is."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stages.measure.left import Left, duration
from stages.terminal import Work, indented, moving, note, working

if TYPE_CHECKING:
    from stages.execute.project import Failure, Project
    from stages.plan.step import Step

LONGEST = 1 << 16
"""Bytes of a log that are told at once."""

QUIET_SECONDS = 30.0
"""Without a terminal, how often a long step says that it is still at work."""


def built(project: Project, step: Step, seconds: float) -> None:
    project.done['built'] += 1
    note(f'  built   {_who(project, step)}  {seconds:.1f} s')


def cached(project: Project, step: Step) -> None:
    project.done['cached'] += 1
    note(f'  cached  {_who(project, step)}')


def failed(project: Project, step: Step, failure: Failure) -> None:
    project.done['failed'] += 1
    note(f'  FAILED  {_who(project, step)}\n          {failure}')


def refused(project: Project, step: Step, words: str) -> None:
    project.done['refused as expected'] += 1
    note(f'  refused {_who(project, step)}  as expected: {words.partition(chr(10))[0]}')


def undeclared(project: Project, step: Step, words: str) -> None:
    note(f'  note    {_who(project, step)}  {words}')


@contextmanager
def running(project: Project, step: Step) -> Iterator[Callable[[float, str], None]]:
    """Give a function to call with progress while ``step`` works."""
    started = said = time.monotonic()
    end = Left(started)

    def watch(fraction: float, words: str) -> None:
        nonlocal said
        now = time.monotonic()
        gone, told = now - started, end.told(fraction, now)
        left = '' if told is None else f'about {duration(told)} left'
        work = Work(_who(project, step), words, fraction, gone, left)
        if moving():
            working(step.id, work)
        elif now - said > QUIET_SECONDS:
            said = now
            note(indented(str(work)))

    try:
        yield watch
    finally:
        working(step.id, None)


def following(project: Project, step: Step, log: Path) -> Callable[[], None]:
    """Return what prints the lines that came to a log since it was called last, where the run is to tell them."""
    read = 0

    def follow() -> None:
        nonlocal read
        with contextlib.suppress(OSError), log.open('rb') as stream:
            stream.seek(read)
            whole, end, _ = stream.read(LONGEST).rpartition(b'\n')
            read += len(whole) + len(end)
            for line in whole.decode('utf-8', 'replace').splitlines():
                note(indented(f'  log     {step.name:<28} {line}'))

    return follow if project.verbose else lambda: None


def _who(project: Project, step: Step) -> str:
    users = project.users.get(step.id)
    if not users:  # asked for by a command alone
        return step.name
    recipes = {name.split(':')[0] for name in users}
    shown = users[0] if len(users) == 1 else f'{", ".join(sorted(recipes))} ({len(users)} variants)'
    return f'{step.name:<28} {shown}'
