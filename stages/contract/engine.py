"""What an engine is: a module with these names. Measuring, checking and deploying all go through it.

Some have one more. ``DOCUMENTS``: of the JSON files beside a model that it reads, by their names, the dataclasses that
they are (``stages.document.typed``), each with a ``format``: their schemas are made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from stages.contract.port import Contract

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy


FOREIGN_FOLDER: Final = 'MODELKILN_FOREIGN'
"""The environment variable that names the folder below which lies what models for other machines are run with."""


@dataclass(frozen=True)
class Emulator:
    """What runs another machine's programs here."""

    programs: tuple[str, ...]
    """Names it may have; the first that is installed is taken."""

    install: str
    """The command that installs it, on Debian and Ubuntu."""

    writes: tuple[str, ...] = ()
    """Folders that it writes in whatever it is told, each of this user alone; made where they are missing."""


class Session(Protocol):
    """A loaded model. Every call is a call of its own: state that the model keeps inside starts fresh."""

    def run(self, feed: Mapping[str, numpy.ndarray]) -> dict[str, numpy.ndarray]:
        """Host arrays in and out, by the contract's names, outputs in its order; they are complete on return.

        Feeds hold exactly the contract's inputs, in its dtypes (an engine casts where its file wants another width).
        """


class Started(Protocol):
    """Calls that an engine works on by itself."""

    def submit(self, feed: Mapping[str, numpy.ndarray]) -> Future[dict[str, numpy.ndarray]]:
        """Start a call and return at once; several are in flight, and what finds no place waits its turn.

        The arrays of ``feed`` may not be changed before its answers are there.
        """

    def stop(self) -> None:
        """Return when every call is answered; later ones are refused."""


@runtime_checkable
class Starting(Session, Protocol):
    """A session whose engine starts calls by itself, without a thread of ours that waits for each."""

    def starter(self) -> Started | None:
        """Return what starts calls; None: not as this session is set, so that threads of ours have to."""


class Line(Protocol):
    """A session with as many requests in flight as its engine is set to: for throughput, and for a server."""

    @property
    def requests(self) -> int:
        """How many are in flight at once."""

    def submit(self, feed: Mapping[str, numpy.ndarray], done: Callable[[dict[str, numpy.ndarray]], None]) -> None:
        """Start a request; wait while all are in flight. ``done`` gets its complete outputs, in whatever thread."""

    def drain(self) -> None:
        """Return when nothing is in flight; raise what a request raised."""


class Engine(Protocol):
    """The shape of every module in ``stages/engines/__init__.py``'s table."""

    @property
    def ENGINE(self) -> str:
        """Its name in reports and manifests."""

    @property
    def RUNS(self) -> tuple[str, ...]:
        """The formats it loads."""

    @property
    def TOOLS(self) -> tuple[str, ...]:
        """Distributions whose versions can change what it computes or how fast."""

    @property
    def ENVIRONMENT(self) -> str:
        """The locked environment it runs in, by its name in ``stages/environments``; empty: the user's own."""

    @property
    def CONCURRENT(self) -> bool:
        """Whether several threads may call one session's ``run`` at the same time; else calls must take turns."""

    @property
    def Options(self) -> type[Any]:
        """Frozen dataclass of the options a variant's ``run`` may set; defaults are the fair ones."""

    @property
    def FOREIGN(self) -> Mapping[str, Emulator]:
        """Other machines whose models are run here under an emulator, by name: ``linux-aarch64``; none for most."""

    def programs(self, options: Any) -> tuple[str, ...]:
        """Programs of the system it calls with these options; their versions enter the keys of checks."""

    def foreign(self, folder: Path) -> str:
        """The machine that the model in ``folder`` is for, in words, when this one cannot run it; else empty.

        ``load`` then emulates that machine, slowly and for checking only, or raises ForeignError.
        """

    def made(self, folder: Path) -> tuple[str, ...]:
        """Those of ``FOREIGN`` for which ``folder`` holds all that is needed beside the emulator."""

    def prepare_foreign(self, name: str, folder: Path) -> Path:
        """Make it, for one of ``FOREIGN``, in a folder of its own below ``folder``; may need the network."""

    def prepare(self) -> None:
        """Import the framework, nothing else; its cost is reported on its own."""

    def load(self, folder: Path, contract: Contract, options: Any, threads: int) -> Session:
        """Load the model in ``folder``, whose ports ``contract`` tells, to run on ``threads`` threads."""

    def kept_to(self, isa: str, folder: Path, contract: Contract) -> Mapping[str, str] | None:
        """The variables of the environment that keep it to an instruction set (``stages.cpu.ISAS``) with this model.

        None: it has no such control, or not for this model; only another CPU is weaker for it.
        """

    def instructions(self, session: Any, folder: Path, said: str) -> str:
        """The strongest instruction set that it says a session uses; empty: it does not say.

        ``said`` is what the process printed while it loaded and ran it, its libraries made talkative.
        """

    def line(self, session: Any) -> Line:
        """Return the requests in flight of a session that ``load`` gave."""
