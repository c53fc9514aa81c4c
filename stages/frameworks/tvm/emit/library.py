"""What a compiled library is for and what it takes: ``library.json`` beside it, read before its code is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from stages.contract.port import Contract, Port
from stages.document import typed
from stages.errors import StepError
from stages.frameworks.tvm.target import System

FILE: Final = 'library.json'
FORMAT: Final = 1
ENTRY: Final = 'main'

WORDS: Final[Mapping[str, str]] = {'linux': 'Linux', 'windows': 'Windows', 'x86_64': 'x86-64'}
"""How people write the names of systems and machines."""


@dataclass(frozen=True)
class Unscheduled:
    """A kernel that is serial code: right, and slow."""

    kernel: str
    """TVM's name for it: ``fused_take_add1``."""

    operator: str
    """The operators that it computes, as TVM calls them: ``take_add``."""

    why: str

    @classmethod
    def of(cls, kernel: str, why: str) -> Unscheduled:
        """Return it by the kernel's name."""
        return cls(kernel, kernel.removeprefix('fused_').rstrip('0123456789').rstrip('_'), why)


@dataclass(frozen=True)
class FellBack:
    """A part of a level that this model does not bear, such as ``channels last``."""

    what: str
    why: str


@dataclass(frozen=True)
class Library:
    """One library: the machine it runs on, its signature, and how it was made."""

    target: str
    """The level it is compiled for: ``x86-64-v3``."""

    system: System

    machine: str
    """The architecture as Linux names it."""

    triple: str

    needs: tuple[str, ...]
    """Instruction sets that its code may use, as Linux names them."""

    inputs: tuple[Port, ...]
    """Names, fixed shapes and element types, in the order of the call."""

    outputs: tuple[Port, ...]
    """As inputs; a size that shows only in a run has a name."""

    level: int

    schedule: str

    kernels: Mapping[str, int]
    """``all`` in the library; of these ``written`` by hand, ``tuned``, by the ``rule`` and ``unscheduled``."""

    tools: Mapping[str, str]
    """The packages that made it, and their versions: TVM's runtime must be of the same."""

    entry: str = ENTRY

    unscheduled: tuple[Unscheduled, ...] = ()
    """Kernels that have no schedule, though one was wanted."""

    fell_back: tuple[FellBack, ...] = ()
    """What of the level had to be left out of the whole model."""

    open: bool = False
    """Whether a size inside shows only in a run: then memory is taken as it is needed."""

    format: int = FORMAT

    @property
    def file(self) -> str:
        """The name of the library itself."""
        return file_of(self.system)

    @property
    def home(self) -> str:
        """System and machine in words: ``x86-64 Windows``."""
        return f'{WORDS.get(self.machine, self.machine)} {WORDS.get(self.system, self.system)}'


def signature(module: Any, names: tuple[str, ...]) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Return the inputs and the outputs of a Relax module's ``main``; outputs without ``names`` are numbered."""
    from tvm import relax

    main = module[ENTRY]
    kind = main.body.body.ty  # the function's own forgets all sizes of a tensor of which one shows only in a run
    returned = kind.fields if isinstance(kind, relax.TupleType) else [kind]
    named = names or tuple(f'output_{i}' for i in range(len(returned)))
    inputs = tuple(_typed(parameter.name, parameter.ty) for parameter in main.params)
    return inputs, tuple(_typed(name, each) for name, each in zip(named, returned, strict=True))


def notes(unscheduled: Sequence[Unscheduled], fell_back: Sequence[FellBack]) -> tuple[str, ...]:
    """Return in sentences what is slower than it might be; ``library.json`` has all of it."""
    said = [f'TVM built it without {each.what}: {_line(each.why)}' for each in fell_back]
    if unscheduled:
        kinds = ', '.join(dict.fromkeys(each.operator for each in unscheduled))
        several = len(unscheduled) > 1
        head = f'{len(unscheduled)} {"kernels of TVM run" if several else "kernel of TVM runs"} unscheduled'
        said.append(f'{head}, right and slow ({kinds}): {_line(unscheduled[0].why)}')
    return tuple(said)


def _line(words: str) -> str:
    return next((line.strip() for line in words.splitlines() if line.strip()), 'no reason was given')[:200]


def contract(inputs: Sequence[Port], outputs: Sequence[Port], before: Contract) -> Contract:
    """Return the contract of a library with these ports, made of a model with the contract ``before``, in its order."""
    fixed = before.fixed()
    taken, returned = ({port.name: port for port in some} for some in (inputs, outputs))
    return replace(
        fixed,
        inputs=tuple(_as_made(old, taken[old.name]) for old in fixed.inputs),
        outputs=tuple(_as_made(old, returned[old.name]) for old in fixed.outputs),
    )


def _as_made(old: Port, own: Port) -> Port:
    """Return the port as it was made; a size that shows in a run is called as before, else by its axis."""
    before = old.shape if len(old.shape) == len(own.shape) else own.shape
    shape = tuple(
        size if isinstance(size, int) else called if isinstance(called, str) else size
        for size, called in zip(own.shape, before, strict=True)
    )
    return replace(old, shape=shape, dtype=own.dtype, file='')


def file_of(system: System) -> str:
    """Return the name of a library for ``system``."""
    return 'model.dll' if system == 'windows' else 'model.so'


def write(library: Library, folder: Path) -> None:
    """Leave ``library.json`` in ``folder``."""
    text = json.dumps({'format': FORMAT, **asdict(library)}, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + '\n', encoding='utf-8')


def read(folder: Path) -> Library:
    """Return what ``library.json`` in ``folder`` says. Raises StepError for another format, or none."""
    try:
        found: Any = json.loads((folder / FILE).read_text(encoding='utf-8'))
        if (format := found['format']) != FORMAT:
            raise StepError(f'{FILE}: format {format}; this version reads {FORMAT}')
        return typed.read(Library, found)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StepError(f'{FILE}: not what the kind tvm leaves ({error})') from error


def _typed(name: str, kind: Any) -> Port:
    from tvm import relax, tirx

    shape = kind.shape if isinstance(kind.shape, relax.ShapeExpr) else [None] * kind.ndim
    sizes = [int(size) if isinstance(size, tirx.IntImm) else f'{name}_{axis}' for axis, size in enumerate(shape)]
    return Port(name, tuple(sizes), str(kind.dtype))
