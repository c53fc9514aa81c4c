"""The run's side: ask a server for a process, watch it, and know in words how it ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from stages import spawn
from stages.confine import Policy, missing
from stages.launch import tree
from stages.launch.request import LONGEST, Request, encoded, run_message
from stages.terminal import size_words

SERVER: Final = Path(__file__).with_name('server.py')
WORKER: Final = Path(__file__).with_name('worker.py')
LOOK_SECONDS: Final = 0.1
NOT_BEGUN: Final = 'did not begin within its limit of time: its tools were still being loaded'
END_SECONDS: Final = 5.0
"""How long a server may take to end all that it made."""

NOWHERE: Final = Path(os.devnull)


@dataclass(frozen=True)
class Limits:
    """What a process may use before it is stopped; 0: as much as there is."""

    seconds: float
    memory: int = 0
    """Bytes, with all that it starts."""

    processes: int = 0


@dataclass(frozen=True)
class Tool:
    """A tool that a step declares, as a server loads it."""

    name: str
    modules: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    """What must not be found while they are imported."""


@dataclass(frozen=True, eq=False)
class Server:
    """A process that waits to be forked, with these tools loaded, in this order."""

    control: socket.socket
    tools: tuple[str, ...] = ()
    loaded: set[str] = field(default_factory=set)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, message: bytes, *handles: int) -> None:
        """Send a message, and with it what files it is about."""
        with self.guard:
            socket.send_fds(self.control, [message], handles)

    def load(self, modules: Iterable[str], hidden: Iterable[str]) -> None:
        """Have it import ``modules``, and find none of ``hidden``; what is asked after that waits until it has."""
        new = [name for name in modules if name not in self.loaded]
        if new:
            self.loaded.update(new)
            self.ask(encoded('load', modules=new, hidden=list(hidden)))

    def fork(self, tool: Tool) -> Server:
        """Return a new server that has loaded all that this one has, and ``tool``."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.ask(encoded('fork'), theirs.fileno())
        made = Server(ours, (*self.tools, tool.name), set(self.loaded))
        made.load(tool.modules, tool.hidden)
        return made


@dataclass
class Launcher:
    """Every server of one run. Threads share it; ``close()`` ends them all, and so does the end of the run."""

    folder: Path
    """A folder of the run's own, for what a tool may write while it is loaded."""

    servers: dict[str, list[Server]] = field(default_factory=dict)
    """By interpreter; the first of each has nothing loaded."""

    first: list[int] = field(default_factory=list)
    """The processes that we started ourselves, one for each interpreter."""

    guard: threading.Lock = field(default_factory=threading.Lock)

    def worker(
        self, work: Path, log: Path | None, environment: Mapping[str, str], policy: Policy, limits: Limits, *,
        tools: Iterable[Tool] = (), modules: Iterable[str] = (), hidden: Iterable[str] = (), python: str = '',
        watch: Callable[[], None] = lambda: None,
    ) -> str | None:  # fmt: skip
        """Run the worker on the request ``work``, with ``tools`` loaded before; return None or how it ended, in words.

        Steps whose tools begin alike, in their order, share what they begin with. ``modules`` are what it will import
        beside; nothing of ``hidden`` is found meanwhile.
        """
        work = work.resolve()
        if sys.platform != 'linux':
            argv = spawn.python(WORKER, str(work), interpreter=python)
            return spawn.run(
                argv, folder=work.parent, log=log or NOWHERE, env=environment, timeout=limits.seconds, watch=watch
            )
        request = Request(str(work.parent), policy, environment, (), str(work), missing())
        server = self._with(tools, python or sys.executable)
        server.load(modules, hidden)
        return self._run(server, request, log, limits, watch)

    def program(
        self, argv: Iterable[str], folder: Path, log: Path | None, environment: Mapping[str, str], policy: Policy,
        limits: Limits, *, python: str = '', watch: Callable[[], None] = lambda: None,
    ) -> str | None:  # fmt: skip
        """Run a program in a fresh process, confined likewise; return None or how it ended, in words.

        It may read where ``python`` lies: the interpreter of a locked environment, if it is a program of that.
        """
        command = tuple(argv)
        if sys.platform != 'linux':
            return spawn.run(
                list(command), folder=folder, log=log or NOWHERE, env=environment, timeout=limits.seconds, watch=watch
            )
        request = Request(str(folder), policy, environment, command, '', missing())
        return self._run(self._with((), python or sys.executable), request, log, limits, watch)

    def __post_init__(self) -> None:
        self.close = weakref.finalize(self, _end, self.servers, self.first)

    def _with(self, tools: Iterable[Tool], python: str) -> Server:
        """Return the server that has exactly ``tools``: each forked from the one with all but the last of them."""
        with self.guard:
            spawn.end_if_stopped()  # nobody would end a server that is started from here on
            if python not in self.servers:
                self.servers[python] = [self._first(python)]
            found = self.servers[python]
            server = found[0]
            for tool in tools:
                wanted = (*server.tools, tool.name)
                made = next((each for each in found if each.tools == wanted), None)
                if made is None:
                    made = server.fork(tool)
                    found.append(made)
                server = made
            return server

    def _first(self, python: str) -> Server:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.folder.mkdir(parents=True, exist_ok=True)
        with theirs, (self.folder / 'servers.txt').open('ab') as log:
            argv = spawn.python(SERVER, str(self.folder), interpreter=python)
            streams = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)]
            streams += [(os.POSIX_SPAWN_DUP2, log.fileno(), stream) for stream in (1, 2)]
            pid = os.posix_spawn(
                argv[0], argv, spawn.environment(self.folder, extra=spawn.PATIENT), file_actions=streams
            )
        self.first.append(pid)
        return Server(ours)

    def _run(
        self, server: Server, request: Request, log: Path | None, limits: Limits, watch: Callable[[], None]
    ) -> str | None:
        spawn.end_if_stopped()
        status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with status:
            with theirs, _stream(log) as stream:
                try:
                    server.ask(run_message(request), stream.fileno(), theirs.fileno())
                except OSError:
                    self._drop(server)
                    return 'could not be started: the process that starts steps had died (the next step gets a new one)'
            ended = _watched(status, limits, watch)
        spawn.end_if_stopped()  # then it did not end by itself
        if ended == NOT_BEGUN:
            self._drop(server)
        return ended

    def _drop(self, server: Server) -> None:
        """Let go of a server that died or does not answer; of all, where it is one that the others are forked from."""
        with self.guard:
            for found in self.servers.values():
                if found[0] is server:
                    _end(self.servers, self.first)
                    return
                if server in found:
                    found.remove(server)
                    server.control.close()


def _end(servers: dict[str, list[Server]], first: list[int]) -> None:
    """End every server, and with them all that they made."""
    for server in [each for found in [*servers.values()] for each in found]:  # other threads may still be forking
        server.control.close()
    servers.clear()
    deadline = time.monotonic() + END_SECONDS
    for pid in first:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:  # started by another thread just before the end: it still hears us
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.001)
    first.clear()


def _stream(log: Path | None) -> BinaryIO:
    """Return where a process writes: its log, or else where we do."""
    return log.open('ab') if log else os.fdopen(os.dup(1), 'wb')


def _watched(status: socket.socket, limits: Limits, watch: Callable[[], None]) -> str | None:
    """Wait for the end; say in words what it was, unless it was a good one."""
    pid, stopped = 0, ''
    begun = time.monotonic()
    try:
        while True:
            for word, number in _said(status):
                if word == 'pid':
                    pid, begun = number, time.monotonic()
                elif word == 'exit':
                    pid = 0
                    return stopped or spawn.in_words(number)
                else:
                    return stopped or 'was killed with the process that watched over it'
            watch()
            spawn.end_if_stopped()
            if not pid and time.monotonic() - begun > limits.seconds:
                return NOT_BEGUN
            if pid and not stopped and (stopped := _over(pid, begun, limits)):
                tree.kill([*tree.below(pid), pid])
    finally:
        if pid:
            tree.kill([*tree.below(pid), pid])


def _said(status: socket.socket) -> Iterator[tuple[str, int]]:
    """Give what the supervisor says, if anything; ``gone`` when it is."""
    if not select.select([status], [], [], LOOK_SECONDS)[0]:
        return
    try:
        message = status.recv(LONGEST)
    except ConnectionResetError:
        message = b''
    word, _, number = message.decode().partition(' ')
    yield word or 'gone', int(number or 0)


def _over(pid: int, begun: float, limits: Limits) -> str:
    """Return which limit a process has passed, in words, if any."""
    if time.monotonic() - begun > limits.seconds:
        return f'took longer than its limit of {limits.seconds:g} s and was stopped'
    if limits.memory and (used := tree.memory(pid)) > limits.memory:
        return f'was killed: needed more than {size_words(limits.memory)} ({size_words(used)} when it was seen)'
    if limits.processes and len(tree.below(pid)) > limits.processes:
        return f'was killed: started more than {limits.processes} processes'
    return ''
