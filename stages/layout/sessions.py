"""Sessions: what was measured in turn, kept whole, and found again by the keys of its rows.

``samples/<two>/<key>.json`` names the sessions that a row took part in, newest last; ``samples/sessions/`` holds them.
A session is written before it is named, so that whoever is killed between leaves a file that nothing names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stages.digest import digest_of
from stages.execute.project import Project
from stages.measure.samples import samples_of
from stages.store.records import read_record, write_record

SESSIONS = 'sessions'
NAMES = {'sessions': list}
KEPT = 4
"""Sessions that a row names, at most: going back to an earlier recipe measures nothing again."""


@dataclass(frozen=True)
class Session:
    """Rows that were measured in turn, by their keys."""

    name: str
    taken: str
    """When it began (ISO 8601)."""

    machine: Mapping[str, Any] = field(hash=False)
    rows: Mapping[str, Mapping[str, Any]] = field(hash=False)
    """Each has its ``cycles``, its setting, and ``against``, the key of the baseline's row in that setting."""

    def record(self, key: str) -> dict[str, Any] | None:
        """Return a row as ``samples_of`` reads it, paired with its baseline; None where it did not take part."""
        row = self.rows.get(key)
        if row is None:
            return None
        base = self.rows.get(row.get('against') or '', {})
        told = {'session': self.name, 'taken': self.taken, 'machine': self.machine}
        return {**row, 'baseline_cycles': base.get('cycles', []), **told}

    def is_paired(self, key: str) -> bool:
        """Whether a row took part beside its baseline, or is the baseline's."""
        row = self.rows.get(key)
        return row is not None and (row.get('against') == key or row.get('against') in self.rows)


def keep(project: Project, taken: str, machine: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> Session:
    """Write a session and name it in each of its rows."""
    content = {'taken': taken, 'machine': dict(machine), 'rows': {key: dict(row) for key, row in rows.items()}}
    session = Session(digest_of(content)[:32], taken, machine, rows)
    write_record(_path(project, session.name), content)
    for key in rows:
        names = [name for name in named(project, key) if name != session.name]
        write_record(_index(project, key), {'sessions': [*names, session.name][-KEPT:]})
    return session


def named(project: Project, key: str) -> list[str]:
    """Return the names of the sessions that a row took part in, oldest first."""
    read = read_record(_index(project, key), NAMES)
    return [name for name in read['sessions'] if isinstance(name, str) and name.isalnum()] if read else []


def held(project: Project, keys: Iterable[str]) -> dict[str, list[Session]]:
    """Return the sessions of each row that can be read, newest last; each is read once."""
    read: dict[str, Session | None] = {}
    found: dict[str, list[Session]] = {}
    for key in keys:
        found[key] = []
        for name in named(project, key):
            if name not in read:
                read[name] = _session(_path(project, name))
            session = read[name]
            if session is not None and key in session.rows:
                found[key].append(session)
    return found


def is_readable(path: Path) -> bool:
    """Whether a file below ``samples/`` is as it was written: a session, or the names of a row's sessions."""
    return _session(path) is not None if path.parent.name == SESSIONS else read_record(path, NAMES) is not None


def _session(path: Path) -> Session | None:
    """Return a session as it was written; None where a figure would come of something else."""
    read = read_record(path, {'taken': str, 'machine': dict, 'rows': dict})
    if read is None:
        return None
    try:
        right = all(_is_right(row) for row in read['rows'].values())
    except (AttributeError, TypeError, ValueError):
        return None
    return Session(path.stem, read['taken'], read['machine'], read['rows']) if right else None


def _is_right(row: Mapping[str, Any]) -> bool:
    read = samples_of(row)
    cycles = read.cycles
    return bool(cycles or read.untimed) and all(
        c.time_ns and all(isinstance(n, int) for n in (*c.time_ns, *c.peak_rss_bytes)) for c in cycles
    )


def _index(project: Project, key: str) -> Path:
    return project.store.folder / 'samples' / key[:2] / f'{key}.json'


def _path(project: Project, name: str) -> Path:
    return project.store.folder / 'samples' / SESSIONS / f'{name}.json'
