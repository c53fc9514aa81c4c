"""doit's own command ``run``, with three things that a dodo.py comes too late for; doit finds it by an entry point.

``-v`` without a number means ``-v 2``: the lines of steps' logs are told while they work. And from here on ^C is one
line: doit reads a dodo.py, and all that this imports, with Python's traceback still in place. And who names a task
twice gets the others as well.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any, Final, NoReturn

from doit.cmd_run import Run as DoitsRun

LEVELS: Final = ('0', '1', '2')


class Run(DoitsRun):  # type: ignore[misc]  # doit has no types
    """doit's ``run``; what is not said here is doit's."""

    def parse_execute(self, in_args: Sequence[str]) -> Any:
        """Run what the command line asks for; return doit's exit code."""
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, stopped)
        return super().parse_execute(with_level(in_args))

    def execute(self, params: Any, args: Sequence[str]) -> Any:
        """Run each task that is named once: at a name that comes again doit would leave out those after it."""
        return super().execute(params, list(dict.fromkeys(args)))


def with_level(arguments: Sequence[str]) -> list[str]:
    """Return doit's arguments, a level behind each ``-v`` that has none."""
    return [
        '-v2' if word == '-v' and (*arguments, '')[at + 1] not in LEVELS else word for at, word in enumerate(arguments)
    ]


def stopped(number: int, frame: FrameType | None) -> NoReturn:
    """Say that it is over before anything was begun, and leave."""
    print('\nmodelkiln: stopped', file=sys.stderr)
    raise SystemExit(128 + number)
