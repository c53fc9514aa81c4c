"""An engine made of a function, and the request that measures it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.contract.port import Tensor
from stages.errors import ForeignError

IMAGE = {'name': 'x', 'shape': ['batch', 3], 'dtype': 'float32'}


@dataclass(frozen=True)
class Options:
    """None."""


class Fake:
    """An engine and its session in one: ``run`` is the function it was given."""

    Options = Options

    def __init__(
        self, function: Callable[[Any], tuple[Any, ...]], batch: int | str = 'batch', home: str = '', absent: str = ''
    ) -> None:
        self.inputs = (Tensor('x', (batch, 3), 'float32'),)
        self.outputs = ('y',)
        self.batch = batch
        self.function = function
        self.home = home
        self.absent = absent

    def foreign(self, folder: Path) -> str:
        """Name the machine it is for, when that is another one."""
        return self.home

    def prepare(self) -> None:
        """Import nothing."""

    def load(self, *_: object) -> Fake:
        """Return itself, unless what emulates its machine is absent."""
        if self.absent:
            raise ForeignError(self.absent)
        return self

    def run(self, feed: dict[str, Any]) -> tuple[Any, ...]:
        """Refuse any batch but its own, as a static model does."""
        if self.batch not in ('batch', len(feed['x'])):
            raise ValueError('wrong batch')
        return self.function(feed['x'])


def request(folder: Path | str = '', **changed: Any) -> dict[str, Any]:
    """Return a small request; a test changes what it is about."""
    return {
        'engine': 'fake', 'options': {}, 'threads': 1, 'folder': str(folder), 'signature': [IMAGE], 'inputs': None,
        'batch': 1, 'sizes': {}, 'repetitions': 5, 'warmup_runs': 2, 'warmup_seconds': 0.0,
        'inner': 1, 'seed': 1, **changed,
    }  # fmt: skip
