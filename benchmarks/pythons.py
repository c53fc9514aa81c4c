"""Which CPython takes which extra: installed, imported, tested and built with on each; written down as a table.

    python benchmarks/pythons.py WHEEL [--pythons 3.11 3.12 3.13] [--docs docs/where.md] [--keep FOLDER] [--json FILE]

WHEEL is what `python -m build` made. For each interpreter that is found (on the PATH, or as pyenv has them) the wheel
alone is installed into an environment of its own, a project is made and read with it, and the tests run that need no
framework, from this clone; charts, statistics and readers of data they do need. Then all extras are installed,
together, as none asks for what another cannot have; where that fails, each by itself. What an extra asks for is
imported, for each extra in a fresh process, and the smallest recipe is built, checked and measured. `--docs` puts the
table into that page; `--keep` leaves the environments there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE = (
    'tests/recipe', 'tests/plan', 'tests/contract', 'tests/store', 'tests/terminal', 'tests/report', 'tests/layout',
    'tests/front', 'tests/judges', 'tests/readers', 'tests/security', 'tests/test_others.py', 'tests/begin',
)  # fmt: skip
TOOLS = ('pytest', 'pytest-xdist', 'hypothesis', 'jsonschema')
SKIPPED = ('test', 'docs', 'all')
"""Extras that no recipe needs, and the one that is made of others."""

RECIPE = ('recipes/rnet.yaml', 'recipes/models/rnet.py', 'recipes/models/rnet_data.py', 'dodo.py')
SECONDS = 3000
"""How long one command may take."""

IMPORT = """
import importlib, importlib.metadata, re, sys
there = {}
for module, owners in importlib.metadata.packages_distributions().items():
    for owner in owners:
        there.setdefault(re.sub('[-_.]+', '-', owner).lower(), set()).add(module)
for name in sys.argv[1:]:
    found = {module for module in there[name] if module[0] != '_' and module.isidentifier()}
    word = name.replace('-', '_')
    for module in sorted({word} & found or found - {'tests', 'test', 'docs', 'benchmarks', 'examples'}):
        importlib.import_module(module)
"""
"""Imports what distributions bring: the module of their name, else all that they have outermost."""

MARK = re.compile(r'^\| \| 3\.\d+ .*?(?=\n\n)', re.MULTILINE | re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('wheel', type=Path)
    parser.add_argument('--pythons', nargs='+', default=['3.11', '3.12', '3.13'])
    parser.add_argument('--docs', type=Path)
    parser.add_argument('--keep', type=Path)
    parser.add_argument('--json', type=Path, help='answers, also those of an earlier run for other interpreters')
    asked = parser.parse_args()
    wheel = asked.wheel.resolve()
    rows: dict[str, dict[str, str]] = {}
    if asked.json and asked.json.exists():
        rows = json.loads(asked.json.read_text())
    for version in asked.pythons:
        rows[version] = {}
        for what, answer in row(version, wheel, asked.keep):
            print(f'{version}: {what}: {answer}', file=sys.stderr, flush=True)  # it takes minutes
            rows[version][what] = answer
            if asked.json:
                asked.json.write_text(json.dumps(rows, indent=1) + '\n')
    text = table(dict(sorted(rows.items())))
    print(text)
    if asked.docs:
        page, count = MARK.subn(lambda _: text, asked.docs.read_text('utf-8'), count=1)
        if not count:
            parser.error(f'{asked.docs}: has no table that begins with `| | 3.`')
        asked.docs.write_text(page, 'utf-8')
    return 0 if all(word in ('yes', 'no such Python') for found in rows.values() for word in found.values()) else 1


def table(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Return the answers as a table; what got the same ones stands in one row."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for what in dict.fromkeys(name for found in rows.values() for name in found):
        said = tuple(found.get(what, 'not run') for found in rows.values())
        question, _, name = what.partition(': ')
        alike.setdefault((question, said), []).append(name)
    lines = [f'| | {" | ".join(rows)} |', f'|---|{"---|" * len(rows)}']
    for (question, said), names in alike.items():
        told = f'{question}: {", ".join(names)}' if any(names) else question
        lines.append(f'| {told} | {" | ".join(said)} |')
    return '\n'.join(lines)


def asked_for(wheel: Path) -> dict[str, list[str]]:
    """Return the distributions that each extra of a wheel asks for by itself, in the spelling of an index."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        text = archive.read(name).decode()
    found: dict[str, list[str]] = {e: [] for e in re.findall(r'^Provides-Extra: (\S+)$', text, re.MULTILINE)}
    for line in re.findall(r'^Requires-Dist: (.+)$', text, re.MULTILINE):
        if extra := re.search(r"extra == ['\"]([^'\"]+)", line):
            distribution = re.sub(r'[-_.]+', '-', re.split(r'[^A-Za-z0-9._-]', line, maxsplit=1)[0]).lower()
            if distribution != 'modelkiln':
                found[extra[1]].append(distribution)
    return {extra: names for extra, names in found.items() if extra not in SKIPPED}


def row(version: str, wheel: Path, keep: Path | None) -> Iterator[tuple[str, str]]:
    """Give what is asked and the answer, for one interpreter."""
    python = interpreter(version)
    if not python:
        yield 'the wheel alone', 'no such Python'
        return
    with tempfile.TemporaryDirectory() as folder:
        place = keep.resolve() / version if keep else Path(folder, 'venv')
        said(python, '-m', 'venv', str(place))
        own = str(place / 'bin/python')
        pip = (own, '-m', 'pip', 'install', '-q')
        said(*pip, '--upgrade', 'pip')  # that reads metadata without the wheel
        yield 'the wheel alone is installed', said(*pip, str(wheel))
        command, made = [own, '-m', 'stages.command.main'], Path(folder, 'project')
        new = said(*command, 'new', str(made))
        yield '`modelkiln new`, `modelkiln check`', said(*command, 'check', folder=made) if new == 'yes' else new
        said(*pip, f'{wheel}[report,data]', *TOOLS)
        yield 'the tests that need no framework', tests(own)
        yield from extras(own, pip, wheel)
        yield '`doit rnet`: every variant is built, checked and measured', built(own, Path(folder, 'rnet'))


def extras(own: str, pip: Sequence[str], wheel: Path) -> Iterator[tuple[str, str]]:
    """Give whether extras can be installed and what they ask for can be imported."""
    wanted = asked_for(wheel)
    together = said(*pip, f'{wheel}[{",".join(wanted)}]')
    for extra, names in wanted.items():
        installed = together if together == 'yes' else said(*pip, f'{wheel}[{extra}]')
        answer = said(own, '-c', IMPORT, *names) if installed == 'yes' else installed
        yield f'installed and imported: `{extra}`', answer


def tests(own: str) -> str:
    """Return whether the tests of the core pass, with how many."""
    done = subprocess.run(
        [own, '-m', 'pytest', '-q', '-n', '2', '--dist', 'loadfile', '-p', 'no:cacheprovider', *CORE],
        cwd=ROOT, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS,
    )  # fmt: skip
    print(done.stdout[-6000:], file=sys.stderr)
    last = done.stdout.rstrip().rpartition('\n')[2]
    counts = re.findall(r'\d+ (?:passed|failed|skipped|errors?)', last)
    return 'yes' if done.returncode == 0 and counts else f'no: {", ".join(counts) or last[:100]}'


def built(own: str, folder: Path) -> str:
    """Return whether the smallest recipe is built whole, in a folder that holds it alone."""
    for name in RECIPE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    answer = said(own, '-m', 'doit', 'rnet', folder=folder)
    report = folder / 'artifacts/rnet/report.json'
    if not report.exists():
        return answer if answer != 'yes' else 'no report'
    lost = [each['variant'] for each in json.loads(report.read_text())['rows'] if each['status'] == 'failed']
    return f'no: {", ".join(lost)}' if lost else answer


def interpreter(version: str) -> str:
    """Return an interpreter of this version; empty where there is none."""
    pyenv = sorted(Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv')).glob(f'versions/{version}.*/bin/python'))
    return str(pyenv[-1]) if pyenv else shutil.which(f'python{version}') or ''


def clean() -> dict[str, str]:
    """Return the environment without what would lead a Python elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in ('PYTHONPATH', 'VIRTUAL_ENV')}


def said(*command: str, folder: Path | None = None) -> str:
    """Return ``yes``, or the last line of what a command said as it failed, which is also printed whole."""
    try:
        done = subprocess.run(
            command, cwd=folder, env=clean(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f'not within {SECONDS} s'
    if done.returncode == 0:
        return 'yes'
    print(done.stdout[-20000:], file=sys.stderr)
    return told(done.stdout.splitlines())


def told(lines: Iterable[str]) -> str:
    """Return the line that says what was wrong, short and fit for a table."""
    kept = [line for line in lines if line.strip()]
    errors = [line for line in kept if line.startswith('ERROR')] or kept[-1:]
    return (errors or ['failed'])[0].replace('|', '/')[:120]


if __name__ == '__main__':
    raise SystemExit(main())
