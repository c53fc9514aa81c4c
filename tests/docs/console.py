"""A page of the documentation, done as its reader does it: files written, commands typed, what is printed compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r'^(?P<ticks>`{3,})(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=ticks)\s*$', re.MULTILINE | re.DOTALL)
CAPTION = re.compile(r'^:caption: (?P<file>\S+)\n+', re.MULTILINE)
SECONDS = 600


@dataclass(frozen=True)
class File:
    """A block of code with the name of a file above it."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line after ``$``, and what the page says that it prints; ``…`` stands for anything."""

    line: str
    shown: tuple[str, ...]


def actions(page: str) -> Iterator[File | Command]:
    """Give what a page asks of its reader, in its order."""
    for block in FENCE.finditer(page):
        info, body = block['info'].strip(), block['body']
        if info.startswith('{code-block}') and (caption := CAPTION.match(body)):
            yield File(caption['file'], body[caption.end() :])
        elif info == 'console':
            yield from _commands(body)


def _commands(body: str) -> Iterator[Command]:
    for part in re.split(r'^\$ ', body, flags=re.MULTILINE)[1:]:
        line, *shown = part.splitlines()
        while line.endswith('\\'):
            line = f'{line}\n{shown.pop(0).removeprefix("> ")}'
        yield Command(line, tuple(shown))


def follow(page: str, folder: Path) -> list[str]:
    """Do all that a page asks, in ``folder``; return what came out otherwise than the page says."""
    for action in actions(page):
        if isinstance(action, File):
            path = folder / action.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(action.text, 'utf-8')
            continue
        code, said = _typed(action.line, folder)
        if code:
            return [f'$ {action.line}', f'exit code {code}', said]
        if action.shown and not _like(action.shown, said):
            return [f'$ {action.line}', 'the page shows:', *action.shown, 'it printed:', said]
    return []


def _typed(line: str, folder: Path) -> tuple[int, str]:
    """Run a line in a shell whose programs are those of this Python; commands of a pipe count, too."""
    env = os.environ | {'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}', 'COLUMNS': '120'}
    done = subprocess.run(
        ['bash', '-o', 'pipefail', '-c', line], cwd=folder, env=env, timeout=SECONDS, check=False,
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def _like(shown: tuple[str, ...], said: str) -> bool:
    """Say whether the page's lines are those printed; a line of ``…`` alone stands for any number of lines."""
    parts = [
        r'(?:.*\n)*' if line.strip() == '…' else re.escape(line.rstrip()).replace('…', '.*') + r'[ \t]*\n'
        for line in shown
    ]
    return re.fullmatch(''.join(parts), said.rstrip('\n') + '\n') is not None
