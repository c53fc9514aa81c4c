"""What deployments.py found, kept in docs/, and the page that is made of it."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from stages.document import typed  # noqa: E402
from stages.engines import OURS  # noqa: E402

JSON: Final = 'docs/deployed.json'
PAGE: Final = 'docs/deployed.md'


@dataclass(frozen=True)
class Cost:
    """What an engine alone costs on a machine that runs artifacts."""

    megabytes: float
    loader_seconds: float
    engine_seconds: float
    """To start a Python and import the loader, and the engine besides."""

    @property
    def cells(self) -> list[str]:
        return [f'{self.megabytes:.0f}', f'{self.loader_seconds:.2f}', f'{self.engine_seconds:.2f}']


@dataclass(frozen=True)
class Trip:
    """What became of one artifact."""

    name: str
    engine: str
    manifest: str
    """The digest of its manifest: it was this one that went."""

    released: bool = False
    megabytes: float = 0.0
    registry: bool = False
    """Whether it arrived from there, byte for byte."""

    bucket: bool = False
    load_seconds: float | None = None
    first_seconds: float | None = None
    samples: int = 0
    """Whose answers were compared with the check's."""

    worst: float | None = None
    """The largest difference, as a part of its output's largest number; 0: bit for bit; None: nothing was compared."""

    silent: str = ''
    """Why nothing was compared, where that is right."""

    problem: str = ''
    """Why it was not released; of one that was, what is wrong."""

    @property
    def broken(self) -> bool:
        return self.released and bool(self.problem)

    @property
    def cells(self) -> list[str]:
        """The row of a table."""
        load = '–' if self.load_seconds is None else f'{self.load_seconds:.2f}'
        first = '–' if self.first_seconds is None else f'{self.first_seconds * 1e3:.1f}'
        arrived = ('yes' if there else 'no' for there in (self.registry, self.bucket))
        return [f'`{self.name}`', self.engine, f'{self.megabytes:.1f}', *arrived, load, first, self.answers]

    @property
    def answers(self) -> str:
        if self.worst is None:
            return self.silent or 'none'
        return f'{self.worst:.1e} of the largest' if self.worst else f'equal, {self.samples} samples'


@dataclass(frozen=True)
class Deployed:
    """What was found: of engines what they cost, of artifacts what became of them."""

    costs: dict[str, Cost]
    rows: dict[str, Trip]

    def has(self, name: str, manifest: str) -> bool:
        """Whether this very artifact arrived before, and all was right."""
        row = self.rows.get(name)
        return row is not None and row.manifest == manifest and row.released and not row.problem


@dataclass(frozen=True)
class Kept:
    """The same as a document."""

    costs: Mapping[str, Cost]
    rows: tuple[Trip, ...]


def read(root: Path) -> Deployed:
    """Return what is kept below ``root``."""
    if not (root / JSON).is_file():
        return Deployed({}, {})
    kept = typed.read(Kept, json.loads((root / JSON).read_text('utf-8')))
    return Deployed(dict(kept.costs), {row.name: row for row in kept.rows})


def write(root: Path, found: Deployed) -> None:
    """Keep it below ``root``, and write the page."""
    kept = Kept(dict(sorted(found.costs.items())), tuple(found.rows[name] for name in sorted(found.rows)))
    (root / JSON).write_text(json.dumps(asdict(kept), indent=1, ensure_ascii=False) + '\n', 'utf-8')
    (root / PAGE).write_text(page(found), 'utf-8')


def told(found: Deployed, silent: Iterable[str]) -> str:
    """Return the counts of a run, and what is to be said of single artifacts."""
    return '\n'.join(['', *_table(found), '', _counts(found), *_lists(found), *_list('Not taken along', silent), ''])


def page(found: Deployed) -> str:
    """Return docs/deployed.md."""
    head = (
        '# What arrived on a second machine\n\n'
        'Written by `python benchmarks/deployments.py --project PROJECT --write`; each row of it is in '
        '`docs/deployed.json`.\n\n'
        'Artifacts that `doit` built of the shipped recipes were pushed to a docker-registry and to an S3 server, '
        "pulled from the\nregistry into a fresh environment that has one engine's `run-` extra alone and from the "
        'bucket by one that has `modelkiln[s3]` alone,\nloaded by its manifest alone, and asked the samples of its '
        'check. The answers were compared with those that the check kept, number\nby number; a difference is the '
        'largest one, over the largest number of its output. Engines of a locked environment are taken from that,\n'
        'with this project beside.\n'
    )
    costs = (
        'Sizes are those of the engine with NumPy and this project; the loader is `import stages.deliver.load` from '
        'the start of a Python,\nmedian of five.\n'
    )
    reached = {row.engine for row in found.rows.values()}
    left = ', '.join(f'`{name}`' for name in OURS if name not in reached)
    untried = ['', f'Engines of which nothing was taken along: {left}.'] if left else []
    return '\n'.join([head, *_table(found), '', costs, _counts(found), *untried, *_lists(found), ''])


def _table(found: Deployed) -> Iterator[str]:
    yield (
        '| engine | artifacts | equal bit for bit | worst of the others | files, MB | first answer, ms '
        '| installed, MB | loader, s | loader and engine, s |'
    )
    yield f'|{"---|" * 9}'
    for engine in dict.fromkeys([row.engine for row in found.rows.values() if row.released] + [*found.costs]):
        rows = [row for row in found.rows.values() if row.engine == engine and row.released]
        compared = [row.worst for row in rows if row.worst is not None]
        others = [worst for worst in compared if worst]
        first = [row.first_seconds * 1e3 for row in rows if row.first_seconds is not None]
        cells = [
            f'`{engine}`',
            str(sum(row.registry and row.bucket for row in rows)),
            f'{len(compared) - len(others)} of {len(compared)}',
            f'{max(others):.1e}' if others else '–',
            _ends([row.megabytes for row in rows]),
            _ends(first),
            *(found.costs[engine].cells if engine in found.costs else ['–'] * 3),
        ]
        yield f'| {" | ".join(cells)} |'


def _ends(numbers: list[float]) -> str:
    """Return the least, the median and the largest of some numbers."""
    if not numbers:
        return '–'
    told = [
        f'{number:.3g}' if number < 100 else f'{number:.0f}'
        for number in (min(numbers), statistics.median(numbers), max(numbers))
    ]
    return ' / '.join(told) if len(numbers) > 1 else told[0]


def _counts(found: Deployed) -> str:
    rows = found.rows.values()
    released = [row for row in rows if row.released]
    compared = [row for row in released if row.worst is not None]
    return (
        f'Of {len(rows)} artifacts {len(released)} were released; {sum(r.registry and r.bucket for r in released)} '
        f'arrived from both places; {len(compared)} were run and compared, {sum(not r.worst for r in compared)} of '
        f'them equal bit for bit; {sum(r.broken for r in released)} are wrong.'
    )


def _lists(found: Deployed) -> Iterator[str]:
    rows = [found.rows[name] for name in sorted(found.rows)]
    yield from _list('Not released', _folded((r, r.problem) for r in rows if not r.released))
    yield from _list('Arrived, and not compared', _folded((r, r.silent) for r in rows if r.released and r.silent))
    yield from _list('Wrong', _folded((r, r.problem) for r in rows if r.broken))


def _folded(rows: Iterable[tuple[Trip, str]]) -> Iterator[str]:
    """Give what is said of several artifacts once."""
    said: dict[str, list[str]] = {}
    for row, words in rows:
        said.setdefault(words.removeprefix(f'{row.name} ').removeprefix('is not released: '), []).append(row.name)
    for words, names in said.items():
        yield f'{", ".join(f"`{name}`" for name in names)}: {words}'


def _list(head: str, lines: Iterable[str]) -> Iterator[str]:
    """Give a list, where there is something in it."""
    if found := list(lines):
        yield from ('', f'{head}:', '')
        yield from (f'- {" ".join(line.split())[:400]}' for line in found)


if __name__ == '__main__':
    write(ROOT, read(ROOT))
