"""Debian below a folder: packages with all that they need, as apt finds them, unpacked and nothing of them run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def unpack(packages: tuple[str, ...], architecture: str, root: Path, state: Path) -> None:
    """Unpack ``packages`` for an architecture below ``root``; apt keeps what it knows and fetched in ``state``."""
    for folder in ('lists/partial', 'archives/partial'):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / 'status').write_text('')
    own = {
        'Dir::State::lists': state / 'lists', 'Dir::State::status': state / 'status', 'Dir::Cache': state,
        'Dir::Cache::archives': state / 'archives', 'APT::Architecture': architecture,
        'APT::Architectures': architecture, 'APT::Install-Recommends': '0', 'APT::Sandbox::User': 'root',
    }  # fmt: skip
    options = [f'-o{name}={value}' for name, value in own.items()]
    for command in (['update'], ['install', '-y', '--download-only', *packages]):
        subprocess.run([program('apt-get'), '-qq', *options, *command], check=True, stdout=subprocess.DEVNULL)
    root.mkdir(parents=True, exist_ok=True)
    for package in (state / 'archives').glob('*.deb'):
        subprocess.run([program('dpkg-deb'), '-x', package, root], check=True)


def program(name: str) -> str:
    """Return where a program is."""
    found = shutil.which(name)
    if found is None:
        raise SystemExit(f'needs {name}, of Debian or Ubuntu')
    return found
