"""Look into a library that TVM compiled: what each kernel read and wrote, told by its virtual machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract
from stages.contract.tap import Node, Tapped
from stages.engines import tvm as engine
from stages.errors import StepError

if TYPE_CHECKING:
    import numpy

FORMATS = ('tvm',)
TOOLS = ('apache-tvm', 'apache-tvm-ffi', 'numpy')
INSIDE: Final = 'vm.'
"""What the machine does beside kernels: memory, shapes."""


@dataclass
class _Seen:
    """What was seen so far. Memory is used again, so a value is a place in memory since it was last written."""

    nodes: list[Node] = field(default_factory=list)
    values: dict[str, numpy.ndarray] = field(default_factory=dict)
    standing: dict[int, str] = field(default_factory=dict)
    """By address: the value that stands there."""

    before: list[numpy.ndarray] = field(default_factory=list)

    def kernel(self, name: str, done: bool, arguments: list[Any]) -> None:
        """Note one kernel; the machine says it twice, before and after."""
        import numpy as np

        now = [np.array(np.from_dlpack(each)) for each in arguments]
        if not done:
            self.before = now
            return
        last = len(now) - 1
        wrote = [n for n, array in enumerate(now) if n == last or not _same(self.before[n], array)]
        takes = tuple(self._value(arguments[n], self.before[n]) for n in range(len(now)) if n not in wrote)
        gives = []
        for n in wrote:
            value = f'{name}#{len(self.nodes)}.{n}'
            self.standing[arguments[n].data_ptr()] = value
            self.values[value] = now[n]
            gives.append(value)
        self.nodes.append(Node(name, name, takes, tuple(gives)))

    def _value(self, tensor: Any, array: numpy.ndarray) -> str:
        address = tensor.data_ptr()
        if address not in self.standing:  # a weight
            self.standing[address] = f'weight@{address:x}'
        return self.standing[address]


def tapped(folder: Path, contract: Contract, feed: Mapping[str, numpy.ndarray]) -> Tapped:
    """Return what every kernel wrote. Raises StepError for a library of another machine."""
    from stages.frameworks.tvm.emit import library

    found = library.read(folder)
    if engine.foreign(folder):
        raise StepError(f'this library is for {found.home}; look into the one for this machine, of the same recipe')
    machine = engine.virtual_machine(folder, found, 1)
    import tvm_ffi

    seen, names, arrays = _Seen(), [], []
    for port in found.inputs:
        buffer = engine.buffer(port)
        buffer[...] = feed[port.name]
        tensor = tvm_ffi.from_dlpack(buffer)
        seen.standing[tensor.data_ptr()] = port.name
        names.append(port.name)
        arrays.append(tensor)

    def instrument(_: Any, name: str, before: bool, __: Any, *arguments: Any) -> int:
        if not name.startswith(INSIDE) and arguments and all(isinstance(each, tvm_ffi.Tensor) for each in arguments):
            seen.kernel(name, not before, list(arguments))
        return 0

    machine.get_function('set_instrument')(tvm_ffi.convert(instrument))
    machine.get_function(found.entry)(*arrays)
    return Tapped(tuple(seen.nodes), seen.values | {name: feed[name] for name in names}, tuple(names))


def _same(one: numpy.ndarray, two: numpy.ndarray) -> bool:
    return one.tobytes() == two.tobytes()
