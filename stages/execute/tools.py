"""Versions of installed packages, read from folder names: importing a framework for its version is too slow."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

MISSING = 'missing'
SYSTEM = {'g++': 'apt-get install g++', 'clang++': 'xcode-select --install'}
"""Programs of the system that steps call, and what installs each; on another system than Debian its own word for it."""

LIBRARIES = {'libgomp.so.1': 'libgomp1', 'libGL.so.1': 'libgl1', 'libglib-2.0.so.0': 'libglib2.0-0'}
"""Libraries of the system that packages of ours are linked with and do not bring, and Debian's package of each."""

UNLOADED = re.compile(r'(lib[\w.+-]+\.so[.\d]*): cannot open shared object file')

BUILDS = {'tensorflow-cpu': 'tensorflow', 'paddlepaddle-gpu': 'paddlepaddle'}


def installed(paths: Iterable[str] | None = None) -> dict[str, str]:
    """Return every installed distribution and its version; the first on the path wins, as for imports."""
    found: dict[str, str] = {}
    for folder in sys.path if paths is None else paths:
        try:
            names = os.listdir(folder or '.')
        except OSError:
            continue
        for name in names:
            if name.endswith(('.dist-info', '.egg-info')) and '-' in name:
                package, version = name.rsplit('.', 1)[0].split('-')[:2]
                found.setdefault(normal(package), version)
    return found


def versions(tools: Iterable[str], found: Mapping[str, str]) -> dict[str, str]:
    """Return the version of each of ``tools``; ``missing`` where it is not installed."""
    return {tool: found.get(normal(tool), MISSING) for tool in tools}


def extras() -> dict[str, tuple[str, ...]]:
    """Return the extras of our own distribution that install a package, by package; nothing when run uninstalled."""
    from importlib import metadata

    found: dict[str, tuple[str, ...]] = {}
    with contextlib.suppress(metadata.PackageNotFoundError):
        for line in metadata.requires('modelkiln') or ():
            name, _, rest = line.partition(';')
            if extra := re.search(r"extra == ['\"]([\w-]+)['\"]", rest):
                package = normal(re.split(r'[\s=<>!~\[(]', name.strip(), maxsplit=1)[0])
                found[package] = (*found.get(package, ()), extra[1])
    return found


def remedy(missing: Iterable[str]) -> str:
    """Return the one command that installs what is ``missing``: by our extras where they hold it.

    Where programs of the system are among it, theirs stand before it.
    """
    missing = [*missing]
    known, of_system = extras(), [SYSTEM[name] for name in missing if name in SYSTEM]
    named = {
        tool: [e for e in known.get(normal(tool), ()) if e not in ('all', 'test') and not e.startswith('run-')]
        for tool in missing
        if tool not in SYSTEM
    }
    if not named:
        return ' && '.join(of_system)
    wanted = sorted({found[0] for found in named.values() if found})
    others = sorted(tool for tool, found in named.items() if not found)
    parts = [f"'{_ourselves()}[{','.join(wanted)}]'"] if wanted else []
    return ' && '.join([*of_system, ' '.join(['pip install', *parts, *others])])


def library(words: str) -> str:
    """Return what to do where ``words`` say that a library of the system is missing; empty: they do not."""
    if not (found := UNLOADED.search(words)):
        return ''
    package = LIBRARIES.get(found[1])
    run = f'run: apt-get install {package}' if package else 'install the package of your system that holds it'
    return f'this system lacks {found[1]}, which a package is linked with; {run}'


def _ourselves() -> str:
    """Return what pip installs us from: the clone we stand in, else the index."""
    with contextlib.suppress(OSError):
        if 'name = "modelkiln"' in Path('pyproject.toml').read_text(encoding='utf-8'):
            return '.'
    return 'modelkiln'


def normal(name: str) -> str:
    """Return a distribution's name as comparisons need it (PEP 503); builds of one project count as that project."""
    plain = re.sub(r'[-_.]+', '-', name).lower()
    return BUILDS.get(plain, plain)
