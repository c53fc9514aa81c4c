"""From a fork to a step at work: the supervisor, the first process of a namespace, and the worker.

The supervisor stays outside: it tells the run how the worker ended, and the run kills it to end all of them. The first
process of a namespace only waits; signals mean less to such a process, so that the worker is its child.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from stages.confine import confine, isolate
from stages.confine.apply import umask
from stages.confine.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG, libc, prctl
from stages.launch import tree, worker
from stages.launch.gate import keep, made_inside
from stages.launch.request import Request

FAULT = 70


def die_with(parent: int) -> None:
    """Ask to be killed when ``parent`` dies; end at once when it has died already."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FAULT)


def reap_orphans() -> None:
    """Become the parent of what loses its own below us: nothing gets away by leaving its group or session."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def supervise(request: Request, log: int, status: socket.socket) -> NoReturn:
    """Make the worker, wait, tell through ``status`` how it ended, and end; in a process forked for this."""
    try:
        server = os.getppid()
        os.setsid()
        status.send(f'pid {os.getpid()}'.encode())
        _streams(log)
        reap_orphans()
        gate = _gate(request, status) if request.policy.network and 'namespaces' not in request.lacking else None
        isolate(request.policy, request.lacking)
        if gate:
            with gate:
                request = replace(request, environment=made_inside(gate, request.environment))
        die_with(server)  # once more: the kernel forgets it when a process changes its namespace of users
        ended = _wait(request, status)
        tree.kill_below(os.getpid())
        status.send(f'exit {ended}'.encode())
    except BaseException:
        traceback.print_exc()
        os._exit(FAULT)
    os._exit(0)


def _gate(request: Request, status: socket.socket) -> socket.socket:
    """Start the proxy of a fetch, still in the network of the system; return the way to hand it its socket."""
    ours, theirs = socket.socketpair()
    supervisor = os.getpid()
    if os.fork() == 0:
        try:
            die_with(supervisor)
            status.close()
            ours.close()
            keep(theirs, request)
        except BaseException:
            traceback.print_exc()
        os._exit(FAULT)
    theirs.close()
    return ours


def _wait(request: Request, status: socket.socket) -> int:
    """Return how the worker ended, as ``os.waitstatus_to_exitcode`` says it."""
    alive, held = os.pipe()
    answer, told = os.pipe()
    supervisor = os.getpid()
    inner = 'namespaces' not in request.lacking
    child = os.fork()
    if child == 0:
        status.close()
        os.close(held)
        os.close(answer)
        if not inner:
            die_with(supervisor)
            _work(request)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if select.select([alive], [], [], 0)[0]:  # its number says nothing in here; an end of the pipe does
            os._exit(FAULT)
        _first(request, told)
    os.close(told)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    said = os.read(answer, 16)
    return int(said) if said else code


def _first(request: Request, told: int) -> NoReturn:
    """Be the first process of a namespace: reap whoever is left without a parent, end when the worker does."""
    first = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.close(told)
        with contextlib.suppress(OSError):
            die_with(first)
        _work(request)
    while True:
        gone, how = os.wait()
        if gone == worker:
            os.write(told, str(os.waitstatus_to_exitcode(how)).encode())
            os._exit(0)  # and the kernel ends whoever is left in here


def _work(request: Request) -> NoReturn:
    """Become the worker, or the program that is asked for, with nothing but what the policy gives."""
    code = FAULT
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        umask()
        os.environ.clear()
        os.environ.update(request.environment)
        tempfile.tempdir = None
        os.chdir(request.folder)
        confine(request.policy, request.lacking)
        if request.command:
            os.execve(request.command[0], list(request.command), dict(request.environment))  # noqa: S606
        code = worker.main(Path(request.work))
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
            libc().fflush(None)
        os._exit(code)


def _streams(log: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for handle, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(handle, target)
    os.close(nothing)
    os.close(log)
