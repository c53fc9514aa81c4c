"""Tables: a CSV with a line of names, whose columns are the inputs and what is to come out."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from stages.contract.port import Contract, Port, listed
from stages.contract.reader import Files, Part
from stages.errors import StepError
from stages.readers.labelled import rows_of
from stages.readers.usual import chosen, stored, the_input

if TYPE_CHECKING:
    import numpy

READER: Final = 'csv'
TOOLS = ('numpy',)
Columns = tuple[str, ...] | str


@dataclass(frozen=True)
class Params:
    columns: dict[str, Columns] = field(default_factory=dict)
    """By input: its columns in their order, names or globs (`pixel*`). Absent: the only input takes all the others."""

    label: str = ''
    """The column with the class, whole numbers from 0 or one of `classes`; absent: `label`, where there is one."""

    truth: Columns = ()
    """Columns with the numbers that should come out, for errors and correlations."""

    ignore: tuple[str, ...] = ()
    """Columns that are none of these, names or globs; any other left over is a mistake."""

    classes: tuple[str, ...] = ()
    """What the column `label` says, in the model's order."""

    empty: float | None = None
    """What an empty cell means; absent: a mistake."""

    mean: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """By input: subtracted, one number or one for each column."""

    std: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """By input: divided by, then."""


def read(params: Params, files: Files, contract: Contract, part: Part) -> dict[str, Any]:
    """Return an array for each input, and ``labels`` and ``truth`` where there are some; a row is a sample."""
    if len(files) != 1:
        raise StepError(f'`csv` reads one file; fetched: {", ".join(files) or "nothing"}')
    [(name, path)] = files.items()
    rows = rows_of(path, name)
    if not rows:
        raise StepError(f'{name} has no rows; expected a line of names, and a line for each sample')
    table = _Table(name, [*rows[0][1]], rows, params.empty)
    label = params.label or ('label' if 'label' in table.names else '')
    truth = table.found(params.truth)
    ports = _inputs(params, contract, table, {label, *truth, *(n for glob in params.ignore for n in table.found(glob))})
    fed = [column for _, columns in ports for column in columns]
    digests = [hashlib.sha256('\0'.join(row[column] for column in fed).encode()).hexdigest() for _, row in rows]
    table = table.only(chosen(part, digests, f'`{READER}`'))
    arrays = {port.name: _array(params, port, columns, table, contract) for port, columns in ports}
    if label:
        arrays['labels'] = _labels(params, table, label)
    if truth:
        arrays['truth'] = table.numbers(truth)
    return arrays


@dataclass(frozen=True)
class _Table:
    """The rows of a CSV, each with its line."""

    file: str
    names: list[str]
    rows: list[tuple[int, dict[str, str]]]
    empty: float | None

    def found(self, columns: Columns) -> list[str]:
        """Return the columns that are meant, in their order; each name and glob must mean one at least."""
        found: list[str] = []
        for word in (columns,) if isinstance(columns, str) else columns:
            meant = [word] if word in self.names else [name for name in self.names if fnmatchcase(name, word)]
            if not meant:
                raise StepError(f'{self.file}:1: there is no column {word!r}; there are {", ".join(self.names)}')
            found += meant
        return found

    def only(self, places: list[int]) -> _Table:
        return _Table(self.file, self.names, [self.rows[place] for place in places], self.empty)

    def numbers(self, columns: list[str]) -> numpy.ndarray:
        """Return the cells of ``columns`` as numbers, a row each."""
        import numpy as np

        return np.asarray([[self._number(line, column, row[column]) for column in columns] for line, row in self.rows])

    def _number(self, line: int, column: str, cell: str) -> float:
        if not cell:
            if self.empty is None:
                raise StepError(f'{self.file}:{line}: {column} is empty; write `empty: NUMBER` for what that means')
            return self.empty
        try:
            return float(cell)
        except ValueError:
            raise StepError(f'{self.file}:{line}: {column} is {cell[:40]!r}; expected a number') from None


def _inputs(params: Params, contract: Contract, table: _Table, others: set[str]) -> list[tuple[Port, list[str]]]:
    """Return each input with its columns; a column of nobody is refused: it may be one that the model needs."""
    if not params.columns:
        port = the_input(contract, '', READER)
        return [(port, [name for name in table.names if name not in others])]
    ports = [(the_input(contract, name, READER), table.found(columns)) for name, columns in params.columns.items()]
    used = {column for _, columns in ports for column in columns}
    if left := [name for name in table.names if name not in used | others]:
        raise StepError(f'{table.file}:1: {", ".join(left)} is in no input; name it in `columns`, or in `ignore`')
    return ports


def _array(params: Params, port: Port, columns: list[str], table: _Table, contract: Contract) -> numpy.ndarray:
    import numpy as np

    row = [port.shape[axis] for axis in range(len(port.shape)) if axis != port.batch]
    sizes = [contract.sizes.get(size, 0) if isinstance(size, str) else size for size in row]
    if math.prod(size or 1 for size in sizes) != len(columns) and 0 not in sizes:
        raise StepError(
            f'`csv`: the input {listed([port])} takes {math.prod(sizes)} numbers a sample; '
            f'there are {len(columns)} columns for it: {", ".join(columns[:8])}{", …" if len(columns) > 8 else ""}'
        )
    values = table.numbers(columns)
    for name, given, absent in (('mean', params.mean, 0.0), ('std', params.std, 1.0)):
        each = given.get(port.name, (absent,))
        if len(each) not in (1, len(columns)):
            raise StepError(f'`csv`: `{name}` of {port.name} has {len(each)} numbers; expected 1 or {len(columns)}')
        values = values - np.asarray(each) if name == 'mean' else values / np.asarray(each)
    if np.dtype(port.dtype).kind in 'iu' and port.quantization is None and (values != np.rint(values)).any():
        raise StepError(f'`csv`: the input {listed([port])} takes whole numbers, and not all are')
    shape = [len(columns) if size == 0 else size for size in sizes] if sizes.count(0) < 2 else sizes
    return stored(values, port).reshape(len(values), *shape)


def _labels(params: Params, table: _Table, label: str) -> numpy.ndarray:
    import numpy as np

    [column] = table.found(label)
    found = []
    for line, row in table.rows:
        cell = row[column]
        if params.classes and cell not in params.classes:
            raise StepError(
                f'{table.file}:{line}: {column} is {cell[:40]!r}, none of the {len(params.classes)} `classes`'
            )
        if not params.classes and not cell.isdecimal():
            raise StepError(
                f'{table.file}:{line}: {column} is {cell[:40]!r}; expected the number of a class, from 0 '
                '(names: write `classes: […]`; numbers that should come out: `truth: […]`)'
            )
        found.append(params.classes.index(cell) if params.classes else int(cell))
    return np.asarray(found, np.int64)
