"""Calls that an engine works on by itself, with threads of its own: as many at once as it has requests.

An engine tells that a call ended in a thread of its own, where as little as possible is done: the call's number goes
into a queue, and one thread of ours takes the answers out. So nothing of an engine is ever ended by its own thread,
which some of them do not survive.
"""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from stages.errors import StepError

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy

    Arrays = Mapping[str, numpy.ndarray]
    Answers = dict[str, numpy.ndarray]

LOOK_SECONDS: Final = 0.1
"""How often is looked after calls of which an engine says nothing: some do not tell of those that failed."""


class Requests(Protocol):
    """What an engine has for calls in flight, each at a place of its own."""

    @property
    def count(self) -> int:
        """How many can be in flight at once."""

    def begin(self, place: int, feed: Arrays, tell: Callable[[Any], None]) -> None:
        """Start a call and return at once; ``tell`` is called, in whatever thread, when it has ended."""

    def end(self, place: int, told: Any) -> Answers:
        """Return what an ended call answered, as the caller's own; raise what it raised. ``told`` is what it told."""

    def ended(self, place: int) -> bool:
        """Whether a call of which nothing was told has ended all the same."""


class Starter:
    """Starts calls and returns at once; what finds no free place waits its turn."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._told: queue.SimpleQueue[tuple[int, int, Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Arrays, Future[Answers]]] = deque()
        self._free = list(range(requests.count))
        self._running: dict[int, tuple[int, Arrays, Future[Answers]]] = {}
        self._numbers = itertools.count()
        self._stopped = False
        self._thread = threading.Thread(target=self._take, name='answers', daemon=True)
        self._thread.start()

    def submit(self, feed: Arrays) -> Future[Answers]:
        """Return the future of a call's answers. Its arrays may not be changed before it is done."""
        from concurrent.futures import Future

        future: Future[Answers] = Future()
        with self._lock:
            if self._stopped:
                raise StepError('is closed')
            self._waiting.append((feed, future))
            failed = self._begin()
        _fail(failed)
        return future

    def stop(self) -> None:
        """Return when every call is answered; later ones are refused."""
        with self._lock:
            self._stopped = True
            idle = not self._running and not self._waiting
        if idle:
            self._told.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _begin(self) -> list[tuple[Future[Answers], Exception]]:
        """Start what waits, as far as there are places; return what could not be started."""
        failed = []
        while self._waiting and self._free:
            feed, future = self._waiting.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            place, number = self._free.pop(), next(self._numbers)
            self._running[place] = (number, feed, future)  # the arrays stay as long as the engine reads them
            try:
                self._requests.begin(place, feed, _teller(self._told, place, number))
            except Exception as error:  # whatever the engine raises is the call's answer
                self._release(place)
                failed.append((future, error))
        return failed

    def _release(self, place: int) -> None:
        del self._running[place]
        self._free.append(place)

    def _take(self) -> None:
        """Take answers out until the last one, and start what waited for their places."""
        while True:
            try:
                found = [self._told.get(timeout=LOOK_SECONDS)]
            except queue.Empty:
                found = self._silent()
            for one in found:
                if one is None:
                    return
                self._answer(*one)
            with self._lock:
                if self._stopped and not self._running and not self._waiting:
                    return

    def _silent(self) -> list[tuple[int, int, Any] | None]:
        with self._lock:
            running = [(place, number) for place, (number, _, _) in self._running.items()]
        return [(place, number, None) for place, number in running if self._requests.ended(place)]

    def _answer(self, place: int, number: int, told: Any) -> None:
        with self._lock:
            now = self._running.get(place)
        if now is None or now[0] != number:  # it was looked after already
            return
        _, _, future = now
        error, answers = None, None
        try:
            answers = self._requests.end(place, told)
        except Exception as raised:
            error = raised
        with self._lock:
            self._release(place)
            failed = self._begin()
        _fail(failed)
        if error is not None:
            future.set_exception(error)
        else:
            assert answers is not None
            future.set_result(answers)


def _teller(told: queue.SimpleQueue[Any], place: int, number: int) -> Callable[[Any], None]:
    """Return what an engine's thread calls: it holds the queue and two numbers, and nothing of the engine."""
    return lambda value: told.put((place, number, value))


def _fail(failed: list[tuple[Future[Answers], Exception]]) -> None:
    for future, error in failed:
        future.set_exception(error)
