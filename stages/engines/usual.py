"""The usual answers, for engines whose models run on any machine they are installed on: nothing is foreign."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.engine import Emulator, Session
from stages.contract.port import Contract
from stages.errors import ToolError

if TYPE_CHECKING:
    import numpy

BRAIN: Final = 'bfloat16'
"""A type of inputs and outputs that NumPy gets from ``ml_dtypes`` alone, and that tools hand over as bits."""

FOREIGN: Final[Mapping[str, Emulator]] = {}


def foreign(folder: Path) -> str:
    """Run on this machine, whatever the model."""
    return ''


def made(folder: Path) -> tuple[str, ...]:
    """Need nothing for other machines."""
    return ()


def prepare_foreign(name: str, folder: Path) -> Path:
    """Refuse: no name is among ``FOREIGN``."""
    raise ToolError(f'{name}: this engine runs models on machines it is installed on, and on no other')


def no_programs(options: Any) -> tuple[str, ...]:
    """Call no program of the system."""
    return ()


@dataclass(frozen=True)
class OneByOne:
    """The line of an engine that runs one request at a time, on all its threads: the caller waits for it."""

    session: Session
    requests: int = 1

    def submit(self, feed: Mapping[str, numpy.ndarray], done: Callable[[dict[str, numpy.ndarray]], None]) -> None:
        """Run the request; it is done on return."""
        done(self.session.run(feed))

    def drain(self) -> None:
        """Nothing is ever left."""


class Callers:
    """The line of an engine whose session several threads may call at once."""

    def __init__(self, session: Session, requests: int) -> None:
        from concurrent.futures import Future, ThreadPoolExecutor

        self.session, self.requests = session, requests
        self._free = threading.Semaphore(requests)
        self._pool = ThreadPoolExecutor(requests)
        self._started: list[Future[None]] = []

    def submit(self, feed: Mapping[str, numpy.ndarray], done: Callable[[dict[str, numpy.ndarray]], None]) -> None:
        """Hand the request to a caller as soon as one is free."""

        def call() -> None:
            try:
                done(self.session.run(feed))
            finally:
                self._free.release()

        self._free.acquire()
        self._started.append(self._pool.submit(call))

    def drain(self) -> None:
        """Wait for every caller; raise what one of them raised."""
        started, self._started = self._started, []
        for one in started:
            one.result()


def line(session: Session) -> OneByOne:
    """Return the line of an engine without requests of its own."""
    return OneByOne(session)


def kept_to(isa: str, folder: Path, contract: Contract) -> Mapping[str, str] | None:
    """Choose kernels by the CPU alone: nothing that anybody may set makes it weaker."""
    return None


def instructions(session: Any, folder: Path, said: str) -> str:
    """Say nothing of the instructions that are used."""
    return ''


def brain_bits(array: numpy.ndarray) -> numpy.ndarray:
    """Return the bits of an array in bfloat16, whatever it is in: rounded to the nearest, ties to even."""
    import numpy as np

    if array.dtype.name == BRAIN:
        return array.view(np.uint16)
    wide = array.astype(np.float32)
    bits = wide.view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(wide), np.uint16(0x7FC0), rounded)


def brain_array(bits: numpy.ndarray) -> numpy.ndarray:
    """Return what the bits of bfloat16 mean: in that type, or in float32 where ``ml_dtypes`` is missing."""
    import numpy as np

    try:
        import ml_dtypes
    except ImportError:
        return (bits.astype(np.uint32) << 16).view(np.float32)
    return bits.view(ml_dtypes.bfloat16)
