"""Files and what each of them shows: by the folder it lies in, or by a table beside them.

photos/cat/1.jpg            class folders: the class is the folder's name
labels.csv                  a table with the columns `file` and `label` (and `truth`, another file to compare with)
photos/1.jpg                neither: samples without labels
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from stages.contract.reader import Files
from stages.errors import StepError

MOST_ROWS: Final = 1_000_000
Classes = tuple[str, ...] | str | None


@dataclass(frozen=True)
class Sample:
    """A file, and what it should be taken for."""

    place: str
    path: Path
    label: int | None = None
    truth: Path | None = None
    """Another file, to compare an output with."""


def labelled(files: Files, suffixes: Sequence[str], table: str, classes: Classes, what: str) -> list[Sample]:
    """Return the samples among ``files``, sorted by place; ``table`` names the CSV that lists them, if there is one.

    Raises StepError for files that are none of what ``suffixes`` say and for labels that could mean two things.
    """
    aside = {table, classes if isinstance(classes, str) else ''}
    found = {
        place: path
        for place, path in sorted(files.items())
        if place not in aside and not PurePosixPath(place).name.startswith('.')
    }
    if table:
        return _of_table(files, found, table, _numbered(classes, files, what), what)
    if strange := [place for place in found if PurePosixPath(place).suffix.lower() not in suffixes]:
        raise StepError(
            f'`{what}`: {_few(strange)}: no files of {", ".join(suffixes)}; fetch the samples alone (a glob, a '
            'folder), or list them in a CSV: `labels: FILE.csv`'
        )
    folders = {place: _below(place, _shared(found)) for place in found}
    depths = {len(parts) for parts in folders.values()}
    if depths <= {0}:
        if classes:
            raise StepError(
                f'`{what}`: there are `classes`, but the samples lie in one folder, and no `labels` list them'
            )
        return [Sample(place, path) for place, path in found.items()]
    if depths != {1}:
        odd = [place for place, parts in folders.items() if len(parts) != 1]
        raise StepError(
            f'`{what}`: class folders hold the samples themselves, CLASS/FILE; {_few(odd)} lie otherwise. '
            'Fetch one level, or list them in a CSV: `labels: FILE.csv`'
        )
    number = _numbered(classes, files, what)([parts[0] for parts in folders.values()])
    return [Sample(place, path, number[folders[place][0]]) for place, path in found.items()]


def _of_table(
    files: Files, found: Files, table: str, numbered: Callable[[Sequence[str]], Mapping[str, int]], what: str
) -> list[Sample]:
    if table not in files:
        raise StepError(f'`{what}`: there is no file {table!r} among those fetched: {_few([*found])}')
    rows = rows_of(files[table], table)
    if not rows or 'file' not in rows[0][1]:
        raise StepError(f'{table}: expected a line of names with `file` (and `label` or `truth`), and a line a sample')
    samples, labels = [], [row['label'] for _, row in rows if 'label' in row]
    whole = all(_is_class(label) for label in labels)
    number = {label: int(label) for label in labels} if labels and whole else numbered(labels) if labels else {}
    for line, row in rows:
        place = _placed(row['file'], found, table, line)
        truth = found[_placed(row['truth'], found, table, line)] if row.get('truth') else None
        samples.append(Sample(place, found[place], number.get(row.get('label', '')), truth))
    if len({sample.place for sample in samples}) < len(samples):
        twice = next(s.place for n, s in enumerate(samples) if s.place in [o.place for o in samples[:n]])
        raise StepError(f'{table} lists {twice} twice')
    return samples


def rows_of(path: Path, name: str) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV with a line of names, each with its line number; raise StepError where one is odd."""
    try:
        with path.open(encoding='utf-8-sig', newline='') as stream:
            reader = csv.reader(stream, strict=True)
            names = [word.strip() for word in next(reader, [])]
            if len({*names}) < len(names):
                raise StepError(f'{name}:1: two columns have the same name: {", ".join(names)}')
            rows: list[tuple[int, dict[str, str]]] = []
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(names):
                    raise StepError(f'{name}:{reader.line_num}: {len(cells)} columns; the first line has {len(names)}')
                if len(rows) == MOST_ROWS:
                    raise StepError(f'{name}: more than {MOST_ROWS:,} rows')
                rows.append((reader.line_num, {n: c.strip() for n, c in zip(names, cells, strict=True)}))
            return rows
    except (csv.Error, UnicodeDecodeError) as error:
        raise StepError(f'{name} is no CSV in UTF-8: {error}') from error


def _placed(name: str, found: Files, table: str, line: int) -> str:
    """Return the place of a file that a table names: whole, or counted from the table's own folder."""
    beside = (PurePosixPath(table).parent / name).as_posix()
    for place in dict.fromkeys((name, beside)):
        if place in found:
            return place
    raise StepError(f'{table}:{line}: there is no file {name!r} among those fetched')


def _numbered(classes: Classes, files: Files, what: str) -> Callable[[Sequence[str]], Mapping[str, int]]:
    """Return what gives each name the number of its class."""

    def number(names: Sequence[str]) -> Mapping[str, int]:
        there = sorted({*names})
        if isinstance(classes, tuple) or (isinstance(classes, str) and classes not in ('names', 'numbers')):
            known = classes if isinstance(classes, tuple) else _listed(files, classes, what)
            if strange := [name for name in there if name not in known]:
                raise StepError(f'`{what}`: {_few(strange)} are not among the {len(known)} `classes`')
            return {name: known.index(name) for name in there}
        by_name = {name: n for n, name in enumerate(there)}
        if not all(_is_class(name) for name in there):
            if classes == 'numbers':
                raise StepError(
                    f'`{what}`: `classes: numbers`, but {_few([n for n in there if not _is_class(n)])} is none'
                )
            return by_name
        by_number = {name: int(name) for name in there}
        if by_number != by_name and classes is None:
            odd = next(name for name in there if by_number[name] != by_name[name])
            raise StepError(
                f'`{what}`: the classes are called by numbers, and {odd!r} is class {by_number[odd]} by its number, '
                f'{by_name[odd]} in the order of the names: write `classes: numbers` or `classes: names`'
            )
        return by_name if classes == 'names' else by_number

    return number


def _listed(files: Files, name: str, what: str) -> tuple[str, ...]:
    """Return the classes that a file lists, one a line."""
    if name not in files:
        raise StepError(f'`{what}`: `classes` is {name!r}: neither `names`, `numbers` nor a file among those fetched')
    try:
        lines = files[name].read_text('utf-8-sig').splitlines()
    except UnicodeDecodeError as error:
        raise StepError(f'{name} is no UTF-8 text: {error}') from error
    while lines and not lines[-1].strip():
        lines.pop()
    found = tuple(line.strip() for line in lines)
    if len({*found}) < len(found):
        twice = next(name for n, name in enumerate(found) if name in found[:n])
        raise StepError(
            f'{name} lists the class {twice!r} twice; the line is the class, so that it cannot be told which'
        )
    return found


def _is_class(word: str) -> bool:
    return word.isascii() and word.isdecimal() and len(word) < 10


def _shared(places: Files) -> tuple[str, ...]:
    """Return the folders that all places lie in."""
    parents = [PurePosixPath(place).parent.parts for place in places]
    first, last = min(parents, default=()), max(parents, default=())
    depth = next((n for n, (one, two) in enumerate(zip(first, last, strict=False)) if one != two), None)
    return first[: min(len(first), len(last)) if depth is None else depth]


def _below(place: str, shared: tuple[str, ...]) -> tuple[str, ...]:
    return PurePosixPath(place).parent.parts[len(shared) :]


def _few(names: Sequence[str]) -> str:
    return ', '.join(names[:3]) + (f' and {len(names) - 3} more' if len(names) > 3 else '')
