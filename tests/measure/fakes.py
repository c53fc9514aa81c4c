"""An engine made of a function, the folder it is loaded from, and the request that measures it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.port import Contract, Port, write_contract
from stages.engines.usual import OneByOne
from stages.errors import ForeignError

X = Contract((Port('x', ('batch', 3), 'float32'),), (Port('y', (), ''),))


@dataclass(frozen=True)
class Options:
    """None."""


class Fake:
    """An engine and its session in one: ``run`` is the function it was given, from arrays to the outputs' arrays."""

    Options = Options

    def __init__(
        self,
        function: Callable[..., tuple[Any, ...]],
        batch: int | None = None,
        home: str = '',
        absent: str = '',
    ) -> None:
        self.batch = batch
        self.function = function
        self.home = home
        self.absent = absent
        self.contract = X

    def foreign(self, folder: Path) -> str:
        """Name the machine it is for, when that is another one."""
        return self.home

    def prepare(self) -> None:
        """Import nothing."""

    def load(self, folder: Path, contract: Contract, *_: object) -> Fake:
        """Return itself, unless what emulates its machine is absent."""
        if self.absent:
            raise ForeignError(self.absent)
        self.contract = contract
        return self

    def line(self, session: Fake) -> OneByOne:
        """Run one request at a time."""
        return OneByOne(session)

    def run(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        """Refuse any batch but its own, as a static model does."""
        if self.batch not in (None, len(next(iter(feed.values())))):
            raise ValueError('wrong batch')
        results = self.function(*(feed[port.name] for port in self.contract.inputs))
        return dict(zip([port.name for port in self.contract.outputs], results, strict=True))


def model(folder: Path, contract: Contract = X) -> Path:
    """Return a folder that holds a model's contract and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    write_contract(contract, folder)
    return folder


def request(folder: Path, **changed: Any) -> dict[str, Any]:
    """Return a small request; a test changes what it is about."""
    return {
        'engine': 'fake', 'options': {}, 'threads': 1, 'folder': str(model(folder)), 'inputs': None,
        'batch': 1, 'repetitions': 5, 'warmup_runs': 2, 'warmup_seconds': 0.0,
        'inner': 1, 'seed': 1, **changed,
    }  # fmt: skip
