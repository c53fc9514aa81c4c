"""A process to be forked: ``python -I server.py FOLDER`` serves what the run asks through a socket, its input.

One thread, and nothing is loaded but what it was asked to load, so that a fork is as good as a fresh start.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == '__main__':
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from house import open_house  # type: ignore[import-not-found]  # by its folder: nothing of ours is found yet

    sys.path.pop(0)
    open_house()

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
from typing import Final

from stages.launch import birth, tree
from stages.launch.hiding import hide
from stages.launch.request import LONGEST, request_of

LOOK_SECONDS: Final = 0.5


def serve(control: socket.socket) -> None:
    """Do what is asked until the other end is closed, that is when the run has ended, however it did."""
    birth.reap_orphans()
    known: set[int] = set()
    while True:
        ready = select.select([control], [], [], LOOK_SECONDS)[0]
        with contextlib.suppress(ChildProcessError):
            while (gone := os.waitpid(-1, os.WNOHANG)[0]) != 0:
                known.discard(gone)
        tree.kill(tree.children(os.getpid()) - known)  # what a step that was killed left to us
        if not ready:
            continue
        message, handles, _, _ = socket.recv_fds(control, LONGEST, 2)
        if not message:
            tree.kill_below(os.getpid())
            return
        asked = json.loads(message)
        if asked['do'] == 'load':
            load(asked['modules'], asked['hidden'])
        elif asked['do'] == 'fork':
            child = _forked(control)
            if child == 0:
                control = socket.socket(fileno=handles[0])
                birth.reap_orphans()
                known.clear()
                continue
            known.add(child)
        elif asked['do'] == 'run':
            child = _forked(control)
            if child == 0:
                birth.supervise(request_of(asked), handles[0], socket.socket(fileno=handles[1]))
            known.add(child)
        for handle in handles:
            os.close(handle)


def load(modules: list[str], hidden: list[str]) -> None:
    """Import what is there of ``modules``, and nothing of ``hidden``; who needs one that is not there will say so."""
    hide(hidden)
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a fork would write to the pages that it shares with us


def _forked(control: socket.socket) -> int:
    """Return the child's number, and 0 in the child, which dies with us and does not hear what we are asked."""
    ours = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        birth.die_with(ours)
        control.close()
    return child


def main(folder: str) -> None:
    """Serve in a session of our own: what a terminal sends to the run is the run's to tell us."""
    os.setsid()
    os.chdir(folder)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    serve(control)
    os._exit(0)  # what is loaded has nothing to say at its end


if __name__ == '__main__':
    main(sys.argv[1])
